//! `Outbox`: payloads from the server that no response has carried yet; its size decides whether the server is read (DL04).

use std::collections::VecDeque;

use super::StreamId;
use crate::xml::Payload;

/// Bytes that a payload takes besides its own: its place, its names, and what an allocation costs.
const ENTRY: usize = size_of::<(StreamId, Payload)>() + 48;

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

    /// The same with what it takes to keep them: small ones take more than their bytes.
    pub fn memory(&self) -> usize {
        self.bytes + self.payloads.len() * ENTRY
    }

    /// Does any of this stream wait?
    pub fn has(&self, stream: StreamId) -> bool {
        self.payloads.iter().any(|(of, _)| *of == stream)
    }

    /// Are all of the first stream?
    pub fn is_of_the_first(&self) -> bool {
        self.payloads.iter().all(|(stream, _)| *stream == StreamId::FIRST)
    }

    /// The payloads of the next response, all of one stream (I05): up to `limit` bytes, at least one (E06).
    pub fn take(&mut self, limit: usize) -> Option<(StreamId, Vec<Payload>)> {
        let (stream, first) = self.payloads.front()?;
        let stream = *stream;
        let mut size = first.bytes().len();
        let fits = |(of, payload): &&(StreamId, Payload)| {
            size += payload.bytes().len();
            *of == stream && size <= limit
        };
        let count = 1 + self.payloads.iter().skip(1).take_while(fits).count();
        let batch: Vec<_> = self.payloads.drain(..count).map(|(_, payload)| payload).collect();
        self.bytes -= batch.iter().map(|payload| payload.bytes().len()).sum::<usize>();
        Some((stream, batch))
    }
}
