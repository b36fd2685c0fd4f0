//! A tab that is hidden, whose timers a browser slows down: Strophe.js begins each request from one.

use std::time::{Duration, Instant};

use crate::guest::Guest;
use crate::play::talk;
use crate::stage::Stage;
use crate::strophe::STROPHE;
use crate::support::backend::Kind;

/// Longer than the minute after which Chromium wakes a tab only once per minute. A soak meets several of those wakings.
fn hiding() -> Duration {
    match std::env::var_os("BOSHD_SOAK") {
        None => Duration::from_secs(70),
        Some(_) => Duration::from_secs(200),
    }
}

/// Between two messages to the hidden tab.
const PAUSE: Duration = Duration::from_secs(4);

/// A timer of 100 ms would have run ten times a second in sight. In the first seconds some more pass.
const BEATS_PER_SECOND: u64 = 2;

// contract L7
#[tokio::test(flavor = "multi_thread")]
async fn a_tab_is_hidden() {
    let stage = Stage::with(Kind::Prosody, &["alice", "bob"]).await;
    let (alice, bob) = tokio::join!(stage.visitor(&STROPHE, "alice"), stage.visitor(&STROPHE, "bob"));
    let mut pair = [alice, bob];
    talk(&mut pair, "in sight", 3).await;
    let [alice, bob] = &mut pair;
    bob.does("hide");
    bob.tells("hidden").await;
    let said = is_told_much(alice, bob).await;
    bob.does("show");
    let shown = said_before(bob, &said).await;
    println!("{}", shown.summary());
    assert!(shown.hidden + PAUSE >= hiding(), "hidden for {:?} only", shown.hidden);
    assert!(
        shown.beats <= BEATS_PER_SECOND * shown.hidden.as_secs(),
        "its timers ran {} times",
        shown.beats
    );
    talk(&mut pair, "in sight again", 3).await;
    assert_eq!(stage.boshd.wrote("session begins"), 2, "it is the same session");
    stage.record(&pair[1], "hidden for 70 s");
    let [alice, bob] = pair;
    tokio::join!(alice.leaves(), bob.leaves());
    stage.is_left_with(0).await;
}

/// All that is said to the hidden one, and when.
async fn is_told_much(alice: &mut Guest, bob: &Guest) -> Vec<(String, Instant)> {
    let end = Instant::now() + hiding();
    let mut said = Vec::new();
    while Instant::now() < end {
        let text = format!("behind your back {}", said.len());
        alice.does(&format!("say {} {text}", bob.jid));
        said.push((format!("heard {} {text}", alice.jid), Instant::now()));
        tokio::time::sleep(PAUSE).await;
    }
    said
}

struct Shown {
    hidden: Duration,
    beats: u64,
    longest: Duration,
    /// What was heard before it was shown, and how long each was under way.
    delays: Vec<Duration>,
    /// What was heard only in sight again.
    late: usize,
}

impl Shown {
    fn summary(&self) -> String {
        let Self {
            hidden,
            beats,
            longest,
            delays,
            late,
        } = self;
        let slowest = delays.iter().max().copied().unwrap_or_default();
        let mut sorted = delays.clone();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        format!(
            "hidden for {hidden:.0?}, {beats} beats, the longest pause {longest:.1?}; {} messages: heard after {median:.1?} (median), {slowest:.1?} (slowest), \
             {late} of them when it was shown",
            delays.len()
        )
    }
}

/// What was said is heard, in order and once, and somewhere between that it is shown again.
async fn said_before(bob: &mut Guest, said: &[(String, Instant)]) -> Shown {
    let (mut shown, mut delays, mut late) = (None, Vec::new(), 0);
    while shown.is_none() || delays.len() < said.len() {
        let event = bob.next().await;
        if let Some(numbers) = event.what.strip_prefix("shown ") {
            shown = Some(
                numbers
                    .split(' ')
                    .map(|number| number.parse().expect("a number"))
                    .collect::<Vec<u64>>(),
            );
            continue;
        }
        let (text, at) = said.get(delays.len()).expect("no more than was said");
        assert_eq!(event.what, *text);
        delays.push(event.at - *at);
        late += usize::from(shown.is_some());
    }
    let numbers = shown.expect("it was shown");
    let [hidden, beats, longest] = numbers[..] else {
        panic!("three numbers, not {numbers:?}");
    };
    Shown {
        hidden: Duration::from_millis(hidden),
        beats,
        longest: Duration::from_millis(longest),
        delays,
        late,
    }
}
