//! Namespaces in force, and carrying an element out of its parent's scope so that it stands alone.

use bytes::Bytes;

use super::{Payload, Text, XmlError, XmlLimits};

/// Namespaces that a root tag put in force for its children.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Scope {
    /// Default namespace, empty for none.
    pub default: Text,
    /// prefix, namespace
    pub prefixes: Vec<(Text, Text)>,
}

/// How elements are named on the far side.
#[derive(Clone, Copy, Debug)]
pub struct Carriage {
    /// Elements in the first namespace move to the second.
    pub rehome: Option<(&'static str, &'static str)>,
    /// Elements in these namespaces are written with exactly this prefix (empty: unprefixed, default namespace).
    pub prefixes: &'static [(&'static str, &'static str)],
}

/// Checks a whole element (well-formed, restrictions of the module, limits) and makes it stand alone; the bytes are shared with
/// `element` when nothing has to be added or renamed.
pub fn carry(element: Bytes, from: &Scope, carriage: &Carriage, limits: &XmlLimits) -> Result<Payload, XmlError> {
    let _ = (element, from, carriage, limits);
    todo!()
}

/// An element that is known to stand alone already, made by ourselves.
pub fn standing(bytes: Bytes, namespace: Text, local: Text) -> Payload {
    Payload { bytes, namespace, local }
}
