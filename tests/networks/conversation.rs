//! Two users of the sandbox write to one another for half an hour of virtual time, through a network in memory: whoever hears a message
//! twice, out of order or not at all fails the test.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use boshd::front::turn::Caller;
use boshd::front::{self, Front};
use boshd::manager::{self, ConnectionManager, Peer};
use boshd::sandbox::Sandbox;
use fastrand::Rng;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::bosh::Bosh;
use crate::client::http::{Endpoint, Manner};
use crate::client::server::jid;
use crate::support::element::Element;
use crate::support::network::{Dial, Io, Network, WIDTH, through};

pub const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// Less than what the client takes for the end of the world.
const SILENCE: Duration = Duration::from_secs(50);

/// How people write.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// Most lines follow at once, some after a quarter of a minute, a few after most of one.
    Lively,
    /// A line each half minute, of either.
    Slow,
    /// A line each three minutes: the window is open on another desktop.
    Silent,
}

impl Pace {
    fn pause(self, random: &mut Rng) -> Duration {
        let milliseconds = match (self, random.u8(..10)) {
            (Self::Slow, _) => random.u64(10_000..50_000),
            (Self::Silent, _) => random.u64(60_000..300_000),
            (Self::Lively, 0) => random.u64(15_000..50_000),
            (Self::Lively, 1..4) => random.u64(2_000..15_000),
            (Self::Lively, _) => random.u64(..2_000),
        };
        Duration::from_millis(milliseconds)
    }

    /// When one of them writes.
    fn moments(self, seed: u64) -> Vec<Duration> {
        let mut random = Rng::with_seed(seed);
        let next = |at: &Duration| Some(*at + self.pause(&mut random)).filter(|at| *at < HALF_AN_HOUR);
        std::iter::successors(Some(Duration::ZERO), next).collect()
    }
}

/// What can be said of a conversation in which nothing was lost.
pub struct Report {
    /// From the moment that one writes to the moment that the other hears it; sorted.
    late: Vec<Duration>,
    pub died: u64,
    pub given_up: u64,
}

impl Report {
    pub fn messages(&self) -> usize {
        self.late.len()
    }

    pub fn percentile(&self, percent: usize) -> Duration {
        self.late[(self.late.len() - 1) * percent / 100]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, all] = [50, 99, 100].map(|percent| self.percentile(percent).as_secs_f64());
        write!(
            f,
            "{} messages, none lost; heard after {half:.1} s, {most:.1} s (99 %), {all:.1} s (latest); {} requests died; given up {} times",
            self.messages(),
            self.died,
            self.given_up
        )
    }
}

/// boshd before its sandbox; the way to it.
pub fn house(options: manager::Options) -> Dial {
    let sandbox = Arc::new(Sandbox::new(TaskTracker::new()));
    let manager = Arc::new(ConnectionManager::new(sandbox, options));
    let front = Arc::new(Front::new(front::Options::default(), manager));
    let shutdown = CancellationToken::new();
    let peer = Peer {
        address: ([192, 0, 2, 7], 1024).into(),
        ..Peer::unknown()
    };
    Arc::new(move || {
        let (near, far) = tokio::io::duplex(WIDTH);
        let caller = Caller {
            front: front.clone(),
            door: Arc::default(),
            peer,
            shutdown: shutdown.clone(),
        };
        tokio::spawn(Front::connection(far, Arc::new(caller)));
        Box::pin(std::future::ready(Ok(Box::new(near) as Io)))
    })
}

/// Alice and Bob write to one another through this network.
pub async fn converse(house: &Dial, network: Arc<dyn Network>, manner: Manner, pace: Pace) -> Report {
    let way = through(network, house.clone());
    let [alice, bob] = [0, 1].map(|_| Endpoint::over(way.clone(), manner));
    let figures = [alice.figures(), bob.figures()];
    let (alice, bob) = tokio::join!(Bosh::login(alice, "alice", "PLAIN"), Bosh::login(bob, "bob", "PLAIN"));
    let [alices, bobs] = [1, 2].map(|seed| pace.moments(seed));
    let (heard_by_alice, heard_by_bob) = tokio::join!(
        take_part(alice, "bob", &alices, bobs.len()),
        take_part(bob, "alice", &bobs, alices.len())
    );
    let mut late = [heard_by_alice, heard_by_bob].concat();
    late.sort_unstable();
    let sum = |figure: fn(&crate::client::http::Figures) -> u64| figures.iter().map(|figures| figure(figures)).sum();
    Report {
        late,
        died: sum(|figures| figures.died.load(Ordering::Relaxed)),
        given_up: sum(|figures| figures.given_up.load(Ordering::Relaxed)),
    }
}

/// Writes at these moments, and hears so many messages: how late each was.
async fn take_part(mut me: Bosh, peer: &str, moments: &[Duration], expected: usize) -> Vec<Duration> {
    let start = Instant::now();
    let mut heard = Vec::new();
    let hear = |heard: &mut Vec<Duration>, stanza: Option<Element>| {
        let stanza = stanza.expect("the session lives");
        let Some(text) = stanza.text_of("body") else { return };
        let (number, written) = text.split_once(' ').expect("a number and a moment");
        assert_eq!(number, heard.len().to_string(), "from {peer}: each once, in order");
        let written = Duration::from_millis(written.parse().expect("a moment"));
        heard.push(start.elapsed().saturating_sub(written));
    };
    for (moment, number) in moments.iter().zip(0..) {
        while Instant::now() < start + *moment {
            let silence = Instant::now() + SILENCE;
            if let Ok(stanza) = timeout_at(silence.min(start + *moment), me.next()).await {
                hear(&mut heard, stanza);
            }
        }
        let text = format!("{number} {}", moment.as_millis());
        let to = format!("<message xmlns='jabber:client' type='chat' to='{}'>", jid(peer));
        me.send(&format!("{to}<body>{text}</body></message>")).await;
    }
    while heard.len() < expected {
        hear(&mut heard, me.next().await);
    }
    me.settle().await;
    assert!(!me.has(|stanza| stanza.text_of("body").is_some()), "more than was written");
    heard
}
