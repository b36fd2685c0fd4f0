//! The try-out page in Chromium, served by the sandbox of the real binary: `tests/clients/tryout.mjs` visits it from a desk and from a phone.
//! With `SCREENSHOTS=folder` in the environment it also takes pictures, in both themes.

#[path = "support"]
mod support {
    pub mod chromium;
    pub mod npm;
    pub mod packages;
    pub mod process;
}

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use support::process::{Process, free_port};
use support::{chromium, npm};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(90);

/// `boshd` without a configuration.
fn sandbox(address: SocketAddr, folder: &TempDir) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_boshd"));
    command.arg("--listen").arg(address.to_string());
    let mut process = Process::spawn("boshd", &mut command, folder.path().join("boshd.log"));
    process.wait_for(address);
    process
}

#[test]
fn visitors_chat_and_watch_the_wire() {
    chromium::ensure();
    let (address, folder) = (free_port(), TempDir::with_prefix("boshd-test-").expect("temporary folder"));
    let _boshd = sandbox(address, &folder);
    let faults = npm::run("tryout.mjs", &[&format!("http://{address}/")], PATIENCE);
    assert_eq!(faults, json!([]));
}

#[test]
fn a_visitor_stays_when_boshd_is_killed_and_started_again() {
    chromium::ensure();
    let (address, folder) = (free_port(), TempDir::with_prefix("boshd-test-").expect("temporary folder"));
    let mut boshd = sandbox(address, &folder);
    let arguments = [format!("http://{address}/"), boshd.id().to_string()];
    let script = std::thread::spawn(move || npm::run("restart.mjs", &arguments.each_ref().map(String::as_str), PATIENCE));
    boshd.wait(PATIENCE).expect("the script to kill it");
    let _again = sandbox(address, &folder);
    let said = script.join().expect("the script");
    assert_eq!(
        said,
        json!([
            "The session is no longer known: it was idle for too long, or the server was restarted.",
            "The server cannot be reached. Is boshd still running?"
        ])
    );
}
