//! JIDs as the sandbox needs them (RFC 7622): three parts, case-folded left of the slash, without the full string profiles.

use std::fmt;

use crate::xmpp::Domain;

/// The longest node or resource, in bytes (RFC 7622 sections 3.3.1 and 3.4.1).
const PART_BYTES: usize = 1023;

/// A JID; a part that is absent is empty, which no part that is present can be.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct Jid {
    node: String,
    domain: String,
    resource: String,
}

impl Jid {
    /// `None` for what is not a JID.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, resource_part(resource)?),
            None => (text, String::new()),
        };
        let (node, domain) = match bare.split_once('@') {
            Some((node, domain)) => (node_part(node)?, domain),
            None => (String::new(), bare),
        };
        let domain = Domain::parse(domain)?.as_str().to_owned();
        Some(Self { node, domain, resource })
    }

    /// A bare JID of parts that are known to be good.
    pub(super) fn known(node: &str, domain: &str) -> Self {
        Self {
            node: node.to_owned(),
            domain: domain.to_owned(),
            resource: String::new(),
        }
    }

    /// The same bare JID with another resource; `None` for what cannot be a resource.
    pub(super) fn with_resource(&self, resource: &str) -> Option<Self> {
        Some(Self {
            resource: resource_part(resource)?,
            ..self.clone()
        })
    }

    pub(super) fn bare(&self) -> Self {
        Self {
            resource: String::new(),
            ..self.clone()
        }
    }

    pub(super) fn is_bare(&self) -> bool {
        self.resource.is_empty()
    }

    pub(super) fn node(&self) -> &str {
        &self.node
    }

    pub(super) fn domain(&self) -> &str {
        &self.domain
    }

    pub(super) fn resource(&self) -> &str {
        &self.resource
    }

    /// Are these resources of one account?
    pub(super) fn same_bare(&self, other: &Self) -> bool {
        self.node == other.node && self.domain == other.domain
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.node.is_empty() {
            write!(f, "{}@", self.node)?;
        }
        f.write_str(&self.domain)?;
        if !self.resource.is_empty() {
            write!(f, "/{}", self.resource)?;
        }
        Ok(())
    }
}

/// The node as it is compared; `None` for what cannot be one (RFC 7622 section 3.3.1).
pub(super) fn node_part(text: &str) -> Option<String> {
    let bad = |c: char| c.is_control() || c.is_whitespace() || "\"&'/:<>@".contains(c);
    let folded = text.to_lowercase();
    (!folded.is_empty() && folded.len() <= PART_BYTES && !folded.contains(bad)).then_some(folded)
}

fn resource_part(text: &str) -> Option<String> {
    (!text.is_empty() && text.len() <= PART_BYTES && !text.contains(char::is_control)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_and_folded() {
        let jid = Jid::parse("Alice@LocalHost/My Phone/2@home").unwrap();
        assert_eq!(
            (jid.node(), jid.domain(), jid.resource()),
            ("alice", "localhost", "My Phone/2@home")
        );
        assert_eq!(jid.to_string(), "alice@localhost/My Phone/2@home");
        assert_eq!(jid.bare().to_string(), "alice@localhost");
        assert!(jid.same_bare(&Jid::known("alice", "localhost")));
    }

    #[test]
    fn what_is_no_jid() {
        for text in [
            "",
            "@localhost",
            "a@",
            "a@localhost/",
            "a b@localhost",
            "a<b@localhost",
            "a@b@localhost",
        ] {
            assert_eq!(Jid::parse(text), None, "{text}");
        }
    }
}
