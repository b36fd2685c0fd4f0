//! What may be dialled, judged on the socket address itself, after every resolution and redirect (P06): a name may lead anywhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::target::{Source, Target};
use crate::network::Network;

/// Ports that XMPP is known to be served on.
const PORTS: [u16; 3] = [5222, 5223, 443];

/// The judge.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Permit {
    /// Networks that are not public and may be dialled all the same.
    pub networks: Vec<Network>,
    /// Hosts, with or without a port, that a server or a client may name.
    pub redirects: Vec<(String, Option<u16>)>,
}

impl Permit {
    /// May a server send us to this host, or a client ask for it, and who vouches for it then?
    pub fn named(&self, host: &str, port: u16) -> Option<Source> {
        let is_it = |(known, on): &&(String, Option<u16>)| known.eq_ignore_ascii_case(host) && on.is_none_or(|on| on == port);
        let (_, on) = self.redirects.iter().find(is_it)?;
        let address = host.parse::<IpAddr>();
        match on {
            Some(_) if address.is_ok() => Some(Source::Written),
            Some(_) => Some(Source::Found),
            None if address.is_ok() && PORTS.contains(&port) => Some(Source::Written),
            None => Some(Source::Named),
        }
    }

    /// May this address, to which the target's name has led, be dialled?
    pub fn allows(&self, target: &Target, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        let known = is_public(ip) || self.networks.iter().any(|network| network.contains(ip));
        match target.source {
            Source::Written => true,
            Source::Found => known,
            Source::Named => known && PORTS.contains(&address.port()),
        }
    }
}

/// Is it an address of the internet at large? What stands for another address counts as that one.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b) {
        // this network; shared (RFC 6598); benchmarks (RFC 2544); reserved and broadcast
        (0, _) | (100, 64..=127) | (198, 18 | 19) | (240.., _) => true,
        // protocol assignments (RFC 6890)
        (192, 0) => c == 0,
        _ => false,
    };
    let is_local = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast();
    !is_special && !is_local && !address.is_documentation()
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        // unspecified, loopback, and the deprecated way to write an IPv4 address
        [0, 0, 0, 0, 0, 0, _, _] => false,
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low),
        // NAT64 (RFC 6052); its local prefix (RFC 8215)
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x64, 0xff9b, ..] => false,
        // 6to4
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo and other protocol assignments; documentation
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] => false,
        // unique-local, link-local, site-local, multicast: all that is not 2000::/3
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::{Host, Security};
    use super::*;

    fn target(source: Source) -> Target {
        Target {
            host: Host::Name("xmpp.example".to_owned()),
            port: 5222,
            security: Security::StartTls,
            priority: 0,
            weight: 1,
            source,
        }
    }

    fn may(source: Source, address: &str) -> bool {
        let permit = Permit {
            networks: Network::parse("10.1.0.0/16").into_iter().collect(),
            redirects: Vec::new(),
        };
        permit.allows(&target(source), address.parse().expect("an address"))
    }

    // P06
    #[test]
    fn what_is_not_public_is_not_dialled() {
        let refused = [
            "127.0.0.1:5222",
            "10.0.0.1:5222",
            "172.16.0.1:5222",
            "192.168.1.1:5222",
            "169.254.169.254:5222",
            "100.64.0.1:5222",
            "0.0.0.0:5222",
            "224.0.0.1:5222",
            "255.255.255.255:5222",
            "192.0.0.1:5222",
            "198.18.0.1:5222",
            "[::]:5222",
            "[::1]:5222",
            "[fc00::1]:5222",
            "[fe80::1]:5222",
            "[ff02::1]:5222",
            "[::ffff:127.0.0.1]:5222",
            "[::127.0.0.1]:5222",
            "[64:ff9b::127.0.0.1]:5222",
            "[64:ff9b:1::1]:5222",
            "[2002:7f00:1::]:5222",
            "[2001::1]:5222",
            "[2001:db8::1]:5222",
        ];
        for address in refused {
            assert!(!may(Source::Found, address), "{address}");
            assert!(may(Source::Written, address), "{address}: the operator wrote it down");
        }
        for address in [
            "93.184.216.34:5222",
            "[2606:2800::1]:5222",
            "[64:ff9b::9.9.9.9]:1",
            "10.1.2.3:5222",
        ] {
            assert!(may(Source::Found, address), "{address}");
        }
    }

    // P06, C14
    #[test]
    fn whoever_sends_us_on_does_not_choose_any_port() {
        for port in ["80", "22", "6379", "25"] {
            assert!(!may(Source::Named, &format!("9.9.9.9:{port}")));
        }
        for port in PORTS {
            assert!(may(Source::Named, &format!("9.9.9.9:{port}")));
        }
        assert!(!may(Source::Named, "127.0.0.1:5222"));
    }

    // ER06, C14
    #[test]
    fn only_listed_hosts_are_named() {
        let permit = Permit {
            networks: Vec::new(),
            redirects: vec![
                ("b.example".to_owned(), None),
                ("c.example".to_owned(), Some(9)),
                ("10.0.0.6".to_owned(), None),
                ("10.0.0.7".to_owned(), Some(9)),
            ],
        };
        assert_eq!(permit.named("B.example", 5222), Some(Source::Named));
        assert_eq!(permit.named("c.example", 9), Some(Source::Found));
        assert_eq!(permit.named("10.0.0.6", 5222), Some(Source::Written));
        assert_eq!(permit.named("10.0.0.7", 9), Some(Source::Written));
        assert_eq!(
            permit.named("10.0.0.6", 80),
            Some(Source::Named),
            "whose port will be refused"
        );
        for (host, port) in [("c.example", 5222), ("a.example", 5222), ("10.0.0.7", 22)] {
            assert_eq!(permit.named(host, port), None, "{host}:{port}");
        }
    }
}
