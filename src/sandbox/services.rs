//! What the sandbox's entities say to the questions of clients: ping (XEP-0199) and service discovery (XEP-0030).

use super::element::Element;
use super::names::{DISCO_INFO, DISCO_ITEMS, MUC, PING, ROOMS, ROSTER, echo, lobby};
use super::room::Room;
use super::stanza::Condition;

/// Who is asked.
pub(super) enum Entity<'a> {
    Server,
    /// Somebody's account, for which the server answers.
    Account,
    Echo,
    Rooms,
    Room(&'a Room),
}

/// Answers the request of an iq; no payload is an empty answer.
pub(super) fn answer(entity: &Entity<'_>, request: &Element) -> Result<Option<Element>, Condition> {
    if request.is(PING, "ping") && !matches!(entity, Entity::Account) {
        return Ok(None);
    }
    let query = match request.namespace() {
        DISCO_INFO => info(entity),
        DISCO_ITEMS => items(entity),
        _ => return Err(Condition::ServiceUnavailable),
    };
    // no entity has nodes
    if request.attribute("node").is_some_and(|node| !node.is_empty()) {
        return Err(Condition::ItemNotFound);
    }
    Ok(Some(query))
}

fn info(entity: &Entity<'_>) -> Element {
    let (identity, features): ((&str, &str, &str), &[&str]) = match entity {
        Entity::Server => (("server", "im", "boshd sandbox"), &[PING, ROSTER]),
        Entity::Account => (("account", "registered", ""), &[]),
        Entity::Echo => (("client", "bot", "Echo"), &[PING]),
        Entity::Rooms => (("conference", "text", "Rooms"), &[PING, MUC]),
        Entity::Room(_) => (
            ("conference", "text", "Lobby"),
            &[
                PING,
                MUC,
                "muc_nonanonymous",
                "muc_open",
                "muc_persistent",
                "muc_public",
                "muc_unmoderated",
                "muc_unsecured",
            ],
        ),
    };
    let (category, kind, name) = identity;
    let mut identity = Element::new(DISCO_INFO, "identity")
        .with("category", category)
        .with("type", kind);
    if !name.is_empty() {
        identity.set("name", name);
    }
    let query = Element::new(DISCO_INFO, "query").child(identity);
    let features = [DISCO_INFO, DISCO_ITEMS].iter().chain(features);
    features.fold(query, |query, feature| {
        query.child(Element::new(DISCO_INFO, "feature").with("var", feature))
    })
}

fn items(entity: &Entity<'_>) -> Element {
    let items: Vec<(String, &str)> = match entity {
        Entity::Server => vec![(ROOMS.to_owned(), "Rooms"), (echo().to_string(), "Echo")],
        Entity::Account | Entity::Echo => Vec::new(),
        Entity::Rooms => vec![(lobby().to_string(), "Lobby")],
        Entity::Room(room) => room.nicks().map(|nick| (format!("{}/{nick}", lobby()), nick)).collect(),
    };
    let item = |(jid, name): &(String, &str)| Element::new(DISCO_ITEMS, "item").with("jid", jid).with("name", name);
    items
        .iter()
        .map(item)
        .fold(Element::new(DISCO_ITEMS, "query"), Element::child)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(entity: &Entity<'_>, request: &str) -> Result<String, Condition> {
        let answer = answer(entity, &Element::parse(request).unwrap())?;
        Ok(answer
            .map(|a| String::from_utf8(a.to_bytes().to_vec()).unwrap())
            .unwrap_or_default())
    }

    #[test]
    fn a_client_finds_its_way_to_the_room() {
        let room = Room::default();
        let items = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
        let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
        assert!(ask(&Entity::Server, items).unwrap().contains("jid='conference.localhost'"));
        assert!(
            ask(&Entity::Rooms, items)
                .unwrap()
                .contains("jid='lobby@conference.localhost'")
        );
        assert!(ask(&Entity::Rooms, info).unwrap().contains("category='conference'"));
        assert!(ask(&Entity::Room(&room), info).unwrap().contains("var='muc_open'"));
    }

    #[test]
    fn what_is_not_known_is_said_so() {
        assert_eq!(ask(&Entity::Server, "<ping xmlns='urn:xmpp:ping'/>"), Ok(String::new()));
        assert_eq!(
            ask(&Entity::Server, "<vCard xmlns='vcard-temp'/>"),
            Err(Condition::ServiceUnavailable)
        );
        let node = "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>";
        assert_eq!(ask(&Entity::Server, node), Err(Condition::ItemNotFound));
    }
}
