//! A login of every BOSH client there is, byte for byte as that client does it, with the scripted server and with the sandbox: one
//! script each in `dialects/`, whose language is in the `README.md` there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/bench.rs"]
mod bench;

#[path = "dialects"]
mod dialects {
    pub(crate) use super::bench;

    mod answer;
    pub mod client;
    mod exchange;
    pub mod script;
    mod secrets;
    pub mod server;
}

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bench::Bench;
use bench::infoset::{Element, infoset};
use bench::upstream::Upstream;
use boshd::bosh::Limits;
use boshd::sandbox::{self, Sandbox};
use dialects::client::Client;
use dialects::script::{Act, Check, Script, Step};
use dialects::server;
use tokio_util::task::TaskTracker;

/// A test for each script, with either server; and the list of them.
macro_rules! clients {
    ($($script:ident)*) => {
        mod with_the_scripted_server {
            $(#[tokio::test]
            async fn $script() {
                super::with_the_scripted_server(stringify!($script)).await;
            })*
        }

        mod with_the_sandbox {
            $(#[tokio::test]
            async fn $script() {
                super::with_the_sandbox(stringify!($script)).await;
            })*
        }

        const CLIENTS: &[&str] = &[$(stringify!($script)),*];
    };
}

clients! {
    strophe converse jsxc lib_jitsi_meet stanza jsjac jappix smack gloox libpurple_2 libpurple_3 swiften xmppframework agsxmpp nbxmpp
    xmpp4r escalus tsung jabberwerxc babbler jaxmpp xmpp_prebind_php jaxl xmpppy node_bosh_xmpp_client verse strophe_attach
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialects")
}

fn read(client: &str) -> Script {
    let path = folder().join(client).with_extension("login");
    Script::parse(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

async fn with_the_scripted_server(client: &str) {
    let script = read(client);
    let bench = Bench::with(limits(&script)).await;
    let playing = Client::new(&script, bench.address, server::DOMAIN).play();
    let (said, streams) = tokio::join!(playing, server::serve(&bench.upstream));
    // one to log in, and one for what follows
    assert_eq!(streams.len(), 2);
    assert_eq!(streams.concat(), stanzas(&said), "the server heard something else");
    bench.is_left_with(0).await;
    passed(&script, "a scripted server");
}

async fn with_the_sandbox(client: &str) {
    let script = read(client);
    let sandbox = Arc::new(Sandbox::new(TaskTracker::new()));
    let bench = Bench::before(sandbox, Upstream::listen().await, limits(&script));
    Client::new(&script, bench.address, sandbox::DOMAIN).play().await;
    bench.is_left_with(0).await;
    passed(&script, "the sandbox");
}

fn limits(script: &Script) -> Limits {
    let mut limits = Limits::default();
    limits.inactivity = script.inactivity.unwrap_or(limits.inactivity);
    limits
}

/// Payloads as a server has to hear them: what has no namespace of its own is in the client's.
fn stanzas(said: &str) -> Vec<Element> {
    let stream = format!("<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'>{said}</s:stream>");
    infoset(&stream).elements().cloned().collect()
}

/// A whole script has passed.
fn passed(script: &Script, server: &str) {
    println!("{} {} with {server}", script.name, script.version);
}

#[test]
fn every_script_has_its_test_and_a_client_of_its_own() {
    let entries = std::fs::read_dir(folder()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let scripts = paths.filter(|path| path.extension().is_some_and(|extension| extension == "login"));
    let names: BTreeSet<String> = scripts
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, CLIENTS.iter().map(|name| (*name).to_owned()).collect());
    let scripts = CLIENTS.iter().map(|name| read(name));
    let clients: BTreeSet<(String, String)> = scripts.map(|script| (script.name, script.version)).collect();
    assert_eq!(clients.len(), CLIENTS.len(), "two scripts of one client");
}

#[test]
fn every_client_hears_a_message_and_leaves() {
    for name in CLIENTS {
        let script = read(name);
        let is_message = |check: &Check| matches!(check, Check::Text(text) if text.starts_with("<body>"));
        let hears = |step: &Step| matches!(&step.act, Act::Hear(checks) if checks.iter().any(is_message));
        assert!(script.steps.iter().any(hears), "{name}");
        let last = script.steps.last().map(|step| &step.act);
        assert!(matches!(last, Some(Act::End | Act::HangUp)), "{name}");
    }
}
