//! Which characters XML 1.0 (sections 2.2, 2.3, 4.1) and Namespaces in XML 1.0 (section 4) allow, and where.

use std::borrow::Cow;

use super::XmlError;

/// White space between tokens.
pub(super) fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Are there tabs or line ends in `text`? An error if there is what XML 1.0 does not allow.
pub(super) fn check_chars(text: &str) -> Result<bool, XmlError> {
    // without an early exit the compiler looks at many bytes at once
    let has_controls = text.bytes().fold(u8::MAX, u8::min) < b' ';
    let is_refused = has_controls && text.bytes().any(|b| b < b' ' && !is_white(b));
    if is_refused || !text.is_ascii() && text.contains(['\u{FFFE}', '\u{FFFF}']) {
        return Err(XmlError::NotWellFormed);
    }
    Ok(has_controls)
}

/// Can `byte` be part of a qualified name? Of non-ASCII characters every byte passes, [`is_ncname`] looks at them closely.
pub(super) fn is_name_byte(byte: u8) -> bool {
    static TABLE: [bool; 256] = name_bytes();
    TABLE[usize::from(byte)]
}

const fn name_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        table[at] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':') || byte >= 0x80;
        at += 1;
    }
    table
}

/// Is `name` a name without a colon?
pub(super) fn is_ncname(name: &str) -> bool {
    name.chars().next().is_some_and(is_name_start) && name.chars().all(is_name_char)
}

/// Can a name begin with this one, of ASCII?
pub(super) fn is_ascii_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

fn is_name_char(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// The reference that `text` begins with: the character it stands for and its length in bytes.
pub(super) fn reference(text: &str) -> Result<(char, usize), XmlError> {
    let (name, _) = text
        .strip_prefix('&')
        .and_then(|rest| rest.split_once(';'))
        .ok_or(XmlError::NotWellFormed)?;
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => match name.strip_prefix('#') {
            Some(number) => numbered(number).ok_or(XmlError::NotWellFormed)?,
            None if is_ncname(name) => return Err(XmlError::Restricted),
            None => return Err(XmlError::NotWellFormed),
        },
    };
    Ok((character, name.len() + 2))
}

fn numbered(number: &str) -> Option<char> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // from_str_radix would take a sign
    let code = digits
        .bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(digits, radix).ok())??;
    char::from_u32(code).filter(|c| (*c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}')) || matches!(c, '\t' | '\n' | '\r'))
}

/// An attribute's value as XML 1.0 section 3.3.3 normalises it; its references were checked before.
pub(super) fn normalised(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['&', '\t', '\r', '\n']) {
        return Cow::Borrowed(raw);
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\r', '\n']) {
        value.push_str(&rest[..at]);
        rest = &rest[at..];
        let (character, length) = match rest.as_bytes() {
            [b'&', ..] => reference(rest).unwrap_or(('&', 1)),
            [b'\r', b'\n', ..] => (' ', 2),
            _ => (' ', 1),
        };
        value.push(character);
        rest = &rest[length..];
    }
    value.push_str(rest);
    Cow::Owned(value)
}
