//! A complete element as tokens: checked against the grammar of XML 1.0, nothing copied, namespaces left to the caller.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::chars::{check_chars, is_ascii_name_start, is_name_byte, is_ncname, is_white, normalised, reference};
use super::{Text, XmlError};

/// Takes tokens off the front of `source`.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    source: &'a Bytes,
    text: &'a str,
    at: usize,
    /// Is there a tab or a line end somewhere?
    has_breaks: bool,
}

/// What a `<` begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Markup<'a> {
    /// `<name`: go on with [`Lexer::attributes`].
    Start(QName<'a>),
    /// `</`: go on with [`Lexer::end_tag`].
    End,
    /// A whole CDATA section.
    Cdata,
    /// There is no more.
    Over,
}

/// A name and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QName<'a> {
    pub raw: &'a str,
    pub at: usize,
    /// Length of the prefix with its colon.
    local: usize,
}

/// An attribute as written.
#[derive(Clone, Debug)]
pub(crate) struct RawAttribute<'a> {
    pub name: QName<'a>,
    /// Between the quotes.
    pub raw: &'a str,
    /// Is the value what stands there?
    is_plain: bool,
    /// From the white space before the name to the closing quote.
    pub span: Range<usize>,
}

impl<'a> Lexer<'a> {
    pub fn new(source: &'a Bytes) -> Result<Self, XmlError> {
        let text = std::str::from_utf8(source).map_err(|_| XmlError::NotUtf8)?;
        Ok(Self {
            source,
            text,
            at: 0,
            has_breaks: check_chars(text)?,
        })
    }

    pub fn source(&self) -> &'a str {
        self.text
    }

    /// How far it has come.
    pub fn at(&self) -> usize {
        self.at
    }

    /// `part` of the source, shared.
    pub fn share(&self, part: Cow<'a, str>) -> Text {
        match part {
            Cow::Borrowed(part) => Text(self.source.slice_ref(part.as_bytes())),
            Cow::Owned(part) => Text::from(part),
        }
    }

    /// Character data up to the next markup or the end.
    pub fn text(&mut self) -> Result<&'a str, XmlError> {
        let from = self.at;
        let bytes = self.text.as_bytes();
        if bytes.get(from) == Some(&b'<') {
            return Ok("");
        }
        while let Some(found) = memchr::memchr3(b'<', b'&', b']', &bytes[self.at..]) {
            self.at += found;
            match bytes[self.at] {
                b'<' => return Ok(&self.text[from..self.at]),
                b'&' => self.at += reference(&self.text[self.at..])?.1,
                _ if bytes[self.at..].starts_with(b"]]>") => return Err(XmlError::NotWellFormed),
                _ => self.at += 1,
            }
        }
        self.at = bytes.len();
        Ok(&self.text[from..])
    }

    /// The markup that begins here.
    pub fn markup(&mut self) -> Result<Markup<'a>, XmlError> {
        const CDATA: &str = "<![CDATA[";
        let rest = &self.text[self.at..];
        match rest.as_bytes() {
            [] => Ok(Markup::Over),
            [b'<', b'/', ..] => {
                self.at += 2;
                Ok(Markup::End)
            }
            [b'<', b'!', ..] if rest.starts_with(CDATA) => {
                let length = rest[CDATA.len()..].find("]]>").ok_or(XmlError::NotWellFormed)?;
                self.at += CDATA.len() + length + 3;
                Ok(Markup::Cdata)
            }
            [b'<', b'!' | b'?', ..] => Err(XmlError::Restricted),
            [b'<', ..] => {
                self.at += 1;
                self.name().map(Markup::Start)
            }
            _ => Err(XmlError::NotWellFormed),
        }
    }

    /// The rest of a start tag: its attributes, no two of the same name, and whether it is an empty tag.
    pub fn attributes(&mut self, limit: usize, into: &mut Vec<RawAttribute<'a>>) -> Result<bool, XmlError> {
        into.clear();
        loop {
            let from = self.at;
            self.skip_white();
            match &self.text.as_bytes()[self.at..] {
                [b'>', ..] => {
                    self.at += 1;
                    return Ok(false);
                }
                [b'/', b'>', ..] => {
                    self.at += 2;
                    return Ok(true);
                }
                _ if self.at == from => return Err(XmlError::NotWellFormed),
                _ => {}
            }
            let name = self.name()?;
            let (raw, is_plain) = self.value()?;
            if into.iter().any(|a| a.name.raw == name.raw) {
                return Err(XmlError::NotWellFormed);
            }
            if into.len() == limit {
                return Err(XmlError::TooLarge);
            }
            into.push(RawAttribute {
                name,
                raw,
                is_plain,
                span: from..self.at,
            });
        }
    }

    /// `name>`, which has to be the name of the start tag.
    pub fn end_tag(&mut self, name: &str) -> Result<(), XmlError> {
        let rest = &self.text.as_bytes()[self.at..];
        if !rest.starts_with(name.as_bytes()) || rest.get(name.len()).copied().is_some_and(is_name_byte) {
            return Err(XmlError::NotWellFormed);
        }
        self.at += name.len();
        self.skip_white();
        self.expect(b'>')
    }

    /// What stands between the quotes, and whether that is its meaning.
    fn value(&mut self) -> Result<(&'a str, bool), XmlError> {
        let bytes = self.text.as_bytes();
        self.skip_white();
        self.expect(b'=')?;
        self.skip_white();
        let quote = bytes
            .get(self.at)
            .copied()
            .filter(|b| matches!(b, b'\'' | b'"'))
            .ok_or(XmlError::NotWellFormed)?;
        let from = self.at + 1;
        self.at = from;
        let mut is_plain = !self.has_breaks;
        while let Some(found) = memchr::memchr3(quote, b'<', b'&', &bytes[self.at..]) {
            self.at += found;
            match bytes[self.at] {
                b'<' => return Err(XmlError::NotWellFormed),
                b'&' => {
                    is_plain = false;
                    self.at += reference(&self.text[self.at..])?.1;
                }
                _ => {
                    self.at += 1;
                    return Ok((&self.text[from..self.at - 1], is_plain));
                }
            }
        }
        Err(XmlError::NotWellFormed)
    }

    fn name(&mut self) -> Result<QName<'a>, XmlError> {
        let at = self.at;
        let rest = &self.text.as_bytes()[at..];
        let (mut length, mut local, mut colons, mut is_ascii) = (0, 0, 0, true);
        for byte in rest.iter().take_while(|byte| is_name_byte(**byte)) {
            length += 1;
            is_ascii &= byte.is_ascii();
            if *byte == b':' {
                (colons, local) = (colons + 1, length);
            }
        }
        let raw = &self.text[at..at + length];
        let is_name = |part: Range<usize>| match is_ascii {
            true => rest[part].first().copied().is_some_and(is_ascii_name_start),
            false => is_ncname(&raw[part]),
        };
        if colons > 1 || !is_name(local..length) || (colons == 1 && !is_name(0..local - 1)) {
            return Err(XmlError::NotWellFormed);
        }
        self.at += length;
        Ok(QName { raw, at, local })
    }

    fn skip_white(&mut self) {
        self.at += self.text.as_bytes()[self.at..].iter().take_while(|b| is_white(**b)).count();
    }

    fn expect(&mut self, byte: u8) -> Result<(), XmlError> {
        if self.text.as_bytes().get(self.at) != Some(&byte) {
            return Err(XmlError::NotWellFormed);
        }
        self.at += 1;
        Ok(())
    }
}

impl<'a> QName<'a> {
    pub fn prefix(&self) -> &'a str {
        &self.raw[..self.local.saturating_sub(1)]
    }

    pub fn local(&self) -> &'a str {
        &self.raw[self.local..]
    }

    /// Where the prefix and its colon stand.
    pub fn prefix_span(&self) -> Range<usize> {
        self.at..self.at + self.local
    }

    /// Where the name ends.
    pub fn end(&self) -> usize {
        self.at + self.raw.len()
    }
}

impl<'a> RawAttribute<'a> {
    /// The prefix that it declares, empty for the default namespace; `None`: not a declaration.
    pub fn declares(&self) -> Option<&'a str> {
        match self.name.raw.strip_prefix("xmlns") {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix(':'),
            None => None,
        }
    }

    pub fn value(&self) -> Cow<'a, str> {
        if self.is_plain {
            self.raw.into()
        } else {
            normalised(self.raw)
        }
    }

    /// Where the value stands, without the quotes.
    pub fn value_span(&self) -> Range<usize> {
        let end = self.span.end - 1;
        end - self.raw.len()..end
    }
}
