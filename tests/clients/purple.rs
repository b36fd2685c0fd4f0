//! libpurple 2, the library of Pidgin and Finch.

use std::time::Duration;

use crate::behind::Manner;
use crate::play::Cut;
use crate::stage::{Client, http_bind};
use crate::support::native::{Libraries, Source};

const SOURCE: Source = Source {
    file: "purple.c",
    compiler: &["gcc", "-std=gnu11"],
    packages: &["gcc", "libpurple-dev", "pkg-config"],
    libraries: Libraries::PkgConfig("purple"),
};

const PURPLE: Client = Client {
    name: "purple",
    command: || SOURCE.command(),
    options: &[],
    endpoint: http_bind,
};

#[tokio::test(flavor = "multi_thread")]
async fn purple() {
    PURPLE.plays(Cut::GoesOn).await;
}

// O01. Up to 2.12 it was on the connection where the request is held (contract H1), as it is with gloox; since 2.13.0 it is on another one.
#[tokio::test(flavor = "multi_thread")]
async fn purple_speaks_while_a_request_is_held() {
    let manner = Manner {
        behind: 0,
        // there is a second between what it is told and what it says to that
        quiet: Duration::from_millis(1500),
        wait: Duration::from_secs(55),
    };
    PURPLE.speaks_while_held(manner).await;
}
