// Strophe.js in two pages of another origin than the endpoint's: alice and bob log in and send each other numbered messages.
// node strophe.mjs ENDPOINT COUNT; the last line printed is JSON: what each of them received, and how often Strophe retried.

import { createRequire } from 'node:module';
import { openPage, withBrowser, withSite } from './browser.mjs';

const [endpoint, count] = [process.argv[2], Number(process.argv[3])];
const library = createRequire(import.meta.url).resolve('strophe.js/dist/strophe.umd.min.js');
const html = '<!doctype html><title>Chat</title><script src="/strophe.js"></script>';

// In the page: resolves once the user is logged in, has sent presence and has been told of it.
function login({ endpoint, user }) {
    window.chat = { received: [], retries: 0, status: [] };
    Strophe.log = (level, text) => {
        if (text.startsWith('request errored')) chat.retries += 1;
        if (level >= Strophe.LogLevel.WARN) console.log(text);
    };
    const connection = new Strophe.Connection(endpoint);
    chat.connection = connection;
    connection.addHandler((message) => {
        const body = message.querySelector('body');
        if (body) chat.received.push(body.textContent);
        return true;
    }, null, 'message');
    return new Promise((resolve, reject) => {
        connection.connect(`${user}@example.test/strophe`, `${user}'s secret`, (status, condition) => {
            chat.status.push(status);
            if (status === Strophe.Status.CONNECTED) {
                connection.addHandler(() => resolve(), null, 'presence', null, null, connection.jid);
                connection.send($pres());
            } else if (status !== Strophe.Status.CONNECTING && status !== Strophe.Status.AUTHENTICATING) {
                reject(new Error(`${user}: status ${status} ${condition}`));
            }
        });
    });
}

// In the page: sends the messages, a few milliseconds apart, and resolves once as many have come and a ping was answered.
async function exchange({ user, peer, count }) {
    for (let number = 0; number < count; number += 1) {
        const message = $msg({ to: `${peer}@example.test/strophe`, type: 'chat' });
        chat.connection.send(message.c('body').t(`${user} ${number}`));
        await new Promise((resolve) => setTimeout(resolve, 10 + Math.random() * 60));
    }
    while (chat.received.length < count) {
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await new Promise((resolve, reject) => {
        const ping = $iq({ type: 'get', to: 'example.test' }).c('ping', { xmlns: 'urn:xmpp:ping' });
        chat.connection.sendIQ(ping, resolve, reject, 30_000);
    });
    chat.connection.disconnect();
    return { received: chat.received, retries: chat.retries };
}

const result = await withSite(html, { '/strophe.js': library }, (origin) => withBrowser(async (browser) => {
    const users = [{ user: 'alice', peer: 'bob' }, { user: 'bob', peer: 'alice' }];
    const pages = await Promise.all(users.map(({ user }) => openPage(browser, origin, user)));
    await Promise.all(pages.map((page, i) => page.evaluate(login, { endpoint, ...users[i] })));
    const [alice, bob] = await Promise.all(pages.map((page, i) => page.evaluate(exchange, { count, ...users[i] })));
    return { origin, alice, bob };
}));
console.log(JSON.stringify(result));
