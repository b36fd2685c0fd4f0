//! A server that runs already (`support::server::Place`) sees every play that applies to it, one after the other:
//! `cargo test --test servers before_a_server_that_runs`. Where the environment names none, this starts one and names it.

use std::future::Future;
use std::io::Write as _;
use std::pin::Pin;
use std::process::Command;
use std::time::Instant;

use super::{bulk, chat, delivery, found, login, outage, resumption, secured, websocket};
use crate::support::ejabberd::Ejabberd;
use crate::support::server::{AnyServer, Place};

pub struct Play {
    pub name: &'static str,
    pub act: Act,
}

pub enum Act {
    Here(fn() -> Pin<Box<dyn Future<Output = ()>>>),
    /// And why not.
    NotHere(&'static str),
}

/// All that are made for each server.
const PLAYS: [&[Play]; 9] = [
    login::PLAYS,
    chat::PLAYS,
    bulk::PLAYS,
    resumption::PLAYS,
    websocket::PLAYS,
    delivery::PLAYS,
    found::PLAYS,
    outage::PLAYS,
    secured::PLAYS,
];

/// The others choose their servers themselves.
const OTHERS: [(&str, &str); 5] = [
    (
        "servers::addressed",
        "it is told of clients by the PROXY protocol, and its log has to say so",
    ),
    ("chaos", "it needs an account for each of a crowd"),
    ("legacy", "it has to be asked for XEP-0078"),
    ("several", "it is three servers, of which one dies"),
    ("websocket::in_the_sandbox", "boshd itself is the server"),
];

#[test]
fn before_a_server_that_runs() {
    match Place::named() {
        Some(place) => all_plays(place),
        None => with_one_of_ours(),
    }
}

#[test]
fn the_environment_says_what_it_is() {
    let told = [
        ("BOSHD_TEST_SERVER", "127.0.0.1:5333"),
        ("BOSHD_TEST_DOMAIN", "elsewhere.test"),
        ("BOSHD_TEST_ACCOUNTS", "alice:secret  bob:with:colons"),
    ];
    let place = Place::read(|variable| {
        let value = told.iter().find(|(name, _)| *name == variable);
        value.map(|(_, value)| (*value).to_owned())
    });
    let place = place.expect("a server");
    assert_eq!(place.address.port(), 5333);
    assert_eq!((&*place.name, &*place.rooms), ("127.0.0.1:5333", "rooms.elsewhere.test"));
    assert_eq!(place.accounts["bob"], "with:colons");
    assert!(Place::read(|_| None).is_none());
}

/// In a process of its own, whose environment names it.
fn with_one_of_ours() {
    let ejabberd = <Ejabberd as AnyServer>::start(&["alice", "bob"]);
    let again = Command::new(std::env::current_exe().expect("these tests"))
        .args(["--exact", "servers::running::before_a_server_that_runs"])
        .env("BOSHD_TEST_SERVER", ejabberd.address.to_string())
        .env("BOSHD_TEST_SERVER_NAME", "the one of ours")
        .output()
        .expect("the same tests");
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(again.status.success(), "{said}{}", String::from_utf8_lossy(&again.stdout));
    assert!(
        said.contains("messages_go_both_ways, before the one of ours: passed in"),
        "{said}"
    );
    assert!(
        said.contains("restarted_one_is_used: not before the one of ours: it is killed"),
        "{said}"
    );
}

fn all_plays(place: &Place) {
    let mut failed = Vec::new();
    for Play { name, act } in PLAYS.into_iter().flatten() {
        let name = name.trim_start_matches("servers::");
        let play = match act {
            Act::Here(play) => play,
            Act::NotHere(why) => {
                tell(&format!("{name}: not before {}: {why}", place.name));
                continue;
            }
        };
        let start = Instant::now();
        // a panic ends this thread, and not the plays behind it
        let outcome = std::thread::spawn(|| runtime().block_on(play())).join();
        let outcome = match outcome {
            Ok(()) => "passed",
            Err(_) => {
                failed.push(name);
                "failed"
            }
        };
        tell(&format!(
            "{name}, before {}: {outcome} in {:.1?}",
            place.name,
            start.elapsed()
        ));
    }
    for (name, why) in OTHERS {
        tell(&format!("{name}: not before {}: {why}", place.name));
    }
    assert!(failed.is_empty(), "{failed:?}");
}

fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// To be seen while it goes on, which what `println` prints in a test is not.
fn tell(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error");
}
