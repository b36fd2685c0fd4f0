//! The real binary in front of XMPP servers, on a free port with a configuration of its own. It is ended by SIGTERM.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::ops::Deref;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use tempfile::TempDir;

use super::process::{Process, free_port};
use super::server::domain;

/// How long it may take to end, at most.
const END: Duration = Duration::from_secs(15);

pub struct Boshd {
    pub address: SocketAddr,
    process: Process,
    _folder: TempDir,
}

impl Boshd {
    /// boshd for the domain of the tests, which `server` serves in plain text.
    pub fn start(server: SocketAddr) -> Self {
        Self::with(
            domain(),
            server,
            "[cors]\norigins = ['*']\n[shutdown]\ngrace = '0s'\ndeadline = '2s'\n",
        )
    }

    /// The same for another domain, and with these further settings (see `boshd.toml`).
    pub fn with(domain: &str, server: SocketAddr, settings: &str) -> Self {
        let domain = format!("[[domain]]\nname = '{domain}'\nservers = ['{server}']\ntls = 'none'\n");
        Self::configured(&[&domain, settings].concat())
    }

    /// boshd for `example.org`, which `server` serves in plain text, with these keys in its `[[listen]]`.
    pub fn listening(keys: &str, server: SocketAddr) -> Self {
        Self::listening_with(keys, server, "")
    }

    /// The same with further keys in its `[[domain]]`.
    pub fn listening_with(keys: &str, server: SocketAddr, domain: &str) -> Self {
        Self::at(free_port(), keys, server, domain)
    }

    /// The same at a place that others know already.
    pub fn at(address: SocketAddr, keys: &str, server: SocketAddr, domain: &str) -> Self {
        let sections = format!(
            "{keys}\n[shutdown]\ngrace = '0s'\ndeadline = '2s'\n[[domain]]\nname = 'example.org'\nservers = ['{server}']\ntls = 'none'\n{domain}"
        );
        Self::configured_at(address, &sections)
    }

    /// boshd for the domain of the tests with these keys in its `[[domain]]`, and perhaps sections behind them.
    pub fn reaching(keys: &str) -> Self {
        Self::configured(&format!(
            "[shutdown]\ngrace = '0s'\ndeadline = '2s'\n[[domain]]\nname = '{}'\n{keys}\n",
            domain()
        ))
    }

    /// All but the place where it listens is in `sections`.
    fn configured(sections: &str) -> Self {
        Self::configured_at(free_port(), sections)
    }

    fn configured_at(address: SocketAddr, sections: &str) -> Self {
        let listen = format!("[[listen]]\naddress = '{address}'\n");
        Self::told(address, &[&listen, sections].concat())
    }

    /// With these settings and no others, in which it listens at `address`.
    pub fn told(address: SocketAddr, settings: &str) -> Self {
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let file = folder.path().join("boshd.toml");
        std::fs::write(&file, settings).expect("boshd.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_boshd"));
        command.arg("run").arg("--config").arg(&file);
        Self::begin(&mut command, address, folder)
    }

    /// boshd without a configuration: a domain `localhost` inside the process, where every name may come in.
    pub fn sandbox() -> Self {
        let address = free_port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_boshd"));
        command.arg("--listen").arg(address.to_string());
        Self::begin(
            &mut command,
            address,
            TempDir::with_prefix("boshd-test-").expect("temporary folder"),
        )
    }

    fn begin(command: &mut Command, address: SocketAddr, folder: TempDir) -> Self {
        let mut process = Process::spawn("boshd", command, folder.path().join("boshd.log"));
        process.wait_for(address);
        Self {
            address,
            process,
            _folder: folder,
        }
    }

    /// Waits for the end that was asked for: how it ended, and the end of its log.
    pub fn ends(&mut self) -> (ExitStatus, String) {
        let status = self.process.wait(END);
        (status.expect("the end in time"), self.process.log())
    }
}

impl Deref for Boshd {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl Drop for Boshd {
    fn drop(&mut self) {
        if self.process.wait(Duration::ZERO).is_none() {
            self.process.terminate();
        }
        let status = self.process.wait(END);
        let clean = status.is_some_and(|status| status.success());
        assert!(
            clean || std::thread::panicking(),
            "boshd did not end well after SIGTERM: {status:?}"
        );
    }
}
