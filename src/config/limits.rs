//! `[limits]`: everything that waits or grows has a bound.

use std::time::Duration;

use super::reader::Section;
use super::upstream::networks;
use super::value::{Size, any, seconds_or_none, within};
use crate::network::LOOPBACK;
use crate::network::rate::Rate;

/// `[limits]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    pub sessions: usize,
    /// Zero: as long as it takes.
    pub login_timeout: Duration,
    pub sessions_per_address: usize,
    pub new_sessions_per_address: Rate,
    pub unauthenticated_per_address: usize,
    pub exempt: Vec<String>,
    pub connections_per_address: usize,
    pub requests_per_address: Rate,
    pub body_timeout: Duration,
    pub body_bytes: usize,
    pub stanza_bytes: usize,
    pub session_memory: usize,
    pub memory: usize,
}

/// Of whatever one client address may have; nobody has more ports.
const MOST_PER_ADDRESS: usize = 10_000_000;

/// RFC 6120 section 13.12: nobody may refuse an element of 10 000 bytes.
const SMALLEST_ELEMENT: Size = Size(10_000);
const LARGEST: Size = Size(1 << 30);

/// For all sessions together.
const SMALLEST_MEMORY: Size = Size(1 << 20);
const MOST_MEMORY: Size = Size(1 << 50);

impl Limits {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        let size = || within(SMALLEST_ELEMENT..=LARGEST);
        let count = || within(1..=MOST_PER_ADDRESS);
        let time = within(Duration::from_secs(1)..=Duration::from_secs(3600));
        Self {
            sessions: section.get("sessions", default.sessions, within(1..=10_000_000)),
            login_timeout: section.get("login_timeout", default.login_timeout, seconds_or_none),
            sessions_per_address: section.get("sessions_per_address", default.sessions_per_address, count()),
            new_sessions_per_address: section.get("new_sessions_per_address", default.new_sessions_per_address, any),
            unauthenticated_per_address: section.get("unauthenticated_per_address", default.unauthenticated_per_address, count()),
            exempt: section.get("exempt", default.exempt, |list: &Vec<String>| networks(list)),
            connections_per_address: section.get("connections_per_address", default.connections_per_address, count()),
            requests_per_address: section.get("requests_per_address", default.requests_per_address, any),
            body_timeout: section.get("body_timeout", default.body_timeout, time),
            body_bytes: section.get("body_bytes", Size(default.body_bytes), size()).0,
            stanza_bytes: section.get("stanza_bytes", Size(default.stanza_bytes), size()).0,
            session_memory: section.get("session_memory", Size(default.session_memory), size()).0,
            memory: section
                .get("memory", Size(default.memory), within(SMALLEST_MEMORY..=MOST_MEMORY))
                .0,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // At 8 KiB a session this is 800 MB, and three sockets each want 300 000 open files.
            sessions: 100_000,
            // A password manager that has to be unlocked first, over a slow network.
            login_timeout: Duration::from_secs(60),
            // Whole companies sit behind one address.
            sessions_per_address: 10_000,
            // With a burst of ten seconds: what fails and comes back all at once is let in within minutes.
            new_sessions_per_address: Rate::per_second(50),
            // A login takes a second or two: at the rate above that makes 100.
            unauthenticated_per_address: 500,
            // A proxy on this machine that does not say for whom it asks.
            exempt: LOOPBACK.map(str::to_owned).to_vec(),
            // One each that is held, for as many sessions.
            connections_per_address: 10_000,
            // Ten thousand clients with a request every two seconds.
            requests_per_address: Rate::per_second(5000),
            // 1 MiB in 30 s is 280 kbit/s: a poor mobile network still gets there.
            body_timeout: Duration::from_secs(30),
            // Four times what servers commonly accept as one stanza.
            body_bytes: 1 << 20,
            stanza_bytes: 1 << 20,
            // One body on its way in, one element on its way out, and as much again kept for repetition.
            session_memory: 4 << 20,
            // 500 sessions at their own bound; as most wait for nothing, many more than that.
            memory: 2 << 30,
        }
    }
}
