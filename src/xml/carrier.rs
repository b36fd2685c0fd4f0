//! The one pass over an element behind [`super::scope::carry`]: checks everything, writes only where something changes.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, Bytes};

use super::bindings::{Bindings, Standing};
use super::lexer::{Lexer, Markup, QName, RawAttribute};
use super::scope::{Carriage, Scope, check_declaration};
use super::{Text, XmlError, XmlLimits, escape_attribute};

/// The pass.
pub(super) struct Carrier<'a> {
    lexer: Lexer<'a>,
    carriage: &'a Carriage,
    limits: &'a XmlLimits,
    bindings: Bindings<'a>,
    open: Vec<Open<'a>>,
    tag: Content<'a>,
    output: Output<'a>,
}

/// What came of it.
pub(super) struct Carried {
    /// `None`: it stood alone already.
    pub rewritten: Option<Vec<u8>>,
    pub namespace: Text,
    /// Where the local name stands.
    pub local: Range<usize>,
}

/// An element whose end tag is still to come.
struct Open<'a> {
    name: QName<'a>,
    prefix: Option<&'static str>,
    /// Bindings around it.
    around: usize,
}

/// What is in the start tag at hand; kept for its memory.
struct Content<'a> {
    attributes: Vec<RawAttribute<'a>>,
    /// Attributes with a prefix: their index, and the binding as read.
    qualified: Vec<(usize, usize)>,
}

impl<'a> Carrier<'a> {
    pub fn new(element: &'a Bytes, from: &'a Scope, carriage: &'a Carriage, limits: &'a XmlLimits) -> Result<Self, XmlError> {
        let lexer = Lexer::new(element)?;
        let output = Output {
            text: lexer.source(),
            copied: 0,
            out: Vec::new(),
            bound: limits.element_bytes + limits.root_tag_bytes,
        };
        let bindings = Bindings::new(from, carriage);
        Ok(Self {
            lexer,
            carriage,
            limits,
            bindings,
            open: Vec::with_capacity(4),
            tag: Content {
                attributes: Vec::with_capacity(8),
                qualified: Vec::new(),
            },
            output,
        })
    }

    pub fn run(mut self) -> Result<Carried, XmlError> {
        let Markup::Start(top) = self.lexer.markup()? else {
            return Err(XmlError::NotWellFormed);
        };
        let (namespace, prefix) = self.start(top)?;
        while !self.open.is_empty() {
            self.lexer.text()?;
            match self.lexer.markup()? {
                Markup::Start(name) => drop(self.start(name)?),
                Markup::End => self.end()?,
                Markup::Cdata => {}
                Markup::Over => return Err(XmlError::NotWellFormed),
            }
        }
        if self.lexer.at() < self.lexer.source().len() {
            return Err(XmlError::NotWellFormed);
        }
        let local = top.local().len();
        let end = 1 + prefix.map_or(top.prefix_span().len(), |prefix| written_prefix(prefix).len()) + local;
        let mut declarations = Vec::new();
        for (prefix, namespace) in self.bindings.needed() {
            declare(prefix, namespace, &mut declarations);
        }
        let namespace = self.carriage.text(&namespace);
        Ok(Carried {
            rewritten: self.output.finish(end, &declarations)?,
            namespace,
            local: end - local..end,
        })
    }

    /// A start tag: the element's namespace, and its prefix if that changes.
    fn start(&mut self, name: QName<'a>) -> Result<(Cow<'a, str>, Option<&'static str>), XmlError> {
        if self.open.len() == self.limits.depth {
            return Err(XmlError::TooLarge);
        }
        let around = self.bindings.len();
        let is_empty = self.lexer.attributes(self.limits.attributes, &mut self.tag.attributes)?;
        let rehomes = self.declarations()?;
        let binding = self.bindings.read(name.prefix()).ok_or(XmlError::UnboundPrefix)?;
        self.qualified()?;
        let namespace = self.bindings.namespace(binding).clone();
        let prefix = self.carriage.prefix(&namespace).filter(|prefix| *prefix != name.prefix());
        if rehomes || prefix.is_some() || !self.bindings.agree() {
            self.rewrite(
                name,
                Rewritten {
                    namespace: &namespace,
                    prefix,
                    around,
                },
            )?;
        } else {
            self.bindings.need(binding);
            for (_, binding) in &self.tag.qualified {
                self.bindings.need(*binding);
            }
        }
        if is_empty {
            self.bindings.truncate(around);
        } else {
            self.open.push(Open { name, prefix, around });
        }
        Ok((namespace, prefix))
    }

    fn end(&mut self) -> Result<(), XmlError> {
        let Some(Open { name, prefix, around }) = self.open.pop() else {
            return Err(XmlError::NotWellFormed);
        };
        let at = self.lexer.at();
        self.lexer.end_tag(name.raw)?;
        self.bindings.truncate(around);
        match prefix {
            Some(prefix) => self
                .output
                .replace(at..at + name.prefix_span().len(), &written_prefix(prefix)),
            None => Ok(()),
        }
    }

    /// Puts the tag's declarations in force; does one of them name the namespace that is left behind?
    fn declarations(&mut self) -> Result<bool, XmlError> {
        let mut rehomes = false;
        for attribute in &self.tag.attributes {
            if let Some(prefix) = attribute.declares() {
                let namespace = attribute.value();
                check_declaration(prefix, &namespace)?;
                rehomes |= self.carriage.leaves(&namespace);
                self.bindings
                    .push(prefix.into(), self.carriage.rehomed(namespace), Standing::Both)?;
            }
        }
        Ok(rehomes)
    }

    /// Finds what the attributes' prefixes stand for; no two attributes may have the same expanded name.
    fn qualified(&mut self) -> Result<(), XmlError> {
        let Content { attributes, qualified } = &mut self.tag;
        qualified.clear();
        for (index, attribute) in attributes.iter().enumerate() {
            if attribute.name.prefix().is_empty() || attribute.declares().is_some() {
                continue;
            }
            let binding = self.bindings.read(attribute.name.prefix()).ok_or(XmlError::UnboundPrefix)?;
            let (local, namespace) = (attribute.name.local(), self.bindings.namespace(binding));
            if qualified
                .iter()
                .any(|(i, b)| attributes[*i].name.local() == local && self.bindings.namespace(*b) == namespace)
            {
                return Err(XmlError::NotWellFormed);
            }
            qualified.push((index, binding));
        }
        Ok(())
    }

    /// Writes a start tag of which something may change.
    fn rewrite(&mut self, name: QName<'a>, element: Rewritten<'_, 'a>) -> Result<(), XmlError> {
        let added = self.bindings.len();
        let prefix = element.prefix.unwrap_or(name.prefix());
        if let Some(own) = self
            .bindings
            .written(prefix)
            .filter(|own| *own >= element.around && self.bindings.namespace(*own) != element.namespace)
        {
            self.bindings.drop_written(own);
        }
        self.bind(prefix.into(), element.namespace.clone())?;
        let mut renamed = Vec::new();
        for (index, binding) in std::mem::take(&mut self.tag.qualified) {
            let namespace = self.bindings.namespace(binding).clone();
            let own = self.tag.attributes[index].name.prefix();
            // the tag itself speaks of another namespace with it
            let clash = |written: usize| own == prefix && *self.bindings.namespace(written) != namespace;
            if self.bindings.written(own).is_some_and(clash) {
                let fresh = self.bindings.fresh();
                renamed.push((index, fresh.clone()));
                self.bind(fresh.into(), namespace)?;
            } else {
                self.bind(own.into(), namespace)?;
            }
        }
        let mut declarations = Vec::new();
        for binding in added..self.bindings.len() {
            declare(
                self.bindings.prefix(binding),
                self.bindings.namespace(binding),
                &mut declarations,
            );
        }
        if let Some(prefix) = element.prefix {
            self.output.replace(name.prefix_span(), &written_prefix(prefix))?;
        }
        self.output.replace(name.end()..name.end(), &declarations)?;
        self.rewrite_attributes(element.around, &renamed)
    }

    fn rewrite_attributes(&mut self, around: usize, renamed: &[(usize, String)]) -> Result<(), XmlError> {
        let mut declaration = around;
        for (index, attribute) in self.tag.attributes.iter().enumerate() {
            if attribute.declares().is_some() {
                let namespace = self.bindings.namespace(declaration);
                if self.bindings.is_dropped(declaration) {
                    self.output.replace(attribute.span.clone(), b"")?;
                } else if attribute.value() != *namespace {
                    let value = escape_attribute(namespace);
                    self.output.replace(attribute.value_span(), value.as_bytes())?;
                }
                declaration += 1;
            } else if let Some((_, prefix)) = renamed.iter().find(|(i, _)| *i == index) {
                self.output.replace(attribute.name.prefix_span(), &written_prefix(prefix))?;
            }
        }
        Ok(())
    }

    /// Makes sure that `prefix` stands for `namespace` in what is written.
    fn bind(&mut self, prefix: Cow<'a, str>, namespace: Cow<'a, str>) -> Result<(), XmlError> {
        match self.bindings.written(&prefix) {
            Some(written) if *self.bindings.namespace(written) == namespace => {
                self.bindings.need(written);
                Ok(())
            }
            _ => self.bindings.push(prefix, namespace, Standing::Written),
        }
    }
}

/// An element whose tag is rewritten.
struct Rewritten<'r, 'a> {
    namespace: &'r Cow<'a, str>,
    /// If it changes.
    prefix: Option<&'static str>,
    /// Bindings around it.
    around: usize,
}

/// A prefix as it stands before a local name.
fn written_prefix(prefix: &str) -> Vec<u8> {
    if prefix.is_empty() {
        Vec::new()
    } else {
        format!("{prefix}:").into()
    }
}

/// Writes the declaration of `prefix` (empty: the default namespace).
fn declare(prefix: &str, namespace: &str, out: &mut Vec<u8>) {
    out.put_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
    out.put_slice(prefix.as_bytes());
    out.put_slice(b"='");
    out.put_slice(escape_attribute(namespace).as_bytes());
    out.put_u8(b'\'');
}

/// The text with replacements, copied from the first one on.
struct Output<'a> {
    text: &'a str,
    copied: usize,
    out: Vec<u8>,
    /// Declarations that have to be repeated must not make much out of little.
    bound: usize,
}

impl Output<'_> {
    /// Replaces `span`, which stands behind all earlier ones.
    fn replace(&mut self, span: Range<usize>, by: &[u8]) -> Result<(), XmlError> {
        if span.is_empty() && by.is_empty() {
            return Ok(());
        }
        self.out.put_slice(&self.text.as_bytes()[self.copied..span.start]);
        self.out.put_slice(by);
        self.copied = span.end;
        self.check(0)
    }

    /// The whole, with `insertion` at `at`; `None`: nothing has changed.
    fn finish(mut self, at: usize, insertion: &[u8]) -> Result<Option<Vec<u8>>, XmlError> {
        if self.copied == 0 && insertion.is_empty() {
            return Ok(None);
        }
        self.check(insertion.len())?;
        let rest = &self.text.as_bytes()[self.copied..];
        let done = if self.copied == 0 {
            rest
        } else {
            self.out.put_slice(rest);
            &self.out
        };
        Ok(Some([&done[..at], insertion, &done[at..]].concat()))
    }

    fn check(&self, more: usize) -> Result<(), XmlError> {
        let length = self.out.len() + self.text.len() - self.copied + more;
        if length > self.bound {
            Err(XmlError::TooLarge)
        } else {
            Ok(())
        }
    }
}
