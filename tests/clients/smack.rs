//! Smack over jbosh, the way of Java clients.

use crate::guest::Guest;
use crate::play::Cut;
use crate::stage::{Client, Stage, http_bind};
use crate::support::backend::Kind;
use crate::support::java;
use crate::support::server::{jid, rooms};

const SMACK: Client = Client {
    name: "smack",
    command: || java::program("smack", "Smack.java"),
    options: &[],
    endpoint: http_bind,
};

/// In a row, by one process.
const LOGINS: usize = 50;
/// Bytes of a file, which leave in pieces of 4096, each for itself in a stanza that the other side answers.
const FILE: usize = 300_000;
/// Written while the other has no connection.
const UNHEARD: usize = 5;

// jbosh has acknowledgements (XEP-0124, section 9) but repeats nothing by itself: an exception of its HTTP client ends its session.
#[tokio::test(flavor = "multi_thread")]
async fn smack() {
    SMACK.plays(Cut::GivesUp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn smack_with_all_that_its_users_do() {
    for kind in Kind::all() {
        let stage = Stage::with(kind, &["alice", "bob"]).await;
        let mut alice = stage.visitor(&SMACK, "alice").await;
        let mut bob = stage.visitor(&SMACK, "bob").await;
        make_friends(&stage, &mut alice, &mut bob).await;
        meet_in_a_room(&stage, &mut alice, &mut bob).await;
        hand_over_a_file(&stage, &mut alice, &mut bob).await;
        alice.leaves().await;
        bob.leaves().await;
        stage.is_left_with(0).await;
    }
}

async fn make_friends(stage: &Stage, alice: &mut Guest, bob: &mut Guest) {
    alice.does("roster");
    assert_eq!(alice.tells("roster").await, "");
    befriend(alice, bob).await;
    befriend(bob, alice).await;
    stage.record(alice, "roster");
}

/// The other lets everybody in.
async fn befriend(asking: &mut Guest, other: &Guest) {
    let friend = jid(&other.user);
    asking.does(&format!("befriend {friend}"));
    assert_eq!(asking.tells("sees").await, other.jid);
    asking.does("roster");
    assert_eq!(asking.tells("roster").await, friend);
}

async fn meet_in_a_room(stage: &Stage, alice: &mut Guest, bob: &mut Guest) {
    let room = format!("tea@{}", rooms());
    for (guest, nick) in [(&mut *alice, "a"), (&mut *bob, "b")] {
        guest.does(&format!("join {room} {nick}"));
        assert_eq!(guest.tells("joined").await, room);
    }
    for (text, from_alice) in [("who pours?", true), ("I do", false), ("with milk", true)] {
        let (speaker, nick) = if from_alice { (&mut *alice, "a") } else { (&mut *bob, "b") };
        speaker.does(&format!("tell {room} {text}"));
        for guest in [&mut *alice, &mut *bob] {
            assert_eq!(guest.tells("told").await, format!("{room}/{nick} {text}"));
        }
    }
    stage.record(alice, "group chat");
}

/// In-band bytestreams (XEP-0047): all of the file passes through boshd twice.
async fn hand_over_a_file(stage: &Stage, alice: &mut Guest, bob: &mut Guest) {
    alice.does(&format!("send-file {} {FILE}", bob.jid));
    let sent = alice.tells("sent").await;
    assert_eq!(bob.tells("file").await, format!("{} {sent}", alice.jid));
    assert!(sent.ends_with(&format!(" {FILE}")), "{sent}");
    stage.record(alice, "file transfer in-band");
}

// What is written to a user between the cut and the login that follows is there after it: boshd has acknowledged nothing of it to the server.
#[tokio::test(flavor = "multi_thread")]
async fn smack_loses_nothing_when_it_gives_up() {
    for kind in Kind::all() {
        let stage = Stage::with(kind, &["alice", "bob"]).await;
        let mut alice = stage.neighbour(&SMACK, "alice").await;
        let mut bob = stage.visitor(&SMACK, "bob").await;
        stage.is_asked_by(1).await;
        stage.network.cut();
        for number in 0..UNHEARD {
            alice.does(&format!("say {} unheard {number}", bob.jid));
        }
        let myself = alice.jid.clone();
        alice.does(&format!("say {myself} all is said"));
        alice.hears(&myself, "all is said").await;
        bob.enters_again().await;
        for number in 0..UNHEARD {
            bob.hears(&myself, &format!("unheard {number}")).await;
        }
        stage.record(&bob, "nothing lost behind a cut");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn smack_logs_in_fifty_times() {
    for kind in Kind::all() {
        let stage = Stage::with(kind, &["alice"]).await;
        let mut alice = stage.guest(&SMACK, "alice");
        alice.does(&format!("logins {LOGINS}"));
        alice.introduces_itself().await;
        assert_eq!(alice.tells("logins").await, LOGINS.to_string());
        stage.is_left_with(0).await;
        assert_eq!(stage.boshd.wrote("session begins"), LOGINS);
        stage.record(&alice, "50 logins in a row");
    }
}
