// A user of Converse.js, whole and as published, in Chromium (tests/clients/guest.rs): node converse-user.mjs ENDPOINT JID PASSWORD [OPTION...]
//
// Options are settings of Converse (NAME=VALUE, the value as JSON or else a text), and `websocket`: try that first, where the endpoint of BOSH is.
// Some settings are ours: `port` of the page's origin; `prebound`, the session (jid, sid, rid) that the page gets from its site; `found_at`, an address
// at which the user's domain has HTTPS, where Converse has to find an endpoint. Besides what each guest does, it can `reload` the page, `hide` and
// `show` it, tell its `session` (the sid, or the id of XEP-0198), and have an `other` tab of the same browser, which does the same and can `close`; what that one tells
// begins with `other`.
//
// Converse 14.0.0 means to try BOSH where WebSocket fails, and the other way round, but forgets that it failed (it looks for CONNFAIL when it has
// just noted RECONNECTING). So its page does that here, by a plugin.

import { readFileSync } from 'node:fs';
import { hide, show, withBrowser, withSite } from './browser.mjs';
import { carryOut, endpoint, jid, obey, options, password, tell } from './conversation.mjs';

const library = new URL('node_modules/converse.js/', import.meta.url);
const websocket = new URL('/ws', endpoint.replace('http', 'ws')).href;
const { port, prebound, found_at, ...chosen } = Object.fromEntries(options.map(setting));
const overWebSocketAlone = endpoint.startsWith('ws');
const domain = jid.split('@')[1];

const settings = {
    ...(found_at ? {} : { [overWebSocketAlone ? 'websocket_url' : 'bosh_service_url']: endpoint }),
    jid,
    ...(prebound ? { authentication: 'prebind', prebind_url: '/prebound.json' } : { password }),
    auto_login: true,
    auto_reconnect: !chosen.websocket_url,
    discover_connection_methods: Boolean(found_at),
    whitelisted_plugins: ['stage'],
    blacklisted_plugins: ['converse-omemo', 'converse-omemo-views'],    // makes a hundred keys at the start, for servers with PEP
    i18n: 'en',
    view_mode: 'overlayed',     // the full screen has a footer with pictures from elsewhere
    play_sounds: false,
    show_desktop_notifications: false,
    ...chosen,
};

function setting(option) {
    if (option === 'websocket') return ['websocket_url', websocket];
    const [name] = option.split('=', 1);
    const value = option.slice(name.length + 1);
    try {
        return [name, JSON.parse(value)];
    } catch {
        return [name, value];
    }
}

// In the page: what Converse tells us (`told`), and what we have it do.
function stage() {
    converse.plugins.add('stage', {
        initialize() {
            const { api } = this._converse;
            const { Strophe, stx } = converse.env;
            const domain = () => Strophe.getDomainFromJid(api.user.jid());
            let [arriving, leaving, fallsBack] = [false, false, false];
            for (const event of ['connected', 'reconnected']) api.listen.on(event, () => { arriving = true; });
            // what it sends at the beginning has been sent by then, its presence above all, and the server has handled it
            api.listen.on('rosterContactsFetched', async () => {
                if (!arriving) return;
                arriving = false;
                await api.sendIQ(stx`<iq type="get" to="${domain()}" xmlns="jabber:client"><ping xmlns="urn:xmpp:ping"/></iq>`, undefined, false);
                told('online', api.user.jid());
            });
            api.listen.on('message', ({ stanza, attrs }) => {
                if (!attrs.body) return;
                if (attrs.type === 'groupchat') told('told', stanza.getAttribute('from'), attrs.body);
                else if (attrs.sender === 'them') told('heard', stanza.getAttribute('from'), attrs.body);
            });
            api.listen.on('enteredNewRoom', (room) => told('joined', room.get('jid')));
            api.listen.on('disconnected', () => {
                if (leaving || fallsBack) return;
                if (!api.settings.get('websocket_url') || !api.settings.get('bosh_service_url')) return told('gone', 'disconnected');
                told('falls-back');
                fallsBack = true;
                // Strophe says twice that a WebSocket failed
                setTimeout(() => {
                    fallsBack = false;
                    api.settings.set({ websocket_url: undefined, auto_reconnect: true });
                    api.user.login();
                }, 500);
            });
            window.user = {
                async say(jid, body) {
                    await (await api.chats.open(jid)).sendMessage({ body });
                },
                async join(room, nick) {
                    await api.rooms.open(room, { nick });
                },
                async tell(room, body) {
                    await (await api.rooms.get(room)).sendMessage({ body });
                },
                session: () => told('session', api.tokens.get('sid') ?? this._converse.session.get('smacks_stream_id')),
                async leave() {
                    leaving = true;
                    await api.user.logout();
                    told('left');
                },
            };
        },
    });
}

const html = '<!doctype html><meta charset="utf-8"><title>Chat</title><script type="module" src="/dist/converse.min.js"></script>';
const chat = `${html}<link rel="stylesheet" href="/dist/converse.min.css"><script type="module">
(${stage})();
document.cookie = 'visitor=somebody';
converse.initialize(${JSON.stringify(settings)});
</script>`;
const files = { '/dist/': new URL('dist/', library), '/chat': chat, '/prebound.json': JSON.stringify(prebound) };

// A page without an address, in which nobody has begun.
async function openTab(context, prefix) {
    const page = await context.newPage();
    page.on('console', (message) => console.log(...prefix, message.text()));
    page.on('pageerror', (error) => console.log(...prefix, error.stack));
    await page.exposeFunction('told', (...words) => tell(...prefix, ...words));
    return page;
}

async function tellVersion(page, origin) {
    await page.goto(origin);
    const [own, strophe] = await page.evaluate(() => [converse.env.VERSION_NAME, converse.env.Strophe.VERSION]);
    const { dependencies } = JSON.parse(readFileSync(new URL('src/headless/package.json', library)));
    console.log(`with Strophe.js ${dependencies['strophe.js']}, which calls itself ${strophe}`);
    tell('version', overWebSocketAlone ? 'Converse.js (WebSocket)' : 'Converse.js', own.replace('v', ''));
}

const commands = (page, origin, prefix) => ({
    enter: () => page.goto(`${origin}/chat`),
    reload: () => page.reload(),
    ...Object.fromEntries(['session', 'leave'].map((name) => [name, () => page.evaluate((name) => user[name](), name)])),
    ...Object.fromEntries(['say', 'join', 'tell'].map((name) => [
        name,
        (whom, text) => page.evaluate(([name, whom, text]) => user[name](whom, text), [name, whom, text]),
    ])),
    hide: async () => {
        await hide(page);
        tell(...prefix, 'hidden');
    },
    show: async () => {
        const { milliseconds, beats, longest } = await show(page);
        tell(...prefix, 'shown', ...[milliseconds, beats, longest].map(Math.round));
    },
    close: () => page.close(),
});

// Its site and boshd are all that it may ask for anything.
function staysHome(context, origin) {
    const homes = [origin, new URL(endpoint).origin, `https://${domain}`];
    context.on('request', (request) => {
        const url = new URL(request.url());
        if (url.protocol.startsWith('http') && !homes.includes(url.origin)) throw new Error(`Converse asks elsewhere: ${url}`);
    });
}

const switches = found_at ? ['--ignore-certificate-errors', `--host-resolver-rules=MAP ${domain}:443 ${found_at}`] : [];
await withSite(html, files, (origin) => withBrowser(async (browser) => {
    const context = await browser.newContext();
    staysHome(context, origin);
    const page = await openTab(context, []);
    await tellVersion(page, origin);
    let other;
    await obey({
        ...commands(page, origin, []),
        other: async (line) => {
            other ??= commands(await openTab(context, ['other']), origin, ['other']);
            await carryOut(other, line);
        },
    }, () => browser.close());
}, undefined, switches), port);
