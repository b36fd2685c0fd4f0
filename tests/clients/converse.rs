//! Converse.js in Chromium.

use crate::play::Cut;
use crate::stage::{Client, http_bind};
use crate::support::{chromium, npm};

const CONVERSE: Client = Client {
    name: "converse",
    command: || {
        chromium::ensure();
        npm::script("converse-user.mjs")
    },
    options: &[],
    endpoint: http_bind,
};

#[tokio::test(flavor = "multi_thread")]
async fn converse() {
    CONVERSE.plays(Cut::GoesOn).await;
}
