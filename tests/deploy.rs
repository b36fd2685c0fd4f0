//! The recipes of `deploy/`, each started for real between clients and boshd, with real XMPP servers behind it: what a user sees
//! through each proxy, what the servers know of the user, and what the proxy costs boshd. What the tests need is installed by them.

#[path = "support"]
mod support {
    pub mod bosh;
    pub mod boshd;
    pub mod certificates;
    pub mod counter;
    pub mod ejabberd;
    pub mod element;
    pub mod http;
    pub mod packages;
    pub mod process;
    pub mod prosody;
    pub mod recipe;
    pub mod server;
    pub mod websocket;
}

/// Makes a test for each recipe of each play `async fn play(recipe: &Recipe)`.
macro_rules! behind_each_proxy {
    ($($play:ident),+ $(,)?) => {
        behind_each_proxy!(nginx NGINX: $($play),+);
        behind_each_proxy!(haproxy HAPROXY: $($play),+);
        behind_each_proxy!(haproxy_http HAPROXY_HTTP: $($play),+);
        behind_each_proxy!(caddy CADDY: $($play),+);
        behind_each_proxy!(apache APACHE: $($play),+);
    };
    ($proxy:ident $recipe:ident: $($play:ident),+) => {
        mod $proxy {
            $(#[tokio::test]
            async fn $play() {
                super::$play(&crate::$recipe).await;
            })+
        }
    };
}

use support::recipe::Recipe;
use support::recipe::apache::APACHE;
use support::recipe::caddy::CADDY;
use support::recipe::haproxy::{HAPROXY, HAPROXY_HTTP};
use support::recipe::nginx::NGINX;

const RECIPES: [&Recipe; 5] = [&NGINX, &HAPROXY, &HAPROXY_HTTP, &CADDY, &APACHE];

#[path = "deploy"]
mod deploy {
    mod chat;
    mod crowd;
    mod deployment;
    mod documents;
    mod held;
    mod leave;
    mod outage;
    mod pages;
    mod pipelining;
    mod silence;
    mod socket;
    mod upload;
    mod websocket;
    mod without;
}
