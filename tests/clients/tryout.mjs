// Two visitors of the try-out page, ada at a desk and bob with a phone: they chat with each other, in the room and with the echo bot,
// and watch the wire; cyd comes and goes.
// node tryout.mjs URL; the last line printed is JSON: what browsers complained about. SCREENSHOTS names a folder for pictures.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { withBrowser } from './browser.mjs';
import { Visitor, contact, present } from './visitor.mjs';

const url = process.argv[2];
const folder = process.env.SCREENSHOTS;
const DESK = { viewport: { width: 1280, height: 800 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

const [ADA, BOB] = ['ada@localhost', 'bob@localhost'];
const LOBBY = 'lobby@conference.localhost';
const ECHO = 'echo@localhost';
const MARKUP = '<script>alert("😀")</script> & 🎉';

async function enter(ada, bob) {
    await picture(ada, 'entrance');
    await picture(bob, 'entrance');
    await ada.page.keyboard.type('Ada');            // the field has the focus
    await ada.page.keyboard.press('Enter');
    await bob.enter();
    await Promise.all([ada.isOnline(), bob.isOnline()]);
    await ada.sees(present(BOB));
    await bob.sees(present(ADA));
}

async function chat(ada, bob) {
    await ada.open(BOB);
    await ada.says('Is this thing on?');
    await bob.sees(`${contact(ADA)} .unread`, { hasText: '1' });
    await bob.open(ADA);
    await bob.hears('Is this thing on?', ADA);
    await bob.says(MARKUP);
    await ada.hears(MARKUP, BOB);
    assert.equal(await ada.page.locator('#messages script').count(), 0);
}

async function room(ada, bob) {
    await ada.open(LOBBY);
    await bob.open(LOBBY);
    await ada.says('Good morning, all of you');
    await bob.hears('Good morning, all of you', `${LOBBY}/ada`);
    await bob.says('And to you');
    await ada.hears('And to you', `${LOBBY}/bob`);
    for (const visitor of [ada, bob]) {
        await visitor.heardOnce('Good morning, all of you');
        await visitor.heardOnce('And to you');
    }
}

async function echo(ada) {
    await ada.page.focus(`${contact(ECHO)} button`);
    await ada.page.keyboard.press('Enter');
    await ada.sees(`${contact(ECHO)} [aria-current=true]:focus`);
    await ada.page.focus('#message');
    await ada.page.keyboard.type('Anybody there?');
    await ada.page.keyboard.press('Enter');
    await ada.hears('Anybody there?', ECHO);
    await ada.sees('.message.mine .when', { hasText: 'round trip' });
}

// One request is held; of the others one can say how big they were and how long the news in them was under way.
async function wire(ada) {
    await ada.sees('.exchange[data-state=held] .held', { hasText: 'held' });
    await ada.sees('#strip .bar[data-state=held]');
    await ada.sees('#strip .bar[data-state=pushed]');
    const measured = ada.page.locator('.exchange[data-state=answered][data-latency]').first();
    assert.match(await measured.getAttribute('data-rid'), /^\d+$/);
    assert.ok(Number(await measured.getAttribute('data-latency')) >= 0);
    for (const direction of ['up', 'down']) assert.match(await measured.locator(`.${direction} .bytes`).textContent(), /^[\d.]+ k?B$/);
    assert.equal(await ada.page.locator('.exchange[data-state=failed]').count(), 0);
    await measured.locator('summary').click();
    await measured.locator('pre').last().filter({ hasText: '<message' }).waitFor();
    await measured.locator('summary').click();
}

// The page looks as the system does, until somebody chooses.
async function theme(ada) {
    const ground = () => ada.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await ada.page.emulateMedia({ colorScheme: 'light' });
    const light = await ground();
    await ada.page.emulateMedia({ colorScheme: 'dark' });
    const dark = await ground();
    assert.notEqual(light, dark);
    for (const [choice, expected] of [['dark', dark], ['light', light], ['auto', dark]]) {
        await ada.page.click('#theme');
        await ada.sees(`html[data-theme=${choice}]`);
        assert.equal(await ground(), expected);
    }
}

async function taken(cyd) {
    await cyd.enter('ADA');
    await cyd.sees('#complaint', { hasText: 'Somebody is called ada already. How about ada' });
    await picture(cyd, 'taken');
    await cyd.page.click('#enter');
    await cyd.isOnline();
    return cyd.page.inputValue('#nickname');
}

async function leave(ada, bob, cyd, other) {
    await ada.sees(present(`${other}@localhost`));
    await cyd.page.goto('about:blank');                   // as closing the tab does
    await ada.seesNo(contact(`${other}@localhost`));
    await bob.page.click('#leave');
    await bob.sees('#nickname');
    await bob.sees('#status[data-state=offline]');
    assert.equal(await bob.page.textContent('#complaint'), '');
    assert.equal(await bob.page.locator('.exchange[data-state=failed]').count(), 0);
    await ada.sees(`${contact(BOB)}:not([data-here])`);   // they have talked, so he stays in the list
}

// What was said in the room is there, and is there once: for a newcomer, and after another session of the same page.
async function comeBack(ada, bob) {
    await bob.enter();
    await bob.isOnline();
    await ada.sees(present(BOB));
    await bob.page.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide')));
    await bob.sees('#notice', { hasText: 'left the page' });
    await ada.seesNo(present(BOB));
    await bob.page.click('#reconnect');
    await bob.isOnline();
    await ada.sees(present(BOB));
    await ada.open(LOBBY);
    await ada.says('Welcome back');
    await bob.hears('Welcome back', `${LOBBY}/ada`);
    await bob.heardOnce('Good morning, all of you');
    await bob.heardOnce('And to you');
}

// In both themes; nothing may stick out of the window to the right.
async function picture({ page, name }, what) {
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(tooWide <= 0, `${name}, ${what}: ${tooWide} pixels too wide`);
    if (!folder) return;
    for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: `${folder}/${name}-${what}-${colorScheme}.png`, fullPage: name === 'bob' });
    }
}

if (folder) await mkdir(folder, { recursive: true });
const faults = await withBrowser(async (browser) => {
    const arrive = (name, options) => Visitor.arrive(browser, url, name, options);
    const [ada, bob, cyd] = await Promise.all([arrive('ada', DESK), arrive('bob', PHONE), arrive('cyd', DESK)]);
    await enter(ada, bob);
    const other = await taken(cyd);
    await chat(ada, bob);
    await picture(ada, 'chat');
    await room(ada, bob);
    await echo(ada);
    await wire(ada);
    await picture(ada, 'wire');
    await picture(bob, 'room');
    await theme(ada);
    await leave(ada, bob, cyd, other);
    await comeBack(ada, bob);
    return [ada, bob, cyd].flatMap((visitor) => visitor.faults);
});
console.log(JSON.stringify(faults));
