//! `RequestWindow`: next, early, repeat or outside (XEP-0124 section 14.2); requests that wait for a lower rid.

use std::collections::BTreeMap;

use super::{Request, RequestId, Rid, Time};

/// How a rid stands to the ones before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admission {
    /// The one that was due.
    Next,
    /// Inside the window, but a lower one is missing (D04).
    Early,
    /// At or below the highest rid that came in order.
    Repeat,
    /// Beyond the window (D05), or no rid at all (D01).
    Outside,
}

/// A request that waits for its turn, or is about to be carried out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Arrival {
    /// `None`: its connection is gone, but it came whole and is carried out all the same (FX01).
    pub id: Option<RequestId>,
    pub request: Box<Request>,
    pub at: Time,
    /// The client has sent more behind it on its connection (O01).
    pub released: bool,
}

/// Judges rids; the highest contiguous one is the base (T01).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct RequestWindow {
    last: Rid,
    /// The highest rid that came in order; behind `last` once a gap was given up.
    contiguous: Rid,
    size: u64,
    early: BTreeMap<Rid, Arrival>,
}

impl RequestWindow {
    pub fn new(creation: Rid, requests: u8) -> Self {
        Self {
            last: creation,
            contiguous: creation,
            size: u64::from(requests),
            early: BTreeMap::new(),
        }
    }

    /// A client that leaves may go one beyond the window, so that it can whatever it has open (D06).
    pub fn judge(&self, rid: Rid, leaves: bool) -> Admission {
        let size = self.size + u64::from(leaves);
        match rid.get().checked_sub(self.last.get()) {
            None | Some(0) => Admission::Repeat,
            _ if rid > Rid::MAX => Admission::Outside,
            Some(1) => Admission::Next,
            Some(n) if n <= size => Admission::Early,
            Some(_) => Admission::Outside,
        }
    }

    /// Has a request with this rid come that waits for its turn?
    pub fn is_early(&self, rid: Rid) -> bool {
        self.early.contains_key(&rid)
    }

    /// Keeps a request until its turn; gives back the id of an older copy, which the new one replaces (FX02).
    pub fn defer(&mut self, arrival: Arrival) -> Option<RequestId> {
        self.early.insert(arrival.request.rid, arrival).and_then(|older| older.id)
    }

    /// The highest rid that has come in order (F02, F03).
    pub fn contiguous(&self) -> Rid {
        self.contiguous
    }

    /// Was a gap given up?
    pub fn has_skipped(&self) -> bool {
        self.contiguous != self.last
    }

    /// The request with this rid is carried out now.
    pub fn advance(&mut self, rid: Rid) {
        if !self.has_skipped() {
            self.contiguous = rid;
        }
        self.last = rid;
    }

    /// The requests between the last one and this one will not be waited for: their rids.
    pub fn skip_to(&mut self, rid: Rid) -> Vec<Rid> {
        let skipped = std::iter::successors(Some(self.last.next()), |skipped| Some(skipped.next()));
        let skipped = skipped.take_while(|skipped| *skipped < rid).collect();
        self.last = rid;
        skipped
    }

    /// The request that has become the next one.
    pub fn take_next(&mut self) -> Option<Arrival> {
        let entry = self.early.first_entry()?;
        (entry.key().get() == self.last.get() + 1).then(|| entry.remove())
    }

    pub fn has_gap(&self) -> bool {
        !self.early.is_empty()
    }

    /// The connection of a waiting request died. True if it was one of ours.
    pub fn hung_up(&mut self, id: RequestId) -> bool {
        self.find(id).map(|arrival| arrival.id = None).is_some()
    }

    pub fn release(&mut self, id: RequestId) -> bool {
        self.find(id).map(|arrival| arrival.released = true).is_some()
    }

    /// Gives up all that waits: those that must still be answered, in rid order.
    pub fn abandon(&mut self) -> Vec<(Rid, RequestId)> {
        std::mem::take(&mut self.early)
            .into_iter()
            .filter_map(|(rid, arrival)| Some((rid, arrival.id?)))
            .collect()
    }

    pub fn len(&self) -> usize {
        self.early.len()
    }

    /// What they say, in bytes.
    pub fn bytes(&self) -> usize {
        self.early.values().map(|arrival| arrival.request.bytes()).sum()
    }

    /// Those on living connections that came before this one in the client's order.
    pub fn live_below(&self, rid: Rid) -> usize {
        self.early.range(..rid).filter(|(_, arrival)| arrival.id.is_some()).count()
    }

    fn find(&mut self, id: RequestId) -> Option<&mut Arrival> {
        self.early.values_mut().find(|arrival| arrival.id == Some(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_its_turn_is_counted() {
        let mut window = RequestWindow::new(Request::of("rid='1'").rid, 4);
        for (request, waiting) in [("rid='3'", 1), ("rid='4'", 2), ("rid='4'", 2)] {
            window.defer(Arrival {
                id: Some(RequestId(0)),
                request: Request::of(request),
                at: Time(0),
                released: false,
            });
            assert_eq!(window.len(), waiting);
        }
    }
}
