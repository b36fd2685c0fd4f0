//! One WebSocket text message <-> what a stream says (RFC 7395 section 3): in place of a header and a closing tag there are `<open/>` and
//! `<close/>`, and every message is one complete element that stands alone.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::inbound::CARRIAGE;
use super::{CLIENT, StreamEvent, StreamHeader, outbound};
use crate::xml::scope::{Scope, carry};
use crate::xml::tag::Tag;
use crate::xml::{Payload, Text, XML_NAMESPACE, XmlError, XmlLimits};

/// Of `<open/>` and `<close/>`.
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";

/// What a client says in one message: `Opened`, `Closed` or `Payload`.
///
/// Clients that forget `xmlns='jabber:client'` on a stanza are understood all the same.
///
/// # Errors
/// It is not exactly one element from its first character to its last (section 3.3.3), or one of the framing namespace that does not exist.
pub fn decode(message: Bytes, limits: &XmlLimits) -> Result<StreamEvent, XmlError> {
    match message.get(..2) {
        Some(b"<!" | b"<?") => return Err(XmlError::Restricted),
        Some([b'<', _]) => {}
        _ => return Err(XmlError::StrayText),
    }
    let outside = Scope {
        default: Text::from_static(CLIENT),
        prefixes: Vec::new(),
    };
    let payload = carry(message, &outside, &CARRIAGE, limits)?;
    match payload.local() {
        _ if !payload.is_in(FRAMING) => Ok(StreamEvent::Payload(payload)),
        "open" => header(&payload, limits).map(StreamEvent::Opened),
        // where it leads elsewhere that is not for a server to follow
        "close" => Ok(StreamEvent::Closed),
        _ => Err(XmlError::Foreign),
    }
}

fn header(open: &Payload, limits: &XmlLimits) -> Result<StreamHeader, XmlError> {
    let tag = Tag::parse(open.bytes(), &Scope::default(), limits, &[])?;
    let value = |namespace, local| tag.attribute(namespace, local).map(Text::detached);
    Ok(StreamHeader {
        to: value("", "to"),
        from: value("", "from"),
        id: value("", "id"),
        version: value("", "version"),
        lang: value(XML_NAMESPACE, "lang"),
    })
}

/// A stream's header as a message.
pub fn open(header: &StreamHeader) -> Bytes {
    let mut out = BytesMut::from("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'");
    outbound::attributes(header, &mut out);
    out.put_slice(b"/>");
    out.freeze()
}

/// The end of a stream as a message.
pub fn close() -> Bytes {
    Bytes::from_static(b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
}

/// A stream error as a message.
pub fn error(condition: &str) -> Bytes {
    let mut out = BytesMut::new();
    outbound::error(condition, &mut out);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(message: &str) -> Result<StreamEvent, XmlError> {
        decode(Bytes::copy_from_slice(message.as_bytes()), &XmlLimits::default())
    }

    fn payload(message: &str) -> Payload {
        match decoded(message) {
            Ok(StreamEvent::Payload(payload)) => payload,
            other => panic!("{message}: {other:?}"),
        }
    }

    // WS04
    #[test]
    fn open_is_a_header() {
        let header = StreamHeader {
            to: Some("a'b".into()),
            from: Some("anna@example.org".into()),
            id: Some("i".into()),
            version: Some("1.0".into()),
            lang: Some("de".into()),
        };
        let message = open(&header);
        let text = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a&apos;b' from='anna@example.org' id='i' version='1.0' xml:lang='de'/>";
        assert_eq!(message, text);
        assert_eq!(
            decode(message, &XmlLimits::default()),
            Ok(StreamEvent::Opened(header.clone()))
        );
        let written_otherwise = "<f:open xmlns:f='urn:ietf:params:xml:ns:xmpp-framing' version='1.0' id='i' xml:lang='de' \
                                 from='anna@example.org' to=\"a'b\" other='x'>\n</f:open>";
        assert_eq!(decoded(written_otherwise), Ok(StreamEvent::Opened(header)));
        assert_eq!(
            decoded("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"),
            Ok(StreamEvent::Opened(StreamHeader::default()))
        );
    }

    // WS06
    #[test]
    fn close_is_an_end() {
        assert_eq!(decode(close(), &XmlLimits::default()), Ok(StreamEvent::Closed));
        let elsewhere = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri='wss://evil.example'/>";
        assert_eq!(decoded(elsewhere), Ok(StreamEvent::Closed));
    }

    // WS03
    #[test]
    fn everything_else_stands_alone() {
        assert_eq!(
            payload("<message xmlns='jabber:client'><body>a</body></message>").as_str(),
            "<message xmlns='jabber:client'><body>a</body></message>"
        );
        assert_eq!(
            payload("<presence/>").as_str(),
            "<presence xmlns='jabber:client'/>",
            "as on any stream"
        );
        assert!(payload("<open/>").is_in(CLIENT));
        assert!(payload("<x:open xmlns:x='urn:x'/>").is("urn:x", "open"));
        let prefixed = payload("<c:iq xmlns:c='jabber:client' type='get'><q xmlns='urn:q'/></c:iq>");
        assert_eq!(
            prefixed.as_str(),
            "<iq xmlns='jabber:client' xmlns:c='jabber:client' type='get'><q xmlns='urn:q'/></iq>"
        );
    }

    // WS03
    #[test]
    fn a_message_is_one_element_and_nothing_else() {
        use XmlError::{Foreign, NotWellFormed, Restricted, StrayText, TooLarge, UnboundPrefix};
        let deep = "<a>".repeat(65);
        for (message, error) in [
            ("", StrayText),
            (" ", StrayText),
            (" <presence/>", StrayText),
            ("text", StrayText),
            ("<", StrayText),
            ("\u{feff}<presence/>", StrayText),
            ("<presence/><presence/>", NotWellFormed),
            ("<presence/> ", NotWellFormed),
            ("<presence/>text", NotWellFormed),
            ("<presence>", NotWellFormed),
            ("</presence>", NotWellFormed),
            ("<presence", NotWellFormed),
            ("<?xml version='1.0'?><presence/>", Restricted),
            ("<!DOCTYPE a><a/>", Restricted),
            ("<!-- --><presence/>", Restricted),
            ("<stream:features/>", UnboundPrefix),
            ("<other xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", Foreign),
            (&deep, TooLarge),
        ] {
            assert_eq!(decoded(message), Err(error), "{message}");
        }
        let small = XmlLimits {
            element_bytes: 16,
            ..XmlLimits::default()
        };
        assert_eq!(decode(Bytes::from_static(b"<a>0123456789</a>"), &small), Err(TooLarge));
        assert!(decode(Bytes::from_static(b"<a>012345678</a>"), &small).is_ok());
        assert_eq!(decode(Bytes::from_static(b"<a>\xff</a>"), &small), Err(XmlError::NotUtf8));
    }

    // WS05
    #[test]
    fn an_error_is_a_message_of_its_own() {
        let message = error("conflict");
        assert!(payload(std::str::from_utf8(&message).expect("UTF-8")).is(super::super::STREAM, "error"));
    }
}
