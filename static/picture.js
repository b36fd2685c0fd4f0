// The live picture: two lanes, one for each request that may be in flight, moving to the left as time passes; and four figures.

import { byId, make } from './dom.js';
import { carries, duration, latency, seconds, size } from './format.js';
import { parse } from './xml.js';

const PIXELS_PER_SECOND = 24;
const BARS = 300;                   // bars kept
const LATENCIES = 100;              // latencies that the median is taken of
const LANES = 2;
const LABEL_APART = 2000;           // ms between two labels of a lane

export class Picture {
  #strip;
  #bars = new Map();                // exchange to { bar, label, lane }
  #start = performance.now();
  #labelled = Array(LANES).fill(-Infinity);       // when the last label of each lane was set
  #latencies = [];
  #totals = { requests: 0, up: 0, down: 0 };
  #running = false;

  constructor(strip) {
    this.#strip = strip;
  }

  run() {
    if (this.#running) return;
    this.#running = true;
    const calm = matchMedia('(prefers-reduced-motion: reduce)');
    const turn = () => {
      if (!this.#running) return;
      this.#draw(performance.now());
      if (calm.matches) setTimeout(turn, 1000);
      else requestAnimationFrame(turn);
    };
    turn();
  }

  /** The session is over: the picture stands still. */
  stop() {
    this.#running = false;
    this.#draw(performance.now());
  }

  sent(exchange) {
    const label = make('span', { class: 'bar-label' });
    const bar = make('div', { class: 'bar', 'data-state': 'held' }, label);
    const lane = this.#freeLane();
    bar.classList.add(`lane-${lane}`);
    bar.style.left = `${this.#x(exchange.sent)}px`;
    if (carries(parse(exchange.request))) bar.append(make('i', { class: 'mark up' }));
    this.#bars.set(exchange, { bar, label, lane });
    this.#strip.append(bar);
    this.#totals.requests++;
    this.#totals.up += exchange.requestBytes;
    this.#figures();
    this.#forget();
  }

  retrying(exchange) {
    this.#bars.get(exchange)?.bar.setAttribute('data-state', 'retrying');
  }

  answered(exchange) {
    const carried = exchange.error ? '' : carries(parse(exchange.response));
    this.#totals.down += exchange.responseBytes ?? 0;
    this.#figures();
    if (!this.#running) this.#draw(exchange.answered);
    const drawn = this.#bars.get(exchange);
    if (!drawn) return;
    drawn.bar.dataset.state = exchange.error ? 'failed' : carried ? 'pushed' : 'empty';
    drawn.bar.append(make('i', { class: 'mark down' }));
    drawn.bar.title = [`request ${exchange.rid}`, duration(exchange.answered - exchange.sent),
      exchange.error ? 'failed' : `${carried || 'nothing'}, ${size(exchange.responseBytes)}`].join(' · ');
    this.#stretch(exchange, drawn, exchange.answered);
  }

  measured(exchange, { ms, what, via }) {
    this.#latencies.push(ms);
    this.#latencies.splice(0, this.#latencies.length - LATENCIES);
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    byId('last-push').textContent = latency(ms);
    byId('last-push-what').textContent = `${what}, ${via}`;
    byId('median').textContent = latency(sorted[Math.floor(sorted.length / 2)]);
    byId('median-of').textContent = sorted.length === 1 ? 'of 1 message' : `of ${sorted.length} messages`;
    this.#label(exchange, latency(ms));
  }

  /** A word above the end of a bar, unless the one before it is too close to be read. */
  #label(exchange, text) {
    const drawn = this.#bars.get(exchange);
    if (!drawn || exchange.answered - this.#labelled[drawn.lane] < LABEL_APART) return;
    this.#labelled[drawn.lane] = exchange.answered;
    drawn.bar.append(make('span', { class: 'push' }, text));
  }

  #draw(now) {
    this.#strip.style.transform = `translateX(${-this.#x(now)}px)`;
    let longest = 0;
    for (const [exchange, drawn] of this.#bars) {
      if (exchange.answered) continue;
      this.#stretch(exchange, drawn, now);
      longest = Math.max(longest, now - exchange.sent);
    }
    const held = longest ? seconds(longest) : '–';
    if (byId('held-now').textContent !== held) byId('held-now').textContent = held;
  }

  #stretch(exchange, { bar, label }, until) {
    const ms = until - exchange.sent;
    bar.style.width = `${(ms / 1000) * PIXELS_PER_SECOND}px`;
    label.textContent = ms < 3000 ? '' : seconds(ms);
  }

  #figures() {
    byId('traffic').textContent = String(this.#totals.requests);
    byId('traffic-bytes').textContent = `↑ ${size(this.#totals.up)}  ↓ ${size(this.#totals.down)}`;
  }

  #freeLane() {
    const taken = new Set([...this.#bars].filter(([exchange]) => !exchange.answered).map(([, { lane }]) => lane));
    for (let lane = 0; lane < LANES; lane++) if (!taken.has(lane)) return lane;
    return LANES - 1;
  }

  #forget() {
    const edge = performance.now() - (this.#strip.parentElement.clientWidth / PIXELS_PER_SECOND) * 1000;
    for (const [exchange, { bar }] of this.#bars) {
      const gone = exchange.answered < edge;
      if (!gone && this.#bars.size <= BARS) return;
      this.#bars.delete(exchange);
      bar.remove();
    }
  }

  #x(moment) {
    return ((moment - this.#start) / 1000) * PIXELS_PER_SECOND;
  }
}
