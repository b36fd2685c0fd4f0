//! `HeldRequests`: requests carried out but not answered, in rid order; each with its connection and its deadline.

use std::collections::VecDeque;

use super::{RequestId, Rid, Time};

/// Milliseconds below which the age of a request says nothing about the way to its client: whoever moves on, moves on early, and no network
/// cuts so soon what it lets pass at all.
const TELLING: u64 = 5_000;

/// What the way to the client was seen to bear, in milliseconds: for how long a request was held.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Hold {
    /// Its connection lived when it was answered.
    Answered(u64),
    /// Its connection had died, and then the same request came again. Whoever means to hang up does not repeat: who has left is gone, a page
    /// that was reloaded goes on with the next rid.
    Cut(u64),
}

/// One unanswered request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Held {
    pub rid: Rid,
    /// `None`: its connection is gone. It keeps its place: a repeat takes it over (D16), or a higher one settles it (FX04).
    pub id: Option<RequestId>,
    /// When it came.
    pub since: Time,
    /// When its connection was seen to die.
    pub died: Option<Time>,
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
            since: now,
            died: None,
            deadline: now,
            pauses: false,
        }
    }

    /// What its answer at this moment shows.
    pub fn answered(&self, now: Time) -> Option<Hold> {
        self.telling(now).map(Hold::Answered)
    }

    /// What its repetition shows.
    pub fn cut(&self) -> Option<Hold> {
        self.died.and_then(|died| self.telling(died)).map(Hold::Cut)
    }

    /// How old it was, if it was old enough.
    fn telling(&self, until: Time) -> Option<u64> {
        Some(self.age(until)).filter(|age| *age >= TELLING)
    }

    fn age(&self, until: Time) -> u64 {
        until.0.saturating_sub(self.since.0)
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

    /// A repeat takes the place of the first copy and its wait begins anew (D11, D12), unless there is none (G06): what was held until now.
    /// `None`: this rid is not held.
    pub fn take_over(&mut self, rid: Rid, id: RequestId, now: Time, patience: u64) -> Option<Held> {
        let held = self.requests.iter_mut().find(|held| held.rid == rid)?;
        let deadline = if held.pauses { held.deadline } else { now.after(patience) };
        let renewed = Held {
            id: Some(id),
            since: now,
            died: None,
            deadline,
            ..*held
        };
        Some(std::mem::replace(held, renewed))
    }

    /// How old it was, in milliseconds. `None`: it is not held.
    pub fn hung_up(&mut self, id: RequestId, now: Time) -> Option<u64> {
        let held = self.requests.iter_mut().find(|held| held.id == Some(id))?;
        held.id = None;
        held.died = Some(now);
        Some(held.age(now))
    }

    /// The answer to this one is wanted now, hence also those before it (D03).
    pub fn release(&mut self, id: RequestId, now: Time) {
        if let Some(place) = self.requests.iter().position(|held| held.id == Some(id)) {
            self.requests.iter_mut().take(place + 1).for_each(|held| held.deadline = now);
        }
    }

    /// None is held for longer than so many milliseconds.
    pub fn hold_at_most(&mut self, most: u64) {
        for held in &mut self.requests {
            held.deadline = held.deadline.min(held.since.after(most));
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
