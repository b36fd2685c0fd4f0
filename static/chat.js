// Who is there and what was said: the echo bot, one room (XEP-0045), and everybody whose presence we see. No DOM in here. Events:
//   contacts   the list or a badge changed
//   message    { conversation, message }
//   latency    { ms, what, via }    how long a stanza was under way, each time one can be measured
//   returned   the message of ours that came back, now with its latency

import { child, xml } from './xml.js';

const CLIENT = 'jabber:client';
const MUC = 'http://jabber.org/protocol/muc';
const MUC_USER = 'http://jabber.org/protocol/muc#user';
const DELAY = 'urn:xmpp:delay';
const TRYOUT = 'urn:boshd:tryout';

const MESSAGES = 200;               // kept in a conversation
const CONTACTS = 200;               // conversations kept
const UNDERWAY = 50;                // own messages whose return we wait for
const BELIEVABLE = 60_000;          // ms; a stamp further from our clock says something about clocks, not about the wire

const bare = (jid) => jid.split('/', 1)[0];
const resource = (jid) => jid.slice(bare(jid).length + 1);
const local = (jid) => jid.split('@', 1)[0];

export class Chat extends EventTarget {
  #send;
  #me = null;                       // our full JID
  #name;
  #nick;
  #underway = new Map();            // id or echo text to the moment it was sent
  #ids = 0;
  #tab = crypto.getRandomValues(new Uint32Array(1))[0].toString(36);

  constructor({ send, name, domain }) {
    super();
    this.#send = send;
    this.#name = name;
    this.#nick = name;
    this.room = this.#conversation(`lobby@conference.${domain}`, 'room');
    this.echo = this.#conversation(`echo@${domain}`, 'echo');
    this.conversations = new Map([this.room, this.echo].map((c) => [c.jid, c]));
  }

  /** Announce ourselves, on a new session or again on a later one. */
  online(jid) {
    this.#me = jid;
    this.#send(
      xml`<iq xmlns='${CLIENT}' type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>`,
      xml`<presence xmlns='${CLIENT}'/>`,
      this.#join());
  }

  offline() {
    for (const conversation of this.conversations.values()) {
      conversation.people.clear();
      conversation.to = conversation.jid;
    }
    this.#emit('contacts');
  }

  /** What to say before closing the session. */
  farewell() {
    return [
      xml`<presence xmlns='${CLIENT}' type='unavailable' to='${this.room.jid}/${this.#nick}'/>`,
      xml`<presence xmlns='${CLIENT}' type='unavailable'/>`,
    ];
  }

  say(conversation, text) {
    const groupchat = conversation.kind === 'room';
    const id = `${this.#tab}-${++this.#ids}`;
    const sent = this.#send(xml`<message xmlns='${CLIENT}' type='${groupchat ? 'groupchat' : 'chat'}' id='${id}' to='${conversation.to}'
      ><body>${text}</body><sent xmlns='${TRYOUT}' at='${Date.now()}'/></message>`);
    if (!sent) return false;
    const from = groupchat ? `${conversation.jid}/${this.#nick}` : bare(this.#me);
    const message = this.#keep(conversation, { id, from, name: this.#name, text, mine: true });
    if (groupchat) this.#await(id, message);
    if (conversation.kind === 'echo') this.#await(text, message);
    return true;
  }

  read(conversation) {
    conversation.unread = 0;
    this.#emit('contacts');
  }

  handle(stanza) {
    const from = stanza.getAttribute('from');
    if (!from) return;
    if (stanza.localName === 'presence') return this.#presence(stanza, from);
    if (stanza.localName === 'message') return this.#message(stanza, from);
  }

  #join() {
    return xml`<presence xmlns='${CLIENT}' to='${this.room.jid}/${this.#nick}'><x xmlns='${MUC}'><history maxstanzas='20'/></x></presence>`;
  }

  #presence(presence, from) {
    const type = presence.getAttribute('type');
    if (bare(from) === this.room.jid) return this.#occupant(presence, type, from);
    if (from === this.#me || (type && type !== 'unavailable')) return;
    const conversation = this.#with(bare(from));
    if (!conversation) return;
    if (type) conversation.people.delete(from);
    else conversation.people.add(from);
    conversation.to = [...conversation.people].at(-1) ?? conversation.jid;
    this.#emit('contacts');
  }

  #occupant(presence, type, from) {
    if (type === 'error') return this.#joinFailed(presence);
    const self = [...(child(presence, 'x', MUC_USER)?.children ?? [])].some((e) => e.getAttribute('code') === '110');
    if (self) this.#nick = resource(from);
    if (type === 'unavailable') this.room.people.delete(from);
    else this.room.people.add(from);
    this.#emit('contacts');
  }

  #joinFailed(presence) {
    const condition = child(presence, 'error')?.firstElementChild?.localName;
    if (condition !== 'conflict') return this.#note(this.room, 'The room did not let you in.');
    this.#nick = `${this.#name}-${1 + Math.floor(Math.random() * 999)}`;
    this.#send(this.#join());
  }

  #message(message, from) {
    const conversation = bare(from) === this.room.jid ? this.room : this.#with(bare(from));
    if (!conversation) return;
    if (message.getAttribute('type') === 'error') return this.#note(conversation, 'Not delivered.');
    const text = child(message, 'body', CLIENT)?.textContent;
    if (!text) return;
    const groupchat = conversation.kind === 'room';
    const delayed = child(message, 'delay', DELAY) !== null;
    if (groupchat && !resource(from)) return this.#note(conversation, text);
    const mine = groupchat && resource(from) === this.#nick;
    const id = message.getAttribute('id');
    if (mine && this.#returned(id, 'room')) return;
    if (delayed && conversation.messages.some((known) => known.id === id && known.from === from)) return;
    const latency = delayed ? null : this.#latency(conversation, message, text);
    if (!groupchat) conversation.to = from;
    this.#keep(conversation, {
      id,
      from: groupchat ? from : bare(from),
      name: groupchat ? resource(from) : local(from),
      text,
      mine,
      at: delayed ? new Date(child(message, 'delay', DELAY).getAttribute('stamp')) : new Date(),
      latency,
    });
  }

  /** A round trip where the message is ours come back, otherwise the way from the other tab's stamp to here. */
  #latency(conversation, message, text) {
    if (conversation.kind === 'echo') return this.#returned(text, 'echo');
    const at = Number(child(message, 'sent', TRYOUT)?.getAttribute('at'));
    const ms = Date.now() - at;
    if (!at || Math.abs(ms) > BELIEVABLE) return null;
    return this.#measured({ ms: Math.max(ms, 0), what: 'one way', via: 'tab to tab' });
  }

  #await(key, message) {
    this.#underway.set(key, { message, since: performance.now() });
    if (this.#underway.size > UNDERWAY) this.#underway.delete(this.#underway.keys().next().value);
  }

  #returned(key, via) {
    const sent = this.#underway.get(key);
    if (!sent) return null;
    this.#underway.delete(key);
    sent.message.latency = this.#measured({ ms: performance.now() - sent.since, what: 'round trip', via });
    this.#emit('returned', sent.message);
    return sent.message.latency;
  }

  #measured(latency) {
    this.#emit('latency', latency);
    return latency;
  }

  #note(conversation, text) {
    this.#keep(conversation, { from: conversation.jid, name: null, text, mine: false });
  }

  #keep(conversation, { at = new Date(), latency = null, ...rest }) {
    const message = { at, latency, ...rest };
    conversation.messages.push(message);
    conversation.messages.splice(0, conversation.messages.length - MESSAGES);
    if (!message.mine) conversation.unread++;
    this.#emit('message', { conversation, message });
    return message;
  }

  #with(jid) {
    if (!this.conversations.has(jid) && this.conversations.size < CONTACTS) {
      this.conversations.set(jid, this.#conversation(jid, jid === bare(this.#me) ? 'self' : 'person'));
      this.#emit('contacts');
    }
    return this.conversations.get(jid);
  }

  #conversation(jid, kind) {
    return { jid, kind, to: jid, name: local(jid), people: new Set(), messages: [], unread: 0 };
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
