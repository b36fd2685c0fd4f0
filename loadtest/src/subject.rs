//! What is measured: the floor, the null server, boshd before a null server, or an endpoint that already runs.
//! The first three are started afresh for each measurement, pinned to a core of their own where that is possible.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::client::{Endpoint, Service};
use crate::null;
use crate::process::{Core, Process, free_address};

pub enum Subject {
    Floor,
    Null,
    Boshd(PathBuf),
    Target { service: Arc<Service>, process: Option<u32> },
}

/// A subject ready for clients; the processes end when this is dropped.
pub struct Running {
    pub endpoint: Endpoint,
    /// The process whose CPU time and memory count, if it is on this machine.
    pub process: Option<u32>,
    _processes: Vec<Process>,
}

/// Where and how child processes run.
pub struct Bench {
    directory: PathBuf,
    pinned: bool,
}

impl Subject {
    pub fn name(&self) -> &'static str {
        match self {
            Subject::Floor => "floor",
            Subject::Null => "null TCP",
            Subject::Boshd(_) => "boshd",
            Subject::Target { .. } => "target",
        }
    }

    pub async fn start(&self, bench: &Bench) -> Result<Running> {
        match self {
            Subject::Floor => bench.own("floor", Endpoint::Floor),
            Subject::Null => bench.own("null", Endpoint::Tcp),
            Subject::Boshd(binary) => bench.boshd(binary).await,
            Subject::Target { service, process } => Ok(Running {
                endpoint: Endpoint::Bosh(service.clone()),
                process: *process,
                _processes: Vec::new(),
            }),
        }
    }
}

impl Bench {
    pub fn new(pinned: bool) -> Result<Bench> {
        let directory = std::env::temp_dir().join(format!("loadtest-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        Ok(Bench { directory, pinned })
    }

    fn own(&self, command: &str, endpoint: fn(SocketAddr) -> Endpoint) -> Result<Running> {
        let (process, address) = self.start_own(command, Core::Server)?;
        Ok(Running {
            endpoint: endpoint(address),
            process: Some(process.id()),
            _processes: vec![process],
        })
    }

    async fn boshd(&self, binary: &Path) -> Result<Running> {
        let (null, server) = self.start_own("null", Core::Others)?;
        let address = free_address()?;
        let domain = null::DOMAIN;
        let config = self.directory.join("boshd.toml");
        let text = format!(
            "[[listen]]\naddress = \"{address}\"\n\n[[domain]]\nname = \"{domain}\"\n\
            servers = [\"{server}\"]\ntls = \"none\"\n\n[limits]\nsessions = 100000\n"
        );
        fs::write(&config, text)?;
        let config = config.to_str().context("the temporary directory has an odd name")?;
        let log = self.log();
        let arguments = ["run", "--config", config];
        let boshd = Process::start(binary, &arguments, self.core(Core::Server), (address, &log))?;
        let service = Service::resolve(&format!("http://{address}/http-bind"), domain).await?;
        Ok(Running {
            endpoint: Endpoint::Bosh(Arc::new(service)),
            process: Some(boshd.id()),
            _processes: vec![boshd, null],
        })
    }

    /// The end of what boshd has said, for when it fails.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let skipped = log.lines().count().saturating_sub(10);
        log.lines().skip(skipped).map(|line| format!("  boshd: {line}\n")).collect()
    }

    fn log(&self) -> PathBuf {
        self.directory.join("boshd.log")
    }

    fn start_own(&self, command: &str, core: Core) -> Result<(Process, SocketAddr)> {
        let address = free_address()?;
        let program = std::env::current_exe()?;
        let arguments = [command, "--listen", &address.to_string()];
        let log = self.directory.join(format!("{command}.log"));
        let process = Process::start(&program, &arguments, self.core(core), (address, &log))?;
        Ok((process, address))
    }

    fn core(&self, core: Core) -> Option<Core> {
        self.pinned.then_some(core)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // A directory that cannot be removed is left to the system.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
