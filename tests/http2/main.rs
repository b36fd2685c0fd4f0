//! HTTP/2 as clients and proxies speak it (spec.md O03, O04): with the h2 crate as the client, with frames written by hand where no client
//! would, and once with curl. In memory under a paused clock, or on loopback.

mod attacks;
#[path = "../support/authority.rs"]
mod authority;
mod bodies;
mod client;
mod closing;
mod frames;
mod held;
mod secure;
mod websocket;
#[path = "../support"]
mod support {
    pub mod packages;
}
mod curl;
#[path = "../support/stack.rs"]
mod stack;
#[path = "../support/wire.rs"]
mod wire;

use std::time::Duration;

use boshd::front::Options;
use client::Client;
use stack::{Session, Stack, creation};

/// Long enough for whatever would be answered at once; under a paused clock it is free.
const WHILE: Duration = Duration::from_millis(500);

fn stack() -> Stack {
    Stack::new(Options::default())
}

/// A new session on this connection, its features taken, so that its next request is held.
async fn session(client: &mut Client, wait: u32) -> Session {
    let mut answer = client.post(&creation(wait)).await.answer().await;
    let mut session = Session::of_text(&answer.text());
    while !answer.text().contains("<stream:features") {
        answer = client.post(&session.body("")).await.answer().await;
    }
    session
}
