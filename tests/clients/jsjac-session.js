// In the page: a session that acts as JSJaC's does, none of whose code is here. Each body has a key of a chain of sixteen; every 100 ms what waits
// is sent, or an empty request if none is open; a request that fails comes again, byte for byte, 5 s later; 403 and 404 are the end. The
// last act of a page is a pause, and the next page goes on.

const HTTPBIND = 'http://jabber.org/protocol/httpbind';
const CHAIN = 16;
const TRIGGER = 100;
const RETRY = 5000;
const ERRORS = 10;

const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`);

// K(16) to K(1), in the order of their use.
function newChain() {
    const chain = [hex(crypto.getRandomValues(new Uint8Array(20)))];
    while (chain.length <= CHAIN) chain.unshift(hex(sha1(utf8(chain[0]))));
    return chain;
}

class Session {
    // `state` is what another page's pause() gave; `heard` gets each element, and `gone` the reason of the end.
    constructor(endpoint, { heard, gone }, state = {}) {
        Object.assign(this, { endpoint, heard, gone, state });
        this.waiting = [];
        this.open = 0;
        this.errors = 0;
    }

    create(domain) {
        this.state = { domain, rid: 100_001 + Math.floor(Math.random() * 900_000), keys: newChain(), slots: 1 };
        const terms = `content='text/xml; charset=utf-8' hold='1' wait='300' ver='1.10' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'`;
        this.post(this.body(`to='${domain}' xml:lang='en' ${terms}`));
    }

    // From now on, as often as there is something to do.
    run() {
        this.timer ??= setInterval(() => {
            if (this.open < this.state.slots && (this.waiting.length > 0 || this.open === 0)) this.post(this.body(''));
        }, TRIGGER);
    }

    send(xml) {
        this.waiting.push(xml);
    }

    restart() {
        this.post(this.body(`xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh' to='${this.state.domain}' xml:lang='en'`));
    }

    // The next request, with all that waits. The last key of a chain announces the next one.
    body(attributes) {
        const { state } = this;
        let keys = '';
        if (state.sid) keys = `sid='${state.sid}' key='${state.keys.shift()}'`;
        if (!state.sid || state.keys.length === 0) {
            state.keys = state.sid ? newChain() : state.keys;
            keys += ` newkey='${state.keys.shift()}'`;
        }
        const rid = state.rid;
        state.rid += 1;
        return `<body rid='${rid}' ${keys} ${attributes} xmlns='${HTTPBIND}'>${this.waiting.splice(0).join('')}</body>`;
    }

    request(xml, asynchronous) {
        const request = new XMLHttpRequest();
        request.open('POST', this.endpoint, asynchronous);
        request.setRequestHeader('Content-Type', 'text/xml; charset=utf-8');
        return { request, send: () => request.send(xml) };
    }

    post(xml) {
        const { request, send } = this.request(xml, true);
        this.open += 1;
        request.onloadend = () => {
            this.open -= 1;
            if (request.status === 200) this.take(request.responseXML);
            else if (request.status === 403 || request.status === 404) this.end(`HTTP ${request.status}`);
            else this.fail(xml);
        };
        send();
    }

    fail(xml) {
        this.errors += 1;
        if (this.errors > ERRORS) {
            this.end('too many errors');
            return;
        }
        this.open += 1;
        setTimeout(() => {
            this.open -= 1;
            this.post(xml);
        }, RETRY);
    }

    take(answer) {
        const body = answer?.documentElement;
        if (body?.tagName !== 'body' || body.namespaceURI !== HTTPBIND) throw new Error('no <body/> in the answer');
        this.errors = 0;
        if (!this.state.sid) this.begin(body);
        if (body.childNodes.length > 0) this.heard(body);
        if (body.getAttribute('type') === 'terminate') this.end(body.getAttribute('condition') ?? 'terminated');
    }

    begin(body) {
        this.state.sid = body.getAttribute('sid');
        this.state.slots = Number(body.getAttribute('requests'));
        this.state.maxpause = Number(body.getAttribute('maxpause'));
        this.run();
    }

    end(why) {
        if (this.timer !== null) this.gone(why);
        this.stop();
    }

    stop() {
        clearInterval(this.timer);
        this.timer = null;
    }

    // What waits goes along with the last request, which is not left alone.
    terminate() {
        this.stop();
        const { request, send } = this.request(this.body("type='terminate'"), false);
        send();
        if (request.status !== 200) throw new Error(`terminate: ${request.status}`);
    }

    // The same with a promise to come back: what another page needs for that. How it is said: `synchronous`, or by `beacon` or `keepalive`, which
    // a page can use that is being left, and whose answers nobody reads.
    pause(manner) {
        this.stop();
        const xml = this.body(`pause='${this.state.maxpause}'`);
        if (manner === 'beacon') {
            if (!navigator.sendBeacon(this.endpoint, xml)) throw new Error('no beacon');
        } else if (manner === 'keepalive') {
            fetch(this.endpoint, { method: 'POST', body: xml, keepalive: true, headers: { 'Content-Type': 'text/xml; charset=utf-8' } });
        } else {
            const { request, send } = this.request(xml, false);
            send();
            const type = request.responseXML.documentElement.getAttribute('type');
            if (request.status !== 200 || type) throw new Error(`pause: ${request.status} ${type}`);
        }
        return this.state;
    }
}
