//! Clients that people use, with boshd and a real Prosody: Strophe.js in Chromium, from a page of another origin, and
//! stanza.js in Node; over good connections and over ones that are cut at random.
//!
//! Both handle an answer when it arrives, on whichever of two connections; the rid would tell its place. So the users take turns: of two
//! messages that are under way at once, the later may be handled first, above all if the earlier answer got lost and is asked for again. What
//! boshd does with many at once is in `exactly_once.rs`, whose client goes by the rid.

#[path = "support"]
mod support {
    pub mod backend;
    pub mod bosh;
    pub mod boshd;
    pub mod certificates;
    pub mod chromium;
    pub mod cutter;
    pub mod doorman;
    pub mod ejabberd;
    pub mod element;
    pub mod http;
    pub mod java;
    pub mod message;
    pub mod native;
    pub mod network;
    pub mod npm;
    pub mod packages;
    pub mod process;
    pub mod prosody;
    pub mod record;
    pub mod running;
    pub mod server;
    pub mod valve;
}

#[path = "clients/babbler.rs"]
mod babbler;
#[path = "clients/behind.rs"]
mod behind;
#[path = "clients/converse.rs"]
mod converse;
#[path = "clients/cross_origin.rs"]
mod cross_origin;
#[path = "clients/gloox.rs"]
mod gloox;
#[path = "clients/guest.rs"]
mod guest;
#[path = "clients/hidden.rs"]
mod hidden;
#[path = "clients/jsjac.rs"]
mod jsjac;
#[path = "clients/node.rs"]
mod node;
#[path = "clients/play.rs"]
mod play;
#[path = "clients/purple.rs"]
mod purple;
#[path = "clients/smack.rs"]
mod smack;
#[path = "clients/stage.rs"]
mod stage;
#[path = "clients/strophe.rs"]
mod strophe;
#[path = "clients/tap.rs"]
mod tap;
#[path = "clients/tsung.rs"]
mod tsung;
#[path = "clients/xmpp4r.rs"]
mod xmpp4r;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use support::backend::Backend;
use support::boshd::Boshd;
use support::cutter::Cutter;
use support::{chromium, npm};
use tokio::task::spawn_blocking;

/// Sent by each of the two users.
const MESSAGES: usize = 200;
/// Both clients wait longer after each failure in a row (Strophe 8 s, then 27 s).
const PATIENCE: Duration = Duration::from_secs(240);

async fn chat(script: &'static str, endpoint: SocketAddr) -> Value {
    let run = move || {
        let endpoint = format!("http://{endpoint}/http-bind");
        npm::run(script, &[&endpoint, &MESSAGES.to_string()], PATIENCE)
    };
    spawn_blocking(run).await.expect("the script")
}

fn received(result: &Value, user: &str) -> Vec<String> {
    let list = result[user].as_array().unwrap_or_else(|| panic!("{result}"));
    list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

fn sent(user: &str) -> Vec<String> {
    (0..MESSAGES).map(|number| format!("{user} {number}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn strophe_in_chromium_on_a_hostile_network() {
    chromium::ensure();
    let server = Backend::first(&["alice", "bob"]);
    let boshd = Boshd::start(server.address());
    let cutter = Cutter::start(boshd.address, 11).await;
    let result = chat("strophe.mjs", cutter.address).await;
    assert_eq!(received(&result, "alice"), sent("bob"));
    assert_eq!(received(&result, "bob"), sent("alice"));
    assert!(cutter.cuts() > 10, "a network too friendly: {} cuts, {result}", cutter.cuts());
}

#[tokio::test]
async fn stanza_in_node() {
    let server = Backend::first(&["alice", "bob"]);
    let boshd = Boshd::start(server.address());
    let result = chat("stanza.mjs", boshd.address).await;
    assert_eq!(received(&result, "alice"), sent("bob"));
    assert_eq!(received(&result, "bob"), sent("alice"));
}

#[tokio::test]
async fn stanza_in_node_on_a_hostile_network() {
    let server = Backend::first(&["alice", "bob"]);
    let boshd = Boshd::start(server.address());
    let cutter = Cutter::start(boshd.address, 13).await;
    let result = chat("stanza.mjs", cutter.address).await;
    assert_eq!(received(&result, "alice"), sent("bob"));
    assert_eq!(received(&result, "bob"), sent("alice"));
    assert!(cutter.cuts() > 10, "a network too friendly: {} cuts, {result}", cutter.cuts());
}
