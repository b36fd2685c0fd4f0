//! One start tag: its name and attributes, resolved against the namespaces in force.

use std::ops::Range;

use bytes::Bytes;

use super::lexer::{Lexer, Markup, QName, RawAttribute};
use super::scope::{Scope, check_declaration};
use super::{Text, XmlError, XmlLimits};

/// A parsed start tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag<'a> {
    pub prefix: &'a str,
    pub local: &'a str,
    pub namespace: Text,
    /// Without the namespace declarations.
    pub attributes: Vec<Attribute<'a>>,
    /// The outer scope and what this tag declares.
    pub scope: Scope,
    /// `<a/>`
    pub is_empty: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute<'a> {
    pub prefix: &'a str,
    pub local: &'a str,
    /// Empty for an attribute without a prefix, and for a prefix without a declaration.
    pub namespace: Text,
    /// Entities and character references resolved, white space normalised (XML 1.0 section 3.3.3).
    pub value: Text,
    /// Where it stands in the bytes that were parsed, with the white space before it.
    pub span: Range<usize>,
}

impl<'a> Tag<'a> {
    /// Parses the start tag (or empty tag) that `bytes` begins with.
    ///
    /// # Errors
    /// Anything that Namespaces in XML 1.0 refuses: duplicate attributes by expanded name, bad names, bad characters, unbound prefixes
    /// (except on attributes whose prefix is in `lenient`).
    pub fn parse(bytes: &'a Bytes, outer: &Scope, limits: &XmlLimits, lenient: &[&str]) -> Result<Self, XmlError> {
        let mut lexer = Lexer::new(bytes)?;
        match lexer.markup()? {
            Markup::Start(name) => Resolver { outer, limits, lenient }.tag(&mut lexer, name),
            Markup::Over | Markup::End | Markup::Cdata => Err(XmlError::NotWellFormed),
        }
    }

    /// The value of the attribute `local` in `namespace` (empty: no namespace).
    pub fn attribute(&self, namespace: &str, local: &str) -> Option<&Text> {
        self.attributes.iter().find(|a| a.is(namespace, local)).map(|a| &a.value)
    }

    /// Is this the tag of `local` in `namespace`?
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && self.namespace.is(namespace)
    }
}

impl Attribute<'_> {
    /// Is this the attribute `local` in `namespace` (empty: no namespace)?
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && self.namespace.is(namespace)
    }
}

/// What a tag is resolved with.
pub(crate) struct Resolver<'r> {
    pub outer: &'r Scope,
    pub limits: &'r XmlLimits,
    pub lenient: &'r [&'r str],
}

impl Resolver<'_> {
    /// The start tag `name`, whose attributes come next.
    pub fn tag<'a>(&self, lexer: &mut Lexer<'a>, name: QName<'a>) -> Result<Tag<'a>, XmlError> {
        let mut raw = Vec::with_capacity(8);
        let is_empty = lexer.attributes(self.limits.attributes, &mut raw)?;
        let mut scope = self.outer.clone();
        for attribute in &raw {
            if let Some(prefix) = attribute.declares() {
                let namespace = attribute.value();
                check_declaration(prefix, &namespace)?;
                scope.declare(lexer.share(prefix.into()), lexer.share(namespace));
            }
        }
        let namespace = scope.namespace(name.prefix()).ok_or(XmlError::UnboundPrefix)?;
        let mut attributes: Vec<Attribute<'_>> = Vec::with_capacity(raw.len());
        for attribute in raw.iter().filter(|a| a.declares().is_none()) {
            let attribute = self.attribute(lexer, &scope, attribute)?;
            // without a namespace it is the names as written that count, and those were compared
            if !attribute.namespace.is_empty() && attributes.iter().any(|a| a.is(&attribute.namespace, attribute.local)) {
                return Err(XmlError::NotWellFormed);
            }
            attributes.push(attribute);
        }
        Ok(Tag {
            prefix: name.prefix(),
            local: name.local(),
            namespace,
            attributes,
            scope,
            is_empty,
        })
    }

    fn attribute<'a>(&self, lexer: &Lexer<'a>, scope: &Scope, raw: &RawAttribute<'a>) -> Result<Attribute<'a>, XmlError> {
        let prefix = raw.name.prefix();
        let namespace = match scope.namespace(prefix) {
            _ if prefix.is_empty() => Text::default(),
            Some(namespace) => namespace,
            None if self.lenient.contains(&prefix) => Text::default(),
            None => return Err(XmlError::UnboundPrefix),
        };
        Ok(Attribute {
            prefix,
            local: raw.name.local(),
            namespace,
            value: lexer.share(raw.value()),
            span: raw.span.clone(),
        })
    }
}
