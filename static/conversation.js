// The chat on the screen: the list of contacts, and the conversation that is open.

import { make } from './dom.js';
import { clock, latency } from './format.js';

const MARKS = { room: '#', echo: '↺' };

export class ConversationView {
  #chat;
  #open;
  #parts;
  #shown = new Map();               // message to its element

  /** `parts`: contacts, title, subtitle, messages: the elements that this view fills. */
  constructor(chat, parts) {
    this.#chat = chat;
    this.#parts = parts;
    this.#open = chat.room;
    chat.addEventListener('contacts', () => this.#contacts());
    chat.addEventListener('message', ({ detail }) => this.#message(detail));
    chat.addEventListener('returned', ({ detail }) => this.#returned(detail));
    this.#show(chat.room);
  }

  get open() { return this.#open; }

  #show(conversation) {
    this.#open = conversation;
    this.#shown.clear();
    this.#parts.messages.replaceChildren();
    for (const message of conversation.messages) this.#append(message);
    this.#chat.read(conversation);
  }

  #message({ conversation, message }) {
    if (conversation !== this.#open) return this.#contacts();
    this.#append(message);
    this.#chat.read(conversation);
  }

  #append(message) {
    const element = make('div', { class: 'message', 'data-from': message.from },
      message.name && make('span', { class: 'from' }, message.mine ? 'You' : message.name),
      make('p', {}, message.text),
      make('span', { class: 'when' }, when(message)));
    element.classList.toggle('mine', message.mine);
    element.classList.toggle('note', !message.name);
    this.#parts.messages.append(element);
    this.#shown.set(message, element);
    for (const old of this.#shown.keys()) {
      if (this.#open.messages.includes(old)) break;
      this.#shown.get(old).remove();
      this.#shown.delete(old);
    }
  }

  #returned(message) {
    this.#shown.get(message)?.querySelector('.when').replaceChildren(when(message));
  }

  #contacts() {
    const conversations = [...this.#chat.conversations.values()];
    const focused = this.#parts.contacts.querySelector(':focus')?.parentElement.dataset.jid;
    this.#parts.contacts.replaceChildren(...conversations.filter(worthShowing).map((c) => this.#contact(c)));
    [...this.#parts.contacts.children].find((c) => c.dataset.jid === focused)?.firstElementChild.focus();
    this.#parts.title.textContent = title(this.#open);
    this.#parts.subtitle.textContent = subtitle(this.#open);
  }

  #contact(conversation) {
    const mark = make('span', { class: 'avatar', 'aria-hidden': 'true' }, MARKS[conversation.kind] ?? conversation.name[0].toUpperCase());
    mark.style.setProperty('--hue', hue(conversation.jid));
    const button = make('button', { type: 'button', 'aria-current': conversation === this.#open && 'true' },
      mark,
      make('span', { class: 'name' }, title(conversation)),
      make('span', { class: 'hint' }, subtitle(conversation)),
      conversation.unread > 0 && make('span', { class: 'unread' }, String(conversation.unread), make('span', { class: 'visually-hidden' }, ' unread')));
    button.addEventListener('click', () => this.#show(conversation));
    return make('li', { class: 'contact', 'data-jid': conversation.jid, 'data-kind': conversation.kind, 'data-here': here(conversation) }, button);
  }
}

const here = ({ kind, people }) => kind === 'echo' || people.size > 0;
const worthShowing = (c) => ['room', 'echo'].includes(c.kind) || here(c) || c.messages.length > 0;

function title({ kind, name }) {
  if (kind === 'echo') return 'Echo';
  if (kind === 'room') return 'Lobby';
  return name;
}

function subtitle(conversation) {
  const { kind, people } = conversation;
  if (kind === 'echo') return 'says it back';
  if (kind === 'room' && !here(conversation)) return 'not connected';
  if (kind === 'room') return people.size === 1 ? 'only you so far' : `${people.size} people`;
  if (!here(conversation)) return 'gone';
  return kind === 'self' ? 'your other tab' : 'online';
}

const when = ({ at, latency: measured }) =>
  (measured ? `${clock(at)} · ${latency(measured.ms)} ${measured.what}` : clock(at));

/** A colour of its own for each address, always the same. */
const hue = (jid) => [...jid].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 360, 7);
