//! The manager's own part in stream management (XEP-0198), where neither side has to know of it: what the server sends is acknowledged only
//! when the client is known to have it, so that the server takes back what a lost client never got.
//!
//! A client that speaks it itself is left alone.

use bytes::{BufMut as _, BytesMut};

use super::counts::{Incoming, Ledger, Outgoing};
use super::{CLIENT, SASL2, StreamEvent, features};
use crate::xml::Payload;
use crate::xml::scope::standing;
use crate::xml::walk::find;

pub(super) const SM: &str = "urn:xmpp:sm:3";
const OLD_SM: &str = "urn:xmpp:sm:2";
const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
const BIND2: &str = "urn:xmpp:bind:0";
const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";

/// Without `resume`: a client that is back before the session expires would get nothing of what the server keeps for a resumption.
const ENABLE: &[u8] = b"<enable xmlns='urn:xmpp:sm:3'/>";
const REQUEST: &[u8] = b"<r xmlns='urn:xmpp:sm:3'/>";
const FAILED: &str = "<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";

/// Stream management of one stream, as far as it is ours. By default that of a stream whose server is not there yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StreamManagement {
    phase: Phase,
    ledger: Ledger,
    /// Has the client a resource?
    bound: bool,
}

/// ```text
/// Waiting --first stanza after bind--> Enabling --enabled--> Active
///    `--the client's own--> Aside <--refused--'
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum Phase {
    /// Not ours to speak.
    #[default]
    Aside,
    Waiting {
        offered: bool,
    },
    Enabling(Outgoing),
    Active(Incoming, Outgoing),
}

/// What becomes of something that a client says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Passage {
    /// It was written.
    Passed,
    /// It is nothing for the server.
    Dropped,
    /// The client gets this instead.
    Refused(Payload),
}

impl StreamManagement {
    /// The server is there. `wanted`: is it to be spoken, if that one offers it?
    pub fn connected(&mut self, wanted: bool) {
        if wanted {
            self.phase = Phase::Waiting { offered: false };
        }
    }

    /// Has the client logged in and got a resource? Nothing is negotiated in the stream any more.
    pub fn is_bound(&self) -> bool {
        self.bound
    }

    /// Does the server take back what was not acknowledged?
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Active(..))
    }

    /// Stanzas that the server has not said that it has taken.
    pub fn untaken(&self) -> u32 {
        match &self.phase {
            Phase::Aside | Phase::Waiting { .. } => 0,
            Phase::Enabling(outgoing) | Phase::Active(_, outgoing) => outgoing.sent.wrapping_sub(outgoing.taken),
        }
    }

    /// Hears what the server says; false: it is not for the client.
    pub fn server_says(&mut self, event: &StreamEvent) -> bool {
        let payload = match event {
            StreamEvent::Opened(_) | StreamEvent::Error(_) | StreamEvent::Closed => return true,
            StreamEvent::Features(payload)
            | StreamEvent::Authenticated(payload)
            | StreamEvent::Managed(_, payload)
            | StreamEvent::Payload(payload) => payload,
        };
        if matches!(self.phase, Phase::Enabling(_) | Phase::Active(..)) && is_sm(payload) {
            self.hear(payload);
            return false;
        }
        self.bound = self.bound || binds(payload);
        match (&mut self.phase, event) {
            // the client has it from the server
            (Phase::Waiting { .. }, StreamEvent::Managed(..)) => self.step_aside(),
            (Phase::Waiting { offered }, StreamEvent::Features(features)) => *offered = offers(features),
            _ => {}
        }
        if self.phase != Phase::Aside {
            self.ledger.push(self.is_active() && is_stanza(payload));
        }
        true
    }

    /// Writes what a client says, and what has to go before it.
    pub fn client_says(&mut self, payload: &Payload, out: &mut BytesMut) -> Passage {
        if let Some(answer) = features::refusal(payload) {
            self.ledger.push(false);
            return Passage::Refused(answer);
        }
        match &mut self.phase {
            Phase::Aside => {}
            Phase::Waiting { .. } if is_sm(payload) => self.step_aside(),
            Phase::Waiting { offered: true } if self.bound && is_stanza(payload) && !asks_for_a_session(payload) => {
                out.put_slice(ENABLE);
                let sent = 1;
                self.phase = Phase::Enabling(Outgoing {
                    sent,
                    ..Outgoing::default()
                });
            }
            Phase::Waiting { .. } => {}
            Phase::Enabling(_) | Phase::Active(..) if is_sm(payload) => {
                return if matches!(payload.local(), "enable" | "resume") {
                    self.ledger.push(false);
                    Passage::Refused(standing(FAILED.into(), SM.into(), "failed"))
                } else {
                    Passage::Dropped
                };
            }
            Phase::Enabling(outgoing) | Phase::Active(_, outgoing) => {
                outgoing.sent = outgoing.sent.wrapping_add(u32::from(is_stanza(payload)));
            }
        }
        out.put_slice(payload.bytes());
        Passage::Passed
    }

    /// The client has the next so many payloads of all that it was given.
    pub fn confirmed(&mut self, payloads: usize) {
        let stanzas = self.ledger.take(payloads);
        if let Phase::Active(incoming, _) = &mut self.phase {
            incoming.confirmed = incoming.confirmed.wrapping_add(stanzas);
        }
    }

    /// Writes what is to be said by now: an acknowledgement that is asked for or new, and a question if there is news to be asked for.
    pub fn speak(&mut self, out: &mut BytesMut) {
        let Phase::Active(incoming, outgoing) = &mut self.phase else {
            return;
        };
        if incoming.asked || incoming.told != incoming.confirmed {
            incoming.acknowledge(out);
        }
        if !outgoing.waiting && outgoing.asked_at != outgoing.sent {
            outgoing.asked_at = outgoing.sent;
            outgoing.waiting = true;
            out.put_slice(REQUEST);
        }
    }

    /// Writes what the client has, be it news or not: before the stream's end, and for a server that may have asked what is not read yet.
    pub fn acknowledge(&mut self, out: &mut BytesMut) {
        if let Phase::Active(incoming, _) = &mut self.phase {
            incoming.acknowledge(out);
        }
    }

    fn step_aside(&mut self) {
        self.phase = Phase::Aside;
        self.ledger = Ledger::default();
    }

    /// What the server says to us.
    fn hear(&mut self, payload: &Payload) {
        match (&mut self.phase, payload.local()) {
            (Phase::Enabling(outgoing), "enabled") => self.phase = Phase::Active(Incoming::default(), *outgoing),
            (Phase::Enabling(_), "failed") => self.step_aside(),
            (Phase::Active(incoming, _), "r") => incoming.asked = true,
            (Phase::Active(_, outgoing), "a") => {
                outgoing.waiting = false;
                if let Some(taken) = count(payload).filter(|taken| outgoing.is_plausible(*taken)) {
                    outgoing.taken = taken;
                }
            }
            _ => {}
        }
    }
}

fn is_sm(payload: &Payload) -> bool {
    payload.is_in(SM) || payload.is_in(OLD_SM)
}

fn is_stanza(payload: &Payload) -> bool {
    payload.is_in(CLIENT) && matches!(payload.local(), "message" | "presence" | "iq")
}

fn holds(payload: &Payload, namespace: &str, local: &str) -> bool {
    find(payload, |visit| {
        (visit.depth == 1 && visit.tag.is(namespace, local)).then_some(())
    })
    .is_some()
}

fn offers(features: &Payload) -> bool {
    holds(features, SM, "sm")
}

/// Does the server say with this that the client has a resource now?
fn binds(payload: &Payload) -> bool {
    (payload.is(CLIENT, "iq") && holds(payload, BIND, "bind")) || (payload.is(SASL2, "success") && holds(payload, BIND2, "bound"))
}

/// The legacy session (RFC 3921 section 3) is a part of binding.
fn asks_for_a_session(payload: &Payload) -> bool {
    payload.is(CLIENT, "iq") && holds(payload, SESSION, "session")
}

fn count(payload: &Payload) -> Option<u32> {
    find(payload, |visit| visit.tag.attribute("", "h").map(|h| h.trim().parse().ok())).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::SASL;
    use super::*;
    use crate::xml::XmlLimits;
    use crate::xmpp::inbound::Inbound;

    const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
    const OFFER: &str =
        "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>";
    const BOUND: &str = "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@b/c</jid></bind></iq>";
    const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3'/>";

    fn begun(wanted: bool) -> StreamManagement {
        let mut management = StreamManagement::default();
        management.connected(wanted);
        management
    }

    /// What the server says, as far as it is for the client.
    fn server(management: &mut StreamManagement, text: &str) -> String {
        let mut inbound = Inbound::new(XmlLimits::default());
        let mut input = BytesMut::from([HEADER, text].concat().as_str());
        let mut passed = String::new();
        while let Some(event) = inbound.next(&mut input).expect("a stream") {
            let passes = management.server_says(&event);
            if let StreamEvent::Payload(payload) | StreamEvent::Managed(_, payload) | StreamEvent::Authenticated(payload) = event
                && passes
            {
                passed.push_str(payload.local());
            }
        }
        passed
    }

    /// What the server gets when the client says this.
    fn client(management: &mut StreamManagement, namespace: &str, local: &str, inside: &str) -> String {
        let text = format!("<{local} xmlns='{namespace}'>{inside}</{local}>");
        let mut out = BytesMut::new();
        let passage = management.client_says(&standing(text.into(), namespace.into(), local), &mut out);
        let answer = match passage {
            Passage::Refused(answer) => answer.as_str().to_owned(),
            Passage::Dropped => "dropped".to_owned(),
            Passage::Passed => String::new(),
        };
        String::from_utf8(out.to_vec())
            .expect("text")
            .replace(&format!(" xmlns='{namespace}'"), "")
            + &answer
    }

    fn spoken(management: &mut StreamManagement) -> String {
        let mut out = BytesMut::new();
        management.speak(&mut out);
        String::from_utf8(out.to_vec())
            .expect("text")
            .replace(" xmlns='urn:xmpp:sm:3'", "")
    }

    /// One that is active, after one stanza of the client.
    fn active() -> StreamManagement {
        let mut management = begun(true);
        server(&mut management, &[OFFER, BOUND].concat());
        client(&mut management, CLIENT, "presence", "");
        assert_eq!(server(&mut management, ENABLED), "");
        assert!(management.is_active());
        assert_eq!(spoken(&mut management), "<r/>");
        management
    }

    #[test]
    fn it_is_enabled_before_the_first_stanza_after_bind() {
        let mut management = begun(true);
        server(&mut management, OFFER);
        let bind = format!("<bind xmlns='{BIND}'/>");
        assert_eq!(client(&mut management, CLIENT, "iq", &bind), format!("<iq>{bind}</iq>"));
        assert!(!management.is_bound());
        server(&mut management, BOUND);
        assert!(management.is_bound());
        let session = format!("<session xmlns='{SESSION}'/>");
        assert_eq!(client(&mut management, CLIENT, "iq", &session), format!("<iq>{session}</iq>"));
        assert_eq!(client(&mut management, "urn:xmpp:csi:0", "active", ""), "<active></active>");
        let first = client(&mut management, CLIENT, "presence", "");
        assert_eq!(first, "<enable xmlns='urn:xmpp:sm:3'/><presence></presence>");
        assert_eq!(client(&mut management, CLIENT, "message", ""), "<message></message>");
        assert!(!management.is_active());
        assert_eq!(spoken(&mut management), "", "not before the server has agreed");
    }

    #[test]
    fn nothing_is_taken_for_what_it_is_not() {
        let mut management = begun(true);
        server(&mut management, OFFER);
        let others = [
            "<iq type='result' id='b'><query xmlns='urn:x'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></query></iq>",
            "<success xmlns='urn:xmpp:sasl:2'/>",
            "<message><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></message>",
        ];
        server(&mut management, &others.concat());
        assert!(!management.is_bound());
        server(&mut management, BOUND);
        for (namespace, local) in [("urn:x", "message"), (CLIENT, "x")] {
            assert!(!client(&mut management, namespace, local, "").contains("<enable"), "{local}");
        }
        let roster = client(&mut management, CLIENT, "iq", "<query xmlns='jabber:iq:roster'/>");
        assert!(roster.starts_with("<enable"), "{roster}");
    }

    #[test]
    fn it_is_not_spoken_where_nobody_wants_it() {
        for (wanted, offer) in [(false, OFFER), (true, "<stream:features/>")] {
            let mut management = begun(wanted);
            server(&mut management, &[offer, BOUND].concat());
            assert_eq!(client(&mut management, CLIENT, "presence", ""), "<presence></presence>");
        }
        let mut refused = begun(true);
        server(&mut refused, &[OFFER, BOUND].concat());
        client(&mut refused, CLIENT, "presence", "");
        assert_eq!(server(&mut refused, "<failed xmlns='urn:xmpp:sm:3'/>"), "");
        assert_eq!(
            client(&mut refused, SM, "enable", ""),
            "<enable></enable>",
            "its own may pass now"
        );
    }

    // AU06, AU07
    #[test]
    fn a_client_that_speaks_it_is_left_alone() {
        for (namespace, local) in [(SM, "enable"), (SM, "resume"), (OLD_SM, "enable")] {
            let mut management = begun(true);
            server(&mut management, &[OFFER, BOUND].concat());
            client(&mut management, namespace, local, "");
            assert_eq!(client(&mut management, CLIENT, "message", ""), "<message></message>");
            let said = format!("{ENABLED}<r xmlns='urn:xmpp:sm:3'/><message/>");
            assert_eq!(server(&mut management, &said), "enabledrmessage");
            assert_eq!(client(&mut management, CLIENT, "message", ""), "<message></message>");
            management.confirmed(5);
            assert_eq!(spoken(&mut management), "");
        }
    }

    // AU03
    #[test]
    fn bind_2_binds_and_may_enable() {
        let success = |inside: &str| {
            format!("<success xmlns='urn:xmpp:sasl:2'><bound xmlns='urn:xmpp:bind:0'>{inside}</bound></success>{OFFER}")
        };
        let mut management = begun(true);
        server(&mut management, &success(""));
        assert!(client(&mut management, CLIENT, "presence", "").starts_with("<enable"));
        let mut its_own = begun(true);
        assert_eq!(server(&mut its_own, &success(ENABLED)), "success");
        assert_eq!(client(&mut its_own, CLIENT, "presence", ""), "<presence></presence>");
    }

    #[test]
    fn too_late_a_client_is_refused() {
        let mut management = active();
        for local in ["enable", "resume"] {
            assert_eq!(client(&mut management, SM, local, ""), FAILED);
        }
        for local in ["r", "a"] {
            assert_eq!(client(&mut management, SM, local, ""), "dropped");
        }
        // the answers are among what the client confirms, and count for nothing
        server(&mut management, "<message/>");
        management.confirmed(4);
        assert_eq!(spoken(&mut management), "");
        management.confirmed(1);
        assert_eq!(spoken(&mut management), "<a h='1'/>");
    }

    #[test]
    fn only_what_the_client_has_is_acknowledged() {
        let mut management = active();
        assert_eq!(
            server(&mut management, "<message/><iq/><presence/><x xmlns='urn:x'/>"),
            "messageiqpresencex"
        );
        assert_eq!(server(&mut management, "<r xmlns='urn:xmpp:sm:3'/>"), "");
        assert_eq!(spoken(&mut management), "<a h='0'/>", "at once, with what is known");
        assert_eq!(spoken(&mut management), "");
        // features and the result of bind came before
        management.confirmed(3);
        assert_eq!(spoken(&mut management), "<a h='1'/>", "unasked");
        management.confirmed(3);
        assert_eq!(spoken(&mut management), "<a h='3'/>");
        management.confirmed(100);
        assert_eq!(spoken(&mut management), "", "never more than was given");
        let mut out = BytesMut::new();
        management.acknowledge(&mut out);
        assert_eq!(out, "<a xmlns='urn:xmpp:sm:3' h='3'/>");
    }

    // S05
    #[test]
    fn what_was_refused_before_the_server_was_there_counts_for_nothing() {
        let mut management = StreamManagement::default();
        let auth = standing(
            format!("<auth xmlns='{SASL}' mechanism='EXTERNAL'/>").into(),
            SASL.into(),
            "auth",
        );
        assert!(matches!(
            management.client_says(&auth, &mut BytesMut::new()),
            Passage::Refused(_)
        ));
        management.connected(true);
        server(&mut management, &[OFFER, BOUND].concat());
        client(&mut management, CLIENT, "presence", "");
        server(&mut management, &format!("{ENABLED}<message/>"));
        management.confirmed(3);
        assert_eq!(
            spoken(&mut management),
            "<r/>",
            "the refusal, features and the result of bind"
        );
        management.confirmed(1);
        assert_eq!(spoken(&mut management), "<a h='1'/>");
    }

    #[test]
    fn the_server_is_asked_one_question_at_a_time() {
        let mut management = active();
        client(&mut management, CLIENT, "message", "");
        assert_eq!((spoken(&mut management), management.untaken()), (String::new(), 2));
        assert_eq!(server(&mut management, "<a xmlns='urn:xmpp:sm:3' h='1'/>"), "");
        assert_eq!((spoken(&mut management).as_str(), management.untaken()), ("<r/>", 1));
        server(&mut management, "<a xmlns='urn:xmpp:sm:3' h='7'/>");
        assert_eq!(management.untaken(), 1, "it cannot have taken what nobody sent");
        server(&mut management, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
        assert_eq!((spoken(&mut management), management.untaken()), (String::new(), 0));
    }

    #[test]
    fn counts_wrap() {
        let mut management = active();
        let Phase::Active(incoming, outgoing) = &mut management.phase else {
            panic!("active")
        };
        (incoming.confirmed, incoming.told) = (u32::MAX, u32::MAX);
        (outgoing.sent, outgoing.taken, outgoing.waiting) = (u32::MAX, u32::MAX, false);
        server(&mut management, "<message/>");
        management.confirmed(3);
        client(&mut management, CLIENT, "message", "");
        assert_eq!(spoken(&mut management), "<a h='0'/><r/>");
        server(&mut management, "<a xmlns='urn:xmpp:sm:3' h='0'/>");
        assert_eq!(management.untaken(), 0);
    }
}
