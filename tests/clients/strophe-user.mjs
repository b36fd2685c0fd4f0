// A user of Strophe.js in Chromium (tests/clients/page-user.mjs): node strophe-user.mjs ENDPOINT JID PASSWORD PACKAGE [OPTION...]

import { readFileSync } from 'node:fs';
import { options, tell } from './conversation.mjs';
import { userInPage } from './page-user.mjs';

// What a page loads of each package.
const SCRIPTS = {
    'strophe.js': 'dist/strophe.umd.min.js',
    'strophe-4': 'dist/strophe.min.js',
    'strophe-1': 'dist/strophe.umd.min.js',
};

const folder = `node_modules/${options[0]}`;

// Not Strophe.VERSION, which nobody raised for 1.6.2 and for 4.0.0-rc0.
const { version } = JSON.parse(readFileSync(new URL(`${folder}/package.json`, import.meta.url)));
tell('version', 'Strophe.js', version);

await userInPage([`${folder}/${SCRIPTS[options[0]]}`, 'strophe-user.js']);
