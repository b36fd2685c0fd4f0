// One BOSH session (XEP-0124, XEP-0206) as the browser sees it: at most two requests in flight, one of them always held.
// Payloads are read in the order of the request ids, whatever order the answers arrive in. Events:
//   sent, retrying, answered   one exchange, for whoever watches the wire
//   payload                    one element from the server
//   ended                      { condition, detail }; the condition is null when we left ourselves

import { child, parse, xml } from './xml.js';

const HTTPBIND = 'http://jabber.org/protocol/httpbind';
const XBOSH = 'urn:xmpp:xbosh';
const STREAM_ERRORS = 'urn:ietf:params:xml:ns:xmpp-streams';

const WAIT = 60;                    // seconds that we let the server hold a request
const LATE = 15;                    // seconds past `wait` after which a silent network counts as broken
const RETRY = { first: 500, most: 15000 };      // milliseconds between tries of one request, doubling
const OUTBOX = 200;                 // payloads that may wait for a free request

/** A failure that repeating the request cannot mend. */
class Ended extends Error {
  constructor(condition) { super(condition); this.condition = condition; }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const bytes = (text) => new TextEncoder().encode(text).length;

export class Bosh extends EventTarget {
  reading = null;                   // the exchange that brought the payload being read
  #url;
  #domain;
  #phase = 'idle';                  // idle, opening, open, leaving, ended
  #sid = null;
  #rid = 1 + crypto.getRandomValues(new Uint32Array(1))[0];
  #due = this.#rid;                 // the rid whose answer is read next
  #terms = { wait: WAIT, requests: 2, inactivity: 60 };
  #outbox = [];
  #restart = false;
  #flying = 0;
  #answers = new Map();             // rid to exchange and body, for answers that overtook an earlier one
  #hangUp = new AbortController();

  constructor(url, domain) {
    super();
    this.#url = url;
    this.#domain = domain;
  }

  open() {
    this.#phase = 'opening';
    this.#exchange(xml`to='${this.#domain}' wait='${WAIT}' hold='1' ver='1.11' xml:lang='en'
      content='text/xml; charset=utf-8' xmlns:xmpp='${XBOSH}' xmpp:version='1.0'`);
  }

  send(...payloads) {
    if (this.#outbox.length + payloads.length > OUTBOX) return false;
    this.#outbox.push(...payloads);
    queueMicrotask(() => this.#pump());         // what is said in one breath travels in one request
    return true;
  }

  restart() {
    this.#restart = true;
    queueMicrotask(() => this.#pump());
  }

  /** Say goodbye over the wire; `last` travels along. The end is when nothing is in flight any more. */
  leave(last = []) {
    if (this.#phase !== 'open') return this.#end(null);
    this.#phase = 'leaving';
    this.#exchange(this.#terminate(), last);
  }

  /** Say goodbye while the page is being torn down: nobody will be there to read an answer. */
  vanish(last = []) {
    if (this.#phase === 'open') {
      const body = this.#body(this.#rid++, this.#terminate(), last);
      navigator.sendBeacon(this.#url, new Blob([body], { type: 'text/plain' }));
    }
    this.#end(null);
  }

  #terminate() {
    return xml`sid='${this.#sid}' type='terminate'`;
  }

  #body(rid, attributes, payloads) {
    return String(xml`<body xmlns='${HTTPBIND}' rid='${rid}' ${attributes}>${payloads}</body>`);
  }

  /** Keep one request held, and send what waits as soon as a request is free. */
  #pump() {
    if (this.#phase !== 'open' || this.#flying >= this.#terms.requests) return;
    if (this.#outbox.length) {
      this.#exchange(xml`sid='${this.#sid}'`, this.#outbox.splice(0));
    } else if (this.#restart) {
      this.#restart = false;
      this.#exchange(xml`sid='${this.#sid}' to='${this.#domain}' xml:lang='en' xmlns:xmpp='${XBOSH}' xmpp:restart='true'`);
    } else if (this.#flying === 0) {
      this.#exchange(xml`sid='${this.#sid}'`);
    }
  }

  async #exchange(attributes, payloads = []) {
    const rid = this.#rid++;
    const request = this.#body(rid, attributes, payloads);
    const exchange = { rid, request, requestBytes: bytes(request), sent: performance.now(), tries: 1 };
    this.#flying++;
    this.#emit('sent', exchange);
    try {
      const { text, body } = await this.#carry(exchange);
      Object.assign(exchange, { response: text, responseBytes: bytes(text) });
      this.#settled(exchange);
      this.#answers.set(rid, { exchange, body });
      while (this.#answers.has(this.#due)) this.#read(this.#answers.get(this.#due));
      this.#pump();
    } catch (error) {
      this.#settled(exchange, error);
      if (this.#phase !== 'leaving') this.#end(error.condition ?? 'unreachable');
    }
    if (this.#phase === 'leaving' && this.#flying === 0) this.#end(null);
  }

  #settled(exchange, error = null) {
    this.#flying--;
    exchange.answered = performance.now();
    exchange.error = error;
    this.#emit('answered', exchange);
  }

  /** One request until it is answered; repeated unchanged, as the server knows its rid, when the network fails. */
  async #carry(exchange) {
    let failing = null;
    for (let wait = RETRY.first; ; wait = Math.min(wait * 2, RETRY.most)) {
      try {
        return await this.#post(exchange.request);
      } catch (error) {
        failing ??= performance.now();
        const hopeless = performance.now() - failing > this.#terms.inactivity * 1000;
        if (error instanceof Ended || hopeless || this.#phase !== 'open') throw error;
        this.#emit('retrying', exchange);
        await pause(wait);
        exchange.tries++;
      }
    }
  }

  async #post(request) {
    const timeout = AbortSignal.timeout((this.#terms.wait + LATE) * 1000);
    const response = await fetch(this.#url, {
      method: 'POST',
      body: request,
      headers: { 'Content-Type': 'text/xml; charset=utf-8' },
      signal: AbortSignal.any([timeout, this.#hangUp.signal]),
    });
    const text = await response.text();
    if (response.status === 404) throw new Ended('item-not-found');
    if (response.status >= 400 && response.status < 500 && response.status !== 429) throw new Ended('bad-request');
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const body = parse(text);
    if (body?.localName !== 'body') throw new Ended('not-bosh');
    if (body.getAttribute('type') === 'error') throw new Error('the server asks to repeat');
    return { text, body };
  }

  #read({ exchange, body }) {
    this.#answers.delete(this.#due++);
    this.reading = exchange;
    if (this.#phase === 'opening' && body.hasAttribute('sid')) this.#begin(body);
    if (this.#phase === 'open') for (const payload of body.children) this.#emit('payload', payload);
    if (this.#phase === 'leaving') return;
    if (body.getAttribute('type') === 'terminate') this.#end(body.getAttribute('condition') ?? 'closed', streamError(body));
    if (this.#phase === 'opening') this.#end('not-bosh');
  }

  #begin(body) {
    const granted = (name, otherwise) => Number(body.getAttribute(name) ?? otherwise);
    this.#sid = body.getAttribute('sid');
    this.#terms = {
      wait: granted('wait', WAIT),
      requests: Math.min(granted('requests', 2), 2),
      inactivity: granted('inactivity', 60),
    };
    this.#phase = 'open';
  }

  #end(condition, detail = null) {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#hangUp.abort();
    this.#emit('ended', { condition, detail });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** The name of the stream error that a last body carries along, or null. */
function streamError(body) {
  const conditions = child(body, 'error')?.children ?? [];
  return [...conditions].find((e) => e.namespaceURI === STREAM_ERRORS)?.localName ?? null;
}
