//! Which domains are served, and where their servers are. The first entry that matches wins.

use crate::xmpp::Domain;

/// Names that an entry stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// `*`
    Any,
    /// `*.example.org`: what is below it, not itself.
    Below(Domain),
    Exactly(Domain),
}

impl Pattern {
    /// `None`: neither a domain nor a pattern of one.
    pub fn parse(text: &str) -> Option<Self> {
        match (text, text.strip_prefix("*.")) {
            ("*", _) => Some(Self::Any),
            (_, Some(parent)) => Domain::parse(parent).map(Self::Below),
            (name, None) => Domain::parse(name).map(Self::Exactly),
        }
    }

    fn matches(&self, domain: &Domain) -> bool {
        match self {
            Self::Any => true,
            Self::Below(parent) => {
                let rest = domain.as_str().strip_suffix(parent.as_str());
                rest.is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            Self::Exactly(name) => name == domain,
        }
    }
}

/// One entry: names, and the `host:port` of each of their servers, tried in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub pattern: Pattern,
    pub servers: Vec<String>,
}

/// All entries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Route {
    pub entries: Vec<Entry>,
    /// Names that were served once.
    pub gone: Vec<Pattern>,
}

impl Route {
    pub fn find(&self, domain: &Domain) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.pattern.matches(domain))
    }

    pub fn is_gone(&self, domain: &Domain) -> bool {
        self.gone.iter().any(|pattern| pattern.matches(domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(patterns: &[&str]) -> Route {
        let entry = |text: &&str| Entry {
            pattern: Pattern::parse(text).expect("a pattern"),
            servers: vec![(*text).to_owned()],
        };
        Route {
            entries: patterns.iter().map(entry).collect(),
            gone: Vec::new(),
        }
    }

    fn found(route: &Route, domain: &str) -> Option<String> {
        route.find(&Domain::parse(domain)?).map(|entry| entry.servers[0].clone())
    }

    #[test]
    fn the_first_match_wins() {
        let route = route(&["a.example.org", "*.example.org", "*"]);
        assert_eq!(found(&route, "A.example.org.").as_deref(), Some("a.example.org"));
        assert_eq!(found(&route, "b.example.org").as_deref(), Some("*.example.org"));
        assert_eq!(found(&route, "example.org").as_deref(), Some("*"));
        assert_eq!(found(&route, "badexample.org").as_deref(), Some("*"));
    }

    #[test]
    fn what_matches_nothing_is_not_served() {
        let route = route(&["*.example.org"]);
        for other in ["example.org", "badexample.org", "example.com"] {
            assert_eq!(found(&route, other), None, "{other}");
        }
    }
}
