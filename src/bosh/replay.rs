//! `ReplayCache`: past responses, for repeated requests (XEP-0124 section 14.3), and which of them the client is known to have.

use std::collections::VecDeque;

use bytes::Bytes;

use super::held::Held;
use super::{ClientAck, Condition, RequestId, Response, Rid, StreamId, Time};
use crate::xml::Payload;

/// Milliseconds after which an answer that the client says it lacks is lost rather than on its way (F06). jbosh does not survive to be told
/// of one that it has.
const LOST: u64 = 4000;

/// How far an answer has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Delivery {
    /// Handed to this request's connection, which has not written it in full.
    Leaving(RequestId),
    Written,
    /// The connection died before or while it was written, or there was none.
    Broken,
}

/// What a request says about the answers before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Known {
    Nothing,
    /// The client has all of them that were not seen to break.
    All,
    /// The client has all up to this one's.
    Through(Rid),
}

/// An answer that the client lacks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Report {
    pub rid: Rid,
    /// When it left.
    pub at: Time,
}

impl Known {
    /// From the acknowledgement of a client that acknowledges.
    pub fn acked(ack: ClientAck) -> Self {
        match ack {
            ClientAck::All => Self::All,
            ClientAck::Through(rid) => Self::Through(rid),
            ClientAck::Nonsense => Self::Nothing,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Answered {
    rid: Rid,
    /// When it left.
    at: Time,
    body: Bytes,
    legacy: Option<Condition>,
    delivery: Delivery,
    stream: StreamId,
    /// Payloads that the client is not known to have; slices of the response's bytes.
    unconfirmed: Vec<Payload>,
}

/// The last answers, in rid order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct ReplayCache {
    answers: VecDeque<Answered>,
    /// How many of them are on their way into a connection.
    leaving: usize,
    capacity: usize,
    /// The last one that was reported missing; once is enough, or a client that never asks for it would be answered at once for ever.
    reported: Option<Rid>,
}

impl ReplayCache {
    /// As many answers as the client may have requests open, the one beyond the window (D06) among them, and three at least: late retries of
    /// proxies come back (T10).
    pub fn new(requests: u8) -> Self {
        Self {
            answers: VecDeque::new(),
            leaving: 0,
            capacity: capacity(requests),
            reported: None,
        }
    }

    /// Keeps the answer to this request, with payloads of this stream. One that this pushes out counts as confirmed: the client is far
    /// ahead of it. Gives the number of payloads that have become confirmed.
    pub fn keep(
        &mut self,
        held: &Held,
        response: Response,
        payloads: (StreamId, Vec<Payload>),
        at: Time,
    ) -> Vec<(StreamId, usize)> {
        let (stream, unconfirmed) = payloads;
        self.leaving += usize::from(held.id.is_some());
        self.answers.push_back(Answered {
            rid: held.rid,
            at,
            body: response.body,
            legacy: response.legacy,
            delivery: held.id.map_or(Delivery::Broken, Delivery::Leaving),
            stream,
            unconfirmed,
        });
        let surplus = self.answers.len().saturating_sub(self.capacity);
        let leaving = &mut self.leaving;
        count(self.answers.drain(..surplus).map(|answered| {
            *leaving -= usize::from(answered.is_leaving());
            (answered.stream, answered.unconfirmed)
        }))
    }

    /// The first request that can still be repeated.
    pub fn oldest(&self) -> Option<Rid> {
        self.answers.front().map(|answered| answered.rid)
    }

    /// The same answer again, on a new connection (D09).
    pub fn replay(&mut self, rid: Rid, id: RequestId, now: Time) -> Option<Response> {
        let answered = self.answers.iter_mut().find(|answered| answered.rid == rid)?;
        self.leaving += usize::from(!answered.is_leaving());
        answered.delivery = Delivery::Leaving(id);
        answered.at = now;
        Some(Response {
            body: answered.body.clone(),
            legacy: answered.legacy,
            content: None,
        })
    }

    pub fn written(&mut self, id: RequestId, now: Time) -> bool {
        let answered = self.settle(id, Delivery::Written);
        answered.map(|answered| answered.at = now).is_some()
    }

    pub fn hung_up(&mut self, id: RequestId) -> bool {
        self.settle(id, Delivery::Broken).is_some()
    }

    /// Is an answer still on its way into a connection?
    pub fn any_leaving(&self) -> bool {
        debug_assert_eq!(
            self.leaving,
            self.answers.iter().filter(|answered| answered.is_leaving()).count()
        );
        self.leaving > 0
    }

    /// A request has come in order. Gives the number of payloads that have become confirmed: in order, so that behind an answer that the
    /// client may lack nothing is.
    pub fn confirm(&mut self, rid: Rid, requests: u8, known: Known) -> Vec<(StreamId, usize)> {
        let last = self.answers.back().map(|answered| answered.rid);
        let has = |answered: &Answered| {
            let outrun = rid.get() >= answered.rid.get() + u64::from(requests);
            outrun
                || match known {
                    Known::Nothing => false,
                    Known::All => answered.delivery != Delivery::Broken,
                    Known::Through(acked) => answered.rid <= acked && Some(acked) <= last,
                }
        };
        let confirmed = self
            .answers
            .iter_mut()
            .take_while(|answered| answered.unconfirmed.is_empty() || has(answered));
        count(confirmed.map(|answered| (answered.stream, std::mem::take(&mut answered.unconfirmed))))
    }

    /// The first answer that the client, which has all through `acked`, lacks, if it left so long ago that it will not come (F06).
    pub fn missing(&mut self, acked: Rid, arrived: Time) -> Option<Report> {
        let missing = self.answers.iter().find(|answered| answered.rid == acked.next())?;
        let lost = !missing.is_leaving() && missing.at.after(LOST) <= arrived;
        if !lost || Some(missing.rid) <= self.reported {
            return None;
        }
        self.reported = Some(missing.rid);
        Some(Report {
            rid: missing.rid,
            at: missing.at,
        })
    }

    /// What the client may never have got, or, `lost`, was seen not to get; in order.
    pub fn take_unconfirmed(&mut self, lost: bool) -> Vec<(StreamId, Vec<Payload>)> {
        self.answers
            .iter_mut()
            .filter(|answered| !lost || answered.delivery == Delivery::Broken)
            .map(|answered| (answered.stream, std::mem::take(&mut answered.unconfirmed)))
            .collect()
    }

    pub fn bytes(&self) -> usize {
        self.answers.iter().map(|answered| answered.body.len()).sum()
    }

    fn settle(&mut self, id: RequestId, delivery: Delivery) -> Option<&mut Answered> {
        let leaving = |answered: &&mut Answered| answered.delivery == Delivery::Leaving(id);
        // most often the last one
        let answered = self.answers.iter_mut().rev().find(leaving)?;
        answered.delivery = delivery;
        self.leaving -= 1;
        Some(answered)
    }
}

impl Answered {
    fn is_leaving(&self) -> bool {
        matches!(self.delivery, Delivery::Leaving(_))
    }
}

/// How many answers are remembered.
fn capacity(requests: u8) -> usize {
    (usize::from(requests) + 1).max(3)
}

/// How many of each stream.
fn count(payloads: impl Iterator<Item = (StreamId, Vec<Payload>)>) -> Vec<(StreamId, usize)> {
    let mut counts: Vec<(StreamId, usize)> = Vec::new();
    for (stream, payloads) in payloads.filter(|(_, payloads)| !payloads.is_empty()) {
        match counts.iter_mut().find(|(of, _)| *of == stream) {
            Some((_, count)) => *count += payloads.len(),
            None => counts.push((stream, payloads.len())),
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bosh::Request;
    use crate::xml::scope::standing;

    #[test]
    fn what_is_remembered_has_a_size() {
        let mut cache = ReplayCache::new(1);
        for number in 0..5 {
            let held = Held {
                id: Some(RequestId(number)),
                ..Held::dead(Rid::MAX, Time(0))
            };
            let response = Response::superseded();
            cache.keep(&held, response.clone(), (StreamId::FIRST, Vec::new()), Time(0));
            let remembered = capacity(1).min(cache.answers.len());
            assert_eq!(cache.bytes(), remembered * response.body.len());
        }
    }

    #[test]
    fn the_oldest_that_is_remembered_can_be_named() {
        let mut cache = ReplayCache::new(1);
        let rids = std::iter::successors(Some(Request::of("rid='1'").rid), |rid| Some(rid.next()));
        assert_eq!(cache.oldest(), None);
        for rid in rids.clone().take(5) {
            let held = Held::dead(rid, Time(0));
            cache.keep(&held, Response::superseded(), (StreamId::FIRST, Vec::new()), Time(0));
        }
        assert_eq!(cache.oldest(), rids.clone().nth(5 - capacity(1)));
    }

    #[test]
    fn payloads_are_counted_by_stream() {
        let payload = || standing("<a xmlns='u'/>".into(), "u".into(), "a");
        let some = |stream, many| (StreamId(stream), vec![payload(); many]);
        let counts = count([some(0, 1), some(1, 3), some(0, 2), some(2, 0)].into_iter());
        assert_eq!(counts, [(StreamId(0), 3), (StreamId(1), 3)]);
    }
}
