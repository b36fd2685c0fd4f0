//! `Pacing`: too many requests, too many polls, too many repeats (XEP-0124 sections 11, 12 and 14.3).
//!
//! What is judged is narrow (T03): a plain *minimum time between empty requests* would end every busy session, as each stanza that a
//! client gets makes it poll again. Limits that were not announced are not enforced (E13).

use super::{Rid, Terms, Time};

/// Repeats of one rid within [`REPEATS_WITHIN`]; those of good clients come seconds apart (D17).
const REPEATS: u8 = 50;

/// Milliseconds.
const REPEATS_WITHIN: u64 = 60_000;

/// What is known of the requests so far.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Pacing {
    /// When the last new request came.
    last: Option<Time>,
    /// It only polled, and was not answered with anything.
    in_vain: bool,
    /// The rid that was repeated last, since when, and how often.
    repeated: Option<(Rid, Time, u8)>,
}

/// A new request, and how things stand when it comes.
pub(super) struct Newcomer {
    /// It says and asks nothing, and its client could say something.
    pub polls: bool,
    pub leaves: bool,
    /// Requests up to this one, on living connections, that have no answer.
    pub open: usize,
    pub at: Time,
}

impl Pacing {
    /// Judges a new request. False: it breaks the rules that were agreed.
    pub fn admits(&mut self, newcomer: &Newcomer, terms: &Terms) -> bool {
        let Newcomer { polls, leaves, open, at } = *newcomer;
        let gap = self.last.map(|last| at.0.saturating_sub(last.0));
        // half of it, as networks squeeze what a client sent in good time
        let interval = terms.polling.map_or(0, |polling| u64::from(polling) * 500);
        let soon = gap.is_some_and(|gap| gap < interval);
        let requests = usize::from(terms.requests);

        let too_many = open > requests && !leaves;
        let too_often = if terms.is_polling() {
            polls && soon && self.in_vain && open == 1
        } else {
            polls && soon && open == requests
        };
        self.last = Some(at);
        self.in_vain = polls;
        !too_many && !too_often
    }

    /// The last request was not in vain: its answer says something.
    pub fn rewarded(&mut self) {
        self.in_vain = false;
    }

    /// Judges one more repeat of this rid.
    pub fn admits_repeat(&mut self, rid: Rid, now: Time) -> bool {
        let (since, count) = match self.repeated {
            Some((same, since, count)) if same == rid && now < since.after(REPEATS_WITHIN) => (since, count),
            _ => (now, 0),
        };
        self.repeated = Some((rid, since, count.saturating_add(1)));
        count < REPEATS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // D17, J11
    #[test]
    fn repeats_are_counted_by_rid_and_minute() {
        let mut pacing = Pacing::default();
        assert!((0..REPEATS).all(|_| pacing.admits_repeat(Rid::MAX, Time(0))));
        assert!(!pacing.clone().admits_repeat(Rid::MAX, Time(REPEATS_WITHIN - 1)));
        assert!(pacing.clone().admits_repeat(Rid::MAX, Time(REPEATS_WITHIN)));
        assert!(pacing.admits_repeat(Rid::MAX.next(), Time(1)));
    }
}
