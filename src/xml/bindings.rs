//! The namespace bindings in force while an element is carried: those of the text as it is read, and those of the text as it is
//! written. The two are the same until a prefix has to change.

use std::borrow::Cow;

use super::scope::{Carriage, Scope};
use super::{XML_NAMESPACE, XmlError};

/// Bindings, the innermost last.
pub(super) struct Bindings<'a> {
    list: Vec<Binding<'a>>,
    outer: usize,
    /// How many are in force on one side only.
    apart: usize,
}

struct Binding<'a> {
    prefix: Cow<'a, str>,
    /// After rehoming.
    namespace: Cow<'a, str>,
    standing: Standing,
}

/// Where a binding is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// Declared around the element as it is read; what is written can do without it so far.
    Outer,
    /// Declared around the element as it is read; what is written declares it on its outermost tag.
    Needed,
    /// Declared inside the element.
    Both,
    /// Declared inside the element as it is read, but not as it is written.
    Read,
    /// Declared inside the element as it is written, but not as it is read.
    Written,
}

/// Bindings made inside one element and in force at one point of it. Each name is looked up among them, so without a bound
/// a hostile element could make that slow (64 levels with 64 declarations each, then a quarter of a million tags).
const BOUND: usize = 128;

impl<'a> Bindings<'a> {
    pub fn new(scope: &'a Scope, carriage: &Carriage) -> Self {
        let mut list = Vec::with_capacity(scope.prefixes.len() + 8);
        list.push(Binding {
            prefix: "xml".into(),
            namespace: XML_NAMESPACE.into(),
            standing: Standing::Both,
        });
        // the default last, where it is found first
        let prefixes = scope.prefixes.iter().map(|(prefix, namespace)| (prefix.as_str(), namespace));
        for (prefix, namespace) in prefixes.chain([("", &scope.default)]) {
            let namespace = carriage.rehomed(namespace.as_str().into());
            list.push(Binding {
                prefix: prefix.into(),
                namespace,
                standing: Standing::Outer,
            });
        }
        let outer = list.len();
        Self { list, outer, apart: 0 }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Do both sides have the same bindings?
    pub fn agree(&self) -> bool {
        self.apart == 0
    }

    pub fn push(&mut self, prefix: Cow<'a, str>, namespace: Cow<'a, str>, standing: Standing) -> Result<(), XmlError> {
        if self.list.len() - self.outer == BOUND {
            return Err(XmlError::TooLarge);
        }
        self.apart += usize::from(standing.is_apart());
        self.list.push(Binding {
            prefix,
            namespace,
            standing,
        });
        Ok(())
    }

    /// Leaves a tag: only the first `len` stay.
    pub fn truncate(&mut self, len: usize) {
        for binding in self.list.drain(len..) {
            self.apart -= usize::from(binding.standing.is_apart());
        }
    }

    /// The binding of `prefix` as it is read.
    pub fn read(&self, prefix: &str) -> Option<usize> {
        self.list
            .iter()
            .rposition(|b| b.has(prefix) && b.standing != Standing::Written)
    }

    /// The binding of `prefix` as it is written.
    pub fn written(&self, prefix: &str) -> Option<usize> {
        self.list.iter().rposition(|b| b.has(prefix) && b.standing != Standing::Read)
    }

    pub fn prefix(&self, index: usize) -> &str {
        &self.list[index].prefix
    }

    pub fn namespace(&self, index: usize) -> &Cow<'a, str> {
        &self.list[index].namespace
    }

    /// Is the declaration left out of what is written?
    pub fn is_dropped(&self, index: usize) -> bool {
        self.list[index].standing == Standing::Read
    }

    /// Leaves a declaration out of what is written.
    pub fn drop_written(&mut self, index: usize) {
        self.apart += usize::from(!self.list[index].standing.is_apart());
        self.list[index].standing = Standing::Read;
    }

    /// What is written uses the binding.
    pub fn need(&mut self, index: usize) {
        if self.list[index].standing == Standing::Outer {
            self.list[index].standing = Standing::Needed;
        }
    }

    /// Prefix and namespace of what the outermost tag has to declare.
    pub fn needed(&self) -> impl Iterator<Item = (&str, &str)> {
        let needed = self.list[..self.outer].iter().filter(|b| b.standing == Standing::Needed);
        needed.map(|b| (b.prefix.as_ref(), b.namespace.as_ref()))
    }

    /// A prefix that is bound on neither side.
    pub fn fresh(&self) -> String {
        let mut number = self.list.len();
        loop {
            let prefix = format!("ns{number}");
            if self.list.iter().all(|b| b.prefix != prefix) {
                return prefix;
            }
            number += 1;
        }
    }
}

impl Binding<'_> {
    fn has(&self, prefix: &str) -> bool {
        // two empty ones, the usual case, need no call
        self.prefix.len() == prefix.len() && (prefix.is_empty() || self.prefix == prefix)
    }
}

impl Standing {
    fn is_apart(self) -> bool {
        matches!(self, Self::Read | Self::Written)
    }
}
