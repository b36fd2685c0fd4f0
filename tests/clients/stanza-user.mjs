// A user of stanza.js in Node (tests/clients/guest.rs): node stanza-user.mjs ENDPOINT JID PASSWORD [websocket]

import { readFileSync } from 'node:fs';
import { createClient } from 'stanza';
import { endpoint, jid, obey, options, password, tell } from './conversation.mjs';

const { version } = JSON.parse(readFileSync(new URL('node_modules/stanza/package.json', import.meta.url)));
const overWebSocket = options.includes('websocket');
let client;

tell('version', overWebSocket ? 'stanza.js over WebSocket' : 'stanza.js', version);

function enter() {
    client = createClient({
        jid,
        password,
        resource: 'stanza',
        transports: overWebSocket ? { websocket: endpoint, bosh: false } : { bosh: endpoint, websocket: false },
    });
    client.on('message', (message) => message.body && tell('heard', message.from, message.body));
    for (const event of ['auth:failed', 'stream:error']) {
        client.on(event, (detail) => console.log(event, JSON.stringify(detail)));
    }
    return new Promise((resolve) => {
        client.on('session:started', () => client.sendPresence());
        client.on('presence', (presence) => {
            if (presence.from === client.jid) {
                tell('online', client.jid);
                resolve();
            }
        });
        client.on('disconnected', () => {
            tell('gone', 'disconnected');
            resolve();
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
