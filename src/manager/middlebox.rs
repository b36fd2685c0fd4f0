//! At what age held requests get cut on the way, and answering before that. One session learns it from two cuts that agree, and then its
//! client's network from three sessions that do: NATs, proxies and firewalls drop what is silent for their own T seconds, and tell nobody.

mod networks;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tracing::{debug, info};

use self::networks::{CHECK, Known, Networks, Witness, agree, outlives};
use super::sid::Key;
use crate::bosh::Hold;
use crate::network::Prefix;

/// A tenth of the age, and a second at least, lies between our answer and the cut: ages agree within as much, and an answer has a way to go.
const MARGIN: u64 = 10;
const LEAST_MARGIN: u64 = 1_000;

/// Up to another tenth, so that the clients of a network do not all come back in the same moment.
const JITTER: u64 = 10;

/// What the sessions have learned about the networks of their clients.
#[derive(Default)]
pub(super) struct Middleboxes {
    networks: Mutex<Networks>,
    /// Goes up when a network has learned or forgotten, so that sessions ask again; 0: nothing was ever learned.
    edition: AtomicU64,
    learned_by_sessions: AtomicU64,
    learned_of_networks: AtomicU64,
    forgotten: AtomicU64,
}

/// How often something was learned, and forgotten, since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lessons {
    pub sessions: u64,
    pub networks: u64,
    pub forgotten: u64,
}

/// What one session knows of the way to its client; ages are in milliseconds.
pub(super) struct WayBack {
    /// Whose it is.
    key: Key,
    /// `None`: the client has no address.
    site: Option<Prefix>,
    /// At what age the last request was cut, unless one has outlived that since.
    last: Option<u64>,
    /// What it has learned itself.
    own: Option<u64>,
    /// What is known of the network.
    shared: Option<u64>,
    /// As of which edition.
    edition: u64,
    /// When all this is to be looked at again. `None`: it never was.
    stale: Option<Instant>,
}

impl Middleboxes {
    pub fn lessons(&self) -> Lessons {
        Lessons {
            sessions: self.learned_by_sessions.load(Ordering::Relaxed),
            networks: self.learned_of_networks.load(Ordering::Relaxed),
            forgotten: self.forgotten.load(Ordering::Relaxed),
        }
    }

    fn edition(&self) -> u64 {
        self.edition.load(Ordering::Acquire)
    }

    /// A session has learned this.
    fn testify(&self, site: Prefix, witness: Witness) {
        let verdict = self.networks().testify(site, witness);
        if let Some(cut) = verdict {
            info!(network = %site, milliseconds = cut, "this network cuts held requests; they are answered before that");
            self.learned_of_networks.fetch_add(1, Ordering::Relaxed);
            self.edition.fetch_add(1, Ordering::Release);
        }
    }

    /// A request in this network was held for so long and not cut.
    fn outlived(&self, site: Prefix, age: u64) {
        if self.edition() > 0 && self.networks().outlived(site, age) {
            self.forgets(site);
        }
    }

    fn ask(&self, site: Prefix, now: Instant) -> Known {
        let known = self.networks().ask(site, now);
        if matches!(known, Known::Expired) {
            self.forgets(site);
        }
        known
    }

    fn forgets(&self, site: Prefix) {
        info!(network = %site, "what was learned about held requests in this network is forgotten");
        self.forgotten.fetch_add(1, Ordering::Relaxed);
        self.edition.fetch_add(1, Ordering::Release);
    }

    /// Nothing panics under this lock, and what it guards is only a guess.
    fn networks(&self) -> MutexGuard<'_, Networks> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WayBack {
    pub fn new(key: Key, site: Option<Prefix>) -> Self {
        Self {
            key,
            site,
            last: None,
            own: None,
            shared: None,
            edition: 0,
            stale: None,
        }
    }

    /// A request comes from this network. True: what is known may have changed.
    pub fn comes_from(&mut self, site: Option<Prefix>, now: Instant, all: &Middleboxes) -> bool {
        let edition = all.edition();
        let moved = self.site != site;
        let stale = self.stale.is_none_or(|stale| stale <= now);
        if !moved && !stale && self.edition == edition {
            return false;
        }
        if moved {
            if self.own.is_some() {
                debug!(session = %self.key, "this session's client has moved; what was learned about its held requests is forgotten");
                all.forgotten.fetch_add(1, Ordering::Relaxed);
            }
            *self = Self::new(self.key, site);
        } else if stale {
            // what was last stays, so that a single cut teaches it again
            self.own = None;
        }
        if moved || stale {
            self.stale = Some(now + CHECK);
        }
        self.edition = edition;
        self.shared = None;
        match self.site.map_or(Known::Nothing, |site| all.ask(site, now)) {
            Known::Cut(age) => self.shared = Some(age),
            Known::Doubtful(age) => self.last = Some(age),
            Known::Nothing | Known::Expired => {}
        }
        true
    }

    /// A request was held. True: what is known has changed.
    pub fn observed(&mut self, hold: Hold, now: Instant, all: &Middleboxes) -> bool {
        match hold {
            Hold::Answered(age) => {
                self.site.into_iter().for_each(|site| all.outlived(site, age));
                if self.last.is_some_and(|last| outlives(age, last)) {
                    self.last = None;
                    return true;
                }
                false
            }
            Hold::Cut(age) => {
                let Some(last) = self.last.replace(age).filter(|last| agree(*last, age)) else {
                    return true;
                };
                let age = age.min(last);
                debug!(session = %self.key, milliseconds = age, "held requests of this session are cut; they are answered before that");
                all.learned_by_sessions.fetch_add(1, Ordering::Relaxed);
                self.own = Some(age);
                self.stale = Some(now + CHECK);
                if let Some(site) = self.site {
                    let key = self.key;
                    all.testify(site, Witness { key, age, at: now });
                }
                true
            }
        }
    }

    /// How long a request may be held in this session.
    pub fn bears(&self) -> Option<u64> {
        let cut = self.own.into_iter().chain(self.shared).min()?;
        let jitter = cut / JITTER * u64::from(self.key.lot()) / u64::from(u16::MAX);
        Some(less_margin(cut).saturating_sub(jitter))
    }

    /// From what age on a request that dies was cut, for all that is known; a single cut may have been the first of many.
    pub fn cuts_from(&self) -> Option<u64> {
        let known = self.own.into_iter().chain(self.shared).chain(self.last);
        known.min().map(less_margin)
    }
}

fn less_margin(cut: u64) -> u64 {
    cut.saturating_sub((cut / MARGIN).max(LEAST_MARGIN))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::networks::EXPIRY;
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn site(text: &str) -> Prefix {
        Prefix::of_site(text.parse::<IpAddr>().expect("an address"))
    }

    /// A session in the network 192.0.2.0/24.
    struct Client {
        way: WayBack,
    }

    impl Client {
        fn new(now: Instant, all: &Middleboxes) -> Self {
            let key = Key::random().expect("randomness");
            let mut client = Self {
                way: WayBack::new(key, None),
            };
            client.comes(now, all);
            client
        }

        /// With a request; how long may it be held?
        fn comes(&mut self, now: Instant, all: &Middleboxes) -> Option<u64> {
            self.way.comes_from(Some(site("192.0.2.1")), now, all);
            self.way.bears()
        }

        /// Has it learned by that?
        fn cut(&mut self, age: u64, now: Instant, all: &Middleboxes) -> bool {
            let before = all.lessons().sessions;
            self.way.observed(Hold::Cut(age), now, all);
            all.lessons().sessions > before
        }

        fn answered(&mut self, age: u64, now: Instant, all: &Middleboxes) {
            self.way.observed(Hold::Answered(age), now, all);
        }
    }

    /// Three sessions that have learned this, and a fourth.
    fn learned(age: u64, now: Instant, all: &Middleboxes) -> Client {
        for _ in 0..3 {
            let mut client = Client::new(now, all);
            assert!(!client.cut(age, now, all) && client.cut(age, now, all));
        }
        Client::new(now, all)
    }

    #[test]
    fn two_cuts_that_agree_teach_a_session() {
        let (all, now) = (Middleboxes::default(), Instant::now());
        for (ages, known) in [
            (vec![15_000], None),
            (vec![15_000, 15_000], Some(15_000)),
            (vec![15_000, 13_500], Some(13_500)),
            (vec![13_500, 15_000], Some(13_500)),
            (vec![15_000, 13_499], None),
            (vec![15_000, 30_000, 15_000], None),
            (vec![15_000, 30_000, 30_000], Some(30_000)),
        ] {
            let mut client = Client::new(now, &all);
            let taught = ages.iter().fold(false, |_, age| client.cut(*age, now, &all));
            assert_eq!((taught, client.way.own), (known.is_some(), known), "{ages:?}");
        }
    }

    #[test]
    fn what_was_outlived_teaches_nothing() {
        let (all, now) = (Middleboxes::default(), Instant::now());
        let mut client = Client::new(now, &all);
        client.cut(15_000, now, &all);
        client.answered(16_000, now, &all);
        client.answered(9_000, now, &all);
        assert!(client.cut(15_000, now, &all), "16 s is within a tenth");
        let mut client = Client::new(now, &all);
        client.cut(15_000, now, &all);
        client.answered(17_000, now, &all);
        assert!(!client.cut(15_000, now, &all));
    }

    #[test]
    fn the_answer_comes_before_the_cut_and_not_in_step() {
        let (all, now) = (Middleboxes::default(), Instant::now());
        let held: Vec<u64> = (0..200)
            .map(|_| {
                let mut client = Client::new(now, &Middleboxes::default());
                client.cut(60_000, now, &all);
                client.cut(60_000, now, &all);
                client.way.bears().expect("learned")
            })
            .collect();
        assert!(held.iter().all(|held| (48_000..=54_000).contains(held)), "{held:?}");
        assert!(
            held.iter().max().expect("some") - held.iter().min().expect("some") > 4_000,
            "{held:?}"
        );
        let mut client = Client::new(now, &all);
        client.way.own = Some(5_000);
        client.way.shared = Some(15_000);
        assert!((3_500..=4_000).contains(&client.way.bears().expect("a second before")));
    }

    #[test]
    fn three_sessions_teach_a_network() {
        let (all, now) = (Middleboxes::default(), Instant::now());
        let mut neighbour = learned(15_000, now, &all);
        assert!((12_000..=13_500).contains(&neighbour.comes(now, &all).expect("learned")));
        let other = Some(site("192.0.3.1"));
        assert!(neighbour.way.comes_from(other, now, &all));
        assert_eq!(neighbour.way.bears(), None, "another network");
        assert_eq!(
            all.lessons(),
            Lessons {
                sessions: 3,
                networks: 1,
                forgotten: 0
            }
        );
    }

    #[test]
    fn one_client_alone_does_not() {
        let (all, now) = (Middleboxes::default(), Instant::now());
        let mut client = Client::new(now, &all);
        for _ in 0..10 {
            client.cut(15_000, now, &all);
        }
        assert_eq!(Client::new(now, &all).comes(now, &all), None);
        // nor do three that do not agree
        for age in [15_000, 20_000, 25_000, 30_000] {
            let mut client = Client::new(now, &all);
            client.cut(age, now, &all);
            client.cut(age, now, &all);
        }
        assert_eq!(Client::new(now, &all).comes(now, &all), None);
    }

    #[test]
    fn below_ten_seconds_nothing_is_believed_of_a_network() {
        let now = Instant::now();
        for (age, believed) in [(9_999, false), (10_000, true)] {
            let all = Middleboxes::default();
            assert_eq!(learned(age, now, &all).comes(now, &all).is_some(), believed, "{age}");
        }
    }

    #[test]
    fn a_session_that_moves_starts_anew() {
        let (all, now) = (Middleboxes::default(), Instant::now());
        let mut client = Client::new(now, &all);
        client.cut(15_000, now, &all);
        assert!(client.way.comes_from(Some(site("2001:db8::1")), now, &all));
        assert!(!client.way.comes_from(Some(site("2001:db8::2")), now, &all), "the same /64");
        assert!(!client.cut(15_000, now, &all) && client.cut(15_000, now, &all));
        client.comes(now, &all);
        assert_eq!(client.way.bears(), None);
    }

    #[test]
    fn a_network_forgets_what_was_outlived() {
        let (all, now) = (Middleboxes::default(), Instant::now());
        let mut client = learned(15_000, now, &all);
        client.answered(16_000, now, &all);
        assert!(client.comes(now, &all).is_some());
        client.answered(54_000, now, &all);
        assert_eq!(client.comes(now, &all), None);
        assert_eq!(all.lessons().forgotten, 1);
    }

    #[test]
    fn one_session_an_hour_looks_whether_it_is_still_true() {
        let (all, now) = (Middleboxes::default(), Instant::now());
        let mut client = learned(15_000, now, &all);
        let later = now + CHECK;
        assert_eq!(client.comes(later, &all), None, "it holds in full");
        assert!(Client::new(later, &all).comes(later, &all).is_some(), "the others do not");
        assert!(client.cut(15_500, later, &all), "one cut is enough");
        assert!(client.comes(later, &all).is_some());
        // the same for what a session knows by itself
        let all = Middleboxes::default();
        let mut client = Client::new(now, &all);
        client.cut(15_000, now, &all);
        client.cut(15_000, now, &all);
        assert!(client.comes(later - MINUTE, &all).is_some());
        assert_eq!(client.comes(later, &all), None);
        assert!(client.cut(15_000, later, &all));
    }

    #[test]
    fn what_nobody_confirms_is_forgotten() {
        let (all, now) = (Middleboxes::default(), Instant::now());
        learned(15_000, now, &all);
        let mut client = Client::new(now + CHECK, &all);
        client.cut(15_000, now + CHECK, &all);
        let client = Client::new(now + EXPIRY, &all);
        assert_eq!(
            client.way.shared, None,
            "to be looked at, but not forgotten: it was confirmed since"
        );
        assert_eq!(client.way.last, Some(15_000));
        let client = Client::new(now + CHECK + EXPIRY, &all);
        assert_eq!((client.way.shared, client.way.last), (None, None));
        assert_eq!(all.lessons().forgotten, 1);
    }
}
