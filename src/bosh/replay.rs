//! `ReplayCache`: past responses, for repeated requests (XEP-0124 section 14.3), and which of them the client is known to have.

use std::collections::VecDeque;

use super::{RequestId, Response, Rid, StreamId};
use crate::xml::Payload;

/// How far an answer has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Delivery {
    /// Handed to this request's connection, which has not written it in full.
    Leaving(RequestId),
    Written,
    /// The connection died before or while it was written, or there was none.
    Broken,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Answered {
    rid: Rid,
    response: Response,
    delivery: Delivery,
    /// Payloads that the client is not known to have; slices of the response's bytes.
    unconfirmed: Vec<(StreamId, Payload)>,
}

/// The last answers, in rid order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct ReplayCache {
    answers: VecDeque<Answered>,
    capacity: usize,
}

impl ReplayCache {
    /// As many answers as the client may have requests open, and three at least: late retries of proxies come back (T10).
    pub fn new(requests: u8) -> Self {
        Self {
            answers: VecDeque::new(),
            capacity: usize::from(requests).max(3),
        }
    }

    /// Keeps an answer. One that this pushes out counts as confirmed: the client is far ahead of it. Gives the number of payloads that
    /// have become confirmed.
    pub fn keep(
        &mut self,
        rid: Rid,
        response: Response,
        id: Option<RequestId>,
        payloads: Vec<(StreamId, Payload)>,
    ) -> Vec<(StreamId, usize)> {
        let delivery = id.map_or(Delivery::Broken, Delivery::Leaving);
        self.answers.push_back(Answered {
            rid,
            response,
            delivery,
            unconfirmed: payloads,
        });
        let surplus = self.answers.len().saturating_sub(self.capacity);
        count(self.answers.drain(..surplus).flat_map(|answered| answered.unconfirmed))
    }

    /// The same answer again, on a new connection (D09).
    pub fn replay(&mut self, rid: Rid, id: RequestId) -> Option<Response> {
        let answered = self.answers.iter_mut().find(|answered| answered.rid == rid)?;
        answered.delivery = Delivery::Leaving(id);
        Some(answered.response.clone())
    }

    pub fn written(&mut self, id: RequestId) -> bool {
        self.settle(id, Delivery::Written)
    }

    pub fn hung_up(&mut self, id: RequestId) -> bool {
        self.settle(id, Delivery::Broken)
    }

    /// Is an answer still on its way into a connection?
    pub fn any_leaving(&self) -> bool {
        self.answers
            .iter()
            .any(|answered| matches!(answered.delivery, Delivery::Leaving(_)))
    }

    /// A request has come in order. `all_below`: it only polls, and `hold` is 1, so the client has all its answers.
    /// Gives the number of payloads that have become confirmed.
    pub fn confirm(&mut self, rid: Rid, requests: u8, all_below: bool) -> Vec<(StreamId, usize)> {
        let confirmed = self.answers.iter_mut().filter(|answered| {
            let outrun = rid.get() >= answered.rid.get() + u64::from(requests);
            let polled = all_below && answered.delivery != Delivery::Broken;
            outrun || polled
        });
        count(confirmed.flat_map(|answered| answered.unconfirmed.drain(..)))
    }

    /// What the client may never have got.
    pub fn take_unconfirmed(&mut self) -> Vec<(StreamId, Payload)> {
        self.answers
            .iter_mut()
            .flat_map(|answered| answered.unconfirmed.drain(..))
            .collect()
    }

    pub fn bytes(&self) -> usize {
        self.answers.iter().map(|answered| answered.response.body.len()).sum()
    }

    fn settle(&mut self, id: RequestId, delivery: Delivery) -> bool {
        let leaving = self
            .answers
            .iter_mut()
            .find(|answered| answered.delivery == Delivery::Leaving(id));
        leaving.map(|answered| answered.delivery = delivery).is_some()
    }
}

/// How many of each stream.
fn count(payloads: impl Iterator<Item = (StreamId, Payload)>) -> Vec<(StreamId, usize)> {
    let mut counts: Vec<(StreamId, usize)> = Vec::new();
    for (stream, _) in payloads {
        match counts.iter_mut().find(|(of, _)| *of == stream) {
            Some((_, count)) => *count += 1,
            None => counts.push((stream, 1)),
        }
    }
    counts
}
