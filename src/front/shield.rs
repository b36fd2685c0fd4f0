//! What one client address may ask of the HTTP side: so many connections, and requests at such a rate (XEP-0205 sections 4.1 and 4.7). What
//! one has beyond its connections is closed at once; what it asks beyond the rate is carried out later, and none is refused.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use crate::network::ledger::{self, Ledger, Refusals, Warnings, Weight};
use crate::network::rate::{Allowance, Bucket, Rate};
use crate::network::{self, Network, Prefix};

/// What an operator decides about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// From all addresses together, exempt or not.
    pub connections: usize,
    pub connections_per_address: u32,
    pub requests_per_address: Rate,
    /// Networks without limits per address.
    pub exempt: Vec<Network>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // Two for each session, and room for those that have none.
            connections: 250_000,
            // One each that is held, for as many sessions.
            connections_per_address: 10_000,
            // Ten thousand clients with a request every two seconds.
            requests_per_address: Rate::per_second(5000),
            exempt: network::loopback(),
        }
    }
}

/// This time's worth of requests may come at once, so that a moment in which everybody comes back is none that anybody waits for.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The longest that a request waits for its turn. Clients that share an address with a flood go on, if slowly; and with no more connections
/// than there may be, the rate holds all the same.
const LONGEST: Duration = Duration::from_secs(5);

/// One client address.
#[derive(Default)]
struct Account {
    connections: u32,
    requests: Bucket,
    refusals: Refusals,
}

impl ledger::Account for Account {
    fn weight(&self, now: Instant) -> Weight {
        match self.connections {
            1.. => Weight::Holds,
            0 if self.requests.is_full(now) && !self.refusals.is_told(now) => Weight::Nothing,
            0 => Weight::Remembers,
        }
    }
}

/// Stands before every connection and every request.
pub struct Shield {
    accounts: Ledger<Account>,
    connections: AtomicUsize,
    options: Options,
    requests: Allowance,
    warnings: Warnings,
}

impl Shield {
    pub fn new(options: Options) -> Self {
        Self {
            accounts: Ledger::new(options.exempt.clone()),
            connections: AtomicUsize::new(0),
            requests: options.requests_per_address.with_depth(AT_ONCE),
            options,
            warnings: Warnings::default(),
        }
    }

    /// A place for one more connection of this client; of a trusted proxy, which has no address of a client, only all together count.
    pub fn connection(self: &Arc<Self>, client: Option<IpAddr>) -> Option<Place> {
        let all = self.options.connections;
        let fits = |connections| (connections < all).then_some(connections + 1);
        if self
            .connections
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .is_err()
        {
            self.warn(client, "connections", 1);
            return None;
        }
        let mut place = Place {
            shield: Arc::clone(self),
            prefix: None,
        };
        if let Some(client) = client
            && let Some(prefix) = self.accounts.prefix(client)
        {
            self.count(client, prefix)?;
            place.prefix = Some(prefix);
        }
        Some(place)
    }

    /// Is it this client's turn at once? If so, its request is paid for.
    pub fn is_its_turn(&self, client: IpAddr) -> bool {
        let Some(prefix) = self.accounts.prefix(client) else {
            return true;
        };
        let now = now();
        self.accounts
            .with(prefix, now, |account| account.requests.take(self.requests, now))
    }

    /// Waits for this client's turn; a request that arrived whole is carried out then, whatever becomes of its connection.
    pub async fn turn(&self, client: IpAddr) {
        let Some(prefix) = self.accounts.prefix(client) else { return };
        let now = now();
        let wait = self.accounts.with(prefix, now, |account| {
            let wait = account.requests.borrow(self.requests, LONGEST, now);
            (wait, (!wait.is_zero()).then(|| account.refusals.count(now)).flatten())
        });
        let (wait, told) = wait;
        if wait.is_zero() {
            return;
        }
        debug!(%client, ?wait, "request delayed");
        if let Some(delayed) = told {
            self.warn(Some(client), "requests_per_address", delayed);
        }
        tokio::time::sleep(wait).await;
    }

    fn count(&self, client: IpAddr, prefix: Prefix) -> Option<()> {
        let now = now();
        let most = self.options.connections_per_address;
        let refused = self.accounts.with(prefix, now, |account| {
            if account.connections < most {
                account.connections += 1;
                return None;
            }
            Some(account.refusals.count(now))
        });
        let Some(told) = refused else { return Some(()) };
        debug!(%client, "connection refused");
        if let Some(refused) = told {
            self.warn(Some(client), "connections_per_address", refused);
        }
        None
    }

    fn warn(&self, client: Option<IpAddr>, limit: &str, times: u32) {
        if self.warnings.take(now()) {
            warn!(client = client.map(tracing::field::display), limit, times, "limit reached");
        }
    }
}

/// One connection's place; dropped, it is free.
pub struct Place {
    shield: Arc<Shield>,
    /// `None`: of an address without limits.
    prefix: Option<Prefix>,
}

impl Place {
    /// Counts the connection with this client, whom its proxy names; false: that one has as many as it may have.
    pub fn take_for(&mut self, client: IpAddr) -> bool {
        self.prefix = self.shield.accounts.prefix(client);
        let counted = self.prefix.is_none_or(|prefix| self.shield.count(client, prefix).is_some());
        if !counted {
            self.prefix = None;
        }
        counted
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shield.connections.fetch_sub(1, Ordering::Relaxed);
        if let Some(prefix) = self.prefix {
            self.shield.accounts.give_back(prefix, |account| account.connections -= 1);
        }
    }
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "once a request that is counted, where it arrives")]
    tokio::time::Instant::now().into_std()
}
