// Joins the parts: the entrance, the chat, and the two views of the wire. One session at a time.

import { Chat } from './chat.js';
import { inWords } from './conditions.js';
import { ConversationView } from './conversation.js';
import { byId } from './dom.js';
import { Log } from './log.js';
import { Picture } from './picture.js';
import { Session } from './session.js';

const ENDPOINT = 'http-bind';
const DOMAIN = document.body.dataset.domain;
const RESERVED = ['echo', 'lobby'];

const log = new Log(byId('exchanges'));
const picture = new Picture(byId('strip'));
let session = null;
let chat = null;
let view = null;
let greeting = null;                // the status while we are online

byId('entrance').addEventListener('submit', (event) => {
  event.preventDefault();
  enter(byId('nickname').value);
});

byId('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = byId('message').value.trim();
  if (text && chat.say(view.open, text)) byId('message').value = '';
});

byId('leave').addEventListener('click', () => {
  show('entrance');
  session.leave(chat.farewell());
  byId('nickname').focus();
});

byId('reconnect').addEventListener('click', () => connect());

addEventListener('pagehide', () => session?.vanish(chat.farewell()));

byId('nickname').value = sessionStorage.getItem('boshd-name') ?? '';
status('Offline');

function enter(nickname) {
  const name = username(nickname);
  if (!name) return complain('Please choose a nickname with at least one letter or digit.');
  if (RESERVED.includes(name)) return taken(name);
  sessionStorage.setItem('boshd-name', name);
  chat = new Chat({ name, domain: DOMAIN, send: (...stanzas) => session.send(...stanzas) });
  chat.addEventListener('latency', ({ detail }) => {
    log.measured(session.bosh.reading, detail);
    picture.measured(session.bosh.reading, detail);
  });
  view = new ConversationView(chat, {
    contacts: byId('contacts'), title: byId('title'), subtitle: byId('subtitle'), messages: byId('messages').firstElementChild,
  });
  connect(name);
}

function connect(name = sessionStorage.getItem('boshd-name')) {
  const mine = new Session({ url: ENDPOINT, domain: DOMAIN, name, password: password(name) });
  const on = (type, act) => mine.addEventListener(type, ({ detail }) => mine === session && act(detail));
  on('online', ({ jid }) => online(name, jid));
  on('stanza', (stanza) => chat.handle(stanza));
  on('refused', ({ condition }) => refused(name, condition));
  on('ended', ended);
  watch(mine);
  session = mine;
  complain('');
  byId('enter').disabled = true;
  byId('notice').hidden = true;
  status('Connecting…');
  picture.run();
  session.open();
}

/** The wire is drawn to its end, even of a session that we have left already. */
function watch({ bosh }) {
  const on = (type, act) => bosh.addEventListener(type, ({ detail }) => act(detail));
  on('sent', (exchange) => { picture.sent(exchange); log.sent(exchange); });
  on('answered', (exchange) => { picture.answered(exchange); log.answered(exchange); });
  on('retrying', (exchange) => { picture.retrying(exchange); status('Reconnecting…'); });
  on('answered', ({ error }) => { if (!error && greeting && bosh === session.bosh) status(greeting); });
}

function online(name, jid) {
  greeting = `Online as ${name}`;
  status(greeting);
  chat.online(jid);
  byId('composer-fields').disabled = false;
  show('workspace');
  if (matchMedia('(pointer: fine)').matches) byId('message').focus();
}

function refused(name, condition) {
  if (condition === 'not-authorized') taken(name);
  else complain(inWords({ condition }));
}

function ended(why) {
  greeting = null;
  status('Offline');
  picture.stop();
  chat.offline();
  byId('enter').disabled = false;
  byId('composer-fields').disabled = true;
  if (byId('workspace').hidden) {
    if (why.condition) complain(inWords(why));
    return;
  }
  byId('notice-text').textContent = why.condition ? inWords(why) : 'The session ended when you left the page.';
  byId('notice').hidden = false;
}

function taken(name) {
  const other = `${name.slice(0, 22)}${2 + Math.floor(Math.random() * 98)}`;
  complain(`Somebody is called ${name} already. How about ${other}?`);
  byId('nickname').value = other;
  byId('nickname').select();
}

/** What a nickname is as the first part of an address; empty when nothing is left of it. */
function username(nickname) {
  return nickname.normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^-+|-+$/g, '');
}

/** One random password for each name in this tab, so that a reload is not taken for a stranger. */
function password(name) {
  const key = `boshd-password-${name}`;
  const made = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
  sessionStorage.setItem(key, sessionStorage.getItem(key) ?? made());
  return sessionStorage.getItem(key);
}

function show(name) {
  for (const part of ['entrance', 'workspace']) byId(part).hidden = part !== name;
  document.body.dataset.view = name;
}

function status(text) {
  const element = byId('status');
  if (element.textContent === text) return;
  element.textContent = text;
  element.dataset.state = text.startsWith('Online') ? 'online' : text === 'Offline' ? 'offline' : 'trying';
}

function complain(text) {
  byId('complaint').textContent = text;
}
