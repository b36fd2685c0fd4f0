//! RFC 6120 streams, and RFC 7395 frames, as values: headers, events, errors. No socket, no clock.

mod counts;
pub mod features;
pub mod framing;
pub mod guessing;
pub mod inbound;
pub mod login;
pub mod managed;
pub mod outbound;
pub mod stream_management;
pub mod undeliverable;

use std::net::Ipv6Addr;

use self::managed::Managed;
use crate::xml::walk::find;
use crate::xml::{Payload, Text};

pub const CLIENT: &str = "jabber:client";
pub const STREAM: &str = "http://etherx.jabber.org/streams";
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
pub const SASL2: &str = "urn:xmpp:sasl:2";
pub const STREAMS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";

/// An XMPP domain, compared as RFC 7622 section 3.2 says: case folded, without a trailing dot.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Domain(Text);

impl Domain {
    /// `None` for what cannot be a domain: empty, longer than 1023 bytes, an empty label, or characters that a JID forbids in its
    /// domain part; in brackets there has to be an IPv6 address.
    pub fn parse(text: &str) -> Option<Self> {
        // IDNA (RFC 5895 section 2) takes the ideographic full stops for dots
        let folded = text.to_lowercase().replace(['\u{3002}', '\u{FF0E}', '\u{FF61}'], ".");
        let name = folded.strip_suffix('.').unwrap_or(&folded);
        let is_name = |name: &str| name.split('.').all(|label| !label.is_empty()) && !name.contains(is_forbidden);
        let is_allowed = match name.strip_prefix('[') {
            Some(rest) => rest
                .strip_suffix(']')
                .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
            None => is_name(name),
        };
        (is_allowed && name.len() <= 1023).then(|| Self(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_forbidden(c: char) -> bool {
    c.is_control() || c.is_whitespace() || "\"&'/:<>@[]\\".contains(c)
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

impl StreamError {
    /// The name of its defined condition.
    pub fn condition(&self) -> String {
        let condition = find(&self.element, |visit| {
            let is_condition = visit.depth == 1 && visit.tag.namespace.is(STREAMS) && visit.tag.local != "text";
            is_condition.then(|| visit.tag.local.to_owned())
        });
        condition.unwrap_or_else(|| "undefined-condition".to_owned())
    }

    /// Where the server sends us instead: a host, and a port if it says one (RFC 6120 section 4.9.3.19).
    pub fn see_other_host(&self) -> Option<(String, Option<u16>)> {
        let text = find(&self.element, |visit| {
            let found = visit.depth == 1 && visit.tag.is(STREAMS, "see-other-host");
            found.then(|| visit.text.trim().to_owned())
        })?;
        host_and_port(&text)
    }
}

/// `host`, `host:port`, `[2001:db8::1]:port`, `2001:db8::1`; the host without brackets.
pub fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        (address, rest.strip_prefix(':').or_else(|| (!rest.is_empty()).then_some("")))
    } else if text.parse::<Ipv6Addr>().is_ok() {
        (text, None)
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@\"'<>[]".contains(c));
    let port = match port {
        None => None,
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => Some(digits.parse().ok()?),
        Some(_) => return None,
    };
    (is_host && port != Some(0)).then(|| (host.to_owned(), port))
}

/// What a stream says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum StreamEvent {
    Opened(StreamHeader),
    Features(Payload),
    /// `<success/>` of SASL 1 (RFC 6120 section 6.4.6); to be passed on like a payload.
    Authenticated(Payload),
    /// That the server keeps what its client does not acknowledge; to be passed on like a payload.
    Managed(Managed, Payload),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        Domain::parse(text).map(|domain| domain.to_string())
    }

    // C15
    #[test]
    fn domains_are_compared_without_case_and_trailing_dot() {
        assert_eq!(parsed("EXAMPLE.com."), parsed("example.com"));
        assert_eq!(parsed("MÜNCHEN.example"), parsed("münchen.example"));
        assert_eq!(parsed("例え。テスト"), parsed("例え.テスト"));
        assert_eq!(parsed("[::1]").as_deref(), Some("[::1]"));
        assert_eq!(parsed("chat_1.localhost").as_deref(), Some("chat_1.localhost"));
    }

    #[test]
    fn what_no_domain_can_be_is_refused() {
        let long = "a".repeat(1024);
        let forbidden = ["a b", "a/b", "u@d", "a:5222", "a<b", "a\u{0}", "[<script>]", "[::1", "[]"];
        for text in ["", ".", "..", "a..b", ".a", "a.b..", &long].into_iter().chain(forbidden) {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }

    // C14, ER06
    #[test]
    fn hosts_are_told_from_ports() {
        let parsed = |text| host_and_port(text).map(|(host, port)| (host, port.unwrap_or_default()));
        let some = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(parsed("b.example"), some("b.example", 0));
        assert_eq!(parsed("b.example:5223"), some("b.example", 5223));
        assert_eq!(parsed("10.0.0.1:5222"), some("10.0.0.1", 5222));
        assert_eq!(parsed("[2001:db8::1]:5222"), some("2001:db8::1", 5222));
        assert_eq!(parsed("[2001:db8::1]"), some("2001:db8::1", 0));
        assert_eq!(parsed("2001:db8::1"), some("2001:db8::1", 0));
        for bad in [
            "", ":5222", "a:", "a:b", "a:0", "a:65536", "a:+1", "a:1:2", "[x]:1", "[::1]1", "a b", "u@h", "h/p",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    // ER06
    #[test]
    fn an_error_says_its_condition() {
        let error = |inside: &str| StreamError {
            element: crate::xml::scope::standing(
                format!("<stream:error xmlns:stream='{STREAM}'>{inside}</stream:error>").into(),
                STREAM.into(),
                "error",
            ),
        };
        let other = error(&format!("<see-other-host xmlns='{STREAMS}'>b.example:9</see-other-host>"));
        assert_eq!(other.condition(), "see-other-host");
        assert_eq!(other.see_other_host(), Some(("b.example".to_owned(), Some(9))));
        let told = error(&format!("<text xmlns='{STREAMS}'>x</text><conflict xmlns='{STREAMS}'/>"));
        assert_eq!((told.condition(), told.see_other_host()), ("conflict".to_owned(), None));
        assert_eq!(error("<a xmlns='urn:a'/>").condition(), "undefined-condition");
    }

    // C13
    #[test]
    fn a_bare_jid_is_what_stands_before_the_resource() {
        let bare = |text: &str| bare_jid(text).map(|jid| jid.as_str().to_owned());
        assert_eq!(bare("anna@Example.org/a phone").as_deref(), Some("anna@example.org"));
        let named = |bytes| format!("{}@example.org", "a".repeat(bytes));
        assert_eq!(bare(&named(1023)), Some(named(1023)));
        let long = named(1024);
        let bad = [
            "example.org",
            "@example.org",
            "anna@",
            "a b@example.org",
            "a\u{1}b@example.org",
            "a&b@example.org",
        ];
        for text in bad.into_iter().chain([long.as_str()]) {
            assert_eq!(bare(text), None, "{text:?}");
        }
    }
}
