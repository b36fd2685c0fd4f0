//! `content`: the media type that a client wants its answers to have (XEP-0124 section 7.1, M02). It becomes an HTTP header, so what
//! is not exactly a media type is as if it were not there (M03).

use crate::xml::Text;

/// Bytes; longer ones are nobody's.
const LONGEST: usize = 256;

/// What answers have without being asked (M01).
const USUAL: &str = "text/xml; charset=utf-8";

/// The value, if it is not the usual and a media type by RFC 9110 section 8.3.1: `type/subtype` and parameters.
pub(super) fn media_type(value: &Text) -> Option<Text> {
    let text = value.trim();
    let mut parts = text.split(';');
    let (kind, subtype) = parts.next()?.trim_end_matches([' ', '\t']).split_once('/')?;
    let parameter = |part: &str| {
        let named = part.trim_matches([' ', '\t']).split_once('=');
        named.is_some_and(|(name, value)| is_token(name) && (is_token(value) || is_quoted(value)))
    };
    let sound = text != USUAL && text.len() <= LONGEST && is_token(kind) && is_token(subtype) && parts.all(parameter);
    sound.then(|| text.into())
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// A quoted string without the escapes that none of these needs.
fn is_quoted(text: &str) -> bool {
    let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inside.is_some_and(|inside| {
        inside
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_media_type_passes() {
        for good in [
            "text/html",
            "text/xml; charset=ascii",
            "a/b;c=d ; e=\"f g\"",
            " application/xml ",
        ] {
            assert_eq!(media_type(&good.into()).as_deref(), Some(good.trim()));
        }
        let long = format!("text/{}", "x".repeat(LONGEST));
        for bad in [
            "",
            USUAL,
            "text",
            "text/",
            "/xml",
            "a/b\r\nX: y",
            "a/b;",
            "a/b; c",
            "a/b; c=\"d",
            "a/b; c=\"d\\\"\"",
            "a/ü",
            "a b/c",
            &long,
        ] {
            assert_eq!(media_type(&bad.into()), None, "{bad}");
        }
    }
}
