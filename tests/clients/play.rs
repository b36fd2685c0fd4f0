//! The play that each client passes with each server: two users log in, talk, lose their connections, meet a server that is slow, and leave.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::guest::Guest;
use crate::stage::{CORS, Client, Stage};
use crate::support::backend::Kind;

/// What a client does whose connections are cut while it waits for answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It asks again, and its session goes on.
    GoesOn,
    /// The same, but it asks anew instead: what it had said last is said twice.
    SaysAgain,
    /// It makes another session by itself, or goes on in another stream (XEP-0198).
    ComesBack,
    /// It gives its session up, and its user may log in again.
    GivesUp,
}

impl Cut {
    /// For boshd: sessions that were given up are waited for.
    fn settings(self) -> &'static str {
        match self {
            Self::GoesOn | Self::SaysAgain | Self::ComesBack => CORS,
            Self::GivesUp => "[cors]\norigins = ['*']\n[bosh]\ninactivity = '10s'\n",
        }
    }
}

/// Messages of each user while all is well, behind a cut, and while the server says nothing.
const TALK: usize = 10;
const BEHIND_A_CUT: usize = 3;
const INTO_SILENCE: usize = 3;
/// For which the server's side moves nothing.
const SLOW: Duration = Duration::from_secs(5);

impl Client {
    /// With each server, at the same time: much of it is waiting.
    pub async fn plays(&self, cut: Cut) {
        join_all(Kind::all().into_iter().map(|kind| self.plays_with(kind, cut))).await;
    }

    pub async fn plays_with(&self, kind: Kind, cut: Cut) {
        let stage = Stage::set(kind, &["alice", "bob"], cut.settings()).await;
        let mut pair = [stage.visitor(self, "alice").await, stage.visitor(self, "bob").await];
        let mut delays = talk(&mut pair, "talk", TALK).await;
        delays.sort_unstable();
        stage.record(&pair[0], "chat");
        let (median, slowest) = (delays[delays.len() / 2], delays[delays.len() - 1]);
        println!(
            "{} {:?}, {}: heard after {median:.1?} (median), {slowest:.1?} (slowest)",
            self.name,
            self.options,
            stage.backend.name()
        );
        self.is_cut(&stage, &mut pair, cut).await;
        self.meets_a_slow_server(&stage, &mut pair).await;
        let [alice, bob] = pair;
        alice.leaves().await;
        stage.is_left_with(1).await;
        stage.record(&bob, "leave");
        bob.leaves().await;
        stage.is_left_with(0).await;
    }

    async fn is_cut(&self, stage: &Stage, pair: &mut [Guest; 2], cut: Cut) {
        let before = stage.boshd.wrote("session begins");
        if matches!(cut, Cut::GivesUp | Cut::SaysAgain) {
            // who asks for nothing does not see a cut
            stage.is_asked_by(pair.len()).await;
        }
        assert!(stage.network.cut() >= pair.len(), "nobody waits for anything");
        for guest in pair.iter_mut() {
            match cut {
                Cut::GoesOn => {}
                Cut::SaysAgain => guest.may_hear_again(),
                Cut::ComesBack => guest.is_back().await,
                Cut::GivesUp => guest.enters_again().await,
            }
        }
        talk(pair, "after a cut", BEHIND_A_CUT).await;
        let begun = stage.boshd.wrote("session begins") - before;
        let (expected, act) = match cut {
            Cut::GoesOn => (0, "cut: goes on"),
            Cut::SaysAgain => (0, "cut: goes on, its last message came twice"),
            Cut::ComesBack => (pair.len(), "cut: comes back by itself"),
            Cut::GivesUp => (pair.len(), "cut: logs in again"),
        };
        assert_eq!(begun, expected, "sessions behind the cut");
        stage.record(&pair[0], act);
    }

    async fn meets_a_slow_server(&self, stage: &Stage, pair: &mut [Guest; 2]) {
        stage.upstream.close();
        let jids = [pair[0].jid.clone(), pair[1].jid.clone()];
        for number in 0..INTO_SILENCE {
            pair[0].does(&format!("say {} slow {number}", jids[1]));
            pair[1].does(&format!("say {} slow {number}", jids[0]));
        }
        // nothing can be waited for: that nothing happens is the point
        tokio::time::sleep(SLOW).await;
        assert!(
            pair.iter_mut().all(|guest| guest.is_silent()),
            "where the server says nothing"
        );
        stage.upstream.open();
        for number in 0..INTO_SILENCE {
            let text = format!("slow {number}");
            pair[0].hears(&jids[1], &text).await;
            pair[1].hears(&jids[0], &text).await;
        }
        stage.record(&pair[0], "slow server");
    }
}

/// So many messages of each in turns, and how long each took.
pub async fn talk(pair: &mut [Guest; 2], about: &str, messages: usize) -> Vec<Duration> {
    let mut delays = Vec::new();
    for number in 0..messages {
        for speaker in 0..2 {
            let text = format!("{about} {number} by {}", pair[speaker].user);
            let (from, to) = (pair[speaker].jid.clone(), pair[1 - speaker].jid.clone());
            let said = Instant::now();
            pair[speaker].does(&format!("say {to} {text}"));
            delays.push(pair[1 - speaker].hears(&from, &text).await - said);
        }
    }
    delays
}
