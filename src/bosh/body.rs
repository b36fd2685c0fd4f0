//! `<body/>`: bytes -> [`Request`], [`Response`] -> bytes (XEP-0124 sections 6 and 22).

use bytes::Bytes;

use super::Condition;
use crate::xml::{Payload, Text};

/// A request id: 1 to 2^53 - 1 (section 14.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Rid(u64);

/// A session id as it stands on the wire: opaque, safe in XML and URLs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sid(pub Text);

/// A decoded `<body/>` from a client.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Request {
    pub rid: Rid,
    pub sid: Option<Sid>,
    pub payloads: Vec<Payload>,
    /// The wrapper was read but what it holds was refused: the session, if the rid is its next, ends with this.
    pub fault: Option<Condition>,
}

/// A `<body/>` that names no session and so can be answered without one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("bad request: {reason}")]
pub struct BodyError {
    pub reason: &'static str,
}

/// An answer, encoded once; a replay is the same bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Response {
    /// `<body .../>` in UTF-8.
    pub body: Bytes,
    /// Set when a client without `ver` expects an HTTP code in place of this body (section 17.1).
    pub legacy: Option<Condition>,
}

impl Response {
    /// `type='terminate'` with a condition, for a request that has no session.
    pub fn fatal(condition: Condition) -> Self {
        let body = format!("<body xmlns='http://jabber.org/protocol/httpbind' type='terminate' condition='{}'/>", condition.as_str());
        Self { body: body.into(), legacy: None }
    }
}

/// Reads one request's `<body/>` as its bytes arrive: the wrapper's tag first, so that an unknown session is refused before the rest is read.
#[derive(Debug)]
pub struct Decoder {}

impl Decoder {
    /// More bytes of the HTTP body. `Some` once, when the wrapper's tag is complete: the sid it names.
    ///
    /// # Errors
    /// The wrapper's tag is unacceptable (A07, A10 to A13, D01): `bad-request` without a session.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<Option<Sid>>, BodyError> {
        let _ = bytes;
        todo!()
    }

    /// The HTTP body is complete. What is wrong behind the wrapper's tag becomes [`Request::fault`].
    pub fn finish(self) -> Result<Request, BodyError> {
        todo!()
    }

    /// The HTTP body is larger than allowed (A19): the request with its fault, if the wrapper's tag was read.
    pub fn oversize(self) -> Result<Request, BodyError> {
        todo!()
    }
}
