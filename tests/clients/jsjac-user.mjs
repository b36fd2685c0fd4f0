// A user whose client acts as JSJaC in Chromium (tests/clients/page-user.mjs): node jsjac-user.mjs ENDPOINT JID PASSWORD leave=MANNER [OPTION...]

import { tell } from './conversation.mjs';
import { userInPage } from './page-user.mjs';

tell('version', 'JSJaC (a page that acts as it)', '2018');
await userInPage(['digests.js', 'jsjac-session.js', 'jsjac-user.js']);
