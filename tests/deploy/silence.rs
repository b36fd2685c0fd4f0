//! Nothing is said for longer than proxies commonly wait. All recipes are silent at the same time.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;

use super::deployment::Deployment;
use super::websocket;
use super::without::{instead, wait_out};
use crate::support::bosh::Bosh;
use crate::support::prosody::Prosody;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _, jid};
use crate::{HAPROXY, HAPROXY_HTTP, RECIPES};

/// nginx, which has the longest, waits 60 s if it is told nothing.
const SILENCE: Duration = Duration::from_secs(70);
/// With BOSHD_SOAK: also longer than boshd keeps an idle connection.
const LONG_SILENCE: Duration = Duration::from_secs(180);

#[tokio::test]
async fn every_proxy_bears_silence() {
    let silence = if std::env::var_os("BOSHD_SOAK").is_some() {
        LONG_SILENCE
    } else {
        SILENCE
    };
    const USERS: [&str; RECIPES.len()] = ["nginx", "haproxy", "http", "caddy", "apache"];
    let prosody = Prosody::with(&USERS, &Options::default());
    let mut plays = Vec::new();
    for (recipe, user) in RECIPES.into_iter().zip(USERS) {
        let deployment = Deployment::of(recipe, prosody.address, "").await;
        plays.push(be_silent(deployment, user, silence));
    }
    tokio::join!(
        join_all(plays),
        debians_time_outs_cut(&HAPROXY, prosody.address, None),
        debians_time_outs_cut(&HAPROXY_HTTP, prosody.address, Some(504)),
    );
}

async fn be_silent(deployment: Deployment, user: &str, silence: Duration) {
    let mut framed = websocket::open(&deployment.endpoint()).await;
    websocket::log_in(&mut framed, user).await;
    let hears_nothing = async {
        assert!(framed.is_silent_for(silence).await, "{user}");
        websocket::begin_stream(&mut framed).await;
    };
    tokio::join!(hears_nothing, talk_to_oneself(&deployment, user, silence));
}

async fn talk_to_oneself(deployment: &Deployment, user: &str, silence: Duration) {
    let mut client = Bosh::open_patiently(deployment.endpoint()).await;
    client.enter(user, "PLAIN").await;
    client.appear().await;
    client.hear_nothing(silence).await;
    assert_eq!(client.repeats(), 0, "{user}");
    client
        .send(&format!(
            "<message xmlns='jabber:client' type='chat' to='{}'><body>still here</body></message>",
            jid(user)
        ))
        .await;
    let message = client.expect("a message", |stanza| stanza.name == "message").await;
    assert_eq!(message.text_of("body"), Some("still here"), "{message:?}");
}

/// HAProxy as Debian sets it up waits for 50 s, and boshd lets a client wait for 55 s.
async fn debians_time_outs_cut(recipe: &Recipe, server: SocketAddr, seen: Option<u16>) {
    let lines = "    timeout client 90s\n    timeout server 90s\n";
    let text = instead(recipe, lines, "    timeout client 50s\n    timeout server 50s\n");
    let deployment = Deployment::altered(recipe, &text, server, "").await;
    assert_eq!(wait_out(&deployment, "60").await, seen);
}
