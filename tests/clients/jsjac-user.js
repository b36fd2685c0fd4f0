// In the page: a user whose client acts as JSJaC (tests/clients/jsjac-session.js). It logs in by DIGEST-MD5 or else PLAIN; when the page is left
// it pauses, by the manner that the option `leave=MANNER` names, and the next page of its tab goes on with the same session. Browsers forbid
// synchronous requests once a page is being left, and Chromium has lost the switch that allowed them; so that one is made right before.

const { endpoint, jid, password, options } = account;
const [name, domain] = jid.split('@');
const manner = options.find((option) => option.startsWith('leave='))?.slice('leave='.length);
const CLIENT = 'jabber:client';
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const STATE = 'jsjac';

let session;
// What waits for an answer: gets the first child node of the next <body/> that has one.
let next;
let lastWord = null;

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const say = (to, text) => session.send(`<message xmlns='${CLIENT}' to='${to}' type='chat'><body>${escaped(text)}</body></message>`);

function heard(body) {
    if (next) {
        const waits = next;
        next = null;
        waits(body.childNodes[0]);
        return;
    }
    for (const stanza of body.childNodes) {
        const text = stanza.getElementsByTagName('body')[0]?.textContent;
        const [kind, from] = [stanza.getAttribute('type'), stanza.getAttribute('from')];
        if (stanza.tagName === 'message' && text && kind !== 'error') tell('heard', from, text);
    }
}

const answer = (send) => new Promise((resolve) => {
    next = resolve;
    send();
});

// What goes first, and what is said to a challenge.
function mechanism(features) {
    const mechanisms = features.getElementsByTagName('mechanisms')[0];
    if (mechanisms?.getAttribute('xmlns') !== SASL) throw new Error('no mechanisms');
    const offered = Array.from(mechanisms.getElementsByTagName('mechanism'), (mechanism) => mechanism.textContent);
    if (offered.includes('DIGEST-MD5')) return ['DIGEST-MD5', '', digest];
    if (offered.includes('PLAIN')) return ['PLAIN', base64(utf8(`\0${name}\0${password}`))];
    throw new Error(`none of ${offered}`);
}

// RFC 2831.
function digest(challenge) {
    if (challenge.includes('rspauth=')) return '';
    const nonce = /nonce="([^"]*)"/.exec(challenge)[1];
    const realm = /realm="([^"]*)"/.exec(challenge)?.[1] ?? domain;
    const [cnonce, uri] = [hex(crypto.getRandomValues(new Uint8Array(16))), `xmpp/${domain}`];
    const secret = [...md5(utf8(`${name}:${realm}:${password}`)), ...utf8(`:${nonce}:${cnonce}`)];
    const question = `${nonce}:00000001:${cnonce}:auth:${hex(md5(utf8(`AUTHENTICATE:${uri}`)))}`;
    const response = hex(md5(utf8(`${hex(md5(secret))}:${question}`)));
    const known = `username="${name}",realm="${realm}",nonce="${nonce}",cnonce="${cnonce}",digest-uri="${uri}"`;
    return `${known},nc=00000001,qop=auth,response=${response},charset=utf-8`;
}

async function authenticate(features) {
    const [named, first, respond] = mechanism(features);
    console.log(`logs in by ${named}`);
    let said = await answer(() => session.send(`<auth xmlns='${SASL}' mechanism='${named}'>${first}</auth>`));
    while (said.nodeName === 'challenge') {
        const response = base64(utf8(respond(atob(said.textContent))));
        said = await answer(() => session.send(`<response xmlns='${SASL}'>${response}</response>`));
    }
    if (said.nodeName !== 'success') throw new Error(said.nodeName);
}

async function ask(id, request) {
    const result = await answer(() => session.send(`<iq xmlns='${CLIENT}' type='set' id='${id}'>${request}</iq>`));
    if (result.getAttribute('id') !== id || result.getAttribute('type') !== 'result') throw new Error(`${id} fails`);
    return result;
}

async function login() {
    await authenticate(await answer(() => session.create(domain)));
    await answer(() => session.restart());
    const bound = await ask('bind', "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>jsjac</resource></bind>");
    session.state.jid = bound.getElementsByTagName('jid')[0].textContent;
    await ask('session', "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>");
    const presence = await answer(() => session.send(`<presence xmlns='${CLIENT}'/>`));
    if (presence.getAttribute('from') !== session.state.jid) throw new Error('somebody else is here');
    tell('online', session.state.jid);
}

const begin = (gone, state) => {
    session = new Session(endpoint, { heard, gone }, state);
};

window.user = {
    enter: () => new Promise((resolve, reject) => {
        begin((why) => resolve(tell('gone', why)));
        login().then(resolve, reject);
    }),
    say,
    // Said when the page is left.
    lastly: (to, text) => { lastWord = [to, text]; },
    beforeGoing: () => manner === 'synchronous' && part(),
    leave: () => {
        session.send(`<presence xmlns='${CLIENT}' type='unavailable'/>`);
        session.terminate();
        session = null;
    },
};

function part() {
    if (!session) return;
    if (lastWord) say(...lastWord);
    sessionStorage.setItem(STATE, JSON.stringify(session.pause(manner)));
    session = null;
}

addEventListener('pagehide', part);

const state = sessionStorage.getItem(STATE);
if (state) {
    sessionStorage.removeItem(STATE);
    begin((why) => tell('gone', why), JSON.parse(state));
    session.run();
    tell('resumed', session.state.jid);
}
