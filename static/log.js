// The log of exchanges, newest first: what went up, what came down, how long the answer was held; the bodies unfold.

import { make } from './dom.js';
import { carries, clockWithSeconds, duration, latency, size } from './format.js';
import { pretty } from './pretty.js';
import { parse } from './xml.js';

const ENTRIES = 200;                // exchanges kept
const BODY = 32_768;                // characters of a body above which it is not shown

export class Log {
  #list;
  #entries = new Map();             // exchange to its list element

  constructor(list) {
    this.#list = list;
  }

  sent(exchange) {
    const held = make('span', { class: 'held' }, 'held');
    const down = make('span', { class: 'down' });
    const summary = make('summary', {},
      make('time', {}, clockWithSeconds(new Date())),
      make('span', { class: 'up' }, leg('up', exchange.request, exchange.requestBytes)),
      down,
      make('span', { class: 'latency' }),
      held);
    const details = make('details', {}, summary);
    const entry = make('li', { class: 'exchange', 'data-rid': exchange.rid, 'data-state': 'held' }, details);
    details.addEventListener('toggle', () => unfold(details, exchange));
    this.#entries.set(exchange, entry);
    this.#list.prepend(entry);
    this.#forget();
  }

  answered(exchange) {
    const entry = this.#entries.get(exchange);
    if (!entry) return;
    entry.dataset.state = exchange.error ? 'failed' : 'answered';
    entry.querySelector('.held').replaceChildren(duration(exchange.answered - exchange.sent));
    entry.querySelector('.down').replaceChildren(
      exchange.error ? 'no answer' : leg('down', exchange.response, exchange.responseBytes));
    shorten(exchange);
    const details = entry.querySelector('details');
    if (details.open) unfold(details, exchange);
  }

  /** The exchange brought a stanza whose way could be measured. */
  measured(exchange, { ms, what, via }) {
    const entry = this.#entries.get(exchange);
    if (!entry) return;
    entry.querySelector('.latency').replaceChildren(latency(ms));
    entry.querySelector('.latency').title = `${what}, ${via}`;
    entry.dataset.latency = ms.toFixed(1);
  }

  #forget() {
    for (const [exchange, entry] of this.#entries) {
      if (this.#entries.size <= ENTRIES) return;
      this.#entries.delete(exchange);
      entry.remove();
    }
  }
}

function leg(direction, text, bytes) {
  const carried = carries(parse(text));
  const arrow = make('span', { class: 'arrow', 'aria-hidden': 'true' }, direction === 'up' ? '↑' : '↓');
  const what = make('span', { class: carried ? 'carried' : 'carried empty', title: carried }, carried || 'empty');
  const fragment = document.createDocumentFragment();
  fragment.append(arrow, what, make('span', { class: 'bytes' }, size(bytes)));
  return fragment;
}

/** What is too long to be looked at is not worth the memory. */
function shorten(exchange) {
  for (const side of ['request', 'response']) {
    if (exchange[side]?.length > BODY) exchange[side] = '<too-long-to-show/>';
  }
}

/** Bodies are laid out when somebody looks, not before. */
function unfold(details, exchange) {
  for (const old of details.querySelectorAll('.body')) old.remove();
  if (!details.open) return;
  details.append(body('Request', exchange.request));
  if (exchange.response) details.append(body('Response', exchange.response));
}

const body = (title, text) => make('div', { class: 'body' }, make('h3', {}, title), pretty(text));
