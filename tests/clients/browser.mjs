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

// Calls work(browser) with a new profile; the browser is gone afterwards, whatever happened. All it loads comes through `proxy`, if there is
// one, whose word on certificates is taken.
export async function withBrowser(work, proxy) {
    const detour = ['--ignore-certificate-errors', '--proxy-bypass-list=<-loopback>', `--proxy-server=${proxy}`];
    const browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
        headless: true,
        chromiumSandbox: false,
        args: proxy ? [...QUIET, ...detour] : QUIET,
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

// Serves `html` at / and each of `files` (path: file) to whoever asks; calls work(origin).
export async function withSite(html, files, work) {
    const server = createServer(async (request, response) => {
        if (request.url === '/') {
            response.setHeader('Content-Type', 'text/html; charset=utf-8');
            response.end(html);
        } else if (request.url in files) {
            response.setHeader('Content-Type', 'text/javascript; charset=utf-8');
            response.end(await readFile(files[request.url]));
        } else {
            response.statusCode = 404;
            response.end();
        }
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
        return await work(`http://127.0.0.1:${server.address().port}`);
    } finally {
        server.closeAllConnections();
        server.close();
    }
}
