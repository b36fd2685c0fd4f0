//! stanza.js and @xmpp/client in Node.

use std::net::SocketAddr;

use crate::play::Cut;
use crate::stage::{Client, http_bind};
use crate::support::npm;

const STANZA: Client = Client {
    name: "stanza",
    command: || npm::script("stanza-user.mjs"),
    options: &[],
    endpoint: http_bind,
};

const XMPP_CLIENT: Client = Client {
    name: "xmpp-client",
    command: || npm::script("xmpp-client-user.mjs"),
    options: &[],
    endpoint: websocket,
};

fn websocket(boshd: SocketAddr) -> String {
    format!("ws://{boshd}/ws")
}

#[tokio::test(flavor = "multi_thread")]
async fn stanza() {
    STANZA.plays(Cut::GoesOn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stanza_over_websocket() {
    let client = Client {
        options: &["websocket"],
        ..STANZA
    };
    client.plays(Cut::ComesBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn xmpp_client_over_websocket() {
    XMPP_CLIENT.plays(Cut::ComesBack).await;
}
