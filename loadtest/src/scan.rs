//! Byte scanners: just enough XML to follow a conversation whose form we know.
//! They assume that no element contains another of its own name, which holds for all that the load test sends.

use memchr::{memchr, memchr3, memmem};

/// The length of the tag at the start of `bytes`, its `>` included; a `>` in a quoted value does not count.
pub fn tag(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = at + memchr3(b'>', b'\'', b'"', bytes.get(at..)?)?;
        match bytes[found] {
            b'>' => return Some(found + 1),
            quote => at = found + 2 + memchr(quote, &bytes[found + 1..])?,
        }
    }
}

/// The length of the element at the start of `bytes`, if all of it is there.
pub fn element(bytes: &[u8]) -> Option<usize> {
    let tag = tag(bytes)?;
    if bytes[..tag].ends_with(b"/>") {
        return Some(tag);
    }
    let name = name(bytes);
    memmem::find_iter(&bytes[tag..], b"</").find_map(|at| {
        let behind = bytes[tag + at + 2..].strip_prefix(name)?;
        behind.starts_with(b">").then_some(tag + at + name.len() + 3)
    })
}

/// The name of the element at the start of `bytes`, with its prefix.
pub fn name(bytes: &[u8]) -> &[u8] {
    let behind = bytes.get(1..).unwrap_or_default();
    let end = behind
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>'));
    &behind[..end.unwrap_or(behind.len())]
}

/// The value of an attribute in a tag.
pub fn attribute<'a>(tag: &'a [u8], name: &str) -> Option<&'a [u8]> {
    memmem::find_iter(tag, name).find_map(|at| {
        let before = tag.get(at.checked_sub(1)?)?;
        let value = tag[at + name.len()..].strip_prefix(b"=")?;
        let quote = *value.first()?;
        if !before.is_ascii_whitespace() || !matches!(quote, b'\'' | b'"') {
            return None;
        }
        let end = memchr(quote, &value[1..])?;
        Some(&value[1..=end])
    })
}

/// What lies between the first `open` and the `close` behind it.
pub fn between<'a>(bytes: &'a [u8], open: &str, close: &str) -> Option<&'a [u8]> {
    let start = memmem::find(bytes, open.as_bytes())? + open.len();
    let length = memmem::find(&bytes[start..], close.as_bytes())?;
    Some(&bytes[start..start + length])
}

pub fn contains(bytes: &[u8], text: &str) -> bool {
    memmem::find(bytes, text.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_ends_at_its_unquoted_bracket() {
        assert_eq!(tag(b"<a b='>' c=\"'>\">x"), Some(16));
        assert_eq!(tag(b"<a b='>"), None);
        assert_eq!(tag(b""), None);
    }

    #[test]
    fn an_element_ends_with_its_own_name() {
        assert_eq!(element(b"<a/><b/>"), Some(4));
        assert_eq!(element(b"<a><ab></ab></a><b/>"), Some(16));
        assert_eq!(element(b"<a><ab></ab></a"), None);
    }

    #[test]
    fn every_cut_of_an_element_is_incomplete() {
        let whole = b"<message to='1@null/r'><body>x</body></message>";
        assert!((0..whole.len()).all(|cut| element(&whole[..cut]).is_none()));
        assert_eq!(element(whole), Some(whole.len()));
    }

    #[test]
    fn names_stop_at_space_slash_and_bracket() {
        assert_eq!(name(b"<iq type='get'>"), b"iq");
        assert_eq!(name(b"<stream:error/>"), b"stream:error");
        assert_eq!(name(b"<a>"), b"a");
    }

    #[test]
    fn attributes_are_found_by_whole_name() {
        let tag = b"<m auto='no' to=\"7@null\" id=''>";
        assert_eq!(attribute(tag, "to"), Some(&b"7@null"[..]));
        assert_eq!(attribute(tag, "id"), Some(&b""[..]));
        assert_eq!(attribute(tag, "uto"), None);
    }

    #[test]
    fn between_takes_the_shortest() {
        assert_eq!(between(b"<jid>a</jid></jid>", "<jid>", "</jid>"), Some(&b"a"[..]));
        assert_eq!(between(b"<jid>a", "<jid>", "</jid>"), None);
    }
}
