//! Who may have one more session: counts of each client address, or IPv6 /64, and how often it comes (XEP-0205 sections 4.1 and 4.2). Beside
//! the registry, which knows how many there are in all.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use crate::network::ledger::{self, Ledger, Refusals, Warnings, Weight};
use crate::network::rate::{Allowance, Bucket, Rate};
use crate::network::{self, Network, Prefix};

/// What one client address may have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PerAddress {
    pub sessions: u32,
    pub new_sessions: Rate,
    /// Of its sessions, those that have not logged in.
    pub unauthenticated: u32,
    /// Networks without these limits.
    pub exempt: Vec<Network>,
}

impl Default for PerAddress {
    fn default() -> Self {
        Self {
            // Whole companies sit behind one address.
            sessions: 10_000,
            // After a restart all of them are back within some minutes; a flood is down to what the servers can bear.
            new_sessions: Rate::per_second(50),
            // A login takes a second or two: at 50/s that makes 100.
            unauthenticated: 500,
            // A proxy on this machine that does not say for whom it asks.
            exempt: network::loopback(),
        }
    }
}

/// This time's worth of new sessions may come at once: a class of pupils, an office after a power cut.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Failed logins of one address beyond which its new sessions reach their server late: several hundred people who mistype are no attack, and
/// after a minute of silence all is forgotten.
const FAILURES: Rate = Rate::per_second(5);
const FAILURES_AT_ONCE: u32 = 300;

/// The longest that a session is late for it.
const LATEST: Duration = Duration::from_secs(5);

/// Which limit was reached, named as its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Limit {
    Sessions,
    PerAddress,
    NewSessions,
    Unauthenticated,
}

impl Limit {
    fn key(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::PerAddress => "sessions_per_address",
            Self::NewSessions => "new_sessions_per_address",
            Self::Unauthenticated => "unauthenticated_per_address",
        }
    }
}

/// One client address.
#[derive(Default)]
struct Account {
    sessions: u32,
    /// Of these.
    unauthenticated: u32,
    new: Bucket,
    failures: Bucket,
    refusals: Refusals,
}

impl ledger::Account for Account {
    fn weight(&self, now: Instant) -> Weight {
        let is_silent = self.new.is_full(now) && self.failures.is_full(now) && !self.refusals.is_told(now);
        match self.sessions {
            1.. => Weight::Holds,
            0 if is_silent => Weight::Nothing,
            0 => Weight::Remembers,
        }
    }
}

/// The gate for new sessions of every kind.
pub(super) struct Admission {
    accounts: Ledger<Account>,
    limits: PerAddress,
    new_sessions: Allowance,
    /// Of all sessions together.
    refusals: Mutex<Refusals>,
    warnings: Warnings,
}

impl Admission {
    pub fn new(limits: PerAddress) -> Self {
        Self {
            accounts: Ledger::new(limits.exempt.clone()),
            new_sessions: limits.new_sessions.with_depth(AT_ONCE),
            limits,
            refusals: Mutex::default(),
            warnings: Warnings::default(),
        }
    }

    /// A place for one more session of this client.
    ///
    /// # Errors
    /// It has as many as it may have, or comes too often.
    pub fn admit(self: &Arc<Self>, client: IpAddr, now: Instant) -> Result<Place, Limit> {
        let Some(prefix) = self.accounts.prefix(client) else {
            return Ok(Place::default());
        };
        let admitted = self.accounts.with(prefix, now, |account| {
            let refused = self.admits(account, now);
            match refused {
                Some(limit) => Err((limit, account.refusals.count(now))),
                None => {
                    account.sessions += 1;
                    account.unauthenticated += 1;
                    Ok(account.failures.dry_for(failures(), now).min(LATEST))
                }
            }
        });
        match admitted {
            Ok(late) => Ok(Place {
                account: Some((Arc::clone(self), prefix)),
                standing: Mutex::default(),
                late,
            }),
            Err((limit, told)) => {
                self.tell(client, limit, told, now);
                Err(limit)
            }
        }
    }

    /// There is no place for anybody.
    pub fn is_full(&self, client: IpAddr, now: Instant) {
        let told = lock(&self.refusals).count(now);
        self.tell(client, Limit::Sessions, told, now);
    }

    /// A token is taken last, by who gets a session.
    fn admits(&self, account: &mut Account, now: Instant) -> Option<Limit> {
        if account.sessions >= self.limits.sessions {
            Some(Limit::PerAddress)
        } else if account.unauthenticated >= self.limits.unauthenticated {
            Some(Limit::Unauthenticated)
        } else if !account.new.take(self.new_sessions, now) {
            Some(Limit::NewSessions)
        } else {
            None
        }
    }

    fn tell(&self, client: IpAddr, limit: Limit, told: Option<u32>, now: Instant) {
        debug!(%client, limit = limit.key(), "session refused");
        if let Some(refused) = told
            && self.warnings.take(now)
        {
            warn!(%client, limit = limit.key(), refused, "limit reached: sessions are refused");
        }
    }
}

fn failures() -> Allowance {
    FAILURES.with_burst(FAILURES_AT_ONCE)
}

/// One session's place among those of its client's address; dropped, it is free. The default is that of an address without limits.
#[derive(Default)]
pub(super) struct Place {
    account: Option<(Arc<Admission>, Prefix)>,
    standing: Mutex<Standing>,
    late: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    #[default]
    Unauthenticated,
    LoggedIn,
}

impl Place {
    /// How much later than at once the session reaches its server.
    pub fn late(&self) -> Duration {
        self.late
    }

    /// An attempt to log in has failed. What is owed for many has its end soon after the guesses have.
    pub fn has_failed(&self, now: Instant) {
        let fail = |account: &mut Account| _ = account.failures.borrow(failures(), LATEST, now);
        if let Some((admission, prefix)) = &self.account {
            admission.accounts.give_back(*prefix, fail);
        }
    }

    /// Its client is somebody whom the server knows.
    pub fn logged_in(&self) {
        if let Some((admission, prefix)) = &self.account
            && std::mem::replace(&mut *lock(&self.standing), Standing::LoggedIn) == Standing::Unauthenticated
        {
            admission.accounts.give_back(*prefix, |account| account.unauthenticated -= 1);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.logged_in();
        if let Some((admission, prefix)) = &self.account {
            admission.accounts.give_back(*prefix, |account| account.sessions -= 1);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // each value is valid at every moment
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three sessions, two of them not logged in, and one new in a second.
    fn gate(per_second: u32) -> Arc<Admission> {
        Arc::new(Admission::new(PerAddress {
            sessions: 3,
            new_sessions: Rate::per_second(per_second),
            unauthenticated: 2,
            ..PerAddress::default()
        }))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    // DL01, AU10: so many sessions of one address, and so many of them not logged in; what is over makes room
    #[test]
    fn counts_of_one_address() {
        let (gate, now, client) = (gate(100), Instant::now(), address("192.0.2.1"));
        let admit = || gate.admit(client, now);
        let (first, second) = (admit().expect("a place"), admit().expect("a place"));
        assert_eq!(admit().err(), Some(Limit::Unauthenticated));
        first.logged_in();
        first.logged_in();
        let third = admit().expect("a place");
        second.logged_in();
        assert_eq!(admit().err(), Some(Limit::PerAddress));
        drop(third);
        let third = admit().expect("the place that it left");
        drop((first, second, third));
        let all: Vec<Place> = (0..2).map(|_| admit().expect("all places")).collect();
        assert_eq!(admit().err(), Some(Limit::Unauthenticated), "each was given back once");
        drop(all);
    }

    // DL01: how often one address comes; what is refused does not count
    #[test]
    fn how_often() {
        let (gate, began, client) = (gate(1), Instant::now(), address("192.0.2.1"));
        let came = |at| (0..100).take_while(|_| gate.admit(client, at).is_ok()).count();
        assert_eq!(came(began), 10);
        assert_eq!(gate.admit(client, began).err(), Some(Limit::NewSessions));
        assert_eq!(came(began + Duration::from_secs(2)), 2);
    }

    // DL01: others are not concerned; an IPv6 client counts with its /64, and an exempt one not at all
    #[test]
    fn others() {
        let (gate, now) = (gate(100), Instant::now());
        let has_place_beside = |one: &str, other: &str| {
            let places: Vec<Place> = (0..2).map(|_| gate.admit(address(one), now).expect("a place")).collect();
            let admitted = gate.admit(address(other), now).is_ok();
            drop(places);
            admitted
        };
        assert!(has_place_beside("192.0.2.1", "192.0.2.2"));
        assert!(!has_place_beside("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!has_place_beside("2001:db8::1", "2001:db8::ffff:0:0:1"));
        assert!(has_place_beside("2001:db8::1", "2001:db8:0:1::1"));
        assert!(has_place_beside("127.0.0.1", "127.0.0.1") && has_place_beside("::1", "::1"));
    }

    // DL01, AU10: a flood of sessions from a hundred thousand /64s is bounded by what there is of sessions; nothing is left of it
    #[test]
    fn a_flood_from_many_prefixes() {
        let (gate, now) = (gate(100), Instant::now());
        let nth = |n: u128| IpAddr::V6((n << 64).into());
        let places: Vec<Place> = (0..100_000).filter_map(|n| gate.admit(nth(n), now).ok()).collect();
        assert_eq!(places.len(), 100_000);
        drop(places);
        let later = now + Duration::from_secs(60);
        (100_000..200_000).for_each(|n| _ = gate.admit(nth(n), later));
        println!("200000 prefixes, {} accounts", gate.accounts.len());
        assert!(gate.accounts.len() < 40_000);
    }

    // AU09: failed logins at a high rate put off the next sessions of that address, for a while
    #[test]
    fn guesses() {
        let gate = Arc::new(Admission::new(PerAddress::default()));
        let (began, client) = (Instant::now(), address("192.0.2.1"));
        let late = |at| gate.admit(client, at).expect("a place").late();
        let guess = |times: u32| {
            let place = gate.admit(client, began).expect("a place");
            (0..times).for_each(|_| place.has_failed(began));
        };
        guess(FAILURES_AT_ONCE - 1);
        assert_eq!(late(began), Duration::ZERO);
        guess(1);
        assert_eq!(late(began), Duration::from_millis(200));
        guess(1000);
        assert_eq!(late(began), LATEST);
        assert_eq!(late(began + Duration::from_secs(4)), Duration::from_millis(1200));
        assert_eq!(late(began + Duration::from_secs(70)), Duration::ZERO);
    }
}
