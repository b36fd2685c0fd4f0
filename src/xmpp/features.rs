//! What a client behind a manager must not be offered: starttls, compression, channel binding (`-PLUS`, HT-*-ENDP/EXPR/UNIQ, sasl-cb), and
//! the containers that this empties.
//!
//! All of these belong to the link that ends at the manager (XEP-0206 section 4, XEP-0440, XEP-0484 section 3.1).

use std::ops::Range;

use bytes::Bytes;

use super::{SASL, SASL2, TLS};
use crate::xml::lexer::{Lexer, Markup, QName};
use crate::xml::tag::{Resolver, Tag};
use crate::xml::{Payload, XmlError, XmlLimits};

const COMPRESS: &str = "http://jabber.org/features/compress";
const FAST: &str = "urn:xmpp:fast:0";
const CHANNEL_BINDING: &str = "urn:xmpp:sasl-cb:0";

/// The features as a client may see them; the same bytes when nothing has to go.
pub fn strip(features: Payload) -> Payload {
    // a payload is well-formed, so this does not fail
    let cuts = cuts(features.bytes()).unwrap_or_default();
    features.without(&cuts)
}

/// An element that is being read.
struct Open<'a> {
    name: QName<'a>,
    tag: Tag,
    start: usize,
    /// Cuts made before it.
    cuts: usize,
    /// What is left in it: children, and mechanisms at any depth.
    elements: usize,
    mechanisms: usize,
}

/// What has to go, in order.
fn cuts(features: &Bytes) -> Result<Vec<Range<usize>>, XmlError> {
    let limits = XmlLimits {
        attributes: usize::MAX,
        ..XmlLimits::default()
    };
    let mut lexer = Lexer::new(features)?;
    let mut cuts: Vec<Range<usize>> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    loop {
        let text = lexer.text()?;
        let start = lexer.at();
        match lexer.markup()? {
            Markup::Start(name) => {
                let outer = open.last().map(|parent| parent.tag.scope.clone()).unwrap_or_default();
                let tag = Resolver {
                    outer: &outer,
                    limits: &limits,
                    lenient: &[],
                }
                .tag(&mut lexer, name)?;
                let element = Open {
                    name,
                    tag,
                    start,
                    cuts: cuts.len(),
                    elements: 0,
                    mechanisms: 0,
                };
                if element.tag.is(FAST, "fast") {
                    cuts.extend(
                        element
                            .tag
                            .attributes
                            .iter()
                            .filter(|a| a.is("", "tls-0rtt"))
                            .map(|a| a.span.clone()),
                    );
                }
                if element.tag.is_empty {
                    element.close("", lexer.at(), open.last_mut(), &mut cuts);
                } else {
                    open.push(element);
                }
            }
            Markup::End => {
                let Some(element) = open.pop() else {
                    return Err(XmlError::NotWellFormed);
                };
                lexer.end_tag(element.name.raw)?;
                element.close(text, lexer.at(), open.last_mut(), &mut cuts);
            }
            Markup::Cdata => {}
            Markup::Over => return Ok(cuts),
        }
    }
}

impl Open<'_> {
    /// The element, whose character data is `text`, ends at `end`: it goes, or counts for its parent.
    fn close(mut self, text: &str, end: usize, parent: Option<&mut Self>, cuts: &mut Vec<Range<usize>>) {
        let is_mechanism = self.tag.local.as_str() == "mechanism" && [SASL, SASL2, FAST].contains(&self.tag.namespace.as_str());
        self.mechanisms += usize::from(is_mechanism);
        if self.is_of_the_link() || (is_mechanism && binds_channel(text.trim())) || (cuts.len() > self.cuts && self.is_emptied())
        {
            cuts.truncate(self.cuts);
            cuts.push(self.start..end);
        } else if let Some(parent) = parent {
            parent.elements += 1;
            parent.mechanisms += self.mechanisms;
        }
    }

    fn is_of_the_link(&self) -> bool {
        self.tag.is(TLS, "starttls")
            || self.tag.is(COMPRESS, "compression")
            || self.tag.is(CHANNEL_BINDING, "sasl-channel-binding")
    }

    /// Is it a container that is of no use with what is left in it?
    fn is_emptied(&self) -> bool {
        let is_list = self.tag.is(SASL, "mechanisms") || self.tag.is(SASL2, "authentication") || self.tag.is(FAST, "fast");
        (is_list && self.mechanisms == 0) || (self.tag.is(SASL2, "inline") && self.elements == 0)
    }
}

/// Does the mechanism depend on the TLS channel between client and server?
fn binds_channel(mechanism: &str) -> bool {
    let token_endings = ["-ENDP", "-EXPR", "-UNIQ"];
    mechanism.ends_with("-PLUS")
        || (mechanism.starts_with("HT-") && token_endings.iter().any(|ending| mechanism.ends_with(ending)))
}
