//! Leaving fast: a goodbye by beacon, and a client that hangs up and does not come back (spec.md J01, N05, G03).

#[path = "support/bench.rs"]
mod bench;
#[path = "support/boshd.rs"]
mod binary;
#[path = "support/process.rs"]
mod process;
#[path = "support/server.rs"]
mod server;
#[path = "support/stack.rs"]
mod stack;
#[path = "support/wire.rs"]
mod wire;

use std::sync::Arc;
use std::time::Duration;

use bench::poster::{Client, Connection, creation};
use bench::upstream::{CLOSING, Upstream};
use bench::{Bench, USUAL, WHILE, connector_on, plain};
use boshd::bosh::Limits;
use boshd::front::Options;
use boshd::upstream::way::Terms;
use stack::{Session, Stack, post, post_with};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, sleep};

const GONE: &str = "<presence xmlns='jabber:client' type='unavailable'/>";

/// What a browser adds to `navigator.sendBeacon(url, string)`: no preflight goes before it, and nobody reads the answer.
const BEACON: &str = "Origin: https://chat.example.org\r\nContent-Type: text/plain;charset=UTF-8\r\nSec-Fetch-Mode: no-cors\r\n\
                      Connection: keep-alive\r\n";

const SECOND: Duration = Duration::from_secs(1);

fn leaving_after(seconds: u16) -> Stack {
    let limits = Limits {
        leave_after: seconds,
        ..Limits::default()
    };
    Stack::with(Options::default(), limits)
}

/// A request that is held, and dies at this age.
async fn aborts(stack: &Stack, session: &mut Session, age: Duration) {
    let mut wire = stack.connect();
    wire.send(post(&session.body(""))).await;
    assert!(wire.is_silent_for(age).await);
}

// J01, N05: a beacon ends the session, though all connections of its page die in the same moment, whichever goes first
#[tokio::test(start_paused = true)]
async fn a_beacon_ends_the_session() {
    for first in ["the held request", "the beacon"] {
        let stack = Stack::new(Options::default());
        let mut session = stack.session(55).await;
        let mut held = stack.connect();
        held.send(post(&session.body(""))).await;
        sleep(10 * SECOND).await;
        let beacon = post_with(BEACON, &session.terminate(GONE));
        if first == "the held request" {
            drop(held);
            stack.connect().send(beacon).await;
        } else {
            stack.connect().send(beacon).await;
            drop(held);
        }
        let left = Instant::now();
        stack.server.sees(&[GONE, CLOSING].concat()).await;
        while stack.manager.sessions() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(left.elapsed() < SECOND, "{first}");
    }
}

// J01, FX01: the same in small pieces, the last of which comes with the end of the connection
#[tokio::test(start_paused = true)]
async fn a_beacon_in_pieces() {
    let stack = Stack::new(Options::default());
    let mut session = stack.session(55).await;
    let beacon = post_with(BEACON, &session.terminate(GONE));
    let mut wire = stack.connect();
    for piece in beacon.as_bytes().chunks(40) {
        wire.send(piece).await;
        tokio::task::yield_now().await;
    }
    wire.io.shutdown().await.unwrap();
    drop(wire);
    stack.server.sees(&[GONE, CLOSING].concat()).await;
}

// J01: over real sockets, which a browser that quits closes, or resets as there is an answer that nobody has read
#[tokio::test]
async fn a_beacon_of_a_browser_that_quits() {
    for reset in [false, true] {
        let bench = Bench::new().await;
        let (mut client, mut link) = bench.session().await;
        let held = client.next("").await;
        let body = client.body(client.rid + 1, "type='terminate'", GONE);
        let mut beacon = bench.connect().await;
        beacon.send(post_with(BEACON, &body)).await;
        drop(held);
        if reset {
            beacon.reset();
        } else {
            drop(beacon);
        }
        link.sees(&[GONE, CLOSING].concat()).await;
        bench.is_left_with(0).await;
    }
}

// G03: nothing follows: the contacts see it after ten seconds instead of two minutes
#[tokio::test(start_paused = true)]
async fn who_hangs_up_and_does_not_come_back_has_left() {
    for (after, seconds) in [(10, 10), (0, 120)] {
        let stack = leaving_after(after);
        let mut session = stack.session(55).await;
        aborts(&stack, &mut session, 20 * SECOND).await;
        let left = Instant::now();
        stack.server.sees(CLOSING).await;
        assert_eq!(left.elapsed().as_secs(), seconds, "leave_after {after}");
    }
}

// G03, FX04: a page that reloads comes back with its next request
#[tokio::test(start_paused = true)]
async fn a_page_that_reloads_has_not_left() {
    let stack = leaving_after(10);
    let mut session = stack.session(55).await;
    for _ in 0..5 {
        aborts(&stack, &mut session, 20 * SECOND).await;
        sleep(9 * SECOND).await;
    }
    let mut wire = stack.connect();
    stack.server.push(0, "<message id='m'/>");
    let reply = wire.ask(post(&session.body(""))).await;
    assert!(reply.text().contains("id='m'"), "{}", reply.text());
}

// G07: nor has one that has agreed on a pause, longer than that
#[tokio::test(start_paused = true)]
async fn who_pauses_has_not_left() {
    let stack = leaving_after(10);
    let mut session = stack.session(55).await;
    let mut held = stack.connect();
    held.send(post(&session.body(""))).await;
    let mut wire = stack.connect();
    wire.ask(post(&session.pause(60))).await;
    drop((held, wire));
    sleep(55 * SECOND).await;
    assert!(!stack.server.seen().contains(CLOSING));
    stack.server.push(0, "<message id='m'/>");
    let reply = stack.connect().ask(post(&session.body(""))).await;
    assert!(reply.text().contains("id='m'"), "{}", reply.text());
}

// G03: nor has one whose network cuts, as soon as that is known; its client takes long to come back
#[tokio::test(start_paused = true)]
async fn who_is_cut_has_not_left() {
    let stack = leaving_after(10);
    let mut session = stack.session(55).await;
    let request = post(&session.body(""));
    for (age, away) in [(15, 2), (14, 30)] {
        let mut wire = stack.connect();
        wire.send(&request).await;
        assert!(wire.is_silent_for(age * SECOND).await);
        drop(wire);
        sleep(away * SECOND).await;
    }
    let reply = stack.connect().ask(&request).await;
    assert!(!reply.text().contains("terminate"), "{}", reply.text());
}

// G03: each domain has its own
#[tokio::test]
async fn a_domain_says_how_long() {
    let upstream = Upstream::listen().await;
    let terms = Terms {
        leave_after: SECOND,
        ..Terms::default()
    };
    let connector = Arc::new(connector_on(vec![plain(upstream.address)], terms));
    let bench = Bench::before(connector, upstream, Limits::default());
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("").await;
    assert!(held.is_held_for(WHILE).await);
    drop(held);
    link.sees(CLOSING).await;
    bench.is_left_with(0).await;
}

// AU10, G03: what the operator wrote arrives where it counts
#[tokio::test]
async fn the_configuration_says_so() {
    let upstream = Upstream::listen().await;
    let settings = "leave_after = '1s'\n[limits]\nlogin_timeout = '3s'\n";
    let boshd = binary::Boshd::with("example.org", upstream.address, settings);
    for leaves in [true, false] {
        let mut connection = Connection::open(boshd.address).await;
        connection.post(creation(USUAL)).await;
        let mut link = upstream.accept().await;
        link.opens().await;
        let mut client = Client::of(boshd.address, &connection.reply().await);
        let mut held = client.next("").await;
        if !leaves {
            assert!(held.reply().await.is_terminate("policy-violation"));
            return link.says_goodbye().await;
        }
        assert!(held.is_held_for(WHILE).await);
        drop(held);
        link.says_goodbye().await;
        let began = Instant::now();
        while !boshd.log().contains("reason=Left") {
            assert!(began.elapsed() < bench::PATIENCE, "{}", boshd.log());
            sleep(WHILE).await;
        }
    }
}
