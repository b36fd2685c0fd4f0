//! Half an hour of chat, in virtual time, through each network of our own: nothing is lost, doubled or out of order.

use std::sync::Arc;
use std::time::Duration;

use boshd::manager::Options;

use super::conversation::{Pace, Report, converse, house};
use super::cutting::Cutting;
use super::idle::IdleCut;
use super::lossy::Lossy;
use super::proxies::{Habit, Proxy};
use crate::client::http::Manner;
use crate::support::network::Network;

async fn chat(name: &str, network: Arc<dyn Network>) -> Report {
    let report = converse(&house(Options::default()), network, Manner::Keen, Pace::Lively).await;
    println!("{name}: {report}");
    assert!(report.messages() > 300, "a chat too short");
    report
}

#[tokio::test(start_paused = true)]
async fn behind_an_idle_cut() {
    let network = IdleCut::after(Duration::from_secs(15));
    chat("idle cut at 15 s", network.clone()).await;
    assert!(network.cuts() > 0, "a network too friendly");
}

#[tokio::test(start_paused = true)]
async fn behind_a_nat_that_forgets() {
    let network = IdleCut::unnoticed_after(Duration::from_secs(15));
    chat("connections forgotten after 15 s", network.clone()).await;
    assert!(network.cuts() > 20, "a network too friendly");
}

#[tokio::test(start_paused = true)]
async fn behind_a_buffering_proxy() {
    chat("buffering proxy", Proxy::which(Habit::Buffers)).await;
}

#[tokio::test(start_paused = true)]
async fn behind_a_proxy_of_http_1_0() {
    chat("HTTP/1.0 without keep-alive", Proxy::which(Habit::Antique)).await;
}

#[tokio::test(start_paused = true)]
async fn behind_a_proxy_that_repeats_posts() {
    let network = Proxy::which(Habit::Retries(Duration::from_secs(5)));
    chat("proxy that repeats POSTs", network.clone()).await;
    assert!(network.repeats() > 100, "a network too friendly");
}

#[tokio::test(start_paused = true)]
async fn over_a_lossy_link() {
    let report = chat("300 ms, 5 % loss", Lossy::with(Duration::from_millis(300), 5, 7)).await;
    assert!(report.percentile(50) >= Duration::from_millis(600), "it is slow");
}

#[tokio::test(start_paused = true)]
async fn where_connections_are_cut() {
    let network = Cutting::with(3);
    chat("cuts at any byte", network.clone()).await;
    assert!(network.cuts() > 100, "a network too friendly");
}

#[tokio::test(start_paused = true)]
async fn behind_a_proxy_that_rewrites_headers() {
    chat("proxy that rewrites headers", Proxy::which(Habit::Rewrites)).await;
}

#[tokio::test(start_paused = true)]
async fn behind_a_captive_portal() {
    let report = chat("captive portal", Proxy::which(Habit::Captive)).await;
    assert_eq!(report.died, 1, "one answer was its page");
}
