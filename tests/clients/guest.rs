//! One user of a real client: a program that is told by lines what to do, and tells by lines what it sees.
//!
//! `PROGRAM ENDPOINT JID PASSWORD [OPTION...]`; it is told `enter`, `say JID TEXT`, `join ROOM NICK`, `tell ROOM TEXT`, `leave` and what only it can
//! do. What it tells begins with `> `: `version NAME VERSION` once, `online FULLJID`, `heard FULLJID TEXT`, `joined ROOM`, `told ROOM/NICK TEXT`,
//! `gone WHY` if its library gives the session up, and `left` before its end. All else that it writes is its log.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::support::process::Process;

/// A browser starts slowly on a busy machine, and clients wait longer after each failure in a row.
pub const PATIENCE: Duration = Duration::from_secs(120);

const SIGN: &str = "> ";

pub struct Guest {
    pub user: String,
    /// With its resource, once it is online.
    pub jid: String,
    /// What it is, as it says itself: name and version.
    pub version: Option<(String, String)>,
    process: Process,
    commands: ChildStdin,
    events: UnboundedReceiver<Event>,
    /// What it heard in this session.
    heard: HashSet<String>,
    /// What it heard in sessions that it gave up.
    before: HashSet<String>,
    _folder: TempDir,
}

pub struct Event {
    pub what: String,
    pub at: Instant,
}

impl Guest {
    /// Starts `command`, whose arguments name the endpoint and the user already.
    pub fn start(name: &'static str, user: &str, mut command: Command) -> Self {
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        command.current_dir(folder.path()).env("HOME", folder.path());
        let log = folder.path().join("program.log");
        let (process, commands, output) = Process::converse(name, &mut command, log.clone());
        let (told, events) = unbounded_channel();
        let log = File::options().append(true).open(log).expect("log file");
        std::thread::spawn(move || listen(output, &told, log));
        Self {
            user: user.to_owned(),
            jid: String::new(),
            version: None,
            process,
            commands,
            events,
            heard: HashSet::new(),
            before: HashSet::new(),
            _folder: folder,
        }
    }

    pub fn does(&mut self, command: &str) {
        let line = format!("{command}\n");
        let written = self.commands.write_all(line.as_bytes());
        written.unwrap_or_else(|error| panic!("{} cannot be told to {command}: {error}", self.user));
    }

    /// The next that it tells.
    pub async fn next(&mut self) -> Event {
        let event = timeout(PATIENCE, self.events.recv()).await;
        let event = event.unwrap_or_else(|_| panic!("{} tells nothing for {PATIENCE:?}", self.user));
        event.unwrap_or_else(|| panic!("{} is at its end", self.user))
    }

    /// The same, without what it may hear again.
    async fn news(&mut self) -> Event {
        loop {
            let event = self.next().await;
            if !self.before.remove(&event.what) {
                return event;
            }
        }
    }

    /// What is told next is `word`: the rest of it.
    pub async fn tells(&mut self, word: &str) -> String {
        let Event { what, .. } = self.news().await;
        match what.strip_prefix(word).map(|rest| (rest, rest.strip_prefix(' '))) {
            Some((_, Some(rest))) => rest.to_owned(),
            Some(("", None)) => String::new(),
            _ => panic!("{} tells {what:?}, not {word:?}", self.user),
        }
    }

    /// Has it nothing more to tell, just now?
    pub fn is_silent(&mut self) -> bool {
        self.events.is_empty()
    }

    pub async fn enters(&mut self) {
        self.does("enter");
        if self.version.is_none() {
            self.introduces_itself().await;
        }
        self.is_back().await;
    }

    /// It is online, perhaps again.
    pub async fn is_back(&mut self) {
        self.jid = self.tells("online").await;
    }

    /// The first that it tells.
    pub async fn introduces_itself(&mut self) {
        let version = self.tells("version").await;
        let (name, version) = version.rsplit_once(' ').expect("a name and a version");
        self.version = Some((name.to_owned(), version.to_owned()));
    }

    /// Its library gives its session up, and it logs in again.
    pub async fn enters_again(&mut self) {
        self.tells("gone").await;
        self.may_hear_again();
        self.enters().await;
    }

    /// What it has heard may come again.
    pub fn may_hear_again(&mut self) {
        self.before.extend(self.heard.drain());
    }

    /// It hears this from there next: when. What it did not acknowledge before it gave its session up may come again: it was never
    /// asked for more, and nobody can know that it has it.
    pub async fn hears(&mut self, from: &str, text: &str) -> Instant {
        let Event { what, at } = self.news().await;
        assert_eq!(what, format!("heard {from} {text}"), "{}", self.user);
        self.heard.insert(what);
        at
    }

    /// Logs out, and its program ends well.
    pub async fn leaves(mut self) {
        self.does("leave");
        self.tells("left").await;
        let end = tokio::task::spawn_blocking(move || self.process.wait(PATIENCE)).await;
        let status = end.expect("it is waited for").expect("its end in time");
        assert!(status.success(), "{status}");
    }
}

/// Tells what the program tells; all of it is in the log.
fn listen(output: ChildStdout, told: &UnboundedSender<Event>, mut log: File) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let at = Instant::now();
        writeln!(log, "{line}").expect("log file");
        if let Some(what) = line.strip_prefix(SIGN) {
            // the test may be over
            _ = told.send(Event {
                what: what.to_owned(),
                at,
            });
        }
    }
}
