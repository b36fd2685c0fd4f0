// A user of stanza.js in Node (tests/clients/guest.rs): node stanza-user.mjs ENDPOINT JID PASSWORD [TRANSPORT...]
//
// TRANSPORT: `bosh` (without another word) or `websocket`, whose address follows from the endpoint's. With several it is an application that
// tries the next one where one does not lead to a session.

import { readFileSync } from 'node:fs';
import { createClient } from 'stanza';
import { endpoint, jid, obey, options, password, tell } from './conversation.mjs';

const { version } = JSON.parse(readFileSync(new URL('node_modules/stanza/package.json', import.meta.url)));
const urls = { bosh: endpoint, websocket: endpoint.replace(/^http(.*)\/http-bind$/, 'ws$1/ws') };
const transports = options.length ? options : ['bosh'];
let client;

tell('version', transports.includes('websocket') ? 'stanza.js (WebSocket)' : 'stanza.js', version);

async function enter() {
    for (const transport of transports) {
        if (await enterBy(transport)) return;
    }
    tell('gone', 'no way leads there');
}

// Whether there is a session by this transport.
function enterBy(transport) {
    const settings = { bosh: false, websocket: false, [transport]: urls[transport] };
    // over WebSocket a cut connection is the end of the stream: it comes back with another one
    client = createClient({ jid, password, resource: 'stanza', transports: settings, autoReconnect: transport === 'websocket' });
    client.on('message', (message) => message.body && tell('heard', message.from, message.body));
    for (const event of ['auth:failed', 'stream:error', 'stream:management:resumed']) {
        client.on(event, (detail) => console.log(event, JSON.stringify(detail)));
    }
    return new Promise((resolve) => {
        let isOnline = false;
        const isBack = () => {
            isOnline = true;
            console.log(`online by ${transport}`);
            tell('online', client.jid);
            resolve(true);
        };
        client.on('session:started', () => client.sendPresence());
        client.on('presence', (presence) => presence.from === client.jid && isBack());
        client.on('stream:management:resumed', isBack);
        client.on('disconnected', () => {
            if (!isOnline) resolve(false);
            else if (transport === 'bosh') tell('gone', 'disconnected');
        });
        client.connect();
    });
}

await obey({
    enter,
    say: (to, body) => client.sendMessage({ to, type: 'chat', body }),
    leave: () => new Promise((resolve) => {
        client.removeAllListeners('disconnected');
        client.once('disconnected', () => {
            tell('left');
            resolve();
        });
        client.disconnect();
    }),
});
