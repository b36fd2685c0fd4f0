//! stanza.js in Node and Strophe.js in Chromium behind networks of our own, on real sockets.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::chat::{Size, stanza, strophe, url};
use super::idle::IdleCut;
use super::proxies::{Habit, Proxy};
use crate::support::boshd::Boshd;
use crate::support::chromium;
use crate::support::link::{Link, Quality};
use crate::support::network::{Entrance, Network};
use crate::support::process::free_port;
use crate::support::prosody::Prosody;
use crate::support::server::domain;

/// What cuts after 15 s in the world, where every test runs and in a soak.
fn patience() -> Duration {
    match std::env::var_os("BOSHD_SOAK") {
        None => Duration::from_secs(2),
        Some(_) => Duration::from_secs(15),
    }
}

async fn chat(network: Arc<dyn Network>, size: Size) {
    let prosody = Prosody::start(&["alice", "bob"]);
    let boshd = Boshd::start(prosody.address);
    let entrance = Entrance::to(network, boshd.address).await;
    stanza(Command::new("node"), entrance.address, size).await;
}

fn silent() -> Size {
    Size::of(Duration::from_secs(3), Duration::from_secs(40))
}

fn brisk() -> Size {
    Size::of(Duration::from_millis(500), Duration::from_secs(10))
}

#[tokio::test]
async fn stanza_behind_an_idle_cut() {
    let network = IdleCut::after(patience());
    chat(network.clone(), silent()).await;
    assert!(network.cuts() > 0, "a network too friendly");
}

#[tokio::test]
async fn stanza_behind_a_buffering_proxy() {
    chat(Proxy::which(Habit::Buffers), brisk()).await;
}

#[tokio::test]
async fn stanza_behind_a_proxy_of_http_1_0() {
    chat(Proxy::which(Habit::Antique), brisk()).await;
}

#[tokio::test]
async fn stanza_behind_a_proxy_that_repeats_posts() {
    let network = Proxy::which(Habit::Retries(patience()));
    chat(network.clone(), silent()).await;
    assert!(network.repeats() > 4, "a network too friendly");
}

#[tokio::test]
async fn stanza_behind_a_proxy_that_rewrites_headers() {
    chat(Proxy::which(Habit::Rewrites), brisk()).await;
}

// its page is of another site, so that the browser keeps the portal's page from it
#[tokio::test(flavor = "multi_thread")]
async fn strophe_behind_a_captive_portal() {
    chromium::ensure();
    let prosody = Prosody::start(&["alice", "bob"]);
    let boshd = Boshd::start(prosody.address);
    let entrance = Entrance::to(Proxy::which(Habit::Captive), boshd.address).await;
    let result = strophe(url("http", entrance.address), None, brisk()).await;
    assert_eq!(
        result["retries"].as_u64(),
        Some(0),
        "after the login nobody noticed: {result}"
    );
}

#[tokio::test]
async fn stanza_over_a_lossy_link() {
    let quality = Quality {
        delay: Duration::from_millis(300),
        loss: 5,
    };
    let link = Link::with(quality, 5).await;
    println!("300 ms and 5 % loss each way: {}", link.by);
    let prosody = Prosody::start(&["alice", "bob"]);
    let address = (link.near, free_port().port()).into();
    let listen = format!("[[listen]]\naddress = '{address}'\n[shutdown]\ngrace = '0s'\ndeadline = '2s'\n");
    let _boshd = Boshd::with(domain(), prosody.address, &listen);
    let size = Size::of(Duration::from_millis(500), Duration::from_secs(20));
    let result = stanza(link.beyond("node"), address, size).await;
    let delays = result["delays"].as_array().expect("a list");
    assert!(
        delays.iter().all(|delay| delay.as_u64() >= Some(600)),
        "not over the link: {result}"
    );
}
