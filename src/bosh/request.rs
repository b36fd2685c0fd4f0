//! [`Request`]: what the tag of a `<body/>` says, attribute by attribute (XEP-0124 sections 7.1 and 22).

use bytes::Bytes;

use super::body::BodyError;
use super::content::media_type;
use super::streams::Opening;
use super::{Condition, HTTPBIND, Offer, Version, XBOSH};
use crate::xml::tag::{Attribute, Tag};
use crate::xml::{Payload, Text, XML_NAMESPACE};

/// A request id: 1 to 2^53 - 1 (section 14.1); what is larger lies outside any window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Rid(u64);

impl Rid {
    pub const MAX: Self = Self((1 << 53) - 1);

    /// Larger numbers, of any length, become one more than [`Rid::MAX`].
    fn parse(text: &[u8]) -> Option<Self> {
        match unsigned(text)?.min(Self::MAX.0 + 1) {
            0 => None,
            rid => Some(Self(rid)),
        }
    }

    pub fn get(self) -> u64 {
        self.0
    }

    /// The one after it.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
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
    /// True, but not in `urn:xmpp:xbosh`: believed only right after `<success/>` (contract P2).
    WrongNamespace,
}

/// Which answers a client that acknowledges says it has (section 9.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ClientAck {
    /// Nothing is said: all to the rids before this one.
    #[default]
    All,
    /// All up to this one's, and not the next one's.
    Through(Rid),
    /// Not a rid (F07).
    Nonsense,
}

/// What a client that uses keys shows (section 15); most do not.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Keys {
    pub key: Option<Text>,
    /// The end of a new chain.
    pub newkey: Option<Text>,
}

impl Keys {
    /// Copies of their own size.
    pub(super) fn detached(&self) -> Self {
        let detached = |text: &Option<Text>| text.as_ref().map(Text::detached);
        Self {
            key: detached(&self.key),
            newkey: detached(&self.newkey),
        }
    }
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
    /// The name of a stream (section 16.4).
    pub stream: Option<Text>,
    pub ack: ClientAck,
    /// Seconds; 0: not a number of seconds.
    pub pause: Option<u16>,
    pub keys: Option<Box<Keys>>,
    pub payloads: Vec<Payload>,
    /// In script syntax, instead of payloads: the next piece of what the session's client says (XEP-0252 section 2.2).
    pub octets: Bytes,
    /// The wrapper was read but what it says or holds is refused: the session, when it is this rid's turn, ends with this.
    pub fault: Option<Condition>,
}

impl Request {
    /// Of what it says.
    pub fn bytes(&self) -> usize {
        self.payloads.iter().map(|payload| payload.bytes().len()).sum::<usize>() + self.octets.len()
    }

    /// # Errors
    /// The root is not ours, or has no rid (A10, A11, D01).
    pub(super) fn read(tag: &Tag) -> Result<Self, BodyError> {
        if !tag.is(HTTPBIND, "body") {
            return Err(BodyError::NotBody);
        }
        let rid = tag
            .attribute("", "rid")
            .and_then(|rid| Rid::parse(rid.as_bytes()))
            .ok_or(BodyError::Rid)?;
        let mut request = Self {
            rid,
            sid: None,
            to: None,
            offer: Offer::default(),
            opening: Opening::default(),
            restart: Restart::No,
            terminate: false,
            stream: None,
            ack: ClientAck::All,
            pause: None,
            keys: None,
            payloads: Vec::new(),
            octets: Bytes::new(),
            fault: None,
        };
        for attribute in &tag.attributes {
            request.attribute(attribute);
        }
        if request.sid.is_none() {
            request.create(tag);
        }
        Ok(request)
    }

    /// Does it carry anything for a server?
    pub fn has_content(&self) -> bool {
        !self.payloads.is_empty() || !self.octets.is_empty()
    }

    /// Does the client go away, for a while or for good?
    pub fn leaves(&self) -> bool {
        self.terminate || self.pause.is_some()
    }

    /// Does it ask for one more stream, where there can be several (I03, I04)?
    pub fn adds_stream(&self) -> bool {
        self.to.is_some() && !self.has_content() && self.restart == Restart::No && !self.leaves()
    }

    fn attribute(&mut self, attribute: &Attribute) {
        let value = &attribute.value;
        match (Home::of(attribute), attribute.local.as_bytes()) {
            (Home::Xbosh, b"restart") if is_true(value) => self.restart = Restart::Yes,
            (Home::Body | Home::Elsewhere, b"restart") if is_true(value) && self.restart == Restart::No => {
                self.restart = Restart::WrongNamespace;
            }
            (Home::Xbosh, b"version") => self.opening.version = Some(value.clone()),
            (Home::Xml, b"lang") => self.opening.lang = Some(value.clone()),
            (Home::Body, b"sid") => self.sid = Some(Sid(value.clone())),
            (Home::Body, b"to") => self.to = Some(value.clone()),
            (Home::Body, b"route") => self.opening.route = Some(value.clone()),
            (Home::Body, b"from") => self.opening.from = Some(value.clone()),
            (Home::Body, b"stream") => self.stream = Some(value.clone()),
            (Home::Body, b"type") => self.terminate = matches!(value.as_str(), "terminate" | "terminal"),
            (Home::Body, b"pause") => self.pause = Some(short(value.as_bytes()).unwrap_or(0)),
            (Home::Body, b"ack") => self.ack = Rid::parse(value.as_bytes()).map_or(ClientAck::Nonsense, ClientAck::Through),
            (Home::Body, b"key") => self.keys.get_or_insert_default().key = Some(value.clone()),
            (Home::Body, b"newkey") => self.keys.get_or_insert_default().newkey = Some(value.clone()),
            _ => {}
        }
    }

    /// What only a creation request says. A number that is none is its fault (C01, C02).
    fn create(&mut self, tag: &Tag) {
        let own = |local| tag.attribute("", local);
        let number = |local| own(local).map(|text| short(text.as_bytes()));
        let (wait, hold) = (number("wait"), number("hold"));
        if [wait, hold].contains(&Some(None)) || self.rid > Rid::MAX {
            self.fault = Some(Condition::BadRequest);
        }
        self.offer = Offer {
            wait: wait.flatten(),
            hold: hold.flatten().map(|hold| u8::try_from(hold).unwrap_or(u8::MAX)),
            ver: own("ver").map(|ver| Version::parse(ver)),
            acks: own("ack").is_some_and(|ack| ack.trim() == "1"),
            content: own("content").and_then(media_type),
        };
    }
}

/// Whose an attribute is.
enum Home {
    Body,
    /// XEP-0206's, by namespace (C16) or by its usual prefix left undeclared (A12).
    Xbosh,
    Xml,
    Elsewhere,
}

impl Home {
    fn of(attribute: &Attribute) -> Self {
        match attribute.namespace.as_bytes() {
            b"" if attribute.prefix == "xmpp" => Self::Xbosh,
            b"" => Self::Body,
            namespace if namespace == XBOSH.as_bytes() => Self::Xbosh,
            namespace if namespace == XML_NAMESPACE.as_bytes() => Self::Xml,
            _ => Self::Elsewhere,
        }
    }
}

fn is_true(value: &Text) -> bool {
    matches!(value.trim(), "true" | "1")
}

/// An unsigned short; larger numbers become its largest.
fn short(text: &[u8]) -> Option<u16> {
    unsigned(text).map(|number| u16::try_from(number).unwrap_or(u16::MAX))
}

/// XML Schema's unsigned integers: digits, leading zeros allowed, no sign, white space around them ignored (C17). Numbers beyond u64
/// become its largest.
fn unsigned(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |number: u64, digit: &u8| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(digits.iter().fold(0, add))
}

#[cfg(test)]
impl Request {
    /// The request of an empty wrapper with these attributes.
    pub(super) fn of(attributes: &str) -> Box<Self> {
        let mut decoder = super::Decoder::new(crate::xml::XmlLimits::default());
        let body = format!("<body xmlns='{}' {attributes}/>", super::HTTPBIND);
        decoder.feed(body.as_bytes()).expect("a wrapper");
        decoder.finish().expect("a request")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unsigned_decimal() {
        assert_eq!(unsigned(b"007"), Some(7));
        assert_eq!(unsigned(b" 7\n"), Some(7));
        assert_eq!(unsigned(b"99999999999999999999999"), Some(u64::MAX));
        for bad in ["", "-1", "+1", "1.5", "1 2", "0x1", "x"] {
            assert_eq!(unsigned(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_rid_is_positive_and_saturates_beyond_its_range() {
        assert_eq!(Rid::parse(b"0"), None);
        assert_eq!(Rid::parse(b"9007199254740991"), Some(Rid::MAX));
        assert!(Rid::parse(b"9007199254740992") > Some(Rid::MAX));
        assert_eq!(Rid::parse(b"9007199254740993"), Rid::parse(b"99999999999999999999999"));
    }
}
