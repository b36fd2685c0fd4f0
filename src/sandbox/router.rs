//! Who gets a stanza: users, the echo bot, the room, or the server itself (RFC 6120 section 10, RFC 6121 section 8).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::element::Element;
use super::jid::Jid;
use super::mailbox::{Inbox, Mailbox};
use super::names::{DOMAIN, ECHO, LOBBY, PING, ROOMS, ROSTER, SESSION};
use super::room::Room;
use super::services::{self, Entity};
use super::stanza::{Condition, Delivery, Kind, NoStanza, Sent};
use super::users::{Users, granted};
use crate::xmpp::CLIENT;

/// Everybody and everything that can be written to. The lock is held for one stanza and never across an await.
#[derive(Default)]
pub(super) struct Router {
    state: Mutex<State>,
}

/// A session's place among the users; it is given up when this is dropped.
pub(super) struct Seat {
    router: Arc<Router>,
    jid: Jid,
    number: u64,
}

/// The session sent something that is no stanza.
#[derive(Debug)]
pub(super) struct Unsupported;

#[derive(Default)]
struct State {
    users: Users,
    lobby: Room,
}

type Routed = Result<Vec<Delivery>, Condition>;

impl Router {
    /// Makes a session known under its full JID; an older one of that name is ended (RFC 6120 section 7.7.2.2).
    pub(super) fn enter(self: Arc<Self>, jid: Jid) -> (Seat, Inbox) {
        let (mailbox, inbox) = Mailbox::open();
        let mut state = self.lock();
        if let Some(older) = state.leave(&jid) {
            older.end("conflict");
        }
        let number = state.users.enter(jid.clone(), mailbox);
        drop(state);
        (
            Seat {
                router: self,
                jid,
                number,
            },
            inbox,
        )
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Takes what the session sends; what comes back goes into its mailbox, as everything does.
    pub(super) fn send(&self, element: Element, now: SystemTime) -> Result<(), Unsupported> {
        let mut state = self.router.lock();
        // what a session that was replaced still sends is not from this JID any more
        if state.users.number(&self.jid) != Some(self.number) {
            return Ok(());
        }
        match Sent::new(&self.jid, element) {
            Ok(sent) => {
                let out = state
                    .route(&sent, now)
                    .unwrap_or_else(|condition| sent.refuse(condition).into_iter().collect());
                state.deliver(out);
            }
            Err(NoStanza::Misaddressed(error)) => state.deliver(error.map(|error| *error)),
            Err(NoStanza::Unsupported) => return Err(Unsupported),
        }
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.router.lock();
        if state.users.number(&self.jid) == Some(self.number) {
            state.leave(&self.jid);
        }
    }
}

impl State {
    fn deliver(&mut self, out: impl IntoIterator<Item = Delivery>) {
        for delivery in out {
            self.users.deliver(delivery);
        }
    }

    /// Takes a session away, as if it had said so itself.
    fn leave(&mut self, jid: &Jid) -> Option<Mailbox> {
        let presence = Element::new(CLIENT, "presence").with("type", "unavailable").with("from", jid);
        let out = self.unavailable(jid, &presence);
        let mailbox = self.users.remove(jid);
        self.deliver(out);
        mailbox
    }

    fn route(&mut self, sent: &Sent, now: SystemTime) -> Routed {
        match sent.kind {
            Kind::Presence => self.presence(sent),
            Kind::Message => self.message(sent, now),
            Kind::Iq => self.iq(sent),
        }
    }

    fn presence(&mut self, sent: &Sent) -> Routed {
        let Some(to) = &sent.to else {
            return Ok(match sent.stanza_type() {
                "" => self.users.available(sent),
                "unavailable" => self.unavailable(&sent.from, &sent.element),
                _ => Vec::new(),
            });
        };
        match (to.domain(), to.node()) {
            (DOMAIN, "") => Ok(Vec::new()),
            (DOMAIN, ECHO) if sent.stanza_type() == "subscribe" => Ok(vec![granted(sent, &to.bare())]),
            (DOMAIN, ECHO) => Ok(Vec::new()),
            (DOMAIN, _) => Ok(self.users.route(sent, to)),
            (ROOMS, LOBBY) => self.lobby.presence(sent, to.resource()),
            // no other room can be made
            (ROOMS, _) if sent.stanza_type().is_empty() => Err(Condition::NotAllowed),
            (ROOMS, _) => Ok(Vec::new()),
            _ => Err(Condition::RemoteServerNotFound),
        }
    }

    /// Who goes is gone from the room, too (RFC 6121 section 4.6.3).
    fn unavailable(&mut self, from: &Jid, presence: &Element) -> Vec<Delivery> {
        let mut out = self.lobby.leave(from);
        out.extend(self.users.unavailable(from, presence));
        out
    }

    fn message(&mut self, sent: &Sent, now: SystemTime) -> Routed {
        let to = sent.to.clone().unwrap_or_else(|| sent.from.bare());
        match (to.domain(), to.node()) {
            (DOMAIN, "") => Err(Condition::ServiceUnavailable),
            (DOMAIN, ECHO) => Ok(echo(sent).into_iter().collect()),
            (DOMAIN, _) => Ok(self.users.route(sent, &to)),
            (ROOMS, LOBBY) => self.lobby.message(sent, to.resource(), now),
            (ROOMS, _) => Err(Condition::ItemNotFound),
            _ => Err(Condition::RemoteServerNotFound),
        }
    }

    fn iq(&mut self, sent: &Sent) -> Routed {
        let to = sent.to.clone().unwrap_or_else(|| sent.from.bare());
        if to.domain() == DOMAIN && !to.node().is_empty() && to.node() != ECHO && !to.is_bare() {
            return Ok(self.users.route(sent, &to));
        }
        let request = match (sent.stanza_type(), sent.element.elements().next()) {
            ("get" | "set", Some(request)) => request,
            ("result" | "error", _) => return Ok(Vec::new()),
            _ => return Err(Condition::BadRequest),
        };
        let own = to == sent.from.bare() || (to.domain() == DOMAIN && to.node().is_empty());
        let answer = match request.namespace() {
            SESSION if own => None,
            ROSTER if own && sent.stanza_type() == "get" => Some(self.users.roster(&sent.from)),
            ROSTER if own => return Err(Condition::NotAllowed),
            _ => services::answer(&self.entity(sent, &to, request)?, request)?,
        };
        Ok(vec![sent.result(answer)])
    }

    /// Who is to answer an iq that is not another session's.
    fn entity(&self, sent: &Sent, to: &Jid, request: &Element) -> Result<Entity<'_>, Condition> {
        match (to.domain(), to.node()) {
            // without `to` it is the server that is meant, as far as clients are concerned (XEP-0199 section 4.2)
            (DOMAIN, _) if sent.to.is_none() => Ok(Entity::Server),
            (DOMAIN, "") => Ok(Entity::Server),
            (DOMAIN, ECHO) => Ok(Entity::Echo),
            (DOMAIN, _) => Ok(Entity::Account),
            (ROOMS, "") => Ok(Entity::Rooms),
            (ROOMS, LOBBY) if to.is_bare() => Ok(Entity::Room(&self.lobby)),
            // am I still in the room? (XEP-0410)
            (ROOMS, LOBBY) if !request.is(PING, "ping") => Err(Condition::ServiceUnavailable),
            (ROOMS, LOBBY) if self.lobby.holds(&sent.from, to.resource()) => Ok(Entity::Room(&self.lobby)),
            (ROOMS, LOBBY) => Err(Condition::NotAcceptable),
            (ROOMS, _) => Err(Condition::ItemNotFound),
            _ => Err(Condition::RemoteServerNotFound),
        }
    }
}

/// The bot's answer: the same body, in the same thread.
fn echo(sent: &Sent) -> Option<Delivery> {
    let kind = match sent.stanza_type() {
        kind @ ("chat" | "normal") => kind,
        "" => "normal",
        _ => return None,
    };
    let body = sent.element.find(CLIENT, "body")?;
    let thread = sent.element.find(CLIENT, "thread");
    let stanza = Element::new(CLIENT, "message")
        .with("type", kind)
        .with("from", super::names::echo())
        .child(body.clone());
    Some(Delivery {
        to: sent.from.clone(),
        stanza: thread.into_iter().cloned().fold(stanza, Element::child),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::mailbox::Mail;

    fn enter(router: &Arc<Router>, jid: &str) -> (Seat, Inbox) {
        Arc::clone(router).enter(Jid::parse(jid).unwrap())
    }

    fn send(seat: &Seat, xml: &str) {
        seat.send(Element::parse(xml).unwrap(), SystemTime::UNIX_EPOCH).unwrap();
    }

    /// All that waits in a mailbox.
    fn read(inbox: &mut Inbox) -> String {
        let mut all = String::new();
        while let Some(mail) = inbox.waiting() {
            match mail {
                Mail::Stanza(bytes) => all += std::str::from_utf8(&bytes).unwrap(),
                Mail::End(condition) => return all + condition,
            }
        }
        all
    }

    #[test]
    fn the_bot_answers_with_the_same_words() {
        let router = Arc::new(Router::default());
        let (seat, mut inbox) = enter(&router, "alice@localhost/a");
        send(
            &seat,
            "<message xmlns='jabber:client' to='echo@localhost' type='chat' id='1'><body>1 &lt; 2</body></message>",
        );
        assert_eq!(
            read(&mut inbox),
            "<message xmlns='jabber:client' type='chat' from='echo@localhost' to='alice@localhost/a'><body>1 &lt; 2</body></message>"
        );
        send(
            &seat,
            "<message xmlns='jabber:client' to='echo@localhost' type='error'><body>x</body></message>",
        );
        send(
            &seat,
            "<message xmlns='jabber:client' to='echo@localhost' type='chat'><composing xmlns='c'/></message>",
        );
        assert_eq!(read(&mut inbox), "");
    }

    #[test]
    fn a_newer_session_takes_the_name_over() {
        let router = Arc::new(Router::default());
        let (older, mut older_inbox) = enter(&router, "alice@localhost/a");
        let (newer, mut newer_inbox) = enter(&router, "alice@localhost/a");
        assert_eq!(read(&mut older_inbox), "conflict");
        send(&older, "<message xmlns='jabber:client' to='alice@localhost/a'/>");
        drop(older);
        assert_eq!(read(&mut newer_inbox), "");
        send(&newer, "<message xmlns='jabber:client' to='alice@localhost/a'/>");
        assert!(read(&mut newer_inbox).starts_with("<message "));
    }

    #[test]
    fn who_is_lost_is_gone_for_users_and_room() {
        let router = Arc::new(Router::default());
        let (alice, mut alice_inbox) = enter(&router, "alice@localhost/a");
        let (bob, _bob_inbox) = enter(&router, "bob@localhost/b");
        for (seat, nick) in [(&alice, "Al"), (&bob, "Bo")] {
            send(seat, "<presence xmlns='jabber:client'/>");
            send(
                seat,
                &format!("<presence xmlns='jabber:client' to='lobby@conference.localhost/{nick}'/>"),
            );
        }
        read(&mut alice_inbox);
        drop(bob);
        let told = read(&mut alice_inbox);
        assert!(
            told.contains("type='unavailable' from='lobby@conference.localhost/Bo'"),
            "{told}"
        );
        assert!(told.contains("type='unavailable' from='bob@localhost/b'"), "{told}");
    }

    #[test]
    fn every_request_gets_an_answer() {
        let router = Arc::new(Router::default());
        let (seat, mut inbox) = enter(&router, "alice@localhost/a");
        for (attributes, request, answer) in [
            ("", "<ping xmlns='urn:xmpp:ping'/>", "type='result'"),
            ("to='localhost'", "<ping xmlns='urn:xmpp:ping'/>", "type='result'"),
            ("to='echo@localhost'", "<ping xmlns='urn:xmpp:ping'/>", "type='result'"),
            (
                "to='lobby@conference.localhost/Al'",
                "<ping xmlns='urn:xmpp:ping'/>",
                "<not-acceptable",
            ),
            ("to='alice@localhost/a'", "<ping xmlns='urn:xmpp:ping'/>", "type='get'"),
            ("", "<query xmlns='jabber:iq:roster'/>", "jid='echo@localhost'"),
            ("", "<vCard xmlns='vcard-temp'/>", "<service-unavailable"),
            ("to='bob@localhost/b'", "<vCard xmlns='vcard-temp'/>", "<service-unavailable"),
            ("to='bob@localhost'", "<vCard xmlns='vcard-temp'/>", "<service-unavailable"),
            (
                "to='den@conference.localhost'",
                "<ping xmlns='urn:xmpp:ping'/>",
                "<item-not-found",
            ),
            (
                "to='example.org'",
                "<ping xmlns='urn:xmpp:ping'/>",
                "<remote-server-not-found",
            ),
            ("to='@'", "<ping xmlns='urn:xmpp:ping'/>", "<jid-malformed"),
            ("", "", "<bad-request"),
        ] {
            send(
                &seat,
                &format!("<iq xmlns='jabber:client' type='get' id='1' {attributes}>{request}</iq>"),
            );
            let told = read(&mut inbox);
            assert!(
                told.contains(answer) && told.contains("id='1'"),
                "{attributes} {request}: {told}"
            );
        }
    }
}
