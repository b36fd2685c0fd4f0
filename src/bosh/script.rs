//! Script syntax (XEP-0252), for clients that cannot post: requests as one octet stream, answers as a call of a function.

use bytes::BytesMut;

use super::body::{TO_SERVER, is_stream_level};
use super::{Condition, HTTPBIND};
use crate::xml::scope::{self, Scope};
use crate::xml::splitter::{Fragment, Splitter};
use crate::xml::{Payload, XmlLimits};

/// What a client has said so far and not ended.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Script {
    splitter: Splitter,
    input: BytesMut,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            splitter: Splitter::new(XmlLimits::default()),
            input: BytesMut::from(&b"<body>"[..]),
        }
    }
}

impl Script {
    /// The elements that end in this piece.
    ///
    /// # Errors
    /// `bad-request`: what has come so far cannot become an element.
    pub fn join(&mut self, octets: &[u8]) -> Result<Vec<Payload>, Condition> {
        self.input.extend_from_slice(octets);
        let mut scope = Scope::default();
        scope.declare("".into(), HTTPBIND.into());
        let mut payloads = Vec::new();
        while let Some(fragment) = self.splitter.next(&mut self.input).map_err(|_| Condition::BadRequest)? {
            match fragment {
                Fragment::Opened(_) => {}
                Fragment::Closed => return Err(Condition::BadRequest),
                Fragment::Element(bytes) => match scope::carry(bytes, &scope, &TO_SERVER, &XmlLimits::default()) {
                    Ok(payload) if !is_stream_level(&payload) => payloads.push(payload),
                    _ => return Err(Condition::BadRequest),
                },
            }
        }
        Ok(payloads)
    }
}

/// The characters of Unicode's category Cf, which ECMAScript's third edition drops from source text.
const FORMAT_CONTROLS: [(u32, u32); 21] = [
    (0xad, 0xad),
    (0x600, 0x605),
    (0x61c, 0x61c),
    (0x6dd, 0x6dd),
    (0x70f, 0x70f),
    (0x890, 0x891),
    (0x8e2, 0x8e2),
    (0x180e, 0x180e),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x2064),
    (0x2066, 0x206f),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffb),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0001, 0xe0001),
    (0xe0020, 0xe007f),
];

/// `_BOSH_("...")` on one line.
pub fn script_call(body: &str) -> String {
    let mut call = String::with_capacity(body.len() + body.len() / 8 + 16);
    call.push_str("_BOSH_(\"");
    for character in body.chars() {
        match character {
            '"' => call.push_str("\\\""),
            '\\' => call.push_str("\\\\"),
            '\n' => call.push_str("\\n"),
            '\r' => call.push_str("\\r"),
            '\u{2028}' | '\u{2029}' => push_escape(character, &mut call),
            _ if is_format_control(character) => push_escape(character, &mut call),
            _ => call.push(character),
        }
    }
    call.push_str("\")");
    call
}

fn is_format_control(character: char) -> bool {
    let code = u32::from(character);
    code >= FORMAT_CONTROLS[0].0 && FORMAT_CONTROLS.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

/// As UTF-16 code units, so a character beyond 16 bits becomes a pair.
fn push_escape(character: char, call: &mut String) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        call.push_str(&format!("\\u{unit:04x}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // N03
    #[test]
    fn whatever_a_body_holds_is_one_line_of_script() {
        assert_eq!(script_call("<a b='c'/>"), "_BOSH_(\"<a b='c'/>\")");
        assert_eq!(script_call("\"\\\n\r"), r#"_BOSH_("\"\\\n\r")"#);
        let odd = "\u{200e}\u{feff}\u{e0001}\u{2028}\u{2029}\u{ad}é😀";
        assert_eq!(script_call(odd), r#"_BOSH_("\u200e\ufeff\udb40\udc01\u2028\u2029\u00adé😀")"#);
    }

    // N02
    #[test]
    fn an_element_may_span_requests() {
        let text = "<message to='a'><body>1 + 1</body></message><presence/>";
        for cut in 0..text.len() {
            let mut script = Script::default();
            let mut payloads = script.join(&text.as_bytes()[..cut]).expect("so far good");
            payloads.extend(script.join(&text.as_bytes()[cut..]).expect("good"));
            assert_eq!(payloads.len(), 2, "cut at {cut}");
            assert!(payloads[0].as_str().contains("1 + 1") && payloads[0].namespace() == "jabber:client");
        }
        for bad in [
            "</body>",
            "text",
            "<a></b>",
            "<!-- -->",
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        ] {
            assert_eq!(Script::default().join(bad.as_bytes()), Err(Condition::BadRequest), "{bad}");
        }
    }
}
