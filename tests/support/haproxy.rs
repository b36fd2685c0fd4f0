//! Debian's HAProxy before a server that reads no PROXY header itself: each connection to it begins with one (version 1 or
//! 2), and its log says for whom each was.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use super::packages;
use super::process::{Process, free_port};

pub struct HaProxy {
    pub address: SocketAddr,
    /// Writes `client=192.0.2.1:1234` when a connection is passed on.
    pub process: Process,
    _folder: TempDir,
}

impl HaProxy {
    pub fn before(server: SocketAddr) -> Self {
        packages::ensure(&["haproxy"]);
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let address = free_port();
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, configuration(address, server)).expect("haproxy.cfg");
        let mut command = Command::new("/usr/sbin/haproxy");
        command.arg("-db").arg("-f").arg(&file);
        let mut process = Process::spawn("haproxy", &mut command, folder.path().join("haproxy.log"));
        process.wait_for(address);
        Self {
            address,
            process,
            _folder: folder,
        }
    }
}

/// Its own time limits are far above those of any test.
fn configuration(address: SocketAddr, server: SocketAddr) -> String {
    format!(
        r#"global
    log stdout format raw daemon info
defaults
    mode tcp
    log global
    option logasap
    log-format "client=%ci:%cp"
    timeout connect 60s
    timeout client 600s
    timeout server 600s
listen xmpp
    bind {address} accept-proxy
    server xmpp {server}
"#
    )
}
