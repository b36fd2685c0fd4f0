//! `[upstream]` and `[resolver]`: how servers are reached, unless a `[[domain]]` says otherwise.

use std::net::SocketAddr;
use std::time::Duration;

use super::domain::pattern;
use super::reader::Section;
use super::value::within;
use crate::xmpp;

/// `[upstream]`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Upstream {
    pub reach: Reach,
    /// Domains that were served once.
    pub gone: Vec<String>,
    /// Domains that are not served although an entry with `*` matches them.
    pub deny: Vec<String>,
    /// Of a client that names none; empty: it has to.
    pub default_domain: String,
}

/// How a domain's servers are reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reach {
    pub connect_timeout: Duration,
    pub retry: Duration,
    pub retry_max: Duration,
    /// `10.0.0.0/8`
    pub networks: Vec<String>,
    /// `host` or `host:port`
    pub redirects: Vec<String>,
}

/// `[resolver]`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resolver {
    /// Empty: the system's.
    pub servers: Vec<SocketAddr>,
}

impl Upstream {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        let patterns = |names: &Vec<String>| names.iter().try_for_each(|name| pattern(name));
        Self {
            reach: Reach::read(section, &default.reach),
            gone: section.get("gone", default.gone, patterns),
            deny: section.get("deny", default.deny, patterns),
            default_domain: section.get("default_domain", default.default_domain, |name: &String| {
                match name.as_str() {
                    "" => Ok(()),
                    name => xmpp::Domain::parse(name)
                        .map(drop)
                        .ok_or_else(|| format!("{name:?} is not a domain")),
                }
            }),
        }
    }
}

impl Reach {
    fn read(section: &mut Section<'_>, default: &Self) -> Self {
        let default = default.clone();
        Self {
            connect_timeout: section.get("connect_timeout", default.connect_timeout, timeout()),
            retry: section.get("retry", default.retry, pause()),
            retry_max: section.get("retry_max", default.retry_max, pause()),
            networks: section.get("networks", default.networks, |list: &Vec<String>| networks(list)),
            redirects: section.get("redirects", default.redirects, |list: &Vec<String>| hosts(list)),
        }
    }

    /// What a domain says itself goes before what is said for all.
    pub(super) fn own(section: &mut Section<'_>) -> impl FnOnce(&Self) -> Self + use<> {
        let connect_timeout = section.optional("connect_timeout", timeout());
        let retry = section.optional("retry", pause());
        let retry_max = section.optional("retry_max", pause());
        let networks = section.optional("networks", |list: &Vec<String>| networks(list));
        let redirects = section.optional("redirects", |list: &Vec<String>| hosts(list));
        move |all| Self {
            connect_timeout: connect_timeout.unwrap_or(all.connect_timeout),
            retry: retry.unwrap_or(all.retry),
            retry_max: retry_max.unwrap_or(all.retry_max),
            networks: networks.unwrap_or_else(|| all.networks.clone()),
            redirects: redirects.unwrap_or_else(|| all.redirects.clone()),
        }
    }
}

impl Resolver {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let address = |text: &String| text.parse::<SocketAddr>();
        let check = |list: &Vec<String>| match list.iter().find(|text| address(text).is_err()) {
            Some(bad) => Err(format!("{bad:?} is not an address with a port, such as \"127.0.0.1:53\"")),
            None => Ok(()),
        };
        let servers = section.get("servers", Vec::new(), check);
        Self {
            servers: servers.iter().filter_map(|text| address(text).ok()).collect(),
        }
    }
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            // A server that is alive answers within a second; the rest is for one lost packet after another.
            connect_timeout: Duration::from_secs(10),
            // A restart takes a few seconds.
            retry: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            networks: Vec::new(),
            redirects: Vec::new(),
        }
    }
}

fn timeout() -> impl Fn(&Duration) -> Result<(), String> {
    within(Duration::from_millis(100)..=Duration::from_secs(300))
}

fn pause() -> impl Fn(&Duration) -> Result<(), String> {
    within(Duration::from_millis(100)..=Duration::from_secs(3600))
}

pub(super) fn networks(list: &[String]) -> Result<(), String> {
    let is_network = |text: &str| {
        let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
        let most = address
            .parse()
            .map(|address: std::net::IpAddr| if address.is_ipv4() { 32 } else { 128 });
        most.is_ok_and(|most: u8| bits.parse().is_ok_and(|bits: u8| bits <= most))
    };
    match list.iter().find(|text| !is_network(text)) {
        Some(bad) => Err(format!("{bad:?} is not a network such as \"10.0.0.0/8\" or \"fd00::/8\"")),
        None => Ok(()),
    }
}

fn hosts(list: &[String]) -> Result<(), String> {
    match list.iter().find(|text| xmpp::host_and_port(text).is_none()) {
        Some(bad) => Err(format!(
            "{bad:?} is not a host such as \"xmpp2.example.org\" or \"10.0.0.6:5222\""
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_an_address_and_a_length() {
        let check = |text: &str| networks(&[text.to_owned()]);
        assert!(["10.0.0.0/8", "fd00::/8", "10.0.0.1"].iter().all(|good| check(good).is_ok()));
        assert!(
            ["", "10.0.0.0/33", "10/8", "a/1", "::/129", "10.0.0.0/"]
                .iter()
                .all(|bad| check(bad).is_err())
        );
    }

    #[test]
    fn hosts_may_have_a_port() {
        let check = |text: &str| hosts(&[text.to_owned()]);
        assert!(
            ["b.example", "b.example:5223", "[fd00::1]:5222"]
                .iter()
                .all(|good| check(good).is_ok())
        );
        assert!(["", "b.example:", "a b"].iter().all(|bad| check(bad).is_err()));
    }
}
