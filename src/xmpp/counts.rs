//! The counts of stream management, modulo 2^32 (XEP-0198 section 4): what the client has of what the server sent, and the server of what the client
//! sent.

use std::collections::VecDeque;

use bytes::{BufMut as _, BytesMut};

use super::stream_management::SM;

/// Stanzas from the server to the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Incoming {
    pub confirmed: u32,
    /// What the server was told last.
    pub told: u32,
    /// Has the server asked since?
    pub asked: bool,
}

/// Stanzas from the client to the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Outgoing {
    pub sent: u32,
    pub taken: u32,
    /// How many were sent when the server was asked last.
    pub asked_at: u32,
    /// Has it not answered yet?
    pub waiting: bool,
}

impl Incoming {
    pub fn acknowledge(&mut self, out: &mut BytesMut) {
        self.told = self.confirmed;
        self.asked = false;
        out.put_slice(format!("<a xmlns='{SM}' h='{}'/>", self.confirmed).as_bytes());
    }
}

impl Outgoing {
    /// Between what it has taken already and what there was to take.
    pub fn is_plausible(&self, taken: u32) -> bool {
        taken.wrapping_sub(self.taken) <= self.sent.wrapping_sub(self.taken)
    }
}

/// What the client was given and is not known to have, in order, as runs of what counts and what does not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ledger {
    runs: VecDeque<(bool, usize)>,
}

impl Ledger {
    pub fn push(&mut self, counts: bool) {
        match self.runs.back_mut() {
            Some((of, length)) if *of == counts => *length += 1,
            _ => self.runs.push_back((counts, 1)),
        }
    }

    /// Takes so many from the front; how many of them count?
    pub fn take(&mut self, mut payloads: usize) -> u32 {
        let mut counted = 0;
        while payloads > 0
            && let Some((counts, length)) = self.runs.front_mut()
        {
            let taken = payloads.min(*length);
            payloads -= taken;
            *length -= taken;
            if *counts {
                counted += taken;
            }
            if *length == 0 {
                self.runs.pop_front();
            }
        }
        u32::try_from(counted).unwrap_or(u32::MAX)
    }
}
