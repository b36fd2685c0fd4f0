//! Stanzas (RFC 6120 section 8): where they go, and the answers they get.

use super::element::Element;
use super::jid::Jid;
use super::names::STANZAS;
use crate::xmpp::CLIENT;

/// A stanza on its way to one session.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Delivery {
    /// A full JID.
    pub(super) to: Jid,
    pub(super) stanza: Element,
}

/// A stanza that a session has sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) kind: Kind,
    /// The full JID of the session.
    pub(super) from: Jid,
    /// Absent: the user's own account.
    pub(super) to: Option<Jid>,
    /// As it came, but with the sender's true `from`.
    pub(super) element: Element,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Message,
    Presence,
    Iq,
}

/// Stanza errors (RFC 6120 section 8.3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Condition {
    BadRequest,
    Conflict,
    ItemNotFound,
    JidMalformed,
    NotAcceptable,
    NotAllowed,
    RemoteServerNotFound,
    ServiceUnavailable,
}

/// Why what a session sent is no stanza.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum NoStanza {
    /// Another kind of element.
    Unsupported,
    /// A stanza with a `to` that is no JID, and the error that it gets.
    Misaddressed(Option<Box<Delivery>>),
}

impl Sent {
    pub(super) fn new(from: &Jid, mut element: Element) -> Result<Self, NoStanza> {
        let kind = match (element.namespace(), element.local()) {
            (CLIENT, "message") => Kind::Message,
            (CLIENT, "presence") => Kind::Presence,
            (CLIENT, "iq") => Kind::Iq,
            _ => return Err(NoStanza::Unsupported),
        };
        element.set("from", from);
        let mut sent = Self {
            kind,
            from: from.clone(),
            to: None,
            element,
        };
        if let Some(to) = sent.element.attribute("to") {
            match Jid::parse(to) {
                Some(to) => sent.to = Some(to),
                None => return Err(NoStanza::Misaddressed(sent.refuse(Condition::JidMalformed).map(Box::new))),
            }
        }
        Ok(sent)
    }

    /// The `type`, empty when there is none.
    pub(super) fn stanza_type(&self) -> &str {
        self.element.attribute("type").unwrap_or_default()
    }

    /// The same stanza for another addressee.
    pub(super) fn pass_on(&self, to: Jid) -> Delivery {
        Delivery {
            to,
            stanza: self.element.clone(),
        }
    }

    /// The answer to an iq request.
    pub(super) fn result(&self, payload: Option<Element>) -> Delivery {
        let stanza = self.reply("result");
        Delivery {
            to: self.from.clone(),
            stanza: payload.into_iter().fold(stanza, Element::child),
        }
    }

    /// The error that this stanza gets; none for one that is an answer itself (RFC 6120 section 8.3.1).
    pub(super) fn refuse(&self, condition: Condition) -> Option<Delivery> {
        if matches!((self.kind, self.stanza_type()), (_, "error") | (Kind::Iq, "result")) {
            return None;
        }
        Some(Delivery {
            to: self.from.clone(),
            stanza: self.reply("error").child(condition.element()),
        })
    }

    fn reply(&self, stanza_type: &str) -> Element {
        let mut reply = Element::new(CLIENT, self.element.local()).with("type", stanza_type);
        if let Some(id) = self.element.attribute("id") {
            reply.set("id", id);
        }
        if let Some(to) = &self.to {
            reply.set("from", to);
        }
        reply
    }
}

impl Condition {
    fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", "modify"),
            Self::Conflict => ("conflict", "cancel"),
            Self::ItemNotFound => ("item-not-found", "cancel"),
            Self::JidMalformed => ("jid-malformed", "modify"),
            Self::NotAcceptable => ("not-acceptable", "modify"),
            Self::NotAllowed => ("not-allowed", "cancel"),
            Self::RemoteServerNotFound => ("remote-server-not-found", "cancel"),
            Self::ServiceUnavailable => ("service-unavailable", "cancel"),
        }
    }

    /// `<error/>`, for a reply to any stanza.
    pub(super) fn element(self) -> Element {
        let (condition, error_type) = self.name();
        Element::new(CLIENT, "error")
            .with("type", error_type)
            .child(Element::new(STANZAS, condition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(xml: &str) -> Result<Sent, NoStanza> {
        Sent::new(&Jid::parse("alice@localhost/a").unwrap(), Element::parse(xml).unwrap())
    }

    #[test]
    fn a_sender_cannot_lie() {
        let sent = sent("<message xmlns='jabber:client' from='bob@localhost' to='carol@localhost'/>").unwrap();
        assert_eq!(sent.element.attribute("from"), Some("alice@localhost/a"));
    }

    #[test]
    fn an_answer_comes_from_where_the_stanza_went() {
        let sent = sent("<iq xmlns='jabber:client' to='localhost' id='1' type='get'/>").unwrap();
        let error = sent.refuse(Condition::ServiceUnavailable).unwrap();
        assert_eq!(error.to, sent.from);
        assert_eq!(
            String::from_utf8_lossy(&error.stanza.to_bytes()),
            "<iq xmlns='jabber:client' type='error' id='1' from='localhost'><error type='cancel'>\
             <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        );
    }

    #[test]
    fn errors_and_results_get_no_error() {
        for xml in [
            "<iq xmlns='jabber:client' type='result'/>",
            "<message xmlns='jabber:client' type='error'/>",
        ] {
            assert_eq!(sent(xml).unwrap().refuse(Condition::BadRequest), None);
        }
    }

    #[test]
    fn what_is_no_stanza() {
        assert_eq!(sent("<r xmlns='urn:xmpp:sm:3'/>").err(), Some(NoStanza::Unsupported));
        let misaddressed = sent("<iq xmlns='jabber:client' to='@' type='get'/>").err();
        assert!(
            matches!(misaddressed, Some(NoStanza::Misaddressed(Some(error))) if error.stanza.attribute("type") == Some("error"))
        );
    }
}
