//! stanza.js and @xmpp/client in Node.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::play::{Cut, talk};
use crate::stage::{Client, Stage, http_bind};
use crate::support::backend::Kind;
use crate::support::doorman::Doorman;
use crate::support::network::Entrance;
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

// An application that would rather have a WebSocket, in networks that let none through.
#[tokio::test(flavor = "multi_thread")]
async fn stanza_where_websocket_is_blocked() {
    let client = Client {
        options: &["websocket", "bosh"],
        ..STANZA
    };
    let stage = Stage::with(Kind::Prosody, &["alice", "bob"]).await;
    let before = [
        Entrance::to(Arc::new(Doorman::Refuses), stage.address).await,
        Entrance::to(Arc::new(Doorman::HangsUp), stage.address).await,
    ];
    let mut pair = [
        Stage::comes_to(before[0].address, &client, "alice"),
        Stage::comes_to(before[1].address, &client, "bob"),
    ];
    for guest in &mut pair {
        guest.enters().await;
    }
    talk(&mut pair, "without WebSocket", 3).await;
    assert_eq!(stage.boshd.wrote("session begins"), 2);
    assert_eq!(stage.boshd.wrote("transport=\"websocket\""), 0);
    stage.record(&pair[0], "BOSH where WebSocket is blocked");
    for guest in pair {
        guest.leaves().await;
    }
    stage.is_left_with(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn xmpp_client_over_websocket() {
    XMPP_CLIENT.plays(Cut::ComesBack).await;
}
