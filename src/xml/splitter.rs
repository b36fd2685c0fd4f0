//! Byte-fed: where does each top-level element end? The state survives any cut of the input.

use bytes::{Bytes, BytesMut};

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
#[derive(Clone, Debug)]
pub struct Splitter {
    limits: XmlLimits,
}

impl Splitter {
    pub fn new(limits: XmlLimits) -> Self {
        Self { limits }
    }

    /// Takes the next fragment off the front of `input`; `None`: more bytes are needed.
    ///
    /// Call it again with the same buffer, grown at its end: what was scanned is not scanned again.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Fragment>, XmlError> {
        let _ = (&self.limits, input);
        todo!()
    }
}
