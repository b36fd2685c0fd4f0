//! XML on the wire, as bytes and namespaces; nothing here knows XMPP or BOSH.
//!
//! The XML allowed is that of RFC 6120 section 11 and XEP-0124 section 6: UTF-8, one root, no DTD, comment, processing
//! instruction or entity beyond the five predefined ones; every depth, attribute count and size has a bound.

mod bindings;
mod carrier;
mod chars;
mod escape;
pub(crate) mod lexer;
pub mod scope;
pub mod splitter;
pub mod tag;
pub mod walk;

use std::ops::Range;

use bytes::Bytes;

pub use escape::{escape_attribute, escape_text};

/// What the prefix `xml` always stands for.
pub const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// What the prefix `xmlns` always stands for.
pub const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// Bytes known to be UTF-8, cheap to clone; a slice of a received buffer or a literal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text(Bytes);

impl Text {
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// The text as a string slice.
    pub fn as_str(&self) -> &str {
        // checked when the value was made
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Is it `text`? Cheaper than comparing slices, which have to be checked to be strings.
    pub fn is(&self, text: &str) -> bool {
        self.0 == text.as_bytes()
    }

    /// A copy of its own size, so that a short text never pins the buffer that it was cut from.
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}

/// One complete element that stands alone: every prefix and namespace it uses is declared inside it, so its bytes mean
/// the same under any parent. Made by [`scope::carry`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Payload {
    bytes: Bytes,
    /// One of ours or a copy of its own size.
    namespace: Text,
    /// Where the local name stands.
    local: Range<usize>,
}

impl Payload {
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn local(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.local.clone()]).unwrap_or_default()
    }

    /// Is this the element `local` in `namespace`?
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.bytes[self.local.clone()] == *local.as_bytes() && self.is_in(namespace)
    }

    /// Is this an element of `namespace`?
    pub fn is_in(&self, namespace: &str) -> bool {
        self.namespace.is(namespace)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// A copy of its own size, for what is kept beyond one turn.
    pub fn detached(&self) -> Self {
        self.moved(Bytes::copy_from_slice(&self.bytes))
    }

    /// The same element in another buffer, whose bytes are equal.
    pub fn moved(&self, bytes: Bytes) -> Self {
        debug_assert_eq!(self.bytes, bytes);
        Self { bytes, ..self.clone() }
    }

    /// The element with other text at some places, which follow one another behind its name.
    pub fn edited(self, edits: &[(Range<usize>, String)]) -> Self {
        if edits.is_empty() {
            return self;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut from = 0;
        for (span, text) in edits {
            bytes.extend_from_slice(&self.bytes[from..span.start]);
            bytes.extend_from_slice(text.as_bytes());
            from = span.end;
        }
        bytes.extend_from_slice(&self.bytes[from..]);
        Self {
            bytes: bytes.into(),
            ..self
        }
    }
}

/// Bounds on what is read; bytes and counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct XmlLimits {
    /// One start tag of the root, from `<` to `>`.
    pub root_tag_bytes: usize,
    /// One top-level element.
    pub element_bytes: usize,
    /// Elements inside one another, the top-level element counting as 1.
    pub depth: usize,
    /// Attributes (namespace declarations included) of one tag.
    pub attributes: usize,
}

impl Default for XmlLimits {
    fn default() -> Self {
        Self {
            root_tag_bytes: 16 * 1024,
            element_bytes: 1024 * 1024,
            depth: 64,
            attributes: 64,
        }
    }
}

/// Why bytes are not XML that we accept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum XmlError {
    #[error("not UTF-8")]
    NotUtf8,
    #[error("not well-formed")]
    NotWellFormed,
    #[error("a comment, processing instruction, DTD or entity reference")]
    Restricted,
    #[error("character data where only elements are allowed")]
    StrayText,
    #[error("an undeclared namespace prefix")]
    UnboundPrefix,
    #[error("larger or deeper than allowed")]
    TooLarge,
    #[error("the root's content belongs to another namespace than is spoken here")]
    Foreign,
}
