// XML as text: a template tag that escapes whatever it is given, and a parser that says no instead of guessing.

class Markup {
  constructor(text) { this.text = text; }
  toString() { return this.text; }
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
const NOT_IN_XML = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

function render(value) {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(render).join('');
  return String(value ?? '').replace(NOT_IN_XML, '').replace(/[&<>"']/g, (c) => ENTITIES[c]);
}

/** xml`<a b='${text}'>${markup}</a>`: text is escaped, markup made by this tag (or an array of it) is not. */
export function xml(strings, ...values) {
  return new Markup(String.raw({ raw: strings }, ...values.map(render)));
}

/** The root element of a document, or null when the text is not well-formed. */
export function parse(text) {
  const root = new DOMParser().parseFromString(text, 'text/xml').documentElement;
  return root.getElementsByTagName('parsererror').length || root.localName === 'parsererror' ? null : root;
}

/** The first child element of that name (and namespace, if given), or null. */
export function child(element, name, namespace) {
  return [...element.children].find(
    (e) => e.localName === name && (!namespace || e.namespaceURI === namespace)) ?? null;
}
