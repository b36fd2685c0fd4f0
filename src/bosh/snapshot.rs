//! What a session shows to those who watch it.

use super::session::Session;

/// Counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Snapshot {
    pub held: usize,
    pub early: usize,
    pub early_bytes: usize,
    /// With what it takes to keep them.
    pub outbox_bytes: usize,
    pub replay_bytes: usize,
}

impl Session {
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            held: self.held.len(),
            early: self.window.len(),
            early_bytes: self.window.bytes(),
            outbox_bytes: self.outbox.memory(),
            replay_bytes: self.replay.bytes(),
        }
    }
}
