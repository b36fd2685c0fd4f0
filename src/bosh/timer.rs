//! Time as data: milliseconds since the session opened, the reasons to wake up, and when each is due.

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
    /// A session that has ended for us waits for its client to hear of it (J17).
    Linger,
}

const REASONS: [Timer; 6] = [
    Timer::Wait,
    Timer::Gap,
    Timer::Inactivity,
    Timer::Login,
    Timer::Leave,
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
