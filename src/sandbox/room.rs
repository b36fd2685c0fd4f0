//! The group chat room (XEP-0045): open to everybody, not anonymous, there for ever, with a short history.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::element::Element;
use super::jid::Jid;
use super::names::{DELAY, MUC, MUC_USER, lobby};
use super::stamp::stamp;
use super::stanza::{Condition, Delivery, Sent};
use crate::xmpp::CLIENT;

/// Sessions in the room; each message goes to all of them.
const OCCUPANTS: usize = 200;
/// Messages kept for newcomers.
const HISTORY: usize = 20;
/// The longest nick, in bytes.
const NICK_BYTES: usize = 128;

/// "Non-anonymous room" (XEP-0045 section 15.6.2, as are the others).
const STATUS_OPEN: u16 = 100;
/// "This is you".
const STATUS_SELF: u16 = 110;
/// "Goes on under another nick".
const STATUS_RENAMED: u16 = 303;

/// The room.
#[derive(Default)]
pub(super) struct Room {
    occupants: Vec<Occupant>,
    history: VecDeque<Element>,
    /// The last message that set the subject.
    subject: Option<Element>,
}

struct Occupant {
    nick: String,
    /// A full JID.
    session: Jid,
    presence: Element,
}

/// What an occupant's presence is told for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News<'a> {
    Present,
    Gone,
    Renamed(&'a str),
}

impl Room {
    /// Joins, changes and leaves (XEP-0045 sections 7.2, 7.6, 7.7 and 7.14).
    pub(super) fn presence(&mut self, sent: &Sent, nick: &str) -> Result<Vec<Delivery>, Condition> {
        match sent.stanza_type() {
            "" => {}
            // an error is what a server answers for a session that it lost
            "unavailable" | "error" => return Ok(self.leave(&sent.from)),
            _ => return Ok(Vec::new()),
        }
        if nick.is_empty() || nick.len() > NICK_BYTES {
            return Err(Condition::JidMalformed);
        }
        if self.by_nick(nick).is_some_and(|other| other.session != sent.from) {
            return Err(Condition::Conflict);
        }
        let mut presence = sent.element.clone();
        let join = presence.find(MUC, "x").cloned();
        presence.remove(MUC, "x");
        presence.remove(MUC_USER, "x");
        match self.occupants.iter().position(|o| o.session == sent.from) {
            None if self.occupants.len() >= OCCUPANTS => Err(Condition::ServiceUnavailable),
            None => {
                self.occupants.push(Occupant {
                    nick: nick.to_owned(),
                    session: sent.from.clone(),
                    presence,
                });
                Ok(self.welcome(self.occupants.len() - 1, join.as_ref()))
            }
            Some(at) => {
                let renamed = self.rename(at, nick);
                self.occupants[at].presence = presence;
                // who joins twice has lost track and is told everything again
                let told = if join.is_some() {
                    self.welcome(at, join.as_ref())
                } else {
                    self.tell(at, News::Present)
                };
                Ok(renamed.into_iter().chain(told).collect())
            }
        }
    }

    /// A session leaves, or is lost; nothing when it was not here.
    pub(super) fn leave(&mut self, session: &Jid) -> Vec<Delivery> {
        let Some(at) = self.occupants.iter().position(|o| o.session == *session) else {
            return Vec::new();
        };
        let out = self.tell(at, News::Gone);
        self.occupants.remove(at);
        out
    }

    /// A message to all (sections 7.4 and 8.1) or to one occupant (section 7.5).
    pub(super) fn message(&mut self, sent: &Sent, nick: &str, now: SystemTime) -> Result<Vec<Delivery>, Condition> {
        let sender = self.by_session(&sent.from).ok_or(Condition::NotAcceptable)?;
        let mut message = sent.element.clone();
        message.set("from", address(&sender.nick));
        match (sent.stanza_type(), nick) {
            ("groupchat", "") => {}
            (_, "") | ("groupchat", _) => return Err(Condition::BadRequest),
            (_, nick) => {
                let to = self.by_nick(nick).ok_or(Condition::ItemNotFound)?.session.clone();
                return Ok(vec![Delivery {
                    to,
                    stanza: message.child(Element::new(MUC_USER, "x")),
                }]);
            }
        }
        if message.find(CLIENT, "subject").is_some() && message.find(CLIENT, "body").is_none() {
            self.subject = Some(message.clone());
        } else if message.find(CLIENT, "body").is_some() {
            self.history.truncate(HISTORY - 1);
            let mut kept = message.clone();
            kept.unset("to");
            self.history
                .push_front(kept.child(Element::new(DELAY, "delay").with("from", lobby()).with("stamp", stamp(now))));
        }
        Ok(self
            .occupants
            .iter()
            .map(|o| Delivery {
                to: o.session.clone(),
                stanza: message.clone(),
            })
            .collect())
    }

    /// Is this session here, under this nick?
    pub(super) fn holds(&self, session: &Jid, nick: &str) -> bool {
        self.by_session(session).is_some_and(|occupant| occupant.nick == nick)
    }

    pub(super) fn nicks(&self) -> impl Iterator<Item = &str> {
        self.occupants.iter().map(|occupant| occupant.nick.as_str())
    }

    /// What a newcomer gets, in the order of section 7.1: occupants, own presence, history, subject.
    fn welcome(&self, at: usize, join: Option<&Element>) -> Vec<Delivery> {
        let to = &self.occupants[at].session;
        let others = self.occupants.iter().filter(|o| o.session != *to);
        let mut out: Vec<Delivery> = others
            .map(|o| Delivery {
                to: to.clone(),
                stanza: o.presence(News::Present, &[]),
            })
            .collect();
        out.extend(self.tell(at, News::Present));
        let kept = self.history.iter().take(history_wanted(join)).rev();
        out.extend(kept.map(|message| Delivery {
            to: to.clone(),
            stanza: message.clone(),
        }));
        let subject = self.subject.clone().unwrap_or_else(|| {
            Element::new(CLIENT, "message")
                .with("type", "groupchat")
                .with("from", lobby())
                .child(Element::new(CLIENT, "subject"))
        });
        out.push(Delivery {
            to: to.clone(),
            stanza: subject,
        });
        out
    }

    /// Gives an occupant another nick (section 7.6).
    fn rename(&mut self, at: usize, nick: &str) -> Vec<Delivery> {
        if self.occupants[at].nick == nick {
            return Vec::new();
        }
        let out = self.tell(at, News::Renamed(nick));
        self.occupants[at].nick = nick.to_owned();
        out
    }

    /// Tells everybody about one occupant, and that one last, so that its own presence ends the list.
    fn tell(&self, at: usize, news: News<'_>) -> Vec<Delivery> {
        let occupant = &self.occupants[at];
        let others = self.occupants.iter().filter(|o| o.session != occupant.session);
        let stanza = occupant.presence(news, &[]);
        let mut out: Vec<Delivery> = others
            .map(|o| Delivery {
                to: o.session.clone(),
                stanza: stanza.clone(),
            })
            .collect();
        let statuses: &[u16] = if news == News::Present {
            &[STATUS_OPEN, STATUS_SELF]
        } else {
            &[STATUS_SELF]
        };
        out.push(Delivery {
            to: occupant.session.clone(),
            stanza: occupant.presence(news, statuses),
        });
        out
    }

    fn by_nick(&self, nick: &str) -> Option<&Occupant> {
        self.occupants.iter().find(|occupant| occupant.nick == nick)
    }

    fn by_session(&self, session: &Jid) -> Option<&Occupant> {
        self.occupants.iter().find(|occupant| occupant.session == *session)
    }
}

impl Occupant {
    fn presence(&self, news: News<'_>, statuses: &[u16]) -> Element {
        let role = if news == News::Gone { "none" } else { "participant" };
        let mut item = Element::new(MUC_USER, "item")
            .with("affiliation", "none")
            .with("role", role)
            .with("jid", &self.session);
        let mut statuses = statuses.to_vec();
        if let News::Renamed(nick) = news {
            item.set("nick", nick);
            statuses.push(STATUS_RENAMED);
        }
        let presence = match news {
            News::Present => self.presence.clone(),
            News::Gone | News::Renamed(_) => Element::new(CLIENT, "presence").with("type", "unavailable"),
        };
        let x = Element::new(MUC_USER, "x").child(item);
        let x = statuses
            .iter()
            .fold(x, |x, code| x.child(Element::new(MUC_USER, "status").with("code", code)));
        presence.with("from", address(&self.nick)).child(x)
    }
}

/// An occupant's address in the room.
fn address(nick: &str) -> String {
    format!("{}/{nick}", lobby())
}

/// How many past messages a newcomer wants (section 7.2.13); what is measured in seconds or characters is not counted out, except that
/// no characters are no messages.
fn history_wanted(join: Option<&Element>) -> usize {
    let Some(history) = join.and_then(|x| x.find(MUC, "history")) else {
        return HISTORY;
    };
    if history.attribute("maxchars") == Some("0") {
        return 0;
    }
    history
        .attribute("maxstanzas")
        .and_then(|n| n.parse().ok())
        .unwrap_or(HISTORY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(from: &str, xml: &str) -> Sent {
        Sent::new(&Jid::parse(from).unwrap(), Element::parse(xml).unwrap()).unwrap()
    }

    fn join(room: &mut Room, from: &str, nick: &str, history: &str) -> Result<Vec<String>, Condition> {
        let xml = format!("<presence xmlns='jabber:client'><x xmlns='{MUC}'>{history}</x></presence>");
        room.presence(&sent(from, &xml), nick).map(|out| told(&out))
    }

    fn say(room: &mut Room, from: &str, content: &str) -> Result<Vec<String>, Condition> {
        let xml = format!("<message xmlns='jabber:client' type='groupchat'>{content}</message>");
        room.message(&sent(from, &xml), "", SystemTime::UNIX_EPOCH)
            .map(|out| told(&out))
    }

    /// Each delivery in short: to whom, from whom, what.
    fn told(out: &[Delivery]) -> Vec<String> {
        let line = |d: &Delivery| {
            let from = Jid::parse(d.stanza.attribute("from").unwrap()).unwrap();
            let mut line = format!("{} < {}", d.to.node(), from.resource());
            for part in [
                d.stanza.find(MUC_USER, "x"),
                d.stanza.find(CLIENT, "body"),
                d.stanza.find(CLIENT, "subject"),
            ] {
                let Some(part) = part else { continue };
                line += &format!(
                    " {}{}",
                    if part.local() == "subject" { "subject " } else { "" },
                    part.content()
                );
                part.elements()
                    .filter_map(|e| e.attribute("code"))
                    .for_each(|code| line += code);
            }
            line.replace("  ", " ").trim_end().to_owned()
                + if d.stanza.find(DELAY, "delay").is_some() {
                    " (late)"
                } else {
                    ""
                }
        };
        out.iter().map(line).collect()
    }

    #[test]
    fn who_joins_is_told_of_all_and_all_of_it() {
        let mut room = Room::default();
        assert_eq!(
            join(&mut room, "alice@localhost/a", "Al", "").unwrap(),
            ["alice < Al 100110", "alice < subject"]
        );
        say(&mut room, "alice@localhost/a", "<body>hi</body>").unwrap();
        assert_eq!(
            join(&mut room, "bob@localhost/b", "Bo", "").unwrap(),
            [
                "bob < Al",
                "alice < Bo",
                "bob < Bo 100110",
                "bob < Al hi (late)",
                "bob < subject"
            ]
        );
        assert!(room.holds(&Jid::parse("bob@localhost/b").unwrap(), "Bo"));
        assert_eq!(
            told(&room.leave(&Jid::parse("alice@localhost/a").unwrap())),
            ["bob < Al", "alice < Al 110"]
        );
        assert!(room.leave(&Jid::parse("alice@localhost/a").unwrap()).is_empty());
    }

    #[test]
    fn a_nick_belongs_to_one_session() {
        let mut room = Room::default();
        join(&mut room, "alice@localhost/a", "Al", "").unwrap();
        join(&mut room, "bob@localhost/b", "Bo", "").unwrap();
        assert_eq!(join(&mut room, "carol@localhost/c", "Al", ""), Err(Condition::Conflict));
        assert_eq!(join(&mut room, "bob@localhost/b", "Al", ""), Err(Condition::Conflict));
        assert_eq!(join(&mut room, "carol@localhost/c", "", ""), Err(Condition::JidMalformed));
        let renamed = room
            .presence(&sent("bob@localhost/b", "<presence xmlns='jabber:client'/>"), "Bob")
            .unwrap();
        assert_eq!(
            told(&renamed),
            ["alice < Bo 303", "bob < Bo 110303", "alice < Bob", "bob < Bob 100110"]
        );
    }

    #[test]
    fn what_is_said_comes_back_to_all_and_is_kept_for_a_while() {
        let mut room = Room::default();
        assert_eq!(
            say(&mut room, "alice@localhost/a", "<body>hi</body>"),
            Err(Condition::NotAcceptable)
        );
        join(&mut room, "alice@localhost/a", "Al", "").unwrap();
        join(&mut room, "bob@localhost/b", "Bo", "").unwrap();
        assert_eq!(
            say(&mut room, "alice@localhost/a", "<body>hi</body>").unwrap(),
            ["alice < Al hi", "bob < Al hi"]
        );
        say(&mut room, "bob@localhost/b", "<subject>S</subject>").unwrap();
        for n in 0..HISTORY {
            say(&mut room, "alice@localhost/a", &format!("<body>{n}</body>")).unwrap();
        }
        let all = join(&mut room, "carol@localhost/c", "Ca", "").unwrap();
        assert_eq!(all.len(), 2 + 3 + HISTORY + 1);
        assert_eq!(all[5], "carol < Al 0 (late)");
        assert_eq!(all[5 + HISTORY..], ["carol < Bo subject S"]);
        let some = join(&mut room, "dave@localhost/d", "Da", "<history maxstanzas='1'/>").unwrap();
        assert_eq!(some[7..], ["dave < Al 19 (late)", "dave < Bo subject S"]);
        assert_eq!(
            join(&mut room, "erin@localhost/e", "Er", "<history maxchars='0'/>")
                .unwrap()
                .len(),
            4 + 5 + 1
        );
    }

    #[test]
    fn occupants_talk_in_private() {
        let mut room = Room::default();
        join(&mut room, "alice@localhost/a", "Al", "").unwrap();
        join(&mut room, "bob@localhost/b", "Bo", "").unwrap();
        let chat = sent(
            "alice@localhost/a",
            "<message xmlns='jabber:client' type='chat'><body>psst</body></message>",
        );
        assert_eq!(
            told(&room.message(&chat, "Bo", SystemTime::UNIX_EPOCH).unwrap()),
            ["bob < Al psst"]
        );
        assert_eq!(
            room.message(&chat, "Nobody", SystemTime::UNIX_EPOCH),
            Err(Condition::ItemNotFound)
        );
        assert_eq!(room.message(&chat, "", SystemTime::UNIX_EPOCH), Err(Condition::BadRequest));
    }
}
