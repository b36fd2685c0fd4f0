//! Byte-fed: where does each top-level element end? The state survives any cut of the input.

use bytes::{Buf, Bytes, BytesMut};

use super::chars::{is_name_byte, is_white};
use super::lexer::{Lexer, RawAttribute};
use super::{XmlError, XmlLimits};

/// What the root of a document or stream is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fragment {
    /// The root's start tag, `<` to `>`; an XML declaration, BOM and white space before it are dropped.
    Opened(Bytes),
    /// One complete child of the root, not yet checked for namespaces.
    Element(Bytes),
    /// The root's end tag (or the end of a root that was one empty tag).
    Closed,
}

/// Cuts a document or stream into [`Fragment`]s.
///
/// ```text
/// Start -> Prolog -> Declaration -> BeforeRoot -> RootTag -> Inside <-> Element
///               \_________________________________^  |         |
///                                               EmptyRoot    EndTag -> Closed
///                                                   \___________________^
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Splitter {
    limits: XmlLimits,
    place: Place,
    scan: Scan,
    /// How much of the fragment at the front of the input was looked at.
    scanned: usize,
    /// Elements open in the fragment.
    depth: usize,
    /// The root's name as written.
    root: Bytes,
}

/// Where in the document the front of the input stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Place {
    Start,
    Prolog,
    Declaration,
    BeforeRoot,
    RootTag,
    Inside,
    Element,
    EmptyRoot,
    EndTag,
    Closed,
    Broken(XmlError),
}

/// Where in a fragment the scan stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Scan {
    Text,
    /// Behind `<`.
    Less,
    StartTag,
    /// In an attribute value, up to this quote.
    Quoted(u8),
    EndTag,
    /// Behind so many bytes of `<![CDATA[`.
    Bang(usize),
    Cdata,
}

/// What a tag does to the depth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum TagForm {
    Start,
    Empty,
    End,
}

const BOM: &[u8] = b"\xEF\xBB\xBF";
const CDATA: &[u8] = b"<![CDATA[";

impl Splitter {
    pub fn new(limits: XmlLimits) -> Self {
        Self {
            limits,
            place: Place::Start,
            scan: Scan::Text,
            scanned: 0,
            depth: 0,
            root: Bytes::new(),
        }
    }

    /// Has the root ended? If not, the input so far is incomplete.
    pub fn is_closed(&self) -> bool {
        self.place == Place::Closed
    }

    /// Takes the next fragment off the front of `input`; `None`: more bytes are needed.
    ///
    /// Call it again with the same buffer, grown at its end: what was scanned is not scanned again. Behind the root only white
    /// space is well-formed. After an error it stays with that error.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Fragment>, XmlError> {
        self.advance(input).inspect_err(|error| self.place = Place::Broken(*error))
    }

    fn advance(&mut self, input: &mut BytesMut) -> Result<Option<Fragment>, XmlError> {
        loop {
            match self.place {
                Place::Start => {
                    if input.len() < BOM.len() && BOM.starts_with(input) {
                        return Ok(None);
                    }
                    if input.starts_with(BOM) {
                        input.advance(BOM.len());
                    }
                    self.place = Place::Prolog;
                }
                Place::Prolog | Place::BeforeRoot | Place::Inside | Place::Closed => match self.look(input)? {
                    Some(place) => self.place = place,
                    None => return Ok(None),
                },
                Place::Declaration => {
                    let Some(end) = self.declaration(input)? else {
                        return self.wait(input);
                    };
                    check_xml_declaration(&self.take(input, end, Place::BeforeRoot)?, &self.limits)?;
                }
                Place::RootTag => {
                    let Some(form) = self.tag(input)? else {
                        return self.wait(input);
                    };
                    let place = if form == TagForm::Empty {
                        Place::EmptyRoot
                    } else {
                        Place::Inside
                    };
                    let tag = self.take(input, self.scanned, place)?;
                    let name = tag[1..].iter().take_while(|b| is_name_byte(**b)).count();
                    self.root = Bytes::copy_from_slice(&tag[1..=name]);
                    return Ok(Some(Fragment::Opened(tag)));
                }
                Place::Element => {
                    if !self.element(input)? {
                        return self.wait(input);
                    }
                    return self.take(input, self.scanned, Place::Inside).map(Fragment::Element).map(Some);
                }
                Place::EndTag => {
                    if self.tag(input)?.is_none() {
                        return self.wait(input);
                    }
                    let tag = self.take(input, self.scanned, Place::Closed)?;
                    if tag[2..tag.len() - 1].trim_ascii_end() != self.root {
                        return Err(XmlError::NotWellFormed);
                    }
                    return Ok(Some(Fragment::Closed));
                }
                Place::Broken(error) => return Err(error),
                Place::EmptyRoot => {
                    self.place = Place::Closed;
                    return Ok(Some(Fragment::Closed));
                }
            }
        }
    }

    /// Drops white space and tells from the next two bytes what comes.
    fn look(&mut self, input: &mut BytesMut) -> Result<Option<Place>, XmlError> {
        input.advance(input.iter().take_while(|b| is_white(**b)).count());
        match (self.place, &input[..]) {
            (_, []) => Ok(None),
            (Place::Closed, _) => Err(XmlError::NotWellFormed),
            (_, [b'<']) => Ok(None),
            // white space before it is against the letter, but a peer that ends every element with a line feed restarts that way
            (Place::Prolog, [b'<', b'?', ..]) => Ok(Some(Place::Declaration)),
            (_, [b'<', b'!' | b'?', ..]) => Err(XmlError::Restricted),
            (Place::Inside, [b'<', b'/', ..]) => Ok(Some(Place::EndTag)),
            (Place::Inside, [b'<', ..]) => Ok(Some(Place::Element)),
            (_, [b'<', b'/', ..]) => Err(XmlError::NotWellFormed),
            (_, [b'<', ..]) => Ok(Some(Place::RootTag)),
            _ => Err(XmlError::StrayText),
        }
    }

    /// More bytes are needed, if the fragment may grow.
    fn wait(&self, input: &BytesMut) -> Result<Option<Fragment>, XmlError> {
        if input.len() >= self.bound() {
            Err(XmlError::TooLarge)
        } else {
            Ok(None)
        }
    }

    /// Cuts the fragment off and goes on at `place`.
    fn take(&mut self, input: &mut BytesMut, end: usize, place: Place) -> Result<Bytes, XmlError> {
        if end > self.bound() {
            return Err(XmlError::TooLarge);
        }
        self.scanned = 0;
        self.place = place;
        Ok(input.split_to(end).freeze())
    }

    fn bound(&self) -> usize {
        if self.place == Place::Element {
            self.limits.element_bytes
        } else {
            self.limits.root_tag_bytes
        }
    }

    /// Where an XML declaration ends.
    fn declaration(&mut self, input: &[u8]) -> Result<Option<usize>, XmlError> {
        while let Some(found) = memchr::memchr(b'>', &input[self.scanned..]) {
            self.scanned += found + 1;
            if input[..self.scanned].ends_with(b"?>") {
                return Ok(Some(self.scanned));
            }
        }
        self.scanned = input.len();
        Ok(None)
    }

    /// Scans on to the end of the element; was it found?
    fn element(&mut self, input: &[u8]) -> Result<bool, XmlError> {
        while let Some(form) = self.tag(input)? {
            match form {
                TagForm::End => self.depth -= 1,
                _ if self.depth == self.limits.depth => return Err(XmlError::TooLarge),
                TagForm::Start => self.depth += 1,
                TagForm::Empty => {}
            }
            if self.depth == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Scans on to the end of the next tag; what is inside is left to the parser, except that it can hide a `>`.
    fn tag(&mut self, input: &[u8]) -> Result<Option<TagForm>, XmlError> {
        while let Some(rest) = input.get(self.scanned..).filter(|rest| !rest.is_empty()) {
            let found = match self.scan {
                Scan::Less | Scan::Bang(_) => Some(0),
                Scan::Text => memchr::memchr(b'<', rest),
                // the next one is a name away, too near for memchr to pay
                Scan::StartTag => rest.iter().position(|byte| matches!(byte, b'>' | b'"' | b'\'')),
                Scan::Quoted(quote) => memchr::memchr(quote, rest),
                Scan::EndTag | Scan::Cdata => memchr::memchr(b'>', rest),
            };
            let Some(found) = found else {
                self.scanned = input.len();
                break;
            };
            self.scanned += found + 1;
            let (before, byte) = (&input[..self.scanned - 1], rest[found]);
            self.scan = match (self.scan, byte) {
                (Scan::Text, _) => Scan::Less,
                (Scan::Less, b'/') => Scan::EndTag,
                // where no element has begun, `look` has refused it
                (Scan::Less, b'!') => Scan::Bang(2),
                (Scan::Less, b'?') => return Err(XmlError::Restricted),
                (Scan::Less, _) if is_name_byte(byte) => Scan::StartTag,
                (Scan::Bang(matched), _) if CDATA[matched] != byte => {
                    return Err(XmlError::Restricted);
                }
                (Scan::Bang(matched), _) if matched + 1 == CDATA.len() => Scan::Cdata,
                (Scan::Bang(matched), _) => Scan::Bang(matched + 1),
                (Scan::Cdata, _) if before.ends_with(b"]]") => Scan::Text,
                (Scan::Cdata, _) => Scan::Cdata,
                (Scan::Quoted(_), _) => Scan::StartTag,
                (Scan::StartTag, b'>') => {
                    self.scan = Scan::Text;
                    return Ok(Some(if before.ends_with(b"/") {
                        TagForm::Empty
                    } else {
                        TagForm::Start
                    }));
                }
                (Scan::StartTag, quote) => Scan::Quoted(quote),
                (Scan::EndTag, _) => {
                    self.scan = Scan::Text;
                    return Ok(Some(TagForm::End));
                }
                (Scan::Less, _) => return Err(XmlError::NotWellFormed),
            };
        }
        Ok(None)
    }
}

/// An XML declaration says nothing but that this is XML 1.x in UTF-8.
fn check_xml_declaration(declaration: &[u8], limits: &XmlLimits) -> Result<(), XmlError> {
    let pseudo = declaration.strip_prefix(b"<?xml").and_then(|rest| rest.strip_suffix(b"?>"));
    let pseudo = pseudo
        .filter(|pseudo| !pseudo.first().copied().is_some_and(is_name_byte))
        .ok_or(XmlError::Restricted)?;
    // it has the form of a start tag
    let tag = Bytes::from([b"<xml", pseudo, b">"].concat());
    let (mut lexer, mut attributes) = (Lexer::new(&tag)?, Vec::new());
    lexer.markup()?;
    let is_empty = lexer.attributes(limits.attributes, &mut attributes)?;
    if is_empty || lexer.at() < tag.len() || attributes.is_empty() {
        return Err(XmlError::NotWellFormed);
    }
    let is_allowed = |(index, attribute): (usize, &RawAttribute)| match (index, attribute.name.raw) {
        (0, "version") => attribute
            .raw
            .strip_prefix("1.")
            .is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit())),
        (1, "encoding") => attribute.raw.eq_ignore_ascii_case("utf-8"),
        (1 | 2, "standalone") => matches!(attribute.raw, "yes" | "no"),
        _ => false,
    };
    if attributes.iter().enumerate().all(is_allowed) {
        Ok(())
    } else {
        Err(XmlError::Restricted)
    }
}
