//! Which domains are served, and where their servers are. The first entry that matches wins.

use std::sync::Arc;

use super::target::{Security, Target};
use super::way::Way;
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

/// Where an entry's servers are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Servers {
    Listed(Vec<Target>),
    /// By DNS; of what it names, only those that are secured like this.
    Found(Option<Security>),
}

/// One entry: names, where their servers are, and how to get there.
pub struct Entry {
    pub pattern: Pattern,
    pub servers: Servers,
    pub way: Arc<Way>,
}

/// All entries.
#[derive(Default)]
pub struct Route {
    pub entries: Vec<Entry>,
    /// Names that were served once.
    pub gone: Vec<Pattern>,
    /// Names that are not served although an entry matches them.
    pub denied: Vec<Pattern>,
}

impl Route {
    pub fn find(&self, domain: &Domain) -> Option<&Entry> {
        if self.denied.iter().any(|pattern| pattern.matches(domain)) {
            return None;
        }
        self.entries.iter().find(|entry| entry.pattern.matches(domain))
    }

    pub fn is_gone(&self, domain: &Domain) -> bool {
        self.gone.iter().any(|pattern| pattern.matches(domain))
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolve::Table;
    use super::super::way::Terms;
    use super::*;

    fn route(patterns: &[&str], denied: &[&str]) -> Route {
        let pattern = |text: &&str| Pattern::parse(text).expect("a pattern");
        let entry = |text: &&str| Entry {
            pattern: pattern(text),
            servers: Servers::Found(None),
            way: Way::new(Terms::default(), Arc::new(Table::default())),
        };
        Route {
            entries: patterns.iter().map(entry).collect(),
            gone: Vec::new(),
            denied: denied.iter().map(pattern).collect(),
        }
    }

    fn found(route: &Route, domain: &str) -> Option<Pattern> {
        route.find(&Domain::parse(domain)?).map(|entry| entry.pattern.clone())
    }

    #[test]
    fn the_first_match_wins() {
        let route = route(&["a.example.org", "*.example.org", "*"], &[]);
        assert_eq!(found(&route, "A.example.org."), Pattern::parse("a.example.org"));
        assert_eq!(found(&route, "b.example.org"), Pattern::parse("*.example.org"));
        assert_eq!(found(&route, "example.org"), Some(Pattern::Any));
        assert_eq!(found(&route, "badexample.org"), Some(Pattern::Any));
    }

    #[test]
    fn what_matches_nothing_is_not_served() {
        let route = route(&["*.example.org"], &[]);
        for other in ["example.org", "badexample.org", "example.com"] {
            assert_eq!(found(&route, other), None, "{other}");
        }
    }

    #[test]
    fn what_is_denied_is_not_served() {
        let route = route(&["*"], &["spam.example", "*.spam.example"]);
        assert_eq!(found(&route, "a.example"), Some(Pattern::Any));
        for denied in ["spam.example", "a.spam.example"] {
            assert_eq!(found(&route, denied), None, "{denied}");
        }
    }
}
