//! A server or script that a test runs: a folder of its own, its output in a log file, killed by its pid and reaped when
//! dropped, its log shown when the test failed.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Two cores may be shared with a build and other tests.
const START: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    /// How long the log was when it started.
    start: usize,
}

impl Process {
    /// Starts `command`, with its output appended to `log`.
    pub fn spawn(name: &'static str, command: &mut Command, log: PathBuf) -> Self {
        let output = File::options().create(true).append(true).open(&log).expect("log file");
        command.stdin(Stdio::null()).stdout(output);
        Self::begin(name, command, log)
    }

    /// The same for one that is spoken to, and whose answers are read: only what it writes to standard error is in the log.
    pub fn converse(name: &'static str, command: &mut Command, log: PathBuf) -> (Self, ChildStdin, ChildStdout) {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Self::begin(name, command, log);
        let (input, output) = (process.child.stdin.take(), process.child.stdout.take());
        (process, input.expect("a pipe"), output.expect("a pipe"))
    }

    fn begin(name: &'static str, command: &mut Command, log: PathBuf) -> Self {
        let errors = File::options().create(true).append(true).open(&log).expect("log file");
        let start = std::fs::read(&log).expect("log file").len();
        command.stderr(errors);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {command:?}: {error}"));
        Self { name, child, log, start }
    }

    /// Returns once something accepts connections there.
    pub fn wait_for(&mut self, address: SocketAddr) {
        self.wait_until(&format!("listen on {address}"), |_| TcpStream::connect(address).is_ok());
    }

    /// Returns once it has written this, since it was started.
    pub fn wait_for_line(&mut self, text: &str) {
        self.wait_until(&format!("write {text:?}"), |process| process.wrote_since_start(text));
    }

    fn wait_until(&mut self, goal: &str, reached: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + START;
        while !reached(self) {
            if let Some(status) = self.child.try_wait().expect("child") {
                panic!("{} ended at its start: {status}\n{}", self.name, self.log());
            }
            assert!(Instant::now() < deadline, "{} does not {goal}\n{}", self.name, self.log());
            std::thread::sleep(POLL);
        }
    }

    /// Its exit status, should it end within that time.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            let status = self.child.try_wait().expect("child");
            if status.is_some() || Instant::now() >= deadline {
                return status;
            }
            std::thread::sleep(POLL);
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and no zombie stays behind.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("child");
    }

    /// SIGTERM; how it ends is seen with `wait`.
    pub fn terminate(&self) {
        let pid = self.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
        assert!(sent.success(), "{} was already gone", self.name);
    }

    /// Processor time used so far, of all its threads.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("proc");
        // fields 14 and 15 of proc(5), in hundredths of a second; the second field is in parentheses
        let fields: Vec<&str> = stat.rsplit_once(") ").expect("stat").1.split(' ').collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
        Duration::from_millis(10 * ticks)
    }

    /// File descriptors, sockets among them.
    pub fn open_files(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.id()));
        files.expect("proc").count()
    }

    /// Bytes of memory that are its own.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("proc");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .expect("RssAnon");
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1024
    }

    /// How often it wrote this.
    pub fn wrote(&self, text: &str) -> usize {
        let log = std::fs::read(&self.log).expect("log file");
        String::from_utf8_lossy(&log).matches(text).count()
    }

    /// Waits until it has written this, at any time.
    pub async fn writes(&self, text: &str) {
        let deadline = Instant::now() + START;
        while self.wrote(text) == 0 {
            assert!(
                Instant::now() < deadline,
                "{} does not write {text:?}\n{}",
                self.name,
                self.log()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    fn wrote_since_start(&self, text: &str) -> bool {
        let log = std::fs::read(&self.log).expect("log file");
        String::from_utf8_lossy(&log[self.start..]).contains(text)
    }

    /// The end of what it wrote.
    pub fn log(&self) -> String {
        let text = std::fs::read(&self.log).expect("log file");
        let tail = &text[text.len().saturating_sub(20_000)..];
        String::from_utf8_lossy(tail).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("----- log of {}\n{}", self.name, self.log());
        }
    }
}

/// The ports of this test run: below the range that outgoing connections take theirs from, so that one stays free across
/// a restart.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// A loopback port that nobody listens on, and that no other test of this process is given.
pub fn free_port() -> SocketAddr {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(fastrand::u16(..PORTS.len() as u16)));
    for _ in 0..1000 {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let address = SocketAddr::from(([127, 0, 0, 1], PORTS.start + turn % PORTS.len() as u16));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port on the loopback interface");
}
