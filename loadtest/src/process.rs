//! Processes: starting and pinning them, and what the kernel says about their CPU time and memory.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a process may take to listen.
const START: Duration = Duration::from_secs(10);

/// The core that the measured server gets, and the one for everything else.
#[derive(Clone, Copy)]
pub enum Core {
    Server,
    Others,
}

impl Core {
    fn number(self) -> &'static str {
        match self {
            Core::Server => "0",
            Core::Others => "1",
        }
    }
}

/// Whether `taskset` is there and may use both cores.
pub fn can_pin() -> bool {
    [Core::Server, Core::Others].iter().all(|core| {
        let status = Command::new("taskset")
            .args(["-c", core.number(), "true"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    })
}

pub fn pin_self(core: Core) -> Result<()> {
    let id = std::process::id().to_string();
    let mut taskset = Command::new("taskset");
    taskset.args(["-a", "-c", "-p", core.number(), &id]).stdout(Stdio::null());
    taskset.status().context("taskset")?;
    Ok(())
}

/// A child process, killed when dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a program, its output going to `log`, and waits until it listens at `address`.
    pub fn start(program: &Path, arguments: &[&str], core: Option<Core>, (address, log): (SocketAddr, &Path)) -> Result<Process> {
        let mut command = match core {
            Some(core) => {
                let mut taskset = Command::new("taskset");
                taskset.args(["-c", core.number()]).arg(program);
                taskset
            }
            None => Command::new(program),
        };
        let output = File::create(log)?;
        command.args(arguments).stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut process = Process { child };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if process.child.try_wait()?.is_some() || start.elapsed() > START {
                bail!("{} does not listen at {address}", program.display());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(process)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A child that has ended on its own cannot be killed, and needs not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address that nothing listens at.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// CPU time of all threads: utime + stime, which /proc/PID/stat rounds to 10 ms, from the schedulers' nanoseconds.
pub fn cpu(id: u32) -> Result<Duration> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{id}/task"))? {
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
            continue; // the thread has just ended
        };
        let first = text.split(' ').next().unwrap_or_default();
        total += first.parse::<u64>().context("schedstat")?;
    }
    Ok(Duration::from_nanos(total))
}

/// Anonymous resident memory in KiB.
pub fn memory(id: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let value = field(&status, "RssAnon").context("RssAnon")?;
    Ok(value.trim_end_matches(" kB").parse()?)
}

/// How many files this process may open.
pub fn open_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    soft.unwrap_or(1024)
}

/// Cores, processor and kernel in one line.
pub fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, |cores| cores.get());
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = field(&cpu, "model name").unwrap_or("unknown processor");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores, {model}, Linux {}", kernel.trim())
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = text.lines().find(|line| line.starts_with(name))?.split_once(':')?;
    Some(value.trim())
}
