//! Users that are online: their presence, the roster that all of them share (RFC 6121), and messages between them.

use std::collections::BTreeMap;

use super::element::Element;
use super::jid::Jid;
use super::mailbox::Mailbox;
use super::names::{ECHO, ROSTER, echo};
use super::stanza::{Condition, Delivery, Kind, Sent};
use crate::xmpp::CLIENT;

/// All sessions with a resource, by full JID.
#[derive(Default)]
pub(super) struct Users {
    online: BTreeMap<Jid, Online>,
    /// Sessions so far; tells a session from an earlier one of the same JID.
    count: u64,
}

struct Online {
    number: u64,
    mailbox: Mailbox,
    presence: Presence,
    roster: Roster,
}

/// Unavailable <--> Available, as the client says.
enum Presence {
    Unavailable,
    Available(Element),
}

/// Only who has asked for the roster is told of its changes (RFC 6121 section 2.1.6).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Roster {
    Unasked,
    Asked,
}

impl Users {
    /// A session more; the caller has seen to it that the JID is free. Its number.
    pub(super) fn enter(&mut self, jid: Jid, mailbox: Mailbox) -> u64 {
        self.count += 1;
        let online = Online {
            number: self.count,
            mailbox,
            presence: Presence::Unavailable,
            roster: Roster::Unasked,
        };
        self.online.insert(jid, online);
        self.count
    }

    /// The number of the session that has this JID.
    pub(super) fn number(&self, jid: &Jid) -> Option<u64> {
        self.online.get(jid).map(|online| online.number)
    }

    /// A session less; what the others are told is [`Users::unavailable`]'s affair.
    pub(super) fn remove(&mut self, jid: &Jid) -> Option<Mailbox> {
        self.online.remove(jid).map(|online| online.mailbox)
    }

    pub(super) fn deliver(&mut self, delivery: Delivery) {
        if let Some(online) = self.online.get_mut(&delivery.to) {
            online.mailbox.put(delivery.stanza.with("to", &delivery.to).to_bytes());
        }
    }

    /// Presence to everybody (RFC 6121 section 4): a newcomer also learns who is there.
    pub(super) fn available(&mut self, sent: &Sent) -> Vec<Delivery> {
        let mut out = Vec::new();
        let Some(presence) = self.online.get(&sent.from).map(|online| &online.presence) else {
            return out;
        };
        if matches!(presence, Presence::Unavailable) {
            if !self.is_present(&sent.from) {
                out.extend(self.pushes(&sent.from, "both"));
            }
            let bot = Element::new(CLIENT, "presence").with("from", echo_session());
            out.push(Delivery {
                to: sent.from.clone(),
                stanza: bot,
            });
            out.extend(self.present().map(|(_, presence)| Delivery {
                to: sent.from.clone(),
                stanza: presence.clone(),
            }));
        }
        if let Some(online) = self.online.get_mut(&sent.from) {
            online.presence = Presence::Available(sent.element.clone());
        }
        out.extend(self.present().map(|(jid, _)| sent.pass_on(jid.clone())));
        out
    }

    /// Unavailable presence to everybody who is available; nothing when nobody knew of this session.
    pub(super) fn unavailable(&mut self, from: &Jid, presence: &Element) -> Vec<Delivery> {
        let Some(online) = self.online.get_mut(from) else {
            return Vec::new();
        };
        if matches!(online.presence, Presence::Unavailable) {
            return Vec::new();
        }
        let mut out: Vec<Delivery> = self
            .present()
            .map(|(jid, _)| Delivery {
                to: jid.clone(),
                stanza: presence.clone(),
            })
            .collect();
        if let Some(online) = self.online.get_mut(from) {
            online.presence = Presence::Unavailable;
        }
        if !self.is_present(from) {
            out.extend(self.pushes(from, "remove"));
        }
        out
    }

    /// The roster as this session sees it: the bot, and every other user who is available.
    pub(super) fn roster(&mut self, asking: &Jid) -> Element {
        if let Some(online) = self.online.get_mut(asking) {
            online.roster = Roster::Asked;
        }
        let mut users: Vec<Jid> = self
            .present()
            .map(|(jid, _)| jid.bare())
            .filter(|jid| !jid.same_bare(asking))
            .collect();
        users.dedup();
        let query = Element::new(ROSTER, "query").child(item(&echo(), "both"));
        users.iter().fold(query, |query, user| query.child(item(user, "both")))
    }

    /// What a session sends to a user (RFC 6121 section 8.5).
    pub(super) fn route(&self, sent: &Sent, to: &Jid) -> Vec<Delivery> {
        if sent.kind == Kind::Presence {
            return self.directed_presence(sent, to);
        }
        if self.online.contains_key(to) {
            return vec![sent.pass_on(to.clone())];
        }
        // a chat outlives the resource that it began with
        if sent.kind == Kind::Message && (to.is_bare() || sent.stanza_type() == "chat") && sent.stanza_type() != "groupchat" {
            let out: Vec<Delivery> = self.resources(to).map(|jid| sent.pass_on(jid.clone())).collect();
            if !out.is_empty() || sent.stanza_type() == "headline" {
                return out;
            }
        }
        sent.refuse(Condition::ServiceUnavailable).into_iter().collect()
    }

    /// Everybody is subscribed to everybody, so a wish for it is granted at once, and nothing can end it.
    fn directed_presence(&self, sent: &Sent, to: &Jid) -> Vec<Delivery> {
        match sent.stanza_type() {
            "subscribe" => vec![granted(sent, &to.bare())],
            "" | "unavailable" | "error" if to.is_bare() => self.resources(to).map(|jid| sent.pass_on(jid.clone())).collect(),
            "" | "unavailable" | "error" => vec![sent.pass_on(to.clone())],
            _ => Vec::new(),
        }
    }

    /// Tells those who want to know that this user is in the roster now, or no more.
    fn pushes(&self, of: &Jid, subscription: &str) -> Vec<Delivery> {
        let to = self
            .online
            .iter()
            .filter(|(jid, online)| online.roster == Roster::Asked && !jid.same_bare(of));
        let push = Element::new(CLIENT, "iq")
            .with("type", "set")
            .with("id", format!("push-{}", self.count))
            .child(Element::new(ROSTER, "query").child(item(&of.bare(), subscription)));
        to.map(|(jid, _)| Delivery {
            to: jid.clone(),
            stanza: push.clone(),
        })
        .collect()
    }

    fn is_present(&self, user: &Jid) -> bool {
        self.resources(user).next().is_some()
    }

    fn resources(&self, user: &Jid) -> impl Iterator<Item = &Jid> {
        self.present().map(|(jid, _)| jid).filter(move |jid| jid.same_bare(user))
    }

    fn present(&self) -> impl Iterator<Item = (&Jid, &Element)> {
        self.online.iter().filter_map(|(jid, online)| match &online.presence {
            Presence::Available(presence) => Some((jid, presence)),
            Presence::Unavailable => None,
        })
    }
}

/// The answer to a wish for a subscription.
pub(super) fn granted(sent: &Sent, by: &Jid) -> Delivery {
    let stanza = Element::new(CLIENT, "presence").with("type", "subscribed").with("from", by);
    Delivery {
        to: sent.from.clone(),
        stanza,
    }
}

/// The bot's only resource.
pub(super) fn echo_session() -> String {
    format!("{}/bot", echo())
}

fn item(user: &Jid, subscription: &str) -> Element {
    let name = if user.node() == ECHO { "Echo" } else { user.node() };
    Element::new(ROSTER, "item")
        .with("jid", user)
        .with("name", name)
        .with("subscription", subscription)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> Jid {
        Jid::parse(text).unwrap()
    }

    fn sent(from: &str, xml: &str) -> Sent {
        Sent::new(&jid(from), Element::parse(xml).unwrap()).unwrap()
    }

    fn online(users: &mut Users, name: &str) -> Vec<Delivery> {
        users.enter(jid(name), Mailbox::open().0);
        users.available(&sent(name, "<presence xmlns='jabber:client'/>"))
    }

    fn addressees(out: &[Delivery]) -> Vec<String> {
        out.iter().map(|d| d.to.to_string()).collect()
    }

    #[test]
    fn a_newcomer_learns_of_everybody_and_everybody_of_the_newcomer() {
        let mut users = Users::default();
        online(&mut users, "alice@localhost/a");
        let out = online(&mut users, "bob@localhost/b");
        // the bot and alice to bob, then bob to alice and to himself
        assert_eq!(
            addressees(&out),
            ["bob@localhost/b", "bob@localhost/b", "alice@localhost/a", "bob@localhost/b"]
        );
        // later presence is told to everybody, and nobody's to its sender
        let away = sent(
            "bob@localhost/b",
            "<presence xmlns='jabber:client'><show>away</show></presence>",
        );
        assert_eq!(addressees(&users.available(&away)), ["alice@localhost/a", "bob@localhost/b"]);
    }

    #[test]
    fn the_roster_follows_who_is_there() {
        let mut users = Users::default();
        online(&mut users, "alice@localhost/a");
        assert_eq!(users.roster(&jid("alice@localhost/a")).elements().count(), 1);
        let out = online(&mut users, "bob@localhost/1");
        assert_eq!(
            out[0]
                .stanza
                .find(ROSTER, "query")
                .unwrap()
                .elements()
                .next()
                .unwrap()
                .attribute("jid"),
            Some("bob@localhost")
        );
        // another resource of his changes nothing
        let out = online(&mut users, "bob@localhost/2");
        assert!(out.iter().all(|d| d.stanza.local() == "presence"));
        assert_eq!(users.roster(&jid("alice@localhost/a")).elements().count(), 2);
        let gone = Element::new(CLIENT, "presence").with("type", "unavailable");
        assert!(
            users
                .unavailable(&jid("bob@localhost/1"), &gone)
                .iter()
                .all(|d| d.stanza.local() == "presence")
        );
        assert!(
            users
                .unavailable(&jid("bob@localhost/2"), &gone)
                .iter()
                .any(|d| d.stanza.local() == "iq")
        );
        assert!(users.unavailable(&jid("bob@localhost/2"), &gone).is_empty());
    }

    #[test]
    fn messages_find_their_resources() {
        let mut users = Users::default();
        online(&mut users, "bob@localhost/1");
        online(&mut users, "bob@localhost/2");
        let to = |to: &str, message_type: &str| {
            let xml = format!("<message xmlns='jabber:client' to='{to}' type='{message_type}'/>");
            addressees(&users.route(&sent("alice@localhost/a", &xml), &jid(to)))
        };
        assert_eq!(to("bob@localhost/1", "normal"), ["bob@localhost/1"]);
        assert_eq!(to("bob@localhost", "chat"), ["bob@localhost/1", "bob@localhost/2"]);
        assert_eq!(to("bob@localhost/3", "chat"), ["bob@localhost/1", "bob@localhost/2"]);
        assert_eq!(to("bob@localhost/3", "normal"), ["alice@localhost/a"]);
        assert_eq!(to("carol@localhost", "chat"), ["alice@localhost/a"]);
        assert!(to("carol@localhost", "headline").is_empty());
    }
}
