//! Debian's Chromium for browser tests; `tests/clients/browser.mjs` drives it.

use super::packages;

pub fn ensure() {
    packages::ensure(&["chromium"]);
}
