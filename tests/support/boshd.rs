//! The real binary in front of one XMPP server, on a free port with a configuration of its own. It is ended by SIGTERM.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process::{Process, free_port};

pub struct Boshd {
    pub address: SocketAddr,
    process: Process,
    _folder: TempDir,
}

impl Boshd {
    /// boshd for `example.test`, which `server` serves in plain text.
    pub fn start(server: SocketAddr) -> Self {
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let address = free_port();
        let file = folder.path().join("boshd.toml");
        std::fs::write(&file, configuration(address, server)).expect("boshd.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_boshd"));
        command.arg("run").arg("--config").arg(&file);
        let mut process = Process::spawn("boshd", &mut command, folder.path().join("boshd.log"));
        process.wait_for(address);
        Self {
            address,
            process,
            _folder: folder,
        }
    }
}

impl Drop for Boshd {
    fn drop(&mut self) {
        self.process.terminate();
        let status = self.process.wait(Duration::from_secs(15));
        let clean = status.is_some_and(|status| status.success());
        assert!(
            clean || std::thread::panicking(),
            "boshd did not end well after SIGTERM: {status:?}"
        );
    }
}

fn configuration(listen: SocketAddr, server: SocketAddr) -> String {
    format!(
        r#"[[listen]]
address = "{listen}"
[[domain]]
name = "example.test"
servers = ["{server}"]
tls = "none"
[cors]
origins = ["*"]
[shutdown]
grace = "0s"
deadline = "2s"
"#
    )
}
