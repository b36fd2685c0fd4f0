//! Babbler: acknowledgements, compression of requests and answers, and a connection of its own for each request.
//! Its keys are left alone: it throws one away with each empty request that it decides not to send, and any server must end its session then.

use crate::play::Cut;
use crate::stage::{Client, http_bind};
use crate::support::java;

const BABBLER: Client = Client {
    name: "babbler",
    command: || java::program("babbler", "Babbler.java"),
    options: &[],
    endpoint: http_bind,
};

// Java's HTTP client, below Babbler, repeats a request whose connection was cut: the same bytes, and the session goes on.
#[tokio::test(flavor = "multi_thread")]
async fn babbler() {
    BABBLER.plays(Cut::GoesOn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn babbler_with_compression() {
    let client = Client {
        options: &["compression"],
        ..BABBLER
    };
    client.plays(Cut::GoesOn).await;
}
