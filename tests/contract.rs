//! What real clients force on a connection manager (`tests/contract/rules.txt`), one test a rule, in requests of the very shape that the clients send.

#[path = "support/bench.rs"]
mod bench;
#[path = "support/stack.rs"]
mod stack;
#[path = "support/wire.rs"]
mod wire;

#[path = "contract"]
mod contract {
    mod client;
    mod http;
    mod parsing;
}
