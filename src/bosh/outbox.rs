//! `Outbox`: payloads from the server that no response has carried yet; its size decides whether the server is read (DL04).

use std::collections::VecDeque;

use super::StreamId;
use crate::xml::Payload;

/// Bytes that a payload takes besides its own: its place, of which there are up to twice as many, and what is shared about an allocation.
const ENTRY: usize = 2 * size_of::<(StreamId, Payload)>() + 32;

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Outbox {
    payloads: VecDeque<(StreamId, Payload)>,
    bytes: usize,
    memory: usize,
}

impl Outbox {
    pub fn push(&mut self, stream: StreamId, payload: Payload) {
        self.bytes += payload.bytes().len();
        self.memory += kept(&payload);
        self.payloads.push_back((stream, payload));
    }

    pub fn is_empty(&self) -> bool {
        self.payloads.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The same with what it takes to keep them.
    pub fn memory(&self) -> usize {
        self.memory
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
        self.memory -= batch.iter().map(kept).sum::<usize>();
        Some((stream, batch))
    }
}

/// What one payload takes. Allocators have four or eight sizes between a power of two and the next.
fn kept(payload: &Payload) -> usize {
    let bytes = payload.bytes().len();
    let step = (bytes.next_power_of_two() / 8).max(16);
    bytes.next_multiple_of(step) + ENTRY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::scope::standing;

    // DL04
    #[test]
    fn what_is_kept_takes_more_than_its_bytes() {
        let payload = |bytes: usize| {
            let text = format!("<a xmlns='u'>{}</a>", "x".repeat(bytes - "<a xmlns='u'></a>".len()));
            standing(text.into(), "u".into(), "a")
        };
        let place = size_of::<(StreamId, Payload)>();
        let mut outbox = Outbox::default();
        for (bytes, taken) in [(17, 32), (100, 112), (2048, 2048), (2049, 2560)] {
            outbox.push(StreamId::FIRST, payload(bytes));
            assert_eq!((outbox.bytes(), outbox.memory()), (bytes, taken + 2 * place + 32));
            outbox.take(usize::MAX);
            assert_eq!((outbox.bytes(), outbox.memory()), (0, 0));
        }
    }
}
