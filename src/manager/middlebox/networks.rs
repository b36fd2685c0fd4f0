//! What the sessions of a client network have in common: three that agree are believed, and a bounded number of networks is remembered.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::super::sid::Key;
use crate::network::Prefix;

/// Networks of which something is remembered; then the one that was asked for longest ago goes. At some 200 bytes each this is below a megabyte.
const NETWORKS: usize = 4096;

/// Sessions that have to agree about a network.
const WITNESSES: usize = 3;

/// Milliseconds below which nothing is believed of a network: whoever lies about it costs his neighbours five small requests a minute more.
const FLOOR: u64 = 10_000;

/// After this one session holds its requests in full again, to see whether they are still cut.
pub(super) const CHECK: Duration = Duration::from_secs(3600);

/// What nobody has confirmed for as long is forgotten.
pub(super) const EXPIRY: Duration = Duration::from_secs(24 * 3600);

/// Within a tenth.
pub(super) fn agree(one: u64, other: u64) -> bool {
    one.abs_diff(other) * 10 <= one.max(other)
}

pub(super) fn outlives(age: u64, cut: u64) -> bool {
    age > cut && !agree(age, cut)
}

/// What all networks are known for.
#[derive(Default)]
pub(super) struct Networks {
    known: HashMap<Prefix, Network, foldhash::fast::RandomState>,
}

struct Network {
    /// The last sessions that have said something about it.
    witnesses: Vec<Witness>,
    /// What they agreed on.
    cut: Option<u64>,
    confirmed: Instant,
    checked: Instant,
    /// When somebody asked or told last.
    used: Instant,
}

/// What one session has learned.
#[derive(Clone, Copy)]
pub(super) struct Witness {
    pub key: Key,
    pub age: u64,
    pub at: Instant,
}

/// What is known of a network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Known {
    Nothing,
    Cut(u64),
    /// It is time that somebody looks whether this is still true.
    Doubtful(u64),
    /// Something was.
    Expired,
}

impl Networks {
    pub fn ask(&mut self, site: Prefix, now: Instant) -> Known {
        let Some(network) = self.known.get_mut(&site) else {
            return Known::Nothing;
        };
        network.used = now;
        let Some(cut) = network.cut else { return Known::Nothing };
        if now >= network.confirmed + EXPIRY {
            self.known.remove(&site);
            Known::Expired
        } else if now >= network.checked + CHECK {
            network.checked = now;
            Known::Doubtful(cut)
        } else {
            Known::Cut(cut)
        }
    }

    /// The age that the network has just become known for.
    pub fn testify(&mut self, site: Prefix, witness: Witness) -> Option<u64> {
        if witness.age < FLOOR {
            return None;
        }
        let now = witness.at;
        let network = self.enter(site, now);
        network.used = now;
        network
            .witnesses
            .retain(|other| other.key != witness.key && now < other.at + EXPIRY);
        network.witnesses.push(witness);
        if network.witnesses.len() > WITNESSES {
            network.witnesses.remove(0);
        }
        if network.cut.is_some_and(|cut| agree(cut, witness.age)) {
            network.confirmed = now;
            return None;
        }
        let ages = || network.witnesses.iter().map(|witness| witness.age);
        let (least, most) = (ages().min()?, ages().max()?);
        if network.witnesses.len() < WITNESSES || !agree(least, most) {
            return None;
        }
        network.cut = Some(least);
        network.confirmed = now;
        network.checked = now;
        network.cut
    }

    /// Has it forgotten something?
    pub fn outlived(&mut self, site: Prefix, age: u64) -> bool {
        let cut = self.known.get(&site).and_then(|network| network.cut);
        let wrong = cut.is_some_and(|cut| outlives(age, cut));
        if wrong {
            self.known.remove(&site);
        }
        wrong
    }

    fn enter(&mut self, site: Prefix, now: Instant) -> &mut Network {
        if self.known.len() >= NETWORKS && !self.known.contains_key(&site) {
            let oldest = self.known.iter().min_by_key(|(_, network)| network.used);
            if let Some(oldest) = oldest.map(|(site, _)| *site) {
                self.known.remove(&oldest);
            }
        }
        self.known.entry(site).or_insert_with(|| Network {
            witnesses: Vec::with_capacity(1),
            cut: None,
            confirmed: now,
            checked: now,
            used: now,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn networks_are_remembered_within_a_bound() {
        let now = Instant::now();
        let mut networks = Networks::default();
        let nth = |n: usize| {
            let n = u32::try_from(n).expect("few");
            Prefix::of_site(IpAddr::from((n << 8).to_be_bytes()))
        };
        for n in 0..=NETWORKS {
            let key = Key::random().expect("randomness");
            let at = now + Duration::from_secs(n as u64);
            networks.testify(nth(n), Witness { key, age: FLOOR, at });
            networks.ask(nth(0), at);
        }
        assert_eq!(networks.known.len(), NETWORKS);
        let known = |n| networks.known.contains_key(&nth(n));
        assert!(known(0) && !known(1) && known(2) && known(NETWORKS));
    }
}
