// A user whose client acts as JSJaC in Chromium (tests/clients/page-user.mjs): node jsjac-user.mjs ENDPOINT JID PASSWORD leave=MANNER [OPTION...]
// Chromium has forbidden synchronous requests of a page that is left since its version 83; with a switch it allows them, as browsers did when
// JSJaC was written.

import { options, tell } from './conversation.mjs';
import { userInPage } from './page-user.mjs';

const ALLOWED = '--disable-features=ForbidSyncXHRInPageDismissal';

tell('version', 'JSJaC (a page that acts as it)', '2018');
await userInPage(['digests.js', 'jsjac-session.js', 'jsjac-user.js'], options.includes('leave=synchronous') ? [ALLOWED] : []);
