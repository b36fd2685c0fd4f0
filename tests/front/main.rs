//! HTTP as clients and browsers meet it, before any meaning in BOSH. In memory under a paused clock, or on loopback.

mod arrival;
mod content;
mod cors;
mod discovery;
mod envelope;
mod limits;
mod pages;
mod script;
#[path = "../support/stack.rs"]
mod stack;
mod upgrade;
#[path = "../support/wire.rs"]
mod wire;

use boshd::front::Options;
use stack::Stack;
use wire::Reply;

fn stack() -> Stack {
    Stack::new(Options::default())
}

/// What every answer of the endpoint has: a length, a type, and leave for scripts to read it, each once.
fn is_proper(reply: &Reply) -> bool {
    reply.header("transfer-encoding").is_none()
        && reply.header("set-cookie").is_none()
        && reply.header("access-control-allow-origin") == Some("*")
        && reply.header("x-content-type-options") == Some("nosniff")
        && reply.header("cache-control") == Some("no-store")
}
