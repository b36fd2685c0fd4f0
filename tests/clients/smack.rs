//! Smack over jbosh, the way of Java clients.

use crate::play::Cut;
use crate::stage::{Client, http_bind};
use crate::support::java;

const SMACK: Client = Client {
    name: "smack",
    command: || java::program("smack", "Smack.java"),
    options: &[],
    endpoint: http_bind,
};

#[tokio::test(flavor = "multi_thread")]
async fn smack() {
    SMACK.plays(Cut::GivesUp).await;
}
