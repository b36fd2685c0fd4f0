// A user whose client runs in a page of Chromium, of another origin than the endpoint's (tests/clients/guest.rs). Of its options `port=PORT` is
// where the page comes from, and `credentials` has it send its cookie along. Besides what each guest does, it can `hide` behind another
// tab (`hidden`), be in sight again (`shown MILLISECONDS BEATS LONGEST`: what timers of 100 ms did meanwhile), `reload`, leave the page with a
// last word (`away JID TEXT`: `away`) and come `back`; whether its client goes on then is for that client to tell (`resumed JID`).

import { hide, openPage, show, withBrowser, withSite } from './browser.mjs';
import { endpoint, jid, obey, options, password, tell } from './conversation.mjs';

// The page loads these scripts, in this order; they make window.user, who can enter, say and leave, and find the rest in window.account.
export async function userInPage(scripts) {
    const files = Object.fromEntries(scripts.map((file, i) => [`/${i}.js`, new URL(file, import.meta.url)]));
    // an empty page is never done with loading, and a browser leaves its timers alone for longer
    const html = ['<!doctype html><title>Chat</title><h1>Chat</h1>', ...Object.keys(files).map((path) => `<script src="${path}"></script>`)].join('\n');
    const port = options.find((option) => option.startsWith('port='))?.slice('port='.length);
    const account = { endpoint, jid, password, options };
    await withSite(html, files, (origin) => withBrowser(async (browser) => {
        const page = await openPage(browser, 'about:blank', jid);
        await page.exposeFunction('tell', tell);
        await page.addInitScript((account) => { window.account = account; }, account);
        await page.goto(origin);
        await page.evaluate(() => { document.cookie = 'visitor=somebody'; });
        await obey(commands(page), () => browser.close());
    }), port);
}

const commands = (page) => ({
    enter: () => page.evaluate(() => user.enter()),
    say: (to, text) => page.evaluate(([to, text]) => user.say(to, text), [to, text]),
    hide: async () => {
        await hide(page);
        tell('hidden');
    },
    show: async () => {
        const { milliseconds, beats, longest } = await show(page);
        tell('shown', ...[milliseconds, beats, longest].map(Math.round));
    },
    reload: async () => {
        await page.evaluate(() => user.beforeGoing());
        await page.reload();
    },
    away: async (to, text) => {
        await page.evaluate(([to, text]) => user.lastly(to, text), [to, text]);
        await page.evaluate(() => user.beforeGoing());
        await page.goto('about:blank');
        tell('away');
    },
    back: () => page.goBack(),
    leave: async () => {
        await page.evaluate(() => user.leave());
        tell('left');
    },
});
