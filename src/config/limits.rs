//! `[limits]`: everything that waits or grows has a bound.

use std::time::Duration;

use super::reader::Section;
use super::value::{Size, seconds_or_none, within};

/// `[limits]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    pub sessions: usize,
    /// Zero: as long as it takes.
    pub login_timeout: Duration,
    pub body_timeout: Duration,
    pub body_bytes: usize,
    pub stanza_bytes: usize,
    pub session_memory: usize,
    pub memory: usize,
}

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
        let time = within(Duration::from_secs(1)..=Duration::from_secs(3600));
        Self {
            sessions: section.get("sessions", default.sessions, within(1..=10_000_000)),
            login_timeout: section.get("login_timeout", default.login_timeout, seconds_or_none),
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
