//! `HeldRequests`: requests carried out but not answered, in rid order; each with its connection and its deadline.

use std::collections::VecDeque;

use super::{RequestId, Rid, Time};

/// One unanswered request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Held {
    pub rid: Rid,
    /// `None`: its connection is gone. It keeps its place: a repeat takes it over (D16), or a higher one settles it (FX04).
    pub id: Option<RequestId>,
    /// When it is answered though there is nothing to say.
    pub deadline: Time,
    /// Its client goes away for a while: the answer carries nothing (G07).
    pub pauses: bool,
}

impl Held {
    /// On no connection.
    pub fn dead(rid: Rid, now: Time) -> Self {
        Self {
            rid,
            id: None,
            deadline: now,
            pauses: false,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct HeldRequests {
    requests: VecDeque<Held>,
}

impl HeldRequests {
    /// Rids only grow, so the end is the place.
    pub fn push(&mut self, held: Held) {
        debug_assert!(self.requests.back().is_none_or(|last| last.rid < held.rid));
        self.requests.push_back(held);
    }

    pub fn front(&self) -> Option<&Held> {
        self.requests.front()
    }

    pub fn pop(&mut self) -> Option<Held> {
        self.requests.pop_front()
    }

    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Is there any request that can be answered?
    pub fn any_live(&self) -> bool {
        self.requests.iter().any(|held| held.id.is_some())
    }

    /// Those on living connections.
    pub fn live(&self) -> usize {
        self.requests.iter().filter(|held| held.id.is_some()).count()
    }

    /// A repeat takes the place of the first copy and its wait begins anew (D11, D12), unless there is none (G06): the id of the older connection, if it lives.
    /// `None`: this rid is not held.
    pub fn take_over(&mut self, rid: Rid, id: RequestId, deadline: Time) -> Option<Option<RequestId>> {
        let held = self.requests.iter_mut().find(|held| held.rid == rid)?;
        if !held.pauses {
            held.deadline = deadline;
        }
        Some(held.id.replace(id))
    }

    pub fn hung_up(&mut self, id: RequestId) -> bool {
        let held = self.requests.iter_mut().find(|held| held.id == Some(id));
        held.map(|held| held.id = None).is_some()
    }

    /// The answer to this one is wanted now, hence also those before it (D03).
    pub fn release(&mut self, id: RequestId, now: Time) {
        if let Some(place) = self.requests.iter().position(|held| held.id == Some(id)) {
            self.requests.iter_mut().take(place + 1).for_each(|held| held.deadline = now);
        }
    }

    /// When the first live one runs out of time.
    pub fn next_deadline(&self) -> Option<Time> {
        self.requests
            .iter()
            .filter(|held| held.id.is_some())
            .map(|held| held.deadline)
            .min()
    }
}
