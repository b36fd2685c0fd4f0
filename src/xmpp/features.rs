//! What a client behind a manager must not be offered: starttls, compression, channel binding (`-PLUS`, HT-*-ENDP/EXPR/UNIQ, sasl-cb),
//! mechanisms that would speak for the manager or put a layer of their own under the stream, and the containers that this empties; and
//! limits that are the manager's rather than the server's (XEP-0478). Nor may it ask for such a mechanism uninvited.
//!
//! All of these belong to the link that ends at the manager (XEP-0206 section 4, XEP-0440, XEP-0484 section 3.1).

use std::ops::Range;

use bytes::Bytes;

use super::{SASL, SASL2, TLS};
use crate::xml::lexer::{Lexer, Markup, QName};
use crate::xml::scope::standing;
use crate::xml::tag::{Resolver, Tag};
use crate::xml::walk::find;
use crate::xml::{Payload, XmlError, XmlLimits};

const COMPRESS: &str = "http://jabber.org/features/compress";
const FAST: &str = "urn:xmpp:fast:0";
const CHANNEL_BINDING: &str = "urn:xmpp:sasl-cb:0";
const STREAM_LIMITS: &str = "urn:xmpp:stream-limits:0";

const FAILURE: &str = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><invalid-mechanism/></failure>";
const FAILURE2: &str = "<failure xmlns='urn:xmpp:sasl:2'><invalid-mechanism xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>";

/// How much a server wants TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartTls {
    Offered,
    Required,
}

/// Does the server take up TLS in this stream (RFC 6120 section 5.4.1)?
pub fn starttls(features: &Payload) -> Option<StartTls> {
    let has = |depth, local| {
        find(features, |visit| {
            (visit.depth == depth && visit.tag.is(TLS, local)).then_some(())
        })
        .is_some()
    };
    match (has(1, "starttls"), has(2, "required")) {
        (false, _) => None,
        (true, false) => Some(StartTls::Offered),
        (true, true) => Some(StartTls::Required),
    }
}

/// A part that goes, and what comes instead.
type Cut = (Range<usize>, String);

/// The features as a client may see them, which may send elements of up to `most` bytes; the same bytes when nothing has to change.
pub fn strip(features: Payload, most: usize) -> Payload {
    // a payload is well-formed, so this does not fail
    let cuts = cuts(features.bytes(), most).unwrap_or_default();
    features.edited(&cuts)
}

/// An element that is being read.
struct Open<'a> {
    name: QName<'a>,
    tag: Tag<'a>,
    start: usize,
    /// Cuts made before it.
    cuts: usize,
    /// What is left in it: children, and mechanisms at any depth.
    elements: usize,
    mechanisms: usize,
}

/// What has to go, in order.
fn cuts(features: &Bytes, most: usize) -> Result<Vec<Cut>, XmlError> {
    let limits = XmlLimits {
        attributes: usize::MAX,
        ..XmlLimits::default()
    };
    let mut lexer = Lexer::new(features)?;
    let mut cuts: Vec<Cut> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    loop {
        let text = lexer.text()?;
        let start = lexer.at();
        let text = Content {
            text,
            span: start - text.len()..start,
            most,
        };
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
                            .map(|a| (a.span.clone(), String::new())),
                    );
                }
                if element.tag.is_empty {
                    element.close(&text, lexer.at(), open.last_mut(), &mut cuts);
                } else {
                    open.push(element);
                }
            }
            Markup::End => {
                let Some(element) = open.pop() else {
                    return Err(XmlError::NotWellFormed);
                };
                lexer.end_tag(element.name.raw)?;
                element.close(&text, lexer.at(), open.last_mut(), &mut cuts);
            }
            Markup::Cdata => {}
            Markup::Over => return Ok(cuts),
        }
    }
}

/// The character data before an element's end.
struct Content<'a> {
    text: &'a str,
    span: Range<usize>,
    most: usize,
}

impl Open<'_> {
    /// The element ends at `end`: it goes, or counts for its parent.
    fn close(mut self, content: &Content<'_>, end: usize, parent: Option<&mut Self>, cuts: &mut Vec<Cut>) {
        let is_mechanism = self.tag.local == "mechanism" && [SASL, SASL2, FAST].contains(&self.tag.namespace.as_str());
        self.mechanisms += usize::from(is_mechanism);
        let refused = is_mechanism && is_the_links(content.text.trim());
        if self.is_of_the_link() || refused || (cuts.len() > self.cuts && self.is_emptied()) {
            cuts.truncate(self.cuts);
            cuts.push((self.start..end, String::new()));
        } else if let Some(parent) = parent {
            parent.elements += 1;
            parent.mechanisms += self.mechanisms;
        }
        if self.tag.is(STREAM_LIMITS, "max-bytes") && content.text.trim().parse().is_ok_and(|most: usize| most > content.most) {
            cuts.push((content.span.clone(), content.most.to_string()));
        }
    }

    fn is_of_the_link(&self) -> bool {
        self.tag.is(TLS, "starttls")
            || self.tag.is(COMPRESS, "compression")
            || self.tag.is(CHANNEL_BINDING, "sasl-channel-binding")
            // how long the link may be silent is not the client's business
            || self.tag.is(STREAM_LIMITS, "idle-seconds")
    }

    /// Is it a container that is of no use with what is left in it?
    fn is_emptied(&self) -> bool {
        let is_list = self.tag.is(SASL, "mechanisms") || self.tag.is(SASL2, "authentication") || self.tag.is(FAST, "fast");
        (is_list && self.mechanisms == 0) || (self.tag.is(SASL2, "inline") && self.elements == 0)
    }
}

/// What a client gets that asks for a mechanism which it was not offered, as the server does not know that and might grant it (S05).
pub fn refusal(said: &Payload) -> Option<Payload> {
    let (namespace, failure) = if said.is(SASL, "auth") {
        (SASL, FAILURE)
    } else if said.is(SASL2, "authenticate") {
        (SASL2, FAILURE2)
    } else {
        return None;
    };
    let asks = |tag: &Tag<'_>| {
        let mechanism = tag.attribute("", "mechanism");
        mechanism.is_some_and(|name| is_the_links(&name.trim().to_ascii_uppercase()))
    };
    find(said, |visit| (visit.depth == 0 && asks(visit.tag)).then_some(()))?;
    Some(standing(failure.into(), namespace.into(), "failure"))
}

/// Is it a mechanism of the link between manager and server? `EXTERNAL` would log everybody in as the manager (S05); what depends on the
/// TLS channel has another one; and what can put a security layer below the stream would hide it from us (S07).
fn is_the_links(mechanism: &str) -> bool {
    let token_endings = ["-ENDP", "-EXPR", "-UNIQ"];
    let layered = ["GSSAPI", "GSS-SPNEGO", "KERBEROS_V4", "KERBEROS_V5", "NTLM"];
    mechanism == "EXTERNAL"
        || layered.contains(&mechanism)
        || mechanism.starts_with("GS2-")
        || mechanism.ends_with("-PLUS")
        || (mechanism.starts_with("HT-") && token_endings.iter().any(|ending| mechanism.ends_with(ending)))
}

#[cfg(test)]
mod tests {
    use super::super::STREAM;
    use super::*;

    fn stripped(inside: &str) -> String {
        let text = format!("<stream:features xmlns:stream='{STREAM}'>{inside}</stream:features>");
        let features = strip(standing(text.into(), STREAM.into(), "features"), 10_000);
        let inside = features.as_str().split_once('>').map_or("", |(_, rest)| rest);
        inside.strip_suffix("</stream:features>").unwrap_or_default().to_owned()
    }

    // S05, S07
    #[test]
    fn nobody_logs_in_as_the_manager_or_below_the_stream() {
        let list = |names: &[&str]| {
            let names: String = names.iter().map(|name| format!("<mechanism>{name}</mechanism>")).collect();
            format!("<mechanisms xmlns='{SASL}'>{names}</mechanisms>")
        };
        let good = ["SCRAM-SHA-1", "DIGEST-MD5", "PLAIN", "HT-SHA-256-NONE", "X-ENDP"];
        let bad = ["EXTERNAL", "GSSAPI", "GS2-KRB5", "SCRAM-SHA-1-PLUS", "HT-SHA-256-ENDP"];
        assert_eq!(stripped(&list(&[bad, good].concat())), list(&good));
        assert_eq!(stripped(&list(&["EXTERNAL"])), "");
        assert_eq!(stripped(&list(&[])), list(&[]), "nothing was taken out");
        let sasl2 = format!(
            "<authentication xmlns='{SASL2}'><mechanism>EXTERNAL</mechanism><mechanism>PLAIN</mechanism></authentication>"
        );
        assert!(!stripped(&sasl2).contains("EXTERNAL"));
    }

    // S09
    #[test]
    fn limits_are_the_smaller_ones() {
        let limits = |inside: &str| format!("<limits xmlns='{STREAM_LIMITS}'>{inside}</limits>");
        assert_eq!(
            stripped(&limits("<max-bytes>262144</max-bytes><idle-seconds>600</idle-seconds>")),
            limits("<max-bytes>10000</max-bytes>")
        );
        for small in ["<max-bytes>5000</max-bytes>", "<max-bytes>010000</max-bytes>"] {
            assert_eq!(stripped(&limits(small)), limits(small));
        }
    }

    // DN08
    #[test]
    fn tls_is_offered_or_required() {
        let of = |inside: &str| {
            let text = format!("<stream:features xmlns:stream='{STREAM}'>{inside}</stream:features>");
            starttls(&standing(text.into(), STREAM.into(), "features"))
        };
        assert_eq!(of(&format!("<starttls xmlns='{TLS}'/>")), Some(StartTls::Offered));
        let required = format!("<starttls xmlns='{TLS}'><required/></starttls>");
        assert_eq!(of(&required), Some(StartTls::Required));
        assert_eq!(of("<starttls/><bind xmlns='urn:b'><required/></bind>"), None);
        assert_eq!(of(&format!("<x xmlns='urn:x'>{required}</x>")), None);
    }

    #[test]
    fn what_is_behind_many_attributes_is_seen() {
        let attributes: String = (0..100).map(|number| format!(" a{number}=''")).collect();
        assert_eq!(
            stripped(&format!("<x{attributes}/><starttls xmlns='{TLS}'/>")),
            format!("<x{attributes}/>")
        );
    }

    // S05: nobody can log in as the manager by asking for it, in whatever way it is spelt
    #[test]
    fn what_was_not_offered_is_refused() {
        let refused = |text: String, namespace: &str, local| {
            let answer = refusal(&standing(text.into(), namespace.into(), local))?;
            Some(answer.as_str().to_owned())
        };
        let auth = |mechanism| refused(format!("<auth xmlns='{SASL}' mechanism='{mechanism}'>=</auth>"), SASL, "auth");
        for bad in [
            "EXTERNAL",
            "external",
            " EXTERNAL ",
            "&#69;XTERNAL",
            "GSSAPI",
            "SCRAM-SHA-1-PLUS",
        ] {
            assert_eq!(auth(bad).as_deref(), Some(FAILURE), "{bad}");
        }
        for good in ["PLAIN", "SCRAM-SHA-1", "", "X-EXTERNAL"] {
            assert_eq!(auth(good), None, "{good}");
        }
        let prefixed = format!("<s:auth xmlns:s='{SASL}' mechanism='EXTERNAL'/>");
        assert_eq!(refused(prefixed, SASL, "auth").as_deref(), Some(FAILURE));
        let authenticate =
            |mechanism| format!("<authenticate xmlns='{SASL2}' mechanism='{mechanism}'><initial-response/></authenticate>");
        assert_eq!(
            refused(authenticate("EXTERNAL"), SASL2, "authenticate").as_deref(),
            Some(FAILURE2)
        );
        assert_eq!(refused(authenticate("PLAIN"), SASL2, "authenticate"), None);
    }
}
