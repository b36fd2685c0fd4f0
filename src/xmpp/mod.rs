//! RFC 6120 streams as values: headers, events, errors. No socket, no clock.

pub mod features;
pub mod inbound;
pub mod outbound;

use crate::xml::{Payload, Text};

pub const CLIENT: &str = "jabber:client";
pub const STREAM: &str = "http://etherx.jabber.org/streams";
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";

/// An XMPP domain, compared as RFC 7622 section 3.2 says: case folded, without a trailing dot.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Domain(Text);

impl Domain {
    /// `None` for what cannot be a domain: empty, longer than 1023 bytes, or with characters that a JID forbids in its domain part.
    pub fn parse(text: &str) -> Option<Self> {
        let folded = text.trim_end_matches('.').to_lowercase();
        let bad = |c: char| c.is_control() || c.is_whitespace() || "\"&'/:<>@".contains(c);
        if folded.is_empty() || folded.len() > 1023 || (folded.contains(bad) && !folded.starts_with('[')) {
            return None;
        }
        Some(Self(folded.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The attributes of `<stream:stream>` (RFC 6120 section 4.7), either way.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct StreamHeader {
    pub to: Option<Text>,
    pub from: Option<Text>,
    pub id: Option<Text>,
    pub version: Option<Text>,
    pub lang: Option<Text>,
}

/// A `<stream:error/>` (RFC 6120 section 4.9), whole.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StreamError {
    pub element: Payload,
}

/// What a stream says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum StreamEvent {
    Opened(StreamHeader),
    /// With what a client behind a manager must not be offered already taken out.
    Features(Payload),
    /// `<success/>` of SASL 1 (RFC 6120 section 6.4.6); to be passed on like a payload.
    Authenticated(Payload),
    Payload(Payload),
    Error(StreamError),
    /// `</stream:stream>`
    Closed,
}

/// The bare JID of a JID, normalised in its domain part; `None` for what is none (C13).
pub fn bare_jid(text: &str) -> Option<Text> {
    let bare = text.split_once('/').map_or(text, |(bare, _)| bare);
    let (local, domain) = bare.split_once('@')?;
    let bad = |c: char| c.is_control() || c.is_whitespace() || "\"&'/:<>@".contains(c);
    if local.is_empty() || local.len() > 1023 || local.contains(bad) {
        return None;
    }
    Some(format!("{local}@{}", Domain::parse(domain)?).into())
}
