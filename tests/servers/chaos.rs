//! Many sessions through a network that does everything wrong, to a real server: each message once and in order, and nothing is left behind.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::mischief::Mischief;
use crate::support::prosody::Prosody;
use crate::support::server::{domain, jid};

/// How many sessions, and how many messages each of them sends in a round.
struct Size {
    sessions: usize,
    messages: usize,
}

const ROUNDS: usize = 2;

/// What memory may grow by from the first round's end to the second's.
const GROWTH: u64 = 8 * 1024 * 1024;

/// Small where all tests run, large in a soak, with another seed each time.
fn size() -> (Size, u64) {
    let (sessions, messages, seed) = match std::env::var_os("BOSHD_SOAK") {
        Some(_) => (200, 50, fastrand::u64(..)),
        None => (12, 40, 4),
    };
    println!("{sessions} sessions, {messages} messages each, {ROUNDS} rounds, seed {seed}");
    (Size { sessions, messages }, seed)
}

fn user(number: usize) -> String {
    format!("user{number}")
}

/// Logs in, writes to the next one in the ring, reads what the one before it writes, and leaves.
async fn take_part(address: std::net::SocketAddr, number: usize, size: &Size, round: usize) -> u64 {
    let mut client = Bosh::login(address, &user(number), "PLAIN").await;
    let (next, before) = ((number + 1) % size.sessions, (number + size.sessions - 1) % size.sessions);
    // the one before may write as soon as we can be found
    for message in 0..size.messages {
        let text = format!("{round} {number} {message}");
        client
            .send(&format!(
                "<message xmlns='jabber:client' type='chat' to='{}'><body>{text}</body></message>",
                jid(&user(next))
            ))
            .await;
    }
    for message in 0..size.messages {
        let stanza = client.expect("a message", |stanza| stanza.text_of("body").is_some()).await;
        assert_eq!(
            stanza.text_of("body"),
            Some(format!("{round} {before} {message}").as_str()),
            "at {number}: each once, in order"
        );
    }
    let twice = client.has(|stanza| stanza.text_of("body").is_some());
    assert!(!twice, "more than was written");
    client.settle().await;
    client.terminate().await;
    client.repeats()
}

// D02 to D16, Q11, DL05: exactly once, in order, both ways; no session, socket or memory is left
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_once_whatever_the_network_does() {
    let (size, seed) = size();
    let names: Vec<String> = (0..size.sessions).map(user).collect();
    let prosody = Prosody::start(&names.iter().map(String::as_str).collect::<Vec<_>>());
    // a creation that came twice, or whose answer got lost, leaves a session that nobody knows
    let boshd = Boshd::with(
        domain(),
        prosody.address,
        // all at once are more than Prosody's backlog holds: some have to knock again
        "[bosh]\ninactivity = '10s'\n[shutdown]\ngrace = '0s'\n[upstream]\nconnect_timeout = '60s'\n",
    );
    let mischief = Mischief::start(boshd.address, seed).await;
    let (files, size) = (boshd.open_files(), std::sync::Arc::new(size));
    let mut resident = Vec::new();
    for round in 0..ROUNDS {
        let mut ring = JoinSet::new();
        for number in 0..size.sessions {
            let (address, size) = (mischief.address, std::sync::Arc::clone(&size));
            ring.spawn(async move { take_part(address, number, &size, round).await });
        }
        let mut repeats = 0;
        while let Some(ended) = ring.join_next().await {
            repeats += ended.expect("everything arrives");
        }
        assert!(repeats > 0 && mischief.done() > 0, "a network too friendly");
        let deadline = Instant::now() + Duration::from_secs(30);
        let left = || boshd.wrote("session begins") - boshd.wrote("session ended");
        while left() > 0 || boshd.open_files() > files {
            let now = Instant::now();
            assert!(
                now < deadline,
                "left: {} sessions; {} files, {files} before",
                left(),
                boshd.open_files()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        resident.push(boshd.resident());
    }
    println!("{} misfortunes; resident after each round: {resident:?}", mischief.done());
    assert!(resident[ROUNDS - 1] <= resident[0] + GROWTH, "{resident:?}");
}
