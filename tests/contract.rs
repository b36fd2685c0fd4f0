//! What clients in the wild force on a connection manager, rule by rule (`tests/contract/rules.txt`): requests of the very shape that the client
//! sends, answers read as it reads them, boshd in this process, and a server of which the test says every word. A test is headed by the number of
//! its rule, which is none of the specification's.

#[path = "support/bench.rs"]
mod bench;
#[path = "support/desk.rs"]
mod desk;
#[path = "support/stack.rs"]
mod stack;
#[path = "support/wire.rs"]
mod wire;

#[path = "contract"]
mod contract {
    mod caller;
    mod client;
    mod creation;
    mod http;
    mod keys;
    mod parsing;
    mod polling;
    mod readers;
    mod responses;
}
