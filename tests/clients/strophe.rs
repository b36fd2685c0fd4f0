//! Three generations of Strophe.js in Chromium, in pages of other origins than the endpoint's.

use std::process::Command;

use crate::play::Cut;
use crate::stage::{Client, http_bind};
use crate::support::{chromium, npm};

pub const STROPHE: Client = strophe(&["strophe.js"]);

pub const fn strophe(options: &'static [&'static str]) -> Client {
    Client {
        name: "strophe",
        command,
        options,
        endpoint: http_bind,
    }
}

fn command() -> Command {
    chromium::ensure();
    npm::script("strophe-user.mjs")
}

#[tokio::test(flavor = "multi_thread")]
async fn strophe_5() {
    STROPHE.plays(Cut::GoesOn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strophe_4() {
    strophe(&["strophe-4"]).plays(Cut::GoesOn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strophe_1() {
    strophe(&["strophe-1"]).plays(Cut::GoesOn).await;
}
