//! Stream management that a client agrees on with its server (XEP-0198): it passes through untouched. All we need to know is whether the
//! server keeps stanzas, and the session, for a client that is lost.

use super::SASL2;
use crate::xml::Payload;
use crate::xml::tag::Tag;
use crate::xml::walk::find;

const VERSIONS: [&str; 2] = ["urn:xmpp:sm:3", "urn:xmpp:sm:2"];

/// What the server does for a client that it loses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Managed {
    /// It takes back the stanzas that were not acknowledged.
    Acknowledged,
    /// It keeps the session as well, unless the stream is closed (section 7).
    Resumable,
}

impl Managed {
    /// Does the server say with this that it does? It may be part of a SASL 2 success (XEP-0386, XEP-0198 section 9).
    pub fn of(payload: &Payload) -> Option<Self> {
        let direct = VERSIONS
            .iter()
            .any(|version| payload.is(version, "enabled") || payload.is(version, "resumed"));
        if !direct && !payload.is(SASL2, "success") {
            return None;
        }
        find(payload, |visit| Self::read(visit.tag))
    }

    fn read(tag: &Tag) -> Option<Self> {
        let resumes = || {
            tag.attribute("", "resume")
                .is_some_and(|value| matches!(value.trim(), "true" | "1"))
        };
        match tag.local {
            _ if !VERSIONS.contains(&tag.namespace.as_str()) => None,
            "resumed" => Some(Self::Resumable),
            "enabled" if resumes() => Some(Self::Resumable),
            "enabled" => Some(Self::Acknowledged),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::scope::standing;

    fn managed(text: &'static str, namespace: &str, local: &str) -> Option<Managed> {
        Managed::of(&standing(text.into(), namespace.into(), local))
    }

    // AU07
    #[test]
    fn the_server_says_what_it_keeps() {
        let of = |text| managed(text, "urn:xmpp:sm:3", "enabled");
        assert_eq!(of("<enabled xmlns='urn:xmpp:sm:3'/>"), Some(Managed::Acknowledged));
        assert_eq!(
            of("<enabled xmlns='urn:xmpp:sm:3' resume='false'/>"),
            Some(Managed::Acknowledged)
        );
        assert_eq!(
            of("<enabled xmlns='urn:xmpp:sm:3' id='a' resume='1'/>"),
            Some(Managed::Resumable)
        );
        assert_eq!(
            managed("<resumed xmlns='urn:xmpp:sm:2' h='1'/>", "urn:xmpp:sm:2", "resumed"),
            Some(Managed::Resumable)
        );
        assert_eq!(managed("<r xmlns='urn:xmpp:sm:3'/>", "urn:xmpp:sm:3", "r"), None);
        assert_eq!(
            managed("<enabled xmlns='urn:xmpp:carbons:2'/>", "urn:xmpp:carbons:2", "enabled"),
            None
        );
    }

    // AU03, AU07
    #[test]
    fn a_login_may_say_it_too() {
        let of = |text| managed(text, "urn:xmpp:sasl:2", "success");
        let bound = "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>a@b/c</authorization-identifier>\
                     <bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3' resume='true'/></bound></success>";
        assert_eq!(of(bound), Some(Managed::Resumable));
        let resumed = "<s:success xmlns:s='urn:xmpp:sasl:2'><resumed xmlns='urn:xmpp:sm:3'/></s:success>";
        assert_eq!(of(resumed), Some(Managed::Resumable));
        assert_eq!(of("<success xmlns='urn:xmpp:sasl:2'><enabled/></success>"), None);
    }

    #[test]
    fn many_attributes_hide_nothing() {
        let attributes: String = (0..100).map(|number| format!(" a{number}=''")).collect();
        let text = format!("<enabled xmlns='urn:xmpp:sm:3'{attributes} resume='true'/>");
        let enabled = standing(text.into(), "urn:xmpp:sm:3".into(), "enabled");
        assert_eq!(Managed::of(&enabled), Some(Managed::Resumable));
    }
}
