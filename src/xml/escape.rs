//! Text and attribute values, written so that any reader gets them back as they were.

use std::borrow::Cow;

/// A value for an attribute in either kind of quotes.
///
/// `>` is escaped, too: there are clients that look for the end of the tag with it. So is white space other than a blank, which
/// would come back as a blank.
pub fn escape_attribute(value: &str) -> Cow<'_, str> {
    escaped(value, |byte| match byte {
        b'\'' => Some("&apos;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        _ => in_text(byte),
    })
}

/// Character data for between two tags.
pub fn escape_text(text: &str) -> Cow<'_, str> {
    escaped(text, in_text)
}

fn in_text(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        // a bare one would come back as a line feed
        b'\r' => Some("&#13;"),
        _ => None,
    }
}

fn escaped(text: &str, substitute: impl Fn(u8) -> Option<&'static str>) -> Cow<'_, str> {
    let mut copied = 0;
    let mut out = String::new();
    for (at, byte) in text.bytes().enumerate() {
        if let Some(substitute) = substitute(byte) {
            out.push_str(&text[copied..at]);
            out.push_str(substitute);
            copied = at + 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_context_escapes_what_it_must() {
        assert_eq!(
            escape_attribute("a<b>'\"&\t\r\né"),
            "a&lt;b&gt;&apos;&quot;&amp;&#9;&#13;&#10;é"
        );
        assert_eq!(escape_text("]]>'\"&<\t\r\n"), "]]&gt;'\"&amp;&lt;\t&#13;\n");
    }
}
