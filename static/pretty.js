// One body as indented, coloured lines. Whatever belongs to a login is struck out, and of a session id only the beginning is shown.

import { make } from './dom.js';
import { parse } from './xml.js';

const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const SECRET = ['auth', 'response', 'challenge', 'success'];

/** A `<pre>` for the text of a body. */
export function pretty(text) {
  const root = parse(text);
  const pre = make('pre', { tabindex: '0' });
  if (root) write(pre, root, 0);
  else pre.append('(not XML)');
  return pre;
}

function write(pre, element, depth) {
  const indent = '  '.repeat(depth);
  const text = redacted(element) ?? element.textContent.trim();
  const open = [indent, mark('punctuation', '<'), mark('tag', element.nodeName), ...attributes(element)];
  const close = [mark('punctuation', '</'), mark('tag', element.nodeName), mark('punctuation', '>')];
  if (element.children.length) {
    pre.append(...open, mark('punctuation', '>'), '\n');
    for (const inner of element.children) write(pre, inner, depth + 1);
    pre.append(indent, ...close, '\n');
  } else if (text) {
    pre.append(...open, mark('punctuation', '>'), mark('text', text), ...close, '\n');
  } else {
    pre.append(...open, mark('punctuation', '/>'), '\n');
  }
}

function attributes(element) {
  return [...element.attributes].flatMap(({ name, value }) => {
    const shown = name === 'sid' ? `${value.slice(0, 4)}…` : value;
    return [' ', mark('name', name), mark('punctuation', "='"), mark('value', shown), mark('punctuation', "'")];
  });
}

function redacted(element) {
  const secret = element.namespaceURI === SASL && SECRET.includes(element.localName);
  return secret && element.textContent ? '••• redacted •••' : null;
}

const mark = (kind, text) => make('span', { class: `xml-${kind}` }, text);
