//! gloox in each of its ways with HTTP: 1.0 without keep-alive, 1.1 on several connections, and pipelined on one.

use std::time::Duration;

use crate::behind::Manner;
use crate::play::Cut;
use crate::stage::{Client, http_bind};
use crate::support::native::{Libraries, Source};

const SOURCE: Source = Source {
    file: "gloox.cpp",
    compiler: &["g++", "-std=c++17"],
    packages: &["g++", "libgloox-dev"],
    libraries: Libraries::Named(&["-lgloox"]),
};

const fn in_mode(options: &'static [&'static str]) -> Client {
    Client {
        name: "gloox",
        command: || SOURCE.command(),
        options,
        endpoint: http_bind,
    }
}

const LEGACY: Client = in_mode(&["legacy"]);
const PERSISTENT: Client = in_mode(&["persistent"]);
const PIPELINING: Client = in_mode(&["pipelining"]);

// It never asks again for what a lost connection was to answer.
#[tokio::test(flavor = "multi_thread")]
async fn gloox_legacy() {
    LEGACY.plays(Cut::GivesUp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gloox_persistent() {
    PERSISTENT.plays(Cut::GivesUp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gloox_pipelining() {
    PIPELINING.plays(Cut::GivesUp).await;
}

// O01, contract H1
#[tokio::test(flavor = "multi_thread")]
async fn gloox_speaks_while_a_request_is_held() {
    for (client, behind) in [(LEGACY, 0), (PERSISTENT, 0), (PIPELINING, 1)] {
        let manner = Manner {
            behind,
            quiet: Duration::from_millis(500),
            wait: Duration::from_secs(30),
        };
        client.speaks_while_held(manner).await;
    }
}
