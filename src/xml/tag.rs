//! One start tag: its name and attributes, resolved against the namespaces in force.

use bytes::Bytes;

use super::scope::Scope;
use super::{Text, XmlError, XmlLimits};

/// A parsed start tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag {
    pub prefix: Text,
    pub local: Text,
    pub namespace: Text,
    /// Without the namespace declarations.
    pub attributes: Vec<Attribute>,
    /// The outer scope and what this tag declares.
    pub scope: Scope,
    /// `<a/>`
    pub is_empty: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute {
    pub prefix: Text,
    pub local: Text,
    /// Empty for an attribute without a prefix, and for a prefix without a declaration.
    pub namespace: Text,
    /// Entities and character references resolved, white space normalised (XML 1.0 section 3.3.3).
    pub value: Text,
}

impl Tag {
    /// Parses the start tag (or empty tag) that `bytes` begins with.
    ///
    /// # Errors
    /// Anything that Namespaces in XML 1.0 refuses: duplicate attributes by expanded name, bad names, bad characters, unbound prefixes
    /// (except on attributes whose prefix is in `lenient`).
    pub fn parse(bytes: &Bytes, outer: &Scope, limits: &XmlLimits, lenient: &[&str]) -> Result<Self, XmlError> {
        let _ = (bytes, outer, limits, lenient);
        todo!()
    }

    /// The value of the attribute `local` in `namespace` (empty: no namespace).
    pub fn attribute(&self, namespace: &str, local: &str) -> Option<&Text> {
        self.attributes
            .iter()
            .find(|a| a.local() == local && a.namespace.as_str() == namespace)
            .map(|a| &a.value)
    }
}

impl Attribute {
    fn local(&self) -> &str {
        &self.local
    }
}
