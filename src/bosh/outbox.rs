//! `Outbox`: payloads from the server that no response has carried yet; its size decides whether the server is read (DL04).

use std::collections::VecDeque;

use super::StreamId;
use crate::xml::Payload;

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Outbox {
    payloads: VecDeque<(StreamId, Payload)>,
    bytes: usize,
}

impl Outbox {
    pub fn push(&mut self, stream: StreamId, payload: Payload) {
        self.bytes += payload.bytes().len();
        self.payloads.push_back((stream, payload));
    }

    pub fn is_empty(&self) -> bool {
        self.payloads.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The payloads of the next response: up to `limit` bytes, at least one (E06).
    pub fn take(&mut self, limit: usize) -> Vec<(StreamId, Payload)> {
        let mut size = 0;
        let fits = |(_, payload): &&(StreamId, Payload)| {
            size += payload.bytes().len();
            size <= limit
        };
        let count = self.payloads.iter().take_while(fits).count().max(1).min(self.payloads.len());
        let batch: Vec<_> = self.payloads.drain(..count).collect();
        self.bytes -= batch.iter().map(|(_, payload)| payload.bytes().len()).sum::<usize>();
        batch
    }
}
