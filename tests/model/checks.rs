//! What holds after every input (ARCHITECTURE.md, "Invariants").

use boshd::bosh::{Condition, EndReason};

use super::book::Cause;
use super::world::{LONGEST, World};

/// How long an end can be heard of again, in milliseconds.
const TOMBSTONE: u64 = 10_000;

impl World {
    pub(super) fn check(&mut self) {
        let held = self.held();
        if let Some((lowest, _)) = held.first() {
            self.book.settle(lowest - 1, self.now);
        }
        assert!(self.book.unsaid.is_empty(), "not said to the server: {:?}", self.book.unsaid);
        assert_eq!(self.closed, self.book.closing.is_some(), "{:?}", self.book.closing);
        self.check_memory();
        match self.book.closing {
            None => self.check_open(&held),
            Some(cause) => self.check_closing(cause),
        }
    }

    fn check_open(&mut self, held: &[(u64, u64)]) {
        assert_eq!(self.ended, None, "ended without a reason");
        let rids = self.connections.values().filter(|connection| connection.answer.is_none());
        let mut rids: Vec<_> = rids.map(|connection| connection.rid).collect();
        rids.sort_unstable();
        assert!(rids.is_sorted_by(|a, b| a < b), "one copy of each waits (D11)");
        let due: Vec<_> = held.iter().map(|(_, due)| *due).collect();
        assert!(due.iter().all(|due| *due > self.now), "an answer is due (E01)");
        assert_eq!(self.session.snapshot().held as u64, self.book.held());
        let next = self.book.watch(&due, self.now);
        assert_eq!(self.session.poll_timeout().map(|at| at.0), next, "another deadline is due");
        if self.book.told && self.book.leaving.is_empty() && !held.is_empty() {
            assert!(self.book.held() <= self.book.terms.hold.into(), "too many are held (E02)");
            assert_eq!(self.handed, self.given.len(), "payload waits beside a held request (E03)");
        }
    }

    /// Nobody waits; who lingers has a deadline; and an end accounts for all that the server said.
    fn check_closing(&self, cause: Cause) {
        assert!(
            self.connections.values().all(|connection| connection.answer.is_some()),
            "nobody is left behind"
        );
        let Some(reason) = self.ended else {
            assert!(cause.lingers() && self.book.told, "{cause:?} must be the end");
            let latest = self.now
                + self
                    .book
                    .terms
                    .inactivity_ms()
                    .max(TOMBSTONE)
                    .max(u64::from(self.book.terms.max_pause) * 1000 + 1000);
            return assert!(self.session.poll_timeout().is_some_and(|at| at.0 <= latest));
        };
        assert_eq!(self.session.poll_timeout(), None);
        let fits = match reason {
            EndReason::Terminated => cause == Cause::Terminate,
            EndReason::Inactive => cause == Cause::Idle,
            EndReason::Left => cause == Cause::Left,
            EndReason::NotLoggedIn => cause == Cause::Login,
            EndReason::Condition(Condition::SystemShutdown) => cause == Cause::Drain,
            EndReason::Condition(Condition::RemoteConnectionFailed | Condition::RemoteStreamError) => cause == Cause::Server,
            EndReason::Condition(_) => matches!(cause, Cause::Offence | Cause::Gap),
        };
        assert!(fits, "{cause:?} is told as {reason:?}");
        let left = &self.given[self.confirmed..];
        match cause {
            _ if self.book.managed => assert!(self.undelivered.is_empty(), "ER08"),
            // the client is there, and what was handed to it may have reached it
            Cause::Terminate | Cause::Offence => {
                assert!(
                    self.undelivered.len() >= self.given.len() - self.handed,
                    "confirmed, handed out or handed back"
                );
                assert!(self.undelivered.iter().all(|payload| left.contains(payload)));
            }
            _ => assert_eq!(left, self.undelivered, "confirmed or handed back"),
        }
    }

    /// F08, DL04, and no more requests than the window has room for, with one of a client that leaves.
    fn check_memory(&self) {
        let shown = self.session.snapshot();
        assert!(shown.outbox_bytes < self.limits.session_memory + LONGEST);
        assert!(shown.replay_bytes <= usize::try_from(self.book.memory()).expect("few") * (self.limits.response_bytes + LONGEST));
        assert!(shown.early <= usize::from(self.book.terms.requests));
    }

    /// What a client that keeps to the rules may rely on: what it has is what the server said, in order, and nothing counts as
    /// confirmed that it has not.
    pub(super) fn check_client(&self) {
        if !self.client.knows_sid {
            return;
        }
        let has = self.client.processed();
        let said = self.given.iter().zip(&has).all(|(given, has)| given == *has);
        assert!(said && has.len() <= self.given.len() + 1, "the client has {has:?}");
        assert!(self.confirmed <= has.len(), "the client does not have what is confirmed");
    }
}
