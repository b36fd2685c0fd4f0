//! Namespaces in force, and carrying an element out of its parent's scope so that it stands alone.

use std::borrow::Cow;

use bytes::Bytes;

use super::carrier::Carrier;
use super::chars::is_name_byte;
use super::{Payload, Text, XML_NAMESPACE, XMLNS_NAMESPACE, XmlError, XmlLimits};

/// Namespaces that a root tag put in force for its children.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Scope {
    /// Default namespace, empty for none.
    pub default: Text,
    /// prefix, namespace
    pub prefixes: Vec<(Text, Text)>,
}

impl Scope {
    /// What `prefix` (empty: the default namespace) stands for.
    pub fn namespace(&self, prefix: &str) -> Option<Text> {
        match prefix {
            "" => Some(self.default.clone()),
            "xml" => Some(Text::from_static(XML_NAMESPACE)),
            _ => self
                .prefixes
                .iter()
                .find(|(p, _)| p.is(prefix))
                .map(|(_, namespace)| namespace.clone()),
        }
    }

    /// Puts `namespace` in force, in place of what `prefix` (empty: the default namespace) stood for.
    pub fn declare(&mut self, prefix: Text, namespace: Text) {
        if prefix.is_empty() {
            self.default = namespace;
            return;
        }
        self.prefixes.retain(|(p, _)| *p != prefix);
        self.prefixes.push((prefix, namespace));
    }

    /// A copy of its own size, for what is kept beyond the buffer that it was read from.
    pub fn detached(&self) -> Self {
        let prefixes = self
            .prefixes
            .iter()
            .map(|(prefix, namespace)| (prefix.detached(), namespace.detached()))
            .collect();
        Self {
            default: self.default.detached(),
            prefixes,
        }
    }
}

/// How elements are named on the far side.
#[derive(Clone, Copy, Debug)]
pub struct Carriage {
    /// Elements in the first namespace move to the second.
    pub rehome: Option<(&'static str, &'static str)>,
    /// Elements in these namespaces are written with exactly this prefix (empty: unprefixed, default namespace).
    pub prefixes: &'static [(&'static str, &'static str)],
}

impl Carriage {
    /// Is `namespace` the one that is left behind?
    pub(super) fn leaves(&self, namespace: &str) -> bool {
        self.rehome.is_some_and(|(from, _)| namespace == from)
    }

    /// The namespace that `namespace` moves to, or itself.
    pub(super) fn rehomed<'a>(&self, namespace: Cow<'a, str>) -> Cow<'a, str> {
        match self.rehome {
            Some((from, to)) if namespace == from => Cow::Borrowed(to),
            _ => namespace,
        }
    }

    /// The prefix that elements in `namespace` have to have.
    pub(super) fn prefix(&self, namespace: &str) -> Option<&'static str> {
        self.prefixes.iter().find(|(n, _)| *n == namespace).map(|(_, prefix)| *prefix)
    }

    /// `namespace` as a value of its own, without a copy where it is one of ours.
    pub(super) fn text(&self, namespace: &str) -> Text {
        let mut ours = self.prefixes.iter().map(|(n, _)| *n).chain(self.rehome.map(|(_, to)| to));
        ours.find(|n| *n == namespace)
            .map_or_else(|| Text::from(namespace), Text::from_static)
    }
}

/// Checks a whole element (well-formed, restrictions of the module, limits) and makes it stand alone; the bytes are shared with
/// `element` when nothing has to be added or renamed.
///
/// What has to be added is added to the outermost tag; tags are rewritten only where a name or a declaration changes, text never.
pub fn carry(element: Bytes, from: &Scope, carriage: &Carriage, limits: &XmlLimits) -> Result<Payload, XmlError> {
    if element.len() > limits.element_bytes {
        return Err(XmlError::TooLarge);
    }
    let carried = Carrier::new(&element, from, carriage, limits)?.run()?;
    let bytes = carried.rewritten.map_or(element, Bytes::from);
    Ok(Payload {
        bytes,
        namespace: carried.namespace,
        local: carried.local,
    })
}

/// An element that is known to stand alone already, made by ourselves: `local` in `namespace`.
pub fn standing(bytes: Bytes, namespace: Text, local: &str) -> Payload {
    let end = 1 + bytes.iter().skip(1).take_while(|b| is_name_byte(**b)).count();
    let local = end - local.len()..end;
    Payload { bytes, namespace, local }
}

/// What Namespaces in XML 1.0 (section 3, reserved prefixes; section 5, undeclaring) says of a declaration.
pub(super) fn check_declaration(prefix: &str, namespace: &str) -> Result<(), XmlError> {
    let allowed = match prefix {
        "xml" => namespace == XML_NAMESPACE,
        "xmlns" => false,
        _ => (prefix.is_empty() || !namespace.is_empty()) && namespace != XML_NAMESPACE && namespace != XMLNS_NAMESPACE,
    };
    if allowed { Ok(()) } else { Err(XmlError::NotWellFormed) }
}
