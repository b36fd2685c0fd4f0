//! `<body/>`: bytes -> [`Request`] (XEP-0124 sections 6, 7.1 and 22). The way back is in `answer`.

use bytes::BytesMut;

use super::answer::Response;
use super::streams::Opening;
use super::{CLIENT, COMPRESS, Condition, FRAMING, HTTPBIND, Offer, STREAM, TLS, Version, XBOSH};
use crate::xml::scope::{self, Carriage, Scope};
use crate::xml::splitter::{Fragment, Splitter};
use crate::xml::tag::{Attribute, Tag};
use crate::xml::{Payload, Text, XmlError, XmlLimits};

/// What clients leave undeclared or without a namespace belongs to jabber:client (NS01 to NS05).
const TO_SERVER: Carriage = Carriage {
    rehome: Some((HTTPBIND, CLIENT)),
    prefixes: &[(CLIENT, "")],
};

/// agsXMPP uses this prefix without declaring it (clients.md P1).
const LENIENT: [&str; 1] = ["xmpp"];

/// A request id: 1 to 2^53 - 1 (section 14.1); what is larger lies outside any window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Rid(u64);

impl Rid {
    pub const MAX: Self = Self((1 << 53) - 1);

    /// Larger numbers, of any length, become one more than [`Rid::MAX`].
    fn parse(text: &str) -> Option<Self> {
        match unsigned(text)?.min(Self::MAX.0 + 1) {
            0 => None,
            rid => Some(Self(rid)),
        }
    }

    pub fn get(self) -> u64 {
        self.0
    }
}

/// A session id as it stands on the wire: opaque, safe in XML and URLs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sid(pub Text);

/// What `xmpp:restart` says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Restart {
    #[default]
    No,
    Yes,
    /// True, but not in `urn:xmpp:xbosh`: believed only right after `<success/>` (clients.md P2).
    WrongNamespace,
}

/// A decoded `<body/>` from a client.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Request {
    pub rid: Rid,
    pub sid: Option<Sid>,
    pub to: Option<Text>,
    /// Of a creation request.
    pub offer: Offer,
    pub opening: Opening,
    pub restart: Restart,
    pub terminate: bool,
    pub pause: bool,
    pub payloads: Vec<Payload>,
    /// The wrapper was read but what it says or holds is refused: the session, when it is this rid's turn, ends with this.
    pub fault: Option<Condition>,
}

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
}

impl BodyError {
    pub fn response(self) -> Response {
        Response::fatal(Condition::BadRequest)
    }
}

/// Reads one request as its bytes arrive: the wrapper's tag first, so that an unknown session is refused before the rest is read.
#[derive(Debug)]
pub struct Decoder {
    splitter: Splitter,
    limits: XmlLimits,
    input: BytesMut,
    /// Once the wrapper's tag is complete: the request so far, and what is in force inside it.
    inside: Option<Box<(Request, Scope)>>,
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
    /// It ended within the wrapper's tag.
    pub fn finish(mut self) -> Result<Request, BodyError> {
        let trailing = self.input.iter().any(|byte| !byte.is_ascii_whitespace());
        if trailing || !self.splitter.is_closed() {
            self.fault(Condition::BadRequest);
        }
        self.into_request()
    }

    /// The HTTP body is larger than allowed (A19).
    ///
    /// # Errors
    /// Not even the wrapper's tag was read.
    pub fn oversize(mut self) -> Result<Request, BodyError> {
        self.fault(Condition::PolicyViolation);
        self.into_request()
    }

    fn fragment(&mut self, fragment: Fragment) -> Result<(), BodyError> {
        match (fragment, &mut self.inside) {
            (Fragment::Opened(bytes), None) => {
                let tag = Tag::parse(&bytes, &Scope::default(), &self.limits, &LENIENT)?;
                self.inside = Some(Box::new((Request::from_wrapper(&tag)?, tag.scope)));
            }
            (Fragment::Element(bytes), Some(inside)) => {
                let (request, scope) = inside.as_mut();
                match scope::carry(bytes, scope, &TO_SERVER, &self.limits) {
                    Ok(payload) if !is_stream_level(&payload) => request.payloads.push(payload),
                    _ => request.fault = Some(Condition::BadRequest),
                }
            }
            // the splitter knows of the end; elsewhere it gives no other fragments
            (Fragment::Closed | Fragment::Opened(_) | Fragment::Element(_), _) => {}
        }
        Ok(())
    }

    fn fault(&mut self, condition: Condition) -> Option<()> {
        let (request, _) = self.inside.as_deref_mut()?;
        request.fault = Some(condition);
        request.payloads.clear();
        Some(())
    }

    fn into_request(self) -> Result<Request, BodyError> {
        self.inside.map(|inside| inside.0).ok_or(BodyError::Truncated)
    }
}

/// Elements that mean something to a stream itself, or to the link that it runs on, would desynchronise it (P07, S08, T31).
fn is_stream_level(payload: &Payload) -> bool {
    matches!(payload.namespace(), STREAM | FRAMING | TLS | COMPRESS)
}

impl Request {
    fn from_wrapper(tag: &Tag) -> Result<Self, BodyError> {
        if !tag.is(HTTPBIND, "body") {
            return Err(BodyError::NotBody);
        }
        let own = |local| tag.attribute("", local);
        let rid = own("rid").and_then(|rid| Rid::parse(rid)).ok_or(BodyError::Rid)?;
        let sid = own("sid").cloned().map(Sid);
        let mut request = Self {
            rid,
            sid,
            to: own("to").cloned(),
            offer: Offer::default(),
            opening: Opening {
                from: own("from").cloned(),
                lang: tag.attribute(XML, "lang").cloned(),
                version: xbosh(tag, "version").map(|attribute| attribute.value.clone()),
            },
            restart: Restart::read(tag),
            terminate: own("type").is_some_and(|kind| matches!(kind.as_str(), "terminate" | "terminal")),
            pause: own("pause").is_some(),
            payloads: Vec::new(),
            fault: None,
        };
        if request.sid.is_none() {
            match Offer::read(tag) {
                Some(offer) if rid <= Rid::MAX => request.offer = offer,
                offer => {
                    request.offer = Offer {
                        ver: own("ver").map(|ver| Version::parse(ver)),
                        ..offer.unwrap_or_default()
                    };
                    request.fault = Some(Condition::BadRequest);
                }
            }
        }
        Ok(request)
    }
}

const XML: &str = "http://www.w3.org/XML/1998/namespace";

impl Offer {
    /// `None`: a number that is none (C01, C02). Larger ones than the schema knows become its largest.
    fn read(tag: &Tag) -> Option<Self> {
        let number = |local| match tag.attribute("", local) {
            None => Some(None),
            Some(text) => unsigned(text).map(Some),
        };
        let wait = number("wait")?.map(|wait| u16::try_from(wait).unwrap_or(u16::MAX));
        let hold = number("hold")?.map(|hold| u8::try_from(hold).unwrap_or(u8::MAX));
        Some(Self {
            wait,
            hold,
            ver: tag.attribute("", "ver").map(|ver| Version::parse(ver)),
        })
    }
}

impl Restart {
    fn read(tag: &Tag) -> Self {
        match xbosh(tag, "restart").or_else(|| tag.attributes.iter().find(|attribute| attribute.local.is("restart"))) {
            Some(attribute) if !matches!(attribute.value.trim(), "true" | "1") => Self::No,
            Some(attribute) if is_xbosh(attribute) => Self::Yes,
            Some(_) => Self::WrongNamespace,
            None => Self::No,
        }
    }
}

/// An attribute of XEP-0206, by namespace (C16), or by its usual prefix left undeclared (A12).
fn xbosh<'a>(tag: &'a Tag, local: &str) -> Option<&'a Attribute> {
    tag.attributes
        .iter()
        .find(|attribute| attribute.local.is(local) && is_xbosh(attribute))
}

fn is_xbosh(attribute: &Attribute) -> bool {
    let undeclared = attribute.namespace.is_empty() && attribute.prefix.is("xmpp");
    attribute.namespace.is(XBOSH) || undeclared
}

/// XML Schema's unsigned integers: digits, leading zeros allowed, no sign, white space around them ignored (C17). Numbers beyond u64
/// become its largest.
fn unsigned(text: &str) -> Option<u64> {
    let digits = text.trim();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unsigned_decimal() {
        assert_eq!(unsigned("007"), Some(7));
        assert_eq!(unsigned(" 7\n"), Some(7));
        assert_eq!(unsigned("99999999999999999999999"), Some(u64::MAX));
        for bad in ["", "-1", "+1", "1.5", "1 2", "0x1", "x"] {
            assert_eq!(unsigned(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_rid_is_positive_and_saturates_beyond_its_range() {
        assert_eq!(Rid::parse("0"), None);
        assert_eq!(Rid::parse("9007199254740991"), Some(Rid::MAX));
        assert!(Rid::parse("9007199254740992") > Some(Rid::MAX));
        assert_eq!(Rid::parse("9007199254740993"), Rid::parse("99999999999999999999999"));
    }
}
