//! Bytes from a peer -> [`StreamEvent`]s (RFC 6120 section 4). The same reader serves both ends: it does not know who we are.

use bytes::BytesMut;

use super::StreamEvent;
use crate::xml::{XmlError, XmlLimits};

/// Reads one stream.
#[derive(Debug)]
pub struct Inbound {
    limits: XmlLimits,
}

impl Inbound {
    pub fn new(limits: XmlLimits) -> Self {
        Self { limits }
    }

    /// Takes the next event off the front of `input`; `None`: more bytes are needed. After `Closed` or `Error` it stays `None`
    /// and swallows what follows. White space between elements is swallowed.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<StreamEvent>, XmlError> {
        let _ = (&self.limits, input);
        todo!()
    }

    /// The peer will begin anew with a header on the same connection (RFC 6120 section 4.3.3): nothing of the old stream is kept.
    pub fn restart(&mut self) {
        *self = Self::new(self.limits);
    }
}
