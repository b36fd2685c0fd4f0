//! What goes wrong without a line of a recipe, as `docs/deploy.md` says: who thinks that a line is idle finds here what it is for.

use std::time::Duration;

use futures_util::future::join_all;

use super::deployment::Deployment;
use super::held::open_all;
use super::leave::hold;
use super::outage::CREATION;
use crate::support::prosody::Prosody;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _};
use crate::{APACHE, HAPROXY, HAPROXY_HTTP, NGINX};

/// The text of a recipe with something else in one place.
pub fn instead(recipe: &Recipe, from: &str, to: &str) -> String {
    let text = recipe.text();
    assert_eq!(text.matches(from).count(), 1, "{}: {from}", recipe.file);
    text.replace(from, to)
}

/// What Debian's Apache has.
const THREADS: u64 = 150;

/// All that are held stay it for longer.
const HELD: Duration = Duration::from_secs(5);

fn prosody() -> Prosody {
    Prosody::with(&["alice"], &Options::default())
}

#[tokio::test]
async fn nginx_makes_a_connection_for_each_request() {
    let prosody = prosody();
    for line in [
        "    proxy_http_version 1.1;\n",
        "    proxy_set_header Connection $boshd_connection;\n",
        "    keepalive 256;\n",
    ] {
        let deployment = Deployment::altered(&NGINX, &instead(&NGINX, line, ""), prosody.address, "").await;
        let mut alice = deployment.login("alice").await;
        for _ in 0..10 {
            alice.settle().await;
        }
        let connections = deployment.counter.connections();
        println!(
            "without {}: {} requests on {connections} connections",
            line.trim(),
            alice.requests()
        );
        assert!(connections * 2 > alice.requests(), "{line}: {connections} connections");
    }
}

// without its time-out nginx waits 60 s: above `max_wait`, but not by much
#[tokio::test]
async fn nginx_cuts_who_waits_longer() {
    let prosody = prosody();
    let text = instead(&NGINX, "proxy_read_timeout 90s", "proxy_read_timeout 1s");
    let deployment = Deployment::altered(&NGINX, &text, prosody.address, "").await;
    assert_eq!(wait_out(&deployment, "30").await, Some(504));
}

/// The status with which a request ends that boshd holds for so many seconds; none if its connection broke.
pub async fn wait_out(deployment: &Deployment, wait: &str) -> Option<u16> {
    let endpoint = deployment.endpoint();
    let creation = CREATION.replace("wait='30'", &format!("wait='{wait}'"));
    let (status, mut answer) = endpoint.attempt(&creation).await.expect("an answer");
    assert_eq!(status, 200, "{answer}");
    let sid = answer.split_once(" sid='").expect("a sid").1;
    let sid = sid.split_once('\'').expect("its end").0.to_owned();
    let mut rid = 7;
    while !answer.contains("features") {
        rid += 1;
        answer = endpoint.attempt(&next(rid, &sid)).await.expect("an answer").1;
    }
    endpoint.attempt(&next(rid + 1, &sid)).await.ok().map(|(status, _)| status)
}

fn next(rid: u64, sid: &str) -> String {
    format!("<body xmlns='http://jabber.org/protocol/httpbind' rid='{rid}' sid='{sid}'/>")
}

// without a word on cross-origin access, so that a web page does not even learn why
#[tokio::test]
async fn nginx_refuses_what_boshd_would_answer() {
    let prosody = prosody();
    let creation = CREATION.replace("/>", &format!(">{}</body>", " ".repeat(1 << 20)));
    for (text, refused) in [
        (instead(&NGINX, "    client_max_body_size 2m;\n", ""), true),
        (NGINX.text(), false),
    ] {
        let deployment = Deployment::altered(&NGINX, &text, prosody.address, "").await;
        let (status, body) = deployment.endpoint().attempt(&creation).await.expect("an answer");
        assert_eq!(
            (status == 413, body.contains("policy-violation")),
            (refused, !refused),
            "{status} {body}"
        );
    }
}

// what the client itself has written there is handed on
#[tokio::test]
async fn clients_are_who_they_say() {
    let prosody = prosody();
    for (recipe, line) in [
        (&NGINX, "    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"),
        (&HAPROXY_HTTP, "    option forwardfor\n"),
    ] {
        let deployment = Deployment::altered(recipe, &instead(recipe, line, ""), prosody.address, "").await;
        let client = deployment.endpoint().saying("X-Forwarded-For: 203.0.113.9\r\n");
        client.attempt(CREATION).await.expect("an answer");
        let log = deployment.boshd();
        assert_eq!(log.wrote("client=203.0.113.9"), 1, "{}", log.log());
    }
}

// boshd does not learn that the client came over TLS, or for which name
#[tokio::test]
async fn there_is_no_host_meta() {
    let prosody = prosody();
    for (recipe, from, to) in [
        (&NGINX, "    proxy_set_header X-Forwarded-Proto $scheme;\n", ""),
        (&NGINX, "    proxy_set_header Host $host;\n", ""),
        (&HAPROXY, "send-proxy-v2-ssl", "send-proxy-v2"),
        (&HAPROXY_HTTP, "    http-request set-header X-Forwarded-Proto https\n", ""),
        (&APACHE, "    RequestHeader set X-Forwarded-Proto https\n", ""),
        (&APACHE, "    ProxyPreserveHost On\n", ""),
    ] {
        let deployment = Deployment::altered(recipe, &instead(recipe, from, to), prosody.address, "").await;
        let (status, body) = deployment.endpoint().get("/.well-known/host-meta").await.expect("an answer");
        assert_eq!(status, 404, "{}, {from}: {body}", recipe.file);
    }
}

#[tokio::test]
async fn boshd_waits_for_who_the_client_is() {
    let prosody = prosody();
    let text = instead(&HAPROXY, " send-proxy-v2-ssl", "");
    let deployment = Deployment::altered(&HAPROXY, &text, prosody.address, "").await;
    let answer = deployment.endpoint().attempt(CREATION).await;
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn apache_has_no_thread_left() {
    let prosody = prosody();
    let text = APACHE.text();
    let (text, _) = text.split_once("# For the whole of Apache").expect("threads");
    let deployment = Deployment::altered(&APACHE, text, prosody.address, "").await;
    let mut clients = open_all(&deployment).await;
    join_all(clients.iter_mut().map(|client| client.hear_nothing(HELD))).await;
    let held = deployment.counter.open();
    assert!(held <= THREADS, "{held} of {}", clients.len());
}

// and so does boshd not, which could tell the server
#[tokio::test]
async fn haproxy_does_not_see_that_a_client_has_gone() {
    let prosody = prosody();
    let text = instead(&HAPROXY_HTTP, "    option abortonclose\n", "");
    let deployment = Deployment::altered(&HAPROXY_HTTP, &text, prosody.address, "").await;
    let held = hold(&deployment).await;
    drop(held);
    tokio::time::sleep(HELD).await;
    assert_eq!(deployment.counter.open(), 1);
}
