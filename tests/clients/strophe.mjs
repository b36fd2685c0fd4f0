// Strophe.js in two pages of another origin than the endpoint's: alice and bob log in and send each other numbered messages.
// node strophe.mjs ENDPOINT COUNT [SILENCE [PROXY]]; before each third message there are so many milliseconds of silence. The last line printed
// is JSON: what each of them received, how often Strophe retried, and how many milliseconds each message took.

import { domain, passwordOf } from './accounts.mjs';
import { openPage, withBrowser, withSite } from './browser.mjs';

const [endpoint, count, silence, proxy] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4] ?? 0), process.argv[5]];
const library = new URL('node_modules/strophe.js/dist/strophe.umd.min.js', import.meta.url);
const html = '<!doctype html><title>Chat</title><script src="/strophe.js"></script>';

// In the page: resolves once the user is logged in, has sent presence and has been told of it.
function login({ endpoint, user, password, domain }) {
    Strophe.setLogLevel(Strophe.LogLevel.WARN);
    const connection = new Strophe.Connection(endpoint);
    window.chat = { connection, received: [], written: {}, heard: {} };
    connection.addHandler((message) => {
        const body = message.querySelector('body');
        if (body) {
            chat.heard[body.textContent] = Date.now();
            chat.received.push(body.textContent);
        }
        return true;
    }, null, 'message');
    return new Promise((resolve, reject) => {
        connection.connect(`${user}@${domain}/strophe`, password, (status, condition) => {
            if (status === Strophe.Status.CONNECTED) {
                connection.addHandler(() => resolve(), null, 'presence', null, null, connection.jid);
                connection.send($pres());
            } else if (status !== Strophe.Status.CONNECTING && status !== Strophe.Status.AUTHENTICATING) {
                chat.failure = new Error(`${user}: status ${status} ${condition}`);
                reject(chat.failure);
            }
        });
    });
}

// In the page: sends the messages, each when the other's has come, and resolves once as many have come and a ping was answered.
async function exchange({ user, peer, domain, count, silence }) {
    const heard = async (enough) => {
        const end = performance.now() + 90_000 + silence;
        while (chat.received.length < enough) {
            if (chat.failure) throw chat.failure;
            if (performance.now() > end) {
                throw new Error(`${user} waits for message ${enough}; the last was: ${chat.received.at(-1)}`);
            }
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    };
    for (let number = 0; number < count; number += 1) {
        await heard(number + (user === 'bob'));
        if (number % 3 === 0) await new Promise((resolve) => setTimeout(resolve, silence));
        const message = $msg({ to: `${peer}@${domain}/strophe`, type: 'chat' });
        chat.written[`${user} ${number}`] = Date.now();
        chat.connection.send(message.c('body').t(`${user} ${number}`));
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    }
    await heard(count);
    await new Promise((resolve, reject) => {
        const ping = $iq({ type: 'get', to: domain }).c('ping', { xmlns: 'urn:xmpp:ping' });
        chat.connection.sendIQ(ping, resolve, reject, 30_000);
    });
    chat.connection.disconnect();
    return { received: chat.received, written: chat.written, heard: chat.heard };
}

const result = await withSite(html, { '/strophe.js': library }, (origin) => withBrowser(async (browser) => {
    const users = [['alice', 'bob'], ['bob', 'alice']].map(([user, peer]) => ({ user, peer, password: passwordOf(user), domain }));
    const pages = await Promise.all(users.map(({ user }) => openPage(browser, origin, user)));
    await Promise.all(pages.map((page, i) => page.evaluate(login, { endpoint, ...users[i] })));
    let retries = 0;
    for (const page of pages) {
        page.on('console', (message) => { retries += message.text().startsWith('request errored'); });
    }
    const [alice, bob] = await Promise.all(pages.map((page, i) => page.evaluate(exchange, { count, silence, ...users[i] })));
    const delays = [[alice, bob], [bob, alice]].flatMap(([writer, reader]) =>
        Object.entries(writer.written).map(([text, moment]) => reader.heard[text] - moment));
    return { alice: alice.received, bob: bob.received, retries, delays };
}, proxy));
console.log(JSON.stringify(result));
