// stanza.js in Node: alice and bob log in and send each other numbered messages.
// node stanza.mjs ENDPOINT COUNT [SILENCE]; before each third message there are so many milliseconds of silence. The last line printed is
// JSON: what each of them received, and how many milliseconds each message took.

import { createClient } from 'stanza';

import { domain, passwordOf } from './accounts.mjs';

const [endpoint, count, silence] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4] ?? 0)];
const written = {};
const delays = [];

function login(user) {
    const received = [];
    const client = createClient({
        jid: `${user}@${domain}`,
        resource: 'stanza',
        password: passwordOf(user),
        transports: { bosh: endpoint, websocket: false },
    });
    client.on('message', ({ body }) => {
        delays.push(Date.now() - written[body]);
        received.push(body);
    });
    return new Promise((resolve, reject) => {
        // Not at session:started, which is before <enable/>: stanza.js handles an answer that was lost and asked for again after the next one,
        // and would count for XEP-0198 what the server sent before <enabled/>; Prosody ends the stream of who acknowledges too much.
        client.on('sm', ({ type }) => type === 'enabled' && client.sendPresence());
        client.on('presence', (presence) => presence.from === client.jid && resolve({ client, received }));
        for (const event of ['auth:failed', 'stream:error', 'disconnected']) {
            client.on(event, (detail) => reject(new Error(`${user}: ${event} ${JSON.stringify(detail)}`)));
        }
        client.connect();
    });
}

// Sends the messages, each when the other's has come; resolves once as many have come and a ping was answered.
async function exchange({ client, received }, user, peer) {
    const heard = async (enough) => {
        while (received.length < enough) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    for (let number = 0; number < count; number += 1) {
        await heard(number + (user === 'bob'));
        if (number % 3 === 0) await new Promise((resolve) => setTimeout(resolve, silence));
        const body = `${user} ${number}`;
        written[body] = Date.now();
        client.sendMessage({ to: `${peer}@${domain}/stanza`, type: 'chat', body });
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    }
    await heard(count);
    await client.ping(domain);
    return received;
}

const [alice, bob] = await Promise.all([login('alice'), login('bob')]);
const received = await Promise.all([exchange(alice, 'alice', 'bob'), exchange(bob, 'bob', 'alice')]);
console.log(JSON.stringify({ alice: received[0], bob: received[1], delays }));
process.exit(0);
