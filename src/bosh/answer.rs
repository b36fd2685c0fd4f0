//! [`Response`]: what a request is answered with -> bytes of a `<body/>` (XEP-0124 sections 7.2, 17 and 22, XEP-0206 section 4).

use std::io::Write as _;

use bytes::Bytes;

use super::streams::Introduction;
use super::{Condition, HTTPBIND, Limits, Request, Rid, STREAM, Sid, Terms, Version, XBOSH};
use crate::xml::{Payload, Text, escape_attribute};

/// An answer, encoded once; a replay is the same bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Response {
    /// One `<body/>` in UTF-8: unprefixed, without an XML declaration (A08).
    pub body: Bytes,
    /// Set where a client without `ver` expects an HTTP code (section 17.1).
    pub legacy: Option<Condition>,
    /// The media type that the client asked for at creation (M02).
    pub content: Option<Text>,
}

impl Response {
    /// `type='terminate'` with a condition, for a request that has no session or no place in it.
    pub fn fatal(condition: Condition) -> Self {
        Answer {
            kind: Kind::Terminate(Some(condition)),
            ..Answer::empty()
        }
        .encode()
        .0
    }

    /// The same for a creation request, whose `ver` tells what its client expects.
    pub fn refusal(creation: &Request, condition: Condition) -> Self {
        Self {
            content: creation.offer.content.clone(),
            ..Self::fatal_for(creation.offer.ver, condition)
        }
    }

    /// The same with the place where the client finds what it asks for (section 17.2).
    pub fn see_other_uri(creation: &Request, uri: &str) -> Self {
        let refusal = Self::refusal(creation, Condition::SeeOtherUri);
        // an empty element gets its content
        let opening = refusal.body.strip_suffix(b"/>").unwrap_or(&refusal.body);
        let content = format!("><uri>{}</uri></body>", escape_attribute(uri));
        Self {
            body: [opening, content.as_bytes()].concat().into(),
            ..refusal
        }
    }

    /// The same for a session whose creation request had this `ver`.
    pub(super) fn fatal_for(ver: Option<Version>, condition: Condition) -> Self {
        Self {
            legacy: condition.legacy(ver),
            ..Self::fatal(condition)
        }
    }

    /// `type='error'`: a newer copy of the request has taken this one's place (section 14.3, L02).
    pub fn superseded() -> Self {
        Answer {
            kind: Kind::Error,
            ..Answer::empty()
        }
        .encode()
        .0
    }
}

/// What every answer begins with.
const OPENING: [&str; 3] = ["<body xmlns='", HTTPBIND, "'"];

/// The `type` of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Normal,
    Terminate(Option<Condition>),
    Error,
}

/// What a response says.
pub(super) struct Answer<'a> {
    /// Of a creation response: what was agreed. It is told once (B05).
    pub creation: Option<(&'a Sid, &'a Terms, &'a Limits)>,
    pub introduction: Option<&'a Introduction>,
    pub kind: Kind,
    /// Whose payloads and news these are, where streams have names (I05).
    pub stream: Option<&'a Text>,
    /// The highest rid that has come in order, where that is not the one answered (F02).
    pub ack: Option<Rid>,
    /// An answer that the client lacks, and how long ago it left, in milliseconds (F06).
    pub report: Option<(Rid, u64)>,
    pub payloads: &'a [Payload],
    /// The server's stream error, behind all payloads (ER02).
    pub error: Option<&'a Payload>,
}

impl Answer<'_> {
    pub fn empty() -> Self {
        Self {
            creation: None,
            introduction: None,
            kind: Kind::Normal,
            stream: None,
            ack: None,
            report: None,
            payloads: &[],
            error: None,
        }
    }

    /// The response, and its payloads as slices of its bytes.
    pub fn encode(&self) -> (Response, Vec<Payload>) {
        let elements = || self.payloads.iter().chain(self.error);
        let content: usize = elements().map(|payload| payload.bytes().len()).sum();
        let (open, close) = if content > 0 { (">", "</body>") } else { ("/>", "") };
        // nearly every answer says nothing besides its payloads, and then this is its length
        let opening: usize = OPENING.iter().map(|part| part.len()).sum();
        let mut body = Vec::with_capacity(opening + open.len() + content + close.len());
        self.open(&mut body);
        body.extend_from_slice(open.as_bytes());
        let mut start = body.len();
        elements().for_each(|payload| body.extend_from_slice(payload.bytes()));
        body.extend_from_slice(close.as_bytes());
        body.shrink_to_fit();
        let body = Bytes::from(body);
        let carry = |payload: &Payload| {
            let end = start + payload.bytes().len();
            let slice = body.slice(start..end);
            start = end;
            payload.moved(slice)
        };
        let carried = self.payloads.iter().map(carry).collect();
        let response = Response {
            body,
            legacy: None,
            content: None,
        };
        (response, carried)
    }

    /// `<body` and its attributes; `xmpp` and `stream` are declared by exactly these prefixes (Q04, T24).
    fn open(&self, out: &mut Vec<u8>) {
        OPENING.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        let streamy = |payload: &Payload| payload.is_in(STREAM);
        if self.creation.is_some() || self.payloads.iter().chain(self.error).any(streamy) {
            attribute(out, "xmlns:stream", STREAM);
        }
        match self.kind {
            Kind::Normal => {}
            Kind::Error => attribute(out, "type", "error"),
            Kind::Terminate(condition) => {
                attribute(out, "type", "terminate");
                condition
                    .into_iter()
                    .for_each(|condition| attribute(out, "condition", condition.as_str()));
            }
        }
        self.stream.iter().for_each(|name| attribute(out, "stream", name.as_str()));
        self.ack.iter().for_each(|rid| attribute(out, "ack", rid.get()));
        if let Some((rid, age)) = self.report {
            attribute(out, "report", rid.get());
            attribute(out, "time", age.min(u64::from(u16::MAX)));
        }
        self.negotiation(out);
        self.introduce(out);
    }

    fn negotiation(&self, out: &mut Vec<u8>) {
        let Some((sid, terms, limits)) = self.creation else { return };
        let version = terms.answered_version();
        attribute(out, "sid", sid.0.as_str());
        attribute(out, "ver", format_args!("{}.{}", version.major, version.minor));
        attribute(out, "wait", terms.wait);
        attribute(out, "hold", terms.hold);
        attribute(out, "requests", terms.requests);
        attribute(out, "inactivity", terms.inactivity);
        terms
            .told_polling()
            .iter()
            .for_each(|polling| attribute(out, "polling", polling));
        for (name, value) in [("accept", &limits.accept), ("charsets", &limits.charsets)] {
            value.iter().for_each(|value| attribute(out, name, value.as_str()));
        }
        if terms.max_pause > 0 {
            attribute(out, "maxpause", terms.max_pause);
        }
    }

    /// The server's side of the stream, and that restarts are understood (Q03 to Q06).
    fn introduce(&self, out: &mut Vec<u8>) {
        let version = self.introduction.and_then(|introduction| introduction.version.as_ref());
        if self.creation.is_some() || version.is_some() {
            attribute(out, "xmlns:xmpp", XBOSH);
        }
        if self.creation.is_some() {
            attribute(out, "xmpp:restartlogic", "true");
        }
        if let Some(introduction) = self.introduction {
            let told = [
                ("xmpp:version", &introduction.version),
                ("from", &introduction.from),
                ("authid", &introduction.id),
            ];
            for (name, value) in told {
                value.iter().for_each(|value| attribute(out, name, escape_attribute(value)));
            }
        }
    }
}

fn attribute(out: &mut Vec<u8>, name: &str, value: impl std::fmt::Display) {
    // writing to a Vec cannot fail
    let _ = write!(out, " {name}='{value}'");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_content_is_an_empty_element() {
        let superseded = Response::superseded();
        assert!(superseded.body.ends_with(b"/>"), "{superseded:?}");
    }

    // J14
    #[test]
    fn elsewhere() {
        let response = Response::see_other_uri(&Request::of("rid='1' ver='1.6'"), "https://a.example/?a&b");
        let expected = "<body xmlns='http://jabber.org/protocol/httpbind' type='terminate' condition='see-other-uri'>\
                        <uri>https://a.example/?a&amp;b</uri></body>";
        assert_eq!(response.body, expected);
    }

    // K01, M02
    #[test]
    fn a_refused_creation_is_answered_in_the_type_and_the_codes_that_it_asked_for() {
        let refusal = |attributes| Response::refusal(&Request::of(attributes), Condition::BadRequest);
        let asked = refusal("rid='1' content='text/html; charset=utf-8'");
        assert!(asked.content.is_some() && asked.legacy.is_some(), "{asked:?}");
        let modern = refusal("rid='1' ver='1.6'");
        assert!(modern.content.is_none() && modern.legacy.is_none(), "{modern:?}");
    }
}
