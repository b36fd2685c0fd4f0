//! The real boshd in a process of its own, before a scripted server.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::bench::PATIENCE;

/// A running boshd.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    log: JoinHandle<String>,
}

impl Process {
    /// Starts it with `example.org` at this server, and with these further settings (see `boshd.toml`).
    pub async fn start(name: &str, server: SocketAddr, settings: &str) -> Self {
        let file = format!("{}/{name}.toml", env!("CARGO_TARGET_TMPDIR"));
        let smallest = format!(
            "[[listen]]\naddress = '127.0.0.1:0'\n[[domain]]\nname = 'example.org'\nservers = ['{server}']\ntls = 'none'\n"
        );
        std::fs::write(&file, [&smallest, settings].concat()).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_boshd"))
            .args(["run", "--config", &file])
            .env("BOSHD_LOG__FORMAT", "json")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut log = String::new();
        let address = timeout(PATIENCE, async {
            loop {
                let start = log.len();
                assert!(stderr.read_line(&mut log).await.unwrap() > 0, "it ended: {log}");
                if let Some((_, address)) = log[start..].split_once("\"address\":\"") {
                    return address.split_once('"').unwrap().0.parse().unwrap();
                }
            }
        });
        let address = address.await.expect("it listens in time");
        let log = tokio::spawn(async move {
            stderr.read_to_string(&mut log).await.unwrap();
            log
        });
        Self { child, address, log }
    }

    /// Processor time used so far, of all its threads.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id().unwrap())).unwrap();
        // fields 14 and 15 of proc(5), in hundredths of a second; the second field is in parentheses
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(10 * ticks)
    }

    /// SIGTERM.
    pub async fn terminate(&self) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").arg(id).status().await.unwrap().success());
    }

    /// Waits for the end: how it ended, and all that it logged.
    pub async fn ends(mut self) -> (ExitStatus, String) {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("the end in time").unwrap();
        (status, self.log.await.unwrap())
    }
}
