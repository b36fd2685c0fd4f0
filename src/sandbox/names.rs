//! The JIDs that the sandbox is made of, and the namespaces that it speaks.

use super::jid::Jid;

/// The one domain that the sandbox serves.
pub const DOMAIN: &str = "localhost";
/// The node of the echo bot.
pub(super) const ECHO: &str = "echo";
/// Where rooms live (XEP-0045).
pub(super) const ROOMS: &str = "conference.localhost";
/// The node of the only room.
pub(super) const LOBBY: &str = "lobby";

/// Nodes at [`DOMAIN`] that are no accounts.
pub(super) const RESERVED: &[&str] = &[ECHO];

pub(super) const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
pub(super) const DELAY: &str = "urn:xmpp:delay";
pub(super) const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
pub(super) const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
pub(super) const MUC: &str = "http://jabber.org/protocol/muc";
pub(super) const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
pub(super) const PING: &str = "urn:xmpp:ping";
pub(super) const ROSTER: &str = "jabber:iq:roster";
pub(super) const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
pub(super) const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

pub(super) fn echo() -> Jid {
    Jid::known(ECHO, DOMAIN)
}

pub(super) fn lobby() -> Jid {
    Jid::known(LOBBY, ROOMS)
}
