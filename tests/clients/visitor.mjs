// Somebody at the try-out page: what such a person does, and what there is to be seen. Everything is waited for, nothing is slept for.

import assert from 'node:assert/strict';
import { openPage } from './browser.mjs';

export class Visitor {
    // What the browser complained about: errors on the console (a breach of the page's policy is one), exceptions, requests that failed.
    faults = [];

    constructor(page, name) {
        this.page = page;
        this.name = name;
        const fault = (what) => this.faults.push(`${name}: ${what}`);
        page.on('console', (message) => ['error', 'warning'].includes(message.type()) && fault(message.text()));
        page.on('pageerror', (error) => fault(error.message));
        page.on('requestfailed', (request) => {
            const why = request.failure().errorText;
            if (why !== 'net::ERR_ABORTED') fault(`${request.url()}: ${why}`);      // that one is the page itself, giving up
        });
        page.on('response', (response) => response.ok() || fault(`${response.url()}: ${response.status()}`));
    }

    // Opens the page; `options` are those of a browser context.
    static async arrive(browser, url, name, options) {
        const visitor = new Visitor(await openPage(browser, 'about:blank', name, options), name);
        await visitor.page.goto(url);
        await visitor.sees('#nickname');
        return visitor;
    }

    sees(selector, options) {
        return this.page.locator(selector, options).first().waitFor();
    }

    seesNo(selector, options) {
        return this.page.locator(selector, options).first().waitFor({ state: 'hidden' });
    }

    async enter(nickname = this.name) {
        await this.page.fill('#nickname', nickname);
        await this.page.click('#enter');
    }

    async isOnline() {
        await this.sees('#status[data-state=online]');
        await this.sees('#composer-fields:enabled');
    }

    async open(jid) {
        await this.page.click(`${contact(jid)} button`);
        await this.sees(`${contact(jid)} [aria-current=true]`);
    }

    async says(text) {
        await this.page.fill('#message', text);
        await this.page.click('#send');
        await this.sees('.message.mine p', { hasText: text });
    }

    // The text has come from there, and in this very form.
    async hears(text, from) {
        const message = this.page.locator(`.message[data-from="${from}"]:not(.mine) p`).filter({ hasText: text }).first();
        assert.equal(await message.textContent(), text);
    }

    async heardOnce(text) {
        assert.equal(await this.page.locator('.message p').filter({ hasText: text }).count(), 1, `${this.name}: ${text}`);
    }
}

export const contact = (jid) => `#contacts .contact[data-jid="${jid}"]`;
export const present = (jid) => `${contact(jid)}[data-here]`;
