//! stanza.js in Node.

use crate::play::Cut;
use crate::stage::{Client, http_bind};
use crate::support::npm;

const STANZA: Client = Client {
    name: "stanza",
    command: || npm::script("stanza-user.mjs"),
    options: &[],
    endpoint: http_bind,
};

#[tokio::test(flavor = "multi_thread")]
async fn stanza() {
    STANZA.plays(Cut::GoesOn).await;
}
