//! Header, closing tag and errors -> bytes (RFC 6120 section 4). Payloads stand alone and go out as they are.

use bytes::{BufMut, BytesMut};

use super::StreamHeader;
use crate::xml::escape_attribute;

/// Writes an XML declaration and `<stream:stream ...>`.
pub fn header(header: &StreamHeader, out: &mut BytesMut) {
    out.put_slice(b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'");
    attributes(header, out);
    out.put_slice(b">");
}

/// A header's own attributes, white space first.
pub(super) fn attributes(header: &StreamHeader, out: &mut BytesMut) {
    let StreamHeader {
        to,
        from,
        id,
        version,
        lang,
    } = header;
    for (name, value) in [
        ("to", to),
        ("from", from),
        ("id", id),
        ("version", version),
        ("xml:lang", lang),
    ] {
        if let Some(value) = value {
            out.put_slice(b" ");
            out.put_slice(name.as_bytes());
            out.put_slice(b"='");
            out.put_slice(escape_attribute(value).as_bytes());
            out.put_slice(b"'");
        }
    }
}

/// `</stream:stream>`
pub const CLOSING: &[u8] = b"</stream:stream>";

/// Writes a `<stream:error/>` with the given defined condition (RFC 6120 section 4.9.3).
pub fn error(condition: &str, out: &mut BytesMut) {
    out.put_slice(b"<stream:error xmlns:stream='http://etherx.jabber.org/streams'><");
    out.put_slice(condition.as_bytes());
    out.put_slice(b" xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_escapes_what_it_is_given() {
        let mut out = BytesMut::new();
        let given = StreamHeader {
            to: Some("a'b".into()),
            version: Some("1.0".into()),
            lang: Some("de".into()),
            ..StreamHeader::default()
        };
        header(&given, &mut out);
        assert!(out.ends_with(b"streams' to='a&apos;b' version='1.0' xml:lang='de'>"));
    }

    #[test]
    fn an_error_stands_alone() {
        let mut out = BytesMut::new();
        error("conflict", &mut out);
        let expected = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
                        <conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
        assert_eq!(out, expected);
    }
}
