//! The gloox client in `tests/clients/gloox.cpp`: compiled when it is needed, and run to its end.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::packages;
use super::process::Process;
use super::server::{jid, password_of};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/gloox.cpp");

/// Some messages take seconds; held for a wait, each would take half a minute.
const PATIENCE: Duration = Duration::from_secs(240);

/// The client, as long as this lives.
pub struct Gloox {
    folder: TempDir,
}

impl Gloox {
    pub fn compile() -> Self {
        packages::ensure(&["g++", "libgloox-dev"]);
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let mut compiler = Command::new("g++");
        compiler.args(["-std=c++17", "-Wall", "-Wextra", "-o"]);
        let run = compiler.arg(folder.path().join("gloox")).args([SOURCE, "-lgloox"]).output();
        let run = run.expect("g++");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        Self { folder }
    }

    /// `user` writes himself so many messages; what came back, and after how long each.
    pub fn chat(&self, endpoint: SocketAddr, user: &str, mode: &str, messages: usize) -> Value {
        let log = self.folder.path().join(format!("{mode}.log"));
        let mut command = Command::new(self.folder.path().join("gloox"));
        command
            .args([&endpoint.ip().to_string(), &endpoint.port().to_string(), "/http-bind/"])
            .args([&jid(user), &password_of(user), mode, &messages.to_string()]);
        let mut process = Process::spawn("gloox", &mut command, log);
        let status = process.wait(PATIENCE).expect("its end in time");
        assert!(status.success(), "gloox: {status}");
        let log = process.log();
        let last = log.lines().rev().find(|line| line.starts_with('{')).expect("a result");
        serde_json::from_str(last).expect("JSON")
    }
}
