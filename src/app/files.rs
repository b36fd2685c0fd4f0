//! The limit of open files, raised as far as the system allows, and how many sessions and connections fit into it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};

/// What a session takes: the stream to its server, and its client's connections, one that is held and one that sends.
const PER_SESSION: usize = 3;

/// What it can do with: clients on HTTP/2, or that send on the connection that is held, and those who are silent have one.
const LEAST_PER_SESSION: usize = 2;

/// Listeners, probes of servers, questions to DNS, certificates that are read again, logs, connections that are just closing.
const RESERVE: usize = 256;

/// What fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Room {
    pub sessions: usize,
    /// From clients. For each session's way to its server there is always a file.
    pub connections: usize,
}

impl Room {
    /// Makes room for so many sessions, and says so if there is not enough.
    pub fn make(sessions: usize) -> Self {
        let files = open_files(sessions.saturating_mul(PER_SESSION) + RESERVE);
        let room = Self::within(files, sessions);
        if room.sessions < sessions {
            warn!(
                open_files = files,
                wanted = sessions,
                sessions = room.sessions,
                "sessions lowered: each needs two open files, and most clients a third (LimitNOFILE of systemd, ulimit -n)"
            );
        }
        room
    }

    fn within(files: usize, sessions: usize) -> Self {
        let free = files.saturating_sub(RESERVE);
        let sessions = sessions.min(free / LEAST_PER_SESSION).max(1);
        Self {
            sessions,
            connections: free.saturating_sub(sessions).max(1),
        }
    }
}

/// How many there may be, after an attempt to have so many.
fn open_files(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let number = |limit: Option<u64>| limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let (current, possible) = (number(current), number(maximum).min(wanted));
    if possible <= current {
        return current;
    }
    let raised = Rlimit {
        current: u64::try_from(possible).ok(),
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => {
            info!(from = current, to = possible, "limit of open files raised");
            possible
        }
        Err(cause) => {
            warn!(%cause, "the limit of open files cannot be raised");
            current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // DL03: connections leave room for the ways to servers
    #[test]
    fn half_of_the_files() {
        let room = |files, sessions| {
            let Room { sessions, connections } = Room::within(files, sessions);
            (sessions, connections)
        };
        assert_eq!(room(RESERVE + 300_000, 100_000), (100_000, 200_000));
        assert_eq!(room(1_000_000, 100_000).0, 100_000);
        assert_eq!(room(1024, 100_000), (384, 384));
        assert_eq!(room(1024, 10), (10, 758));
        assert_eq!(room(20_000, 100_000), (9_872, 9_872));
        assert_eq!(room(100, 100_000), (1, 1), "as much as can be had");
    }

    #[test]
    fn no_more_is_asked_for_than_wanted() {
        assert!(open_files(3) >= 3);
        assert!(Room::make(1).connections >= 1);
    }
}
