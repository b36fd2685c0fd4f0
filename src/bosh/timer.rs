//! Time as data: milliseconds since the session opened, the reasons to wake up, when each is due, and what is done then.

use super::Condition;
use super::ending::{Cause, EndReason, Farewell, Phase};
use super::session::{Pause, Session};

/// Milliseconds since the session opened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Time(pub u64);

impl Time {
    pub fn after(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }
}

/// Why a session wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Timer {
    /// A held request has waited for nearly `wait` (E01, E14); the creation request, long enough for the server's features (B09, FX17).
    Wait,
    /// A missing request leaves others behind it unprocessed (D08).
    Gap,
    /// Nothing is pending (section 10).
    Inactivity,
    /// The client has not logged in (AU10).
    Login,
    /// Nothing follows a held request that its client has aborted.
    Leave,
    /// A client that knows no stream restarts waits for what comes behind one (contract L12).
    Restart,
    /// A session that has ended for us waits for its client to hear of it (J17).
    Linger,
}

/// From a poll behind the success to the restart that a client does not ask for. Clients that know restarts ask in the same moment, and some
/// poll first.
const RESTART_PATIENCE: u64 = 2000;

const REASONS: [Timer; 7] = [
    Timer::Wait,
    Timer::Gap,
    Timer::Inactivity,
    Timer::Login,
    Timer::Leave,
    Timer::Restart,
    Timer::Linger,
];

/// One optional deadline per reason.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Timers {
    deadlines: [Option<Time>; REASONS.len()],
}

impl Timers {
    pub fn set(&mut self, timer: Timer, deadline: Option<Time>) {
        self.deadlines[timer as usize] = deadline;
    }

    pub fn is_set(&self, timer: Timer) -> bool {
        self.deadlines[timer as usize].is_some()
    }

    /// The earliest deadline of all.
    pub fn next(&self) -> Option<Time> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// Takes one reason whose deadline has come.
    pub fn expired(&mut self, now: Time) -> Option<Timer> {
        let due = REASONS
            .into_iter()
            .find(|t| self.deadlines[*t as usize].is_some_and(|at| at <= now))?;
        self.set(due, None);
        Some(due)
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Session {
    /// Acts on the deadlines that have come.
    pub(super) fn timeout(&mut self, now: Time) {
        while let Some(timer) = self.timers.expired(now) {
            match timer {
                // `settle` finds who it was
                Timer::Wait => {}
                Timer::Gap => return self.close(Farewell::because(Cause::Loss, Condition::ItemNotFound), now),
                // nobody is there to be told (G01)
                Timer::Inactivity => return self.end(EndReason::Inactive),
                Timer::Login => {
                    return self.close(Farewell::because(Cause::Login, Condition::PolicyViolation), now);
                }
                Timer::Leave => return self.end(EndReason::Left),
                Timer::Restart => self.restart_for_the_client(),
                Timer::Linger => return self.end_of_linger(),
            }
        }
    }

    /// Sets the deadlines that follow from what is pending now.
    pub(super) fn watch(&mut self, now: Time) {
        if !matches!(self.phase, Phase::Opening | Phase::Open) {
            return;
        }
        self.timers.set(Timer::Wait, self.held.next_deadline());
        if !self.waits_behind_success() {
            self.timers.set(Timer::Restart, None);
        } else if !self.timers.is_set(Timer::Restart) {
            self.timers.set(Timer::Restart, Some(now.after(RESTART_PATIENCE)));
        }
        if !self.window.has_gap() {
            self.timers.set(Timer::Gap, None);
        } else if !self.timers.is_set(Timer::Gap) {
            self.timers.set(Timer::Gap, Some(now.after(self.terms.inactivity_ms())));
        }
        if self.held.any_live() || self.window.has_gap() {
            self.timers.set(Timer::Inactivity, None);
        } else if !self.timers.is_set(Timer::Inactivity) {
            // an answer that has not left after twice the time will never leave
            let leaving = if self.replay.any_leaving() {
                self.terms.inactivity_ms()
            } else {
                0
            };
            let end = self.silence_ends(now);
            if leaving == 0 && self.pause.is_some() {
                // it has begun, and no repeat of it lengthens it (G12)
                self.pause = Some(Pause::Until(end));
            }
            self.timers.set(Timer::Inactivity, Some(end.after(leaving)));
        }
    }

    /// Until when the client may be silent: as long as it has said, or as was agreed.
    pub(super) fn silence_ends(&self, now: Time) -> Time {
        match self.pause {
            Some(Pause::Until(end)) => end,
            Some(Pause::For(milliseconds)) => now.after(milliseconds),
            None => now.after(self.terms.inactivity_ms()),
        }
    }
}
