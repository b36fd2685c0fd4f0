//! The JavaScript clients under `tests/clients/`: installed as their lock file says, run as scripts whose last line is JSON.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::packages;
use super::process::Process;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");
/// A script that was asked to end gets so long to close its browser.
const FAREWELL: Duration = Duration::from_secs(10);

/// Runs a script of that folder and returns its result; it must be done within `patience`.
pub fn run(script: &'static str, arguments: &[&str], patience: Duration) -> Value {
    run_by(Command::new("node"), script, arguments, patience)
}

/// What starts a script of that folder.
pub fn script(name: &str) -> Command {
    install();
    let mut command = Command::new("node");
    command.arg(Path::new(FOLDER).join(name));
    command
}

/// The same where `node` takes more words to be started.
pub fn run_by(mut command: Command, script: &'static str, arguments: &[&str], patience: Duration) -> Value {
    install();
    let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
    command.arg(Path::new(FOLDER).join(script)).args(arguments);
    let mut process = Process::spawn(script, &mut command, folder.path().join("script.log"));
    let Some(status) = process.wait(patience) else {
        process.terminate();
        process.wait(FAREWELL);
        panic!("{script} was not done after {patience:?}");
    };
    assert!(status.success(), "{script}: {status}");
    let log = process.log();
    let last = log.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{script}: {error}: {last}"))
}

/// `npm ci`, unless what is installed came from this very lock file.
fn install() {
    if !["node", "npm"]
        .iter()
        .all(|tool| Command::new(tool).arg("--version").output().is_ok())
    {
        packages::ensure(&["nodejs", "npm"]);
    }
    let lock = File::create(std::env::temp_dir().join("boshd-tests-npm.lock")).expect("lock file for npm");
    lock.lock().expect("waiting for other tests that install");
    let wanted = fs::read(Path::new(FOLDER).join("package-lock.json")).expect("package-lock.json");
    let stamp = Path::new(FOLDER).join("node_modules/.installed-from");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(FOLDER);
    let run = npm.output().expect("npm");
    assert!(run.status.success(), "npm ci: {}", String::from_utf8_lossy(&run.stderr));
    fs::write(stamp, wanted).expect("note of what is installed");
}
