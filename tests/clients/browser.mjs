// Debian's Chromium for tests: a browser that phones nobody, and a small server for pages of an origin of their own.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const QUIET = [
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
];

// Playwright keeps hidden pages awake; those of users sleep.
const INSOMNIA = ['--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding'];

// Calls work(browser) with a new profile; the browser is gone afterwards, whatever happened. All it loads comes through `proxy`, if there is
// one, whose word on certificates is taken; `switches` are further words of its command line.
export async function withBrowser(work, proxy, switches = []) {
    const detour = ['--ignore-certificate-errors', '--proxy-bypass-list=<-loopback>', `--proxy-server=${proxy}`];
    const browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
        headless: true,
        chromiumSandbox: false,
        ignoreDefaultArgs: INSOMNIA,
        args: [...QUIET, ...(proxy ? detour : []), ...switches],
    });
    try {
        return await work(browser);
    } finally {
        await browser.close();
    }
}

// A page in a context (cookies, storage, connections) of its own; what it logs and throws goes to standard error. `options`: its
// window, theme and so on.
export async function openPage(browser, url, name, options = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.on('console', (message) => console.error(`${name}: ${message.text()}`));
    page.on('pageerror', (error) => console.error(`${name}: ${error.stack}`));
    await page.goto(url);
    return page;
}

// Puts another tab before the page, as users do. Returns once the page is hidden and its timers are slow, or throws: a chain of timers of
// 100 ms runs once per second then, and after a minute in hiding once per minute.
export async function hide(page) {
    await page.evaluate(startPulse);
    const awake = await page.evaluate(takePulse, 'visible');
    await pretendFocus(page, false);
    const cover = await page.context().newPage();
    await cover.bringToFront();
    const asleep = await page.evaluate(takePulse, 'hidden');
    if (awake > 500 || asleep < 800) throw new Error(`a beat each ${awake} ms in sight, and each ${asleep} ms hidden`);
}

// Brings the page to the front again. Returns what its timers did while it was hidden: for how many milliseconds, how often, and with what
// longest pause.
export async function show(page) {
    const asleep = await page.evaluate(readPulse);
    await page.bringToFront();
    await page.evaluate(takePulse, 'visible');
    return asleep;
}

// Playwright pretends that each page has the focus, which keeps it in sight whatever is before it. A page is in sight while one session of the
// browser's protocol says so, therefore this takes Playwright's own, which its interface does not show.
function pretendFocus(page, enabled) {
    const session = page._connection.toImpl(page).delegate._mainFrameSession._client;
    return session.send('Emulation.setFocusEmulationEnabled', { enabled });
}

// In the page: a chain of timers of 100 ms, each beat of which is noted.
function startPulse() {
    if (window.pulse) return;
    window.pulse = [];
    const beat = () => {
        pulse.push({ moment: performance.now(), state: document.visibilityState });
        setTimeout(beat, 100);
    };
    beat();
}

// In the page: the milliseconds of a beat, as the last four show, once these were all in that state. The first of five is under way when
// the state changes.
async function takePulse(state) {
    const since = performance.now();
    const wanted = () => pulse.filter((beat) => beat.moment > since && beat.state === state).slice(1);
    while (wanted().length < 5) {
        if (performance.now() - since > 30_000) throw new Error(`the page is ${document.visibilityState} and not ${state}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return (wanted()[4].moment - wanted()[0].moment) / 4;
}

// In the page: since it was hidden.
function readPulse() {
    const shown = pulse.findLastIndex((beat) => beat.state === 'visible');
    const moments = pulse.slice(shown + 1).map((beat) => beat.moment);
    if (moments.length === 0) throw new Error('the page is in sight');
    const now = performance.now();
    const pauses = moments.map((moment, i) => (moments[i + 1] ?? now) - moment);
    return { milliseconds: now - moments[0], beats: moments.length, longest: Math.max(...pauses) };
}

const HTML = 'text/html; charset=utf-8';
const TYPES = {
    css: 'text/css',
    js: 'text/javascript; charset=utf-8',
    json: 'application/json',
    svg: 'image/svg+xml',
    wasm: 'application/wasm',
};

// Serves `html` at / and each of `files` to whoever asks, on this port or any; calls work(origin). Of `files` each is path: file, or path of a
// folder, with a slash at its end: folder, or path: text.
export async function withSite(html, files, work, port = 0) {
    const server = createServer(async (request, response) => {
        const { pathname } = new URL(request.url, 'http://site');
        const [, extension] = pathname.match(/\.(\w+)$/) ?? [];
        try {
            const body = await content(files, pathname, html);
            response.setHeader('Content-Type', extension ? TYPES[extension] ?? 'application/octet-stream' : HTML);
            response.end(body);
        } catch {
            response.statusCode = 404;
            response.end();
        }
    });
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    try {
        return await work(`http://127.0.0.1:${server.address().port}`);
    } finally {
        server.closeAllConnections();
        server.close();
    }
}

function content(files, path, html) {
    if (path === '/') return html;
    const folder = Object.keys(files).find((name) => name.endsWith('/') && path.startsWith(name));
    const found = folder ? new URL(path.slice(folder.length), files[folder]) : files[path];
    if (found === undefined) throw new Error(`nothing at ${path}`);
    return found instanceof URL ? readFile(found) : found;
}
