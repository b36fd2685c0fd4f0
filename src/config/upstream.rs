//! The XMPP servers: which domains are served, in `[[domain]]`, and how they are reached, in `[upstream]`.

use std::net::IpAddr;
use std::time::Duration;

use super::reader::Section;
use super::value::within;
use crate::xmpp;

/// One `[[domain]]`; the first that matches counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Domain {
    /// A domain, `*` for any, or `*.example.org` for any below that one.
    pub name: String,
    /// `host:port`, tried in this order.
    pub servers: Vec<String>,
}

/// `[upstream]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upstream {
    pub connect_timeout: Duration,
    /// Domains that were served once.
    pub gone: Vec<String>,
}

impl Domain {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let domain = Self {
            name: section.need("name", |name: &String| pattern(name)).unwrap_or_default(),
            servers: section
                .need("servers", |list: &Vec<String>| targets(list))
                .unwrap_or_default(),
        };
        // Only to be said: so that nobody who upgrades goes on in plain text without having chosen it.
        section.need("tls", |text: &String| tls(text));
        domain
    }

    /// Does this entry match everything that another one matches?
    pub(super) fn covers(&self, other: &Self) -> bool {
        match self.name.strip_prefix('*') {
            Some(tail) => other.name.ends_with(tail),
            None => self.name.eq_ignore_ascii_case(&other.name),
        }
    }

    /// Servers that can only be reached across the public network.
    pub(super) fn public_servers(&self) -> impl Iterator<Item = &str> {
        let public = |server: &&str| target(server).is_ok_and(|(host, _)| host.parse().is_ok_and(is_public));
        self.servers.iter().map(String::as_str).filter(public)
    }
}

impl Upstream {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        let bounds = within(Duration::from_millis(100)..=Duration::from_secs(300));
        Self {
            connect_timeout: section.get("connect_timeout", default.connect_timeout, bounds),
            gone: section.get("gone", default.gone, |names: &Vec<String>| {
                names.iter().try_for_each(|name| pattern(name))
            }),
        }
    }
}

impl Default for Upstream {
    fn default() -> Self {
        // A server that is alive answers within a second; the rest is for one lost packet after another.
        Self {
            connect_timeout: Duration::from_secs(10),
            gone: Vec::new(),
        }
    }
}

fn tls(text: &str) -> Result<(), String> {
    if text == "none" {
        return Ok(());
    }
    Err(format!(
        "{text:?}: TLS towards servers comes in a later version; write \"none\" if the way to the server is one you trust"
    ))
}

fn pattern(name: &str) -> Result<(), String> {
    let domain = name.strip_prefix("*.").unwrap_or(name);
    if name == "*" || (!domain.contains('*') && xmpp::Domain::parse(domain).is_some()) {
        return Ok(());
    }
    Err(format!(
        "{name:?} is neither a domain nor \"*\" nor \"*.\" with a domain behind it"
    ))
}

fn targets(list: &[String]) -> Result<(), String> {
    if list.is_empty() {
        return Err("names no server; finding servers in DNS comes in a later version".to_owned());
    }
    list.iter().try_for_each(|server| target(server).map(drop))
}

/// Host and port of `host:port`; an IPv6 address stands in brackets.
fn target(text: &str) -> Result<(&str, u16), String> {
    let bad =
        || format!("{text:?} is not a host with a port, such as \"10.0.0.5:5222\", \"[fd00::5]:5222\", \"xmpp.internal:5222\"");
    let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?;
    let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(literal) if literal.parse::<std::net::Ipv6Addr>().is_ok() => literal,
        None if !host.contains(':') && xmpp::Domain::parse(host).is_some() => host,
        _ => return Err(bad()),
    };
    Ok((host, port))
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_ports() {
        assert_eq!(target("10.0.0.5:5222"), Ok(("10.0.0.5", 5222)));
        assert_eq!(target("[fd00::5]:5222"), Ok(("fd00::5", 5222)));
        assert_eq!(target("xmpp.internal:5222"), Ok(("xmpp.internal", 5222)));
        for bad in [
            "example.org",
            "example.org:0",
            ":5222",
            "fd00::5:5222",
            "[fd00::5:5222",
            "a b:1",
            "a:99999",
        ] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns() {
        assert!(["*", "*.example.org", "example.org"].iter().all(|name| pattern(name).is_ok()));
        assert!(["", "*.", "a.*", "**", "a@b"].iter().all(|name| pattern(name).is_err()));
    }

    #[test]
    fn what_is_never_reached() {
        let domain = |name: &str| Domain {
            name: name.to_owned(),
            servers: Vec::new(),
        };
        assert!(domain("*").covers(&domain("example.org")));
        assert!(domain("*.example.org").covers(&domain("a.example.org")));
        assert!(!domain("*.example.org").covers(&domain("example.org")));
        assert!(domain("Example.org").covers(&domain("example.org")));
    }
}
