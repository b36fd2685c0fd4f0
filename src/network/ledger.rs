//! What is remembered of each client address, or IPv6 /64, for as long as it says anything, and within a bound however many there are.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::rate::{Bucket, Rate};
use super::{Network, Prefix};

/// What is remembered of one prefix. The default is that of a prefix nobody has heard of.
pub trait Account: Default {
    fn weight(&self, now: Instant) -> Weight;
}

/// How much an account says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// Something is there that will be given back to it; it stays, and there are no more of such than of what is there.
    Holds,
    /// It knows of something that is over; there are [`SPARE`] of such at most.
    Remembers,
    Nothing,
}

/// Accounts, each behind a lock that is held for a few memory accesses.
pub struct Ledger<A> {
    shards: Vec<Mutex<Shard<A>>>,
    hasher: RandomState,
    exempt: Vec<Network>,
}

struct Shard<A> {
    accounts: HashMap<Prefix, A>,
    /// As many lead to a look at which of them say something.
    full: usize,
}

/// Threads that meet in one shard wait for one another; with so many they hardly ever do.
const SHARDS: usize = 16;

/// Accounts of a shard beyond those that hold something: some 1.5 MB in all shards. A flood from more prefixes makes us forget how often the
/// others came, but never how much they have.
const SPARE: usize = 1024;

impl<A: Account> Ledger<A> {
    /// Without accounts for these.
    pub fn new(exempt: Vec<Network>) -> Self {
        let shard = || Shard {
            accounts: HashMap::new(),
            full: SPARE,
        };
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(shard())).collect(),
            hasher: RandomState::new(),
            exempt,
        }
    }

    /// Whom this address counts with; `None`: it has no limits, or is nobody's, as where a Unix socket's other end names no client.
    pub fn prefix(&self, address: IpAddr) -> Option<Prefix> {
        let address = address.to_canonical();
        let exempt = address.is_unspecified() || self.exempt.iter().any(|network| network.contains(address));
        (!exempt).then(|| Prefix::of_host(address))
    }

    /// One look at an account, which is made if there is none.
    pub fn with<R>(&self, prefix: Prefix, now: Instant, act: impl FnOnce(&mut A) -> R) -> R {
        let mut shard = self.shard(prefix);
        if shard.accounts.len() >= shard.full && !shard.accounts.contains_key(&prefix) {
            shard.sweep(now);
        }
        act(shard.accounts.entry(prefix).or_default())
    }

    /// The same with an account that is there, as it holds what is given back.
    pub fn give_back(&self, prefix: Prefix, act: impl FnOnce(&mut A)) {
        self.shard(prefix).accounts.get_mut(&prefix).map(act);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).accounts.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, prefix: Prefix) -> MutexGuard<'_, Shard<A>> {
        // truncated: any bits will do
        lock(&self.shards[self.hasher.hash_one(prefix) as usize % SHARDS])
    }
}

impl<A: Account> Shard<A> {
    /// Forgets accounts that say nothing; if that does not help, those that only remember.
    fn sweep(&mut self, now: Instant) {
        let mut holding = 0;
        self.accounts.retain(|_, account| {
            let weight = account.weight(now);
            holding += usize::from(weight == Weight::Holds);
            weight != Weight::Nothing
        });
        if self.accounts.len() > holding + SPARE / 2 {
            self.accounts.retain(|_, account| account.weight(now) == Weight::Holds);
        }
        self.full = holding + SPARE;
    }
}

fn lock<A>(shard: &Mutex<Shard<A>>) -> MutexGuard<'_, Shard<A>> {
    // an account is valid at every moment
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is refused to one account, so that it is told of once a minute and not each time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refusals {
    count: u32,
    told: Option<Instant>,
}

/// How often one account's refusals are told of.
const TELLING: Duration = Duration::from_secs(60);

impl Refusals {
    /// One more; how many there were since they were told of last, if it is time to tell.
    pub fn count(&mut self, now: Instant) -> Option<u32> {
        self.count = self.count.saturating_add(1);
        if self.is_told(now) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.count))
    }

    /// Were they told of within the last minute?
    pub fn is_told(&self, now: Instant) -> bool {
        self.told.is_some_and(|told| now.duration_since(told) < TELLING)
    }
}

/// Warnings of all accounts together: a flood from many prefixes must not flood the log.
#[derive(Default)]
pub struct Warnings(Mutex<Bucket>);

/// So many at once, and then one a second.
const WARNINGS: u32 = 10;

impl Warnings {
    /// May one more be written?
    pub fn take(&self, now: Instant) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(Rate::per_second(1).with_burst(WARNINGS), now)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    /// Of something that is there, and of a bucket.
    #[derive(Default)]
    struct Sheet {
        held: u32,
        bucket: Bucket,
    }

    impl Account for Sheet {
        fn weight(&self, now: Instant) -> Weight {
            match self {
                Self { held: 1.., .. } => Weight::Holds,
                Self { bucket, .. } if bucket.is_full(now) => Weight::Nothing,
                _ => Weight::Remembers,
            }
        }
    }

    fn ledger() -> Ledger<Sheet> {
        Ledger::new(crate::network::loopback())
    }

    /// The nth /64.
    fn nth(n: u64) -> Prefix {
        Prefix::of_host(IpAddr::V6(Ipv6Addr::from_bits(u128::from(n) << 64)))
    }

    const SLOW: Rate = Rate {
        events: 1,
        period: Duration::from_secs(3600),
    };

    // DL01: a flood from a million /64s takes a bounded place, and who holds something is not forgotten for it
    #[test]
    fn many_prefixes() {
        let (ledger, now) = (ledger(), Instant::now());
        for n in 0..5_000 {
            ledger.with(nth(n), now, |sheet| sheet.held = 1);
        }
        for n in 5_000..1_000_000 {
            ledger.with(nth(n), now, |sheet| sheet.bucket.take(SLOW.with_burst(1), now));
            assert!(
                n % 10_000 > 0 || ledger.len() <= 5_000 + 2 * SHARDS * SPARE,
                "{}",
                ledger.len()
            );
        }
        for n in 0..5_000 {
            ledger.with(nth(n), now, |sheet| assert_eq!(std::mem::take(&mut sheet.held), 1));
        }
        println!("1000000 prefixes, {} accounts", ledger.len());
    }

    // DL03: what says nothing any more makes room first
    #[test]
    fn what_is_over_is_forgotten_first() {
        let (ledger, now) = (ledger(), Instant::now());
        let later = now + Duration::from_secs(1);
        ledger.with(nth(0), now, |sheet| sheet.bucket.take(SLOW.with_burst(1), now));
        for n in 1..100_000 {
            ledger.with(nth(n), later, |_| ());
        }
        let remembered = ledger.with(nth(0), later, |sheet| !sheet.bucket.is_full(later));
        assert!(remembered);
    }

    #[test]
    fn whom_limits_spare() {
        let ledger = ledger();
        let spared = |text: &str| ledger.prefix(text.parse().expect("an address")).is_none();
        assert!(spared("127.1.2.3") && spared("::1") && spared("::ffff:127.0.0.1") && spared("0.0.0.0"));
        assert!(!spared("128.0.0.1") && !spared("::2"));
    }

    #[test]
    fn refusals_are_told_of_once_a_minute() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        assert_eq!(
            [refusals.count(now), refusals.count(now), refusals.count(now)],
            [Some(1), None, None]
        );
        assert_eq!(refusals.count(now + TELLING), Some(3));
        let warnings = Warnings::default();
        assert_eq!((0..1000).filter(|_| warnings.take(now)).count(), WARNINGS as usize);
    }
}
