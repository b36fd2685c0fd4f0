//! Requests that wait for the server to take bytes, in order of arrival, and the news of them.

use std::collections::VecDeque;

use crate::bosh::{Input, RequestId};

/// So many may wait; a client with two open requests never comes near.
const REQUESTS: usize = 64;

/// The same in bytes of their payloads, with one request more; as much as may wait for the client by default.
const BYTES: usize = 4 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Deferred {
    inputs: VecDeque<Input>,
}

impl Deferred {
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Does this request wait here?
    pub fn holds(&self, request: RequestId) -> bool {
        let is_it = |input: &Input| matches!(input, Input::Request { id, .. } if *id == request);
        self.inputs.iter().any(is_it)
    }

    pub fn is_full(&self) -> bool {
        self.inputs.len() >= REQUESTS || self.bytes() > BYTES
    }

    pub fn push(&mut self, input: Input) {
        self.inputs.push_back(input);
    }

    pub fn pop(&mut self) -> Option<Input> {
        self.inputs.pop_front()
    }

    pub fn clear(&mut self) {
        self.inputs.clear();
    }

    /// Of their payloads.
    pub fn bytes(&self) -> usize {
        self.inputs.iter().map(bytes_of).sum()
    }
}

fn bytes_of(input: &Input) -> usize {
    match input {
        Input::Request { request, .. } => request.bytes(),
        _ => 0,
    }
}
