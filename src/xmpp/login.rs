//! Whether a client has logged in, from what it and its server say: by SASL (RFC 6120 section 6), by SASL 2 (XEP-0388), or as it was before
//! both (XEP-0078).

use super::{CLIENT, SASL2, StreamEvent};
use crate::xml::walk::find;
use crate::xml::{Payload, Text};

const LEGACY: &str = "jabber:iq:auth";

/// The login of one stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Login {
    #[default]
    Awaited,
    /// By XEP-0078, in the question of this id: a plain result is all that such a client gets.
    Asked(Text),
    Done,
}

impl Login {
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    pub fn client_says(&mut self, payload: &Payload) {
        if !self.is_done()
            && let Some(id) = legacy_login(payload)
        {
            *self = Self::Asked(id);
        }
    }

    /// Has the client logged in with this?
    pub fn server_says(&mut self, event: &StreamEvent) -> bool {
        let succeeds = match (&*self, event) {
            (Self::Done, _) => false,
            (_, StreamEvent::Authenticated(_)) => true,
            // of SASL 2 it may be in one element with what the server keeps
            (_, StreamEvent::Payload(payload) | StreamEvent::Managed(_, payload)) if payload.is(SASL2, "success") => true,
            (Self::Asked(id), StreamEvent::Payload(payload)) => iq_id(payload, "result").is_some_and(|answered| answered == *id),
            _ => false,
        };
        if succeeds {
            *self = Self::Done;
        }
        succeeds
    }
}

/// The id of a login by XEP-0078. What only asks for the fields is none.
fn legacy_login(payload: &Payload) -> Option<Text> {
    let id = iq_id(payload, "set")?;
    let query = find(payload, |visit| {
        (visit.depth == 1 && visit.tag.is(LEGACY, "query")).then_some(())
    });
    query.map(|()| id)
}

/// Of an iq of this type.
fn iq_id(payload: &Payload, kind: &str) -> Option<Text> {
    if !payload.is(CLIENT, "iq") {
        return None;
    }
    let attributes = find(payload, |visit| {
        let value = |name| visit.tag.attribute("", name).map(|value| value.detached());
        Some((value("type"), value("id")))
    });
    let (of, id) = attributes?;
    id.filter(|_| of.is_some_and(|of| of.as_str() == kind))
}

#[cfg(test)]
mod tests {
    use super::super::managed::Managed;
    use super::super::{SASL, StreamHeader};
    use super::*;
    use crate::xml::scope::standing;

    fn payload(text: &'static str, namespace: &'static str) -> Payload {
        let local = text[1..].split([' ', '/', '>']).next().expect("a name");
        standing(text.into(), namespace.into(), local)
    }

    fn iq(text: &'static str) -> Payload {
        payload(text, CLIENT)
    }

    fn logs_in(event: &StreamEvent) -> bool {
        let mut login = Login::default();
        let first = login.server_says(event);
        assert!(login.is_done() == first && !login.server_says(event), "once");
        first
    }

    // AU10, AU03
    #[test]
    fn a_success_is_one() {
        assert!(logs_in(&StreamEvent::Authenticated(payload("<success/>", SASL))));
        assert!(logs_in(&StreamEvent::Payload(payload("<success/>", SASL2))));
        assert!(logs_in(&StreamEvent::Managed(
            Managed::Resumable,
            payload("<success/>", SASL2)
        )));
        for other in [
            payload("<failure/>", SASL2),
            payload("<continue/>", SASL2),
            payload("<success/>", "urn:other"),
            iq("<iq type='result' id='a'/>"),
        ] {
            assert!(!logs_in(&StreamEvent::Payload(other)));
        }
        assert!(!logs_in(&StreamEvent::Managed(
            Managed::Resumable,
            payload("<enabled/>", "urn:xmpp:sm:3")
        )));
        assert!(!logs_in(&StreamEvent::Opened(StreamHeader::default())));
    }

    // AU10, AU05
    #[test]
    fn a_login_of_before_is_the_result_of_its_question() {
        let asks =
            "<iq xmlns='jabber:client' type='set' id='a2'><query xmlns='jabber:iq:auth'><username>u</username></query></iq>";
        let others = [
            "<iq xmlns='jabber:client' type='get' id='a2'><query xmlns='jabber:iq:auth'/></iq>",
            "<iq xmlns='jabber:client' type='set' id='a2'><query xmlns='jabber:iq:register'/></iq>",
            "<iq xmlns='jabber:client' type='set' id='a2'><x xmlns='u'><query xmlns='jabber:iq:auth'/></x></iq>",
            "<iq xmlns='jabber:client' type='set'><query xmlns='jabber:iq:auth'/></iq>",
        ];
        let answer = |text| StreamEvent::Payload(iq(text));
        let result = answer("<iq type='result' id='a2'/>");
        for other in others {
            let mut login = Login::default();
            login.client_says(&iq(other));
            assert_eq!(login, Login::Awaited, "{other}");
        }
        let mut login = Login::default();
        login.client_says(&payload(asks, "urn:other"));
        assert!(!login.server_says(&result), "no question");
        login.client_says(&iq(asks));
        for other in [
            "<iq type='result' id='a1'/>",
            "<iq type='error' id='a2'/>",
            "<message type='result' id='a2'/>",
        ] {
            assert!(!login.server_says(&answer(other)), "{other}");
        }
        assert!(login.server_says(&result) && login.is_done());
        login.client_says(&iq(asks));
        assert!(login.is_done());
    }
}
