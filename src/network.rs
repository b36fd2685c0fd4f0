//! Networks as an operator names them, and the neighbourhood that an address counts with.

pub mod ledger;
pub mod rate;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks of this machine alone, as an operator writes them.
pub const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1"];

/// [`LOOPBACK`], understood.
pub fn loopback() -> Vec<Network> {
    LOOPBACK.into_iter().filter_map(Network::parse).collect()
}

/// Addresses with this beginning: `10.0.0.0/8`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

impl Network {
    /// `None`: neither an address nor a network.
    pub fn parse(text: &str) -> Option<Self> {
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().ok()?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { base, bits })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let shift = |most: u32| most - u32::from(self.bits);
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                (base.to_bits() ^ address.to_bits()).checked_shr(shift(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                (base.to_bits() ^ address.to_bits()).checked_shr(shift(128)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// An address with as much of its end cut off as one customer of a provider may change at will.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Prefix(Network);

impl Prefix {
    /// Whom limits per address count: an IPv4 address, or an IPv6 /64.
    pub fn of_host(address: IpAddr) -> Self {
        Self::cut(address, 32, 64)
    }

    /// Who shares a way to the internet, and its middleboxes: a /24, or a /64.
    pub fn of_site(address: IpAddr) -> Self {
        Self::cut(address, 24, 64)
    }

    /// With the rest of the address as zeros.
    fn cut(address: IpAddr, v4: u8, v6: u8) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => Network {
                base: Ipv4Addr::from_bits(address.to_bits() & u32::MAX << (32 - v4)).into(),
                bits: v4,
            },
            IpAddr::V6(address) => Network {
                base: Ipv6Addr::from_bits(address.to_bits() & u128::MAX << (128 - v6)).into(),
                bits: v6,
            },
        })
    }
}

/// As networks are written.
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Network { base, bits }) = self;
        write!(f, "{base}/{bits}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_compared() {
        let within = |network: &str, address: &str| {
            let network = Network::parse(network).expect("a network");
            network.contains(address.parse().expect("an address"))
        };
        assert!(within("10.0.0.0/8", "10.255.0.1") && !within("10.0.0.0/8", "11.0.0.1"));
        assert!(within("0.0.0.0/0", "1.2.3.4") && !within("0.0.0.0/0", "::1"));
        assert!(within("::/0", "fe80::1") && within("fd00::/8", "fd12::1"));
        assert!(within("10.0.0.1", "10.0.0.1") && !within("10.0.0.1/32", "10.0.0.2"));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "a", "10.0.0.0/-1", "10.0.0.0/"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn neighbours() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let same_host = |a, b| Prefix::of_host(address(a)) == Prefix::of_host(address(b));
        let same_site = |a, b| Prefix::of_site(address(a)) == Prefix::of_site(address(b));
        assert!(!same_host("192.0.2.1", "192.0.2.2") && same_site("192.0.2.1", "192.0.2.2"));
        assert!(!same_site("192.0.2.1", "192.0.3.1"));
        assert!(same_host("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(same_host("2001:db8::1", "2001:db8::2:0:0:1") && same_site("2001:db8::1", "2001:db8::2"));
        assert!(!same_host("2001:db8::1", "2001:db8:0:1::1"));
        assert_eq!(Prefix::of_site(address("192.0.2.1")).to_string(), "192.0.2.0/24");
        assert_eq!(Prefix::of_host(address("2001:db8::1")).to_string(), "2001:db8::/64");
    }
}
