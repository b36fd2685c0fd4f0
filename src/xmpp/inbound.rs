//! Bytes from a peer -> [`StreamEvent`]s (RFC 6120 section 4). The same reader serves both ends: it does not know who we are.

use bytes::{Bytes, BytesMut};

use super::managed::Managed;
use super::{CLIENT, SASL, STREAM, StreamError, StreamEvent, StreamHeader};
use crate::xml::scope::{Carriage, Scope, carry};
use crate::xml::splitter::{Fragment, Splitter};
use crate::xml::tag::Tag;
use crate::xml::{XML_NAMESPACE, XmlError, XmlLimits};

/// Reads one stream.
#[derive(Debug)]
pub struct Inbound {
    limits: XmlLimits,
    splitter: Splitter,
    phase: Phase,
}

/// Header -> Open -> Over
#[derive(Debug)]
enum Phase {
    Header,
    /// With what the header declares.
    Open(Scope),
    /// Closed, or broken: nothing that follows counts.
    Over,
}

/// Clients look for the literal names `stream:features` and `message`.
pub(super) const CARRIAGE: Carriage = Carriage {
    rehome: None,
    prefixes: &[(STREAM, "stream"), (CLIENT, "")],
};

impl Inbound {
    pub fn new(limits: XmlLimits) -> Self {
        Self {
            limits,
            splitter: Splitter::new(limits),
            phase: Phase::Header,
        }
    }

    /// Takes the next event off the front of `input`; `None`: more bytes are needed. After `Closed` or `Error` it stays `None`
    /// and swallows what follows. White space between elements is swallowed.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<StreamEvent>, XmlError> {
        if self.is_over() {
            input.clear();
            return Ok(None);
        }
        let event = self.event(input);
        if matches!(event, Err(_) | Ok(Some(StreamEvent::Error(_) | StreamEvent::Closed))) {
            self.phase = Phase::Over;
        }
        event
    }

    /// Has the peer said its last word?
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// The peer will begin anew with a header on the same connection (RFC 6120 section 4.3.3): nothing of the old stream is kept.
    pub fn restart(&mut self) {
        *self = Self::new(self.limits);
    }

    fn event(&mut self, input: &mut BytesMut) -> Result<Option<StreamEvent>, XmlError> {
        let event = match self.splitter.next(input)? {
            None => return Ok(None),
            Some(Fragment::Opened(tag)) => self.opened(&tag)?,
            Some(Fragment::Element(element)) => self.element(element)?,
            Some(Fragment::Closed) => StreamEvent::Closed,
        };
        Ok(Some(event))
    }

    fn opened(&mut self, bytes: &Bytes) -> Result<StreamEvent, XmlError> {
        let tag = Tag::parse(bytes, &Scope::default(), &self.limits, &[])?;
        if !tag.is(STREAM, "stream") {
            return Err(XmlError::NotWellFormed);
        }
        let content = tag.scope.namespace("").unwrap_or_default();
        if content.is("jabber:server") || content.starts_with("jabber:component:") {
            return Err(XmlError::Foreign);
        }
        let value = |namespace, local| tag.attribute(namespace, local).map(|value| value.detached());
        let header = StreamHeader {
            to: value("", "to"),
            from: value("", "from"),
            id: value("", "id"),
            version: value("", "version"),
            lang: value(XML_NAMESPACE, "lang"),
        };
        self.phase = Phase::Open(tag.scope.detached());
        Ok(StreamEvent::Opened(header))
    }

    fn element(&self, element: Bytes) -> Result<StreamEvent, XmlError> {
        let Phase::Open(scope) = &self.phase else {
            return Err(XmlError::NotWellFormed);
        };
        let payload = carry(element, scope, &CARRIAGE, &self.limits)?;
        Ok(if payload.is(STREAM, "features") {
            StreamEvent::Features(payload)
        } else if payload.is(STREAM, "error") {
            StreamEvent::Error(StreamError { element: payload })
        } else if payload.is(SASL, "success") {
            StreamEvent::Authenticated(payload)
        } else if let Some(managed) = Managed::of(&payload) {
            StreamEvent::Managed(managed, payload)
        } else {
            StreamEvent::Payload(payload)
        })
    }
}
