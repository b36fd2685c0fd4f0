//! `<body/>`: bytes -> [`Request`] (XEP-0124 sections 6 and 22). The way back is in `answer`.

use bytes::{Bytes, BytesMut};

use super::answer::Response;
use super::{CLIENT, COMPRESS, Condition, FRAMING, HTTPBIND, Request, STREAM, Sid, TLS};
use crate::xml::scope::{self, Carriage, Scope};
use crate::xml::splitter::{Fragment, Splitter};
use crate::xml::tag::Tag;
use crate::xml::{Payload, XmlError, XmlLimits};

/// What clients leave undeclared or without a namespace belongs to jabber:client (NS01 to NS05).
pub(super) const TO_SERVER: Carriage = Carriage {
    rehome: Some((HTTPBIND, CLIENT)),
    prefixes: &[(CLIENT, "")],
};

/// agsXMPP uses this prefix without declaring it (contract P1).
const LENIENT: [&str; 1] = ["xmpp"];

/// A `<body/>` without a usable wrapper: `bad-request`, whatever session it may have meant (K04).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the wrapper is not acceptable XML: {0}")]
    Xml(#[from] XmlError),
    #[error("the root is not <body/> of XEP-0124")]
    NotBody,
    #[error("rid is missing or not a positive integer")]
    Rid,
    #[error("the document ends within the wrapper's tag")]
    Truncated,
    #[error("there is no document")]
    Empty,
}

impl BodyError {
    /// Who sends nothing at all is no client of any version: it is told by the code, too (contract H11).
    pub fn response(self) -> Response {
        match self {
            Self::Empty => Response::fatal_for(None, Condition::BadRequest),
            _ => Response::fatal(Condition::BadRequest),
        }
    }
}

/// Reads a request in script syntax, whose content is a piece of an octet stream (XEP-0252 section 2.2): an element may begin in one
/// request and end in the next.
///
/// # Errors
/// There is no wrapper.
pub fn decode_script(document: &[u8], limits: XmlLimits) -> Result<Box<Request>, BodyError> {
    let mut splitter = Splitter::new(limits);
    let mut input = BytesMut::from(document);
    let Some(Fragment::Opened(bytes)) = splitter.next(&mut input)? else {
        return Err(BodyError::Truncated);
    };
    let tag = Tag::parse(&bytes, &Scope::default(), &limits, &LENIENT)?;
    let mut request = Box::new(Request::read(&tag)?);
    let rest = input.trim_ascii_end();
    match rest.strip_suffix(b"</body>") {
        Some(octets) => request.octets = Bytes::copy_from_slice(octets),
        None if tag.is_empty && rest.is_empty() => {}
        None => request.fault = Some(Condition::BadRequest),
    }
    Ok(request)
}

/// Reads one request as its bytes arrive: the wrapper's tag first, so that an unknown session is refused before the rest is read.
#[derive(Debug)]
pub struct Decoder {
    splitter: Splitter,
    limits: XmlLimits,
    input: BytesMut,
    /// Once the wrapper's tag is complete: the request so far, and what is in force inside it.
    inside: Option<(Box<Request>, Scope)>,
}

impl Decoder {
    pub fn new(limits: XmlLimits) -> Self {
        Self {
            splitter: Splitter::new(limits),
            limits,
            input: BytesMut::new(),
            inside: None,
        }
    }

    /// More bytes of the HTTP body. `Some` while the wrapper's tag is complete and the request is not: the sid it names, which can be looked
    /// up before more is read.
    ///
    /// # Errors
    /// The wrapper's tag is not acceptable (A07, A10 to A13, D01).
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<Option<&Sid>>, BodyError> {
        self.input.extend_from_slice(bytes);
        loop {
            match self.splitter.next(&mut self.input) {
                Ok(None) => break,
                Ok(Some(fragment)) => self.fragment(fragment)?,
                Err(error) => {
                    self.fault(Condition::BadRequest).ok_or(error)?;
                    break;
                }
            }
        }
        let incomplete = self.inside.as_ref().filter(|_| !self.splitter.is_closed());
        Ok(incomplete.map(|inside| inside.0.sid.as_ref()))
    }

    /// The HTTP body is complete. What is wrong behind the wrapper's tag has become [`Request::fault`].
    ///
    /// # Errors
    /// It ended within the wrapper's tag, or before it.
    pub fn finish(mut self) -> Result<Box<Request>, BodyError> {
        if self.inside.is_none() && self.input.is_empty() {
            return Err(BodyError::Empty);
        }
        if !self.splitter.is_closed() {
            self.fault(Condition::BadRequest);
        }
        self.into_request()
    }

    /// The HTTP body is larger than allowed (A19), or not in the coding that it says: the request's fault.
    ///
    /// # Errors
    /// Not even the wrapper's tag was read.
    pub fn give_up(mut self, condition: Condition) -> Result<Box<Request>, BodyError> {
        self.fault(condition);
        self.into_request()
    }

    fn fragment(&mut self, fragment: Fragment) -> Result<(), BodyError> {
        match (fragment, &mut self.inside) {
            (Fragment::Opened(bytes), None) => {
                let tag = Tag::parse(&bytes, &Scope::default(), &self.limits, &LENIENT)?;
                self.inside = Some((Box::new(Request::read(&tag)?), tag.scope));
            }
            (Fragment::Element(bytes), Some((request, scope))) => match scope::carry(bytes, scope, &TO_SERVER, &self.limits) {
                Ok(payload) if !is_stream_level(&payload) => request.payloads.push(payload),
                _ => request.fault = Some(Condition::BadRequest),
            },
            // the splitter knows of the end; elsewhere it gives no other fragments
            (Fragment::Closed | Fragment::Opened(_) | Fragment::Element(_), _) => {}
        }
        Ok(())
    }

    fn fault(&mut self, condition: Condition) -> Option<()> {
        let (request, _) = self.inside.as_mut()?;
        request.fault = Some(condition);
        request.payloads.clear();
        Some(())
    }

    fn into_request(self) -> Result<Box<Request>, BodyError> {
        self.inside.map(|inside| inside.0).ok_or(BodyError::Truncated)
    }
}

/// Elements that mean something to a stream itself, or to the link that it runs on, would desynchronise it (P07, S08, T31).
pub fn is_stream_level(payload: &Payload) -> bool {
    [STREAM, FRAMING, TLS, COMPRESS]
        .iter()
        .any(|namespace| payload.is_in(namespace))
}
