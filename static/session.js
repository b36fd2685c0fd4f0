// A logged-in XMPP session over BOSH (RFC 6120): SASL PLAIN, restart, resource binding; then stanzas go in and out. Events:
//   online    { jid }                   bound, and ready for stanzas
//   refused   { condition }             the login failed; `not-authorized` means that the name is taken
//   stanza    message, presence or iq   whatever is not part of logging in
//   ended     { condition, detail }     see bosh.js; also after a refusal

import { Bosh } from './bosh.js';
import { child, xml } from './xml.js';

const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
const PING = 'urn:xmpp:ping';
const ROSTER = 'jabber:iq:roster';
const STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';

export class Session extends EventTarget {
  #name;
  #password;
  #refused = null;

  constructor({ url, domain, name, password }) {
    super();
    this.#name = name;
    this.#password = password;
    this.bosh = new Bosh(url, domain);
    this.bosh.addEventListener('payload', ({ detail }) => this.#read(detail));
    this.bosh.addEventListener('ended', ({ detail }) => this.#ended(detail));
  }

  open() { this.bosh.open(); }
  send(...stanzas) { return this.bosh.send(...stanzas); }
  leave(last) { return this.bosh.leave(last); }
  vanish(last) { this.bosh.vanish(last); }

  #read(payload) {
    switch (payload.localName) {
      case 'features': return this.#features(payload);
      case 'success': return this.bosh.restart();
      case 'failure': return this.#refuse(payload.firstElementChild?.localName);
      case 'iq': return this.#iq(payload);
      case 'message':
      case 'presence': return this.#emit('stanza', payload);
    }
  }

  #features(features) {
    const mechanisms = child(features, 'mechanisms', SASL);
    if (mechanisms) {
      const plain = [...mechanisms.children].some((e) => e.textContent === 'PLAIN');
      if (!plain) return this.#refuse('no-plain');
      this.send(xml`<auth xmlns='${SASL}' mechanism='PLAIN'>${base64(`\0${this.#name}\0${this.#password}`)}</auth>`);
    } else if (child(features, 'bind', BIND)) {
      this.send(xml`<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='${BIND}'/></iq>`);
    }
  }

  #iq(iq) {
    const bound = iq.getAttribute('id') === 'bind' && child(iq, 'bind', BIND);
    if (bound) return this.#emit('online', { jid: child(bound, 'jid').textContent });
    if (['get', 'set'].includes(iq.getAttribute('type'))) return this.#reply(iq);
    this.#emit('stanza', iq);
  }

  /** Every question must be answered (RFC 6120, section 8.2.3). A ping we understand; news of the roster we hear as presence anyway. */
  #reply(iq) {
    const [id, to] = [iq.getAttribute('id'), iq.getAttribute('from')];
    const address = to ? xml`to='${to}'` : xml``;
    this.send(child(iq, 'ping', PING) || child(iq, 'query', ROSTER)
      ? xml`<iq xmlns='jabber:client' type='result' id='${id}' ${address}/>`
      : xml`<iq xmlns='jabber:client' type='error' id='${id}' ${address}><error type='cancel'><service-unavailable xmlns='${STANZAS}'/></error></iq>`);
  }

  #refuse(condition = 'login-refused') {
    this.#refused = condition;
    this.leave();
  }

  #ended(why) {
    if (this.#refused) this.#emit('refused', { condition: this.#refused });
    this.#emit('ended', this.#refused ? { condition: null, detail: null } : why);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
