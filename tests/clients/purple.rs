//! libpurple 2, the library of Pidgin and Finch.

use std::time::Duration;

use futures_util::future::join_all;

use crate::behind::Manner;
use crate::play::Cut;
use crate::stage::{Client, http_bind};
use crate::support::backend::Kind;
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

// It waits for a second before whatever it says; so it plays with both servers at once.
#[tokio::test(flavor = "multi_thread")]
async fn purple() {
    let plays = Kind::all().into_iter().map(|kind| PURPLE.plays_with(kind, Cut::GoesOn));
    join_all(plays).await;
}

// O01, H1
#[tokio::test(flavor = "multi_thread")]
async fn purple_speaks_while_a_request_is_held() {
    let manner = Manner {
        behind: 1,
        quiet: Duration::from_millis(1500),
        wait: Duration::from_secs(55),
    };
    PURPLE.speaks_while_held(manner).await;
}
