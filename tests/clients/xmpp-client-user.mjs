// A user of @xmpp/client in Node, which speaks WebSocket but not BOSH (tests/clients/guest.rs): node xmpp-client-user.mjs ENDPOINT JID PASSWORD
// It comes back by itself when its connection was cut.

import { readFileSync } from 'node:fs';
import { client as createClient, jid as parse, xml } from '@xmpp/client';
import WebSocket from 'ws';
import { endpoint, jid, obey, password, tell } from './conversation.mjs';

const { version } = JSON.parse(readFileSync(new URL('node_modules/@xmpp/client/package.json', import.meta.url)));
const { local, domain } = parse(jid);
// in browsers, and in Node from 22 on, it is there already
globalThis.WebSocket ??= WebSocket;
let client;

tell('version', '@xmpp/client (WebSocket)', version);

function enter() {
    client = createClient({ service: endpoint, domain, username: local, password, resource: 'xmpp-client' });
    client.on('error', (error) => console.log(error));
    client.on('stanza', (stanza) => {
        const body = stanza.is('message') && stanza.getChildText('body');
        if (body) tell('heard', stanza.attrs.from, body);
    });
    client.streamManagement.on('resumed', () => tell('online', client.jid.toString()));
    return new Promise((resolve) => {
        client.on('online', async (address) => {
            // What comes before <enabled/> would be counted for XEP-0198, and Prosody ends the stream of who acknowledges too much. No event
            // tells of it.
            while (!client.streamManagement.enabled) await new Promise((wait) => setTimeout(wait, 5));
            await client.send(xml('presence'));
            tell('online', address.toString());
            resolve();
        });
        client.start().catch((error) => console.log(error));
    });
}

await obey({
    enter,
    say: (to, text) => client.send(xml('message', { to, type: 'chat' }, xml('body', {}, text))),
    leave: async () => {
        await client.stop();
        tell('left');
    },
});
