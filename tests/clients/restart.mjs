// A visitor of the try-out page when boshd is killed, and started again by whoever has started it before.
// node restart.mjs URL PID; the last line printed is JSON: what the page said about it, and then without a network.

import { withBrowser } from './browser.mjs';
import { Visitor, present } from './visitor.mjs';

const [url, pid] = [process.argv[2], Number(process.argv[3])];

const said = await withBrowser(async (browser) => {
    const ada = await Visitor.arrive(browser, url, 'ada');
    const notice = () => ada.page.textContent('#notice-text');
    await ada.enter();
    await ada.isOnline();
    process.kill(pid, 'SIGKILL');
    await ada.sees('#notice');
    await ada.sees('#composer-fields:disabled');
    const said = [await notice()];

    await ada.page.context().setOffline(true);
    await ada.page.click('#reconnect');
    await ada.sees('#notice-text:has-text("cannot be reached")');
    said.push(await notice());

    await ada.page.context().setOffline(false);
    await ada.page.click('#reconnect');
    await ada.isOnline();
    await ada.seesNo('#notice');
    await ada.sees(present('lobby@conference.localhost'));
    await ada.says('Here I am again');
    await ada.sees('.message.mine .when', { hasText: 'round trip' });
    return said;
});
console.log(JSON.stringify(said));
