//! Stanzas that a client will never get go back to who sent them (XEP-0206 section 7).

use super::CLIENT;
use crate::xml::scope::{Scope, standing};
use crate::xml::tag::Tag;
use crate::xml::{Payload, XmlLimits, escape_attribute};

const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// The error for who sent this; `None` for what nobody waits for an answer to: presence, results, errors, and what is no stanza (RFC 6120
/// section 8.3.1).
pub fn returned(payload: &Payload) -> Option<Payload> {
    let tag = Tag::parse(payload.bytes(), &Scope::default(), &XmlLimits::default(), &[]).ok()?;
    let attribute = |name| tag.attribute("", name).map(|value| value.as_str());
    let (local, kind, condition) = match (payload.local(), attribute("type")) {
        _ if !payload.is_in(CLIENT) => return None,
        ("message", Some("error")) => return None,
        ("message", _) => ("message", "wait", "recipient-unavailable"),
        ("iq", Some("get" | "set")) => ("iq", "cancel", "service-unavailable"),
        _ => return None,
    };
    let mut text = format!("<{local} xmlns='{CLIENT}' type='error'");
    for (name, value) in [
        ("to", attribute("from")),
        ("from", attribute("to")),
        ("id", attribute("id")),
        (
            "xml:lang",
            tag.attribute(crate::xml::XML_NAMESPACE, "lang").map(|lang| lang.as_str()),
        ),
    ] {
        if let Some(value) = value {
            text.extend([" ", name, "='", &escape_attribute(value), "'"]);
        }
    }
    text.push_str(&format!(
        "><error type='{kind}'><{condition} xmlns='{STANZAS}'/></error></{local}>"
    ));
    Some(standing(text.into(), CLIENT.into(), local))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounce(local: &str, attributes: &str) -> Option<String> {
        let text = format!("<{local} xmlns='jabber:client' {attributes}><body>x</body></{local}>");
        returned(&standing(text.into(), CLIENT.into(), local)).map(|payload| payload.as_str().to_owned())
    }

    // ER07
    #[test]
    fn messages_and_questions_go_back() {
        assert_eq!(
            bounce("message", "from='a&amp;b@x/y' to='c@d/e' id='1' type='chat'").as_deref(),
            Some(
                "<message xmlns='jabber:client' type='error' to='a&amp;b@x/y' from='c@d/e' id='1'><error type='wait'>\
                 <recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
            )
        );
        for kind in ["get", "set"] {
            let error = bounce("iq", &format!("from='a@x' id='2' type='{kind}'")).unwrap_or_default();
            assert!(
                error.contains("<service-unavailable") && error.contains("to='a@x'"),
                "{error}"
            );
        }
    }

    // ER07
    #[test]
    fn what_wants_no_answer_is_dropped() {
        assert_eq!(bounce("presence", "from='a@x'"), None);
        assert_eq!(bounce("message", "type='error'"), None);
        assert_eq!(bounce("iq", "type='result'"), None);
        assert_eq!(bounce("iq", "type='error'"), None);
        assert_eq!(bounce("stream:features", ""), None);
        let foreign = standing("<message xmlns='urn:x' from='a@x'/>".into(), "urn:x".into(), "message");
        assert_eq!(returned(&foreign), None);
    }
}
