// Numbers for people: durations, sizes, times of day, and what a body carries.

const ONE = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const CLOCK_SECONDS = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** A latency: `<1 ms`, `3.4 ms`, `41 ms`. */
export function latency(ms) {
  if (ms < 1) return '<1 ms';
  return ms < 10 ? `${ONE.format(ms)} ms` : duration(ms);
}

/** A length of time: `41 ms`, `12.4 s`. */
export const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : seconds(ms));

/** The same in seconds alone, for figures that run. */
export const seconds = (ms) => `${ONE.format(ms / 1000)} s`;

export const size = (bytes) => (bytes < 1000 ? `${bytes} B` : `${ONE.format(bytes / 1000)} kB`);

export const clock = (date) => CLOCK.format(date);
export const clockWithSeconds = (date) => CLOCK_SECONDS.format(date);

/** What a body carries, in words: `message, presence ×3`, `restart`; empty for one that only waits, or says that there is no news. */
export function carries(body) {
  const counts = new Map();
  for (const { localName } of body?.children ?? []) counts.set(localName, (counts.get(localName) ?? 0) + 1);
  const names = [...counts].map(([name, count]) => (count > 1 ? `${name} ×${count}` : name));
  return [...purpose(body), ...names].join(', ');
}

function purpose(body) {
  if (body?.getAttribute('type') === 'terminate') return ['terminate'];
  if (body?.hasAttribute('xmpp:restart')) return ['restart'];
  if (body?.hasAttribute('ver')) return ['session'];
  return [];
}
