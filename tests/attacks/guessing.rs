//! Passwords guessed in one session: each failure is told later than the one before, up to a bound, and a success ends that.

use std::time::Duration;

use boshd::front::Options;
use tokio::io::DuplexStream;
use tokio::time::Instant;

use crate::stack::{Session, Stack, post};
use crate::wire::Wire;

const AUTH: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>";
const FAILURE: &str = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";

/// One attempt, which the server answers at once: after how many seconds the client hears of it.
async fn attempt(stack: &Stack, (session, wire): (&mut Session, &mut Wire<DuplexStream>), outcome: &str) -> u64 {
    let began = Instant::now();
    wire.send(post(
        &session.body(&AUTH.replace("<auth ", &format!("<auth rid='{}' ", session.rid + 1))),
    ))
    .await;
    stack.server.sees(&format!("rid='{}'", session.rid)).await;
    stack.server.push(0, outcome);
    let reply = wire.reply().await;
    assert!(reply.text().contains(outcome), "{}", reply.text());
    began.elapsed().as_secs()
}

// AU09, DL01: failures in a row take longer and longer, and none ends the session
#[tokio::test(start_paused = true)]
async fn failures_in_a_row() {
    let stack = Stack::new(Options::default());
    let mut session = stack.session(55).await;
    let mut wire = stack.connect();
    let mut took = Vec::new();
    for _ in 0..8 {
        took.push(attempt(&stack, (&mut session, &mut wire), FAILURE).await);
    }
    println!("sent: 8 wrong passwords in one session; told of after {took:?} s");
    assert_eq!(took, [0, 0, 1, 2, 4, 5, 5, 5]);
    assert_eq!(
        attempt(&stack, (&mut session, &mut wire), SUCCESS).await,
        0,
        "a success is told at once"
    );
}

// AU09: guesses that do not wait for their failures gain nothing: what comes behind them is told behind them
#[tokio::test(start_paused = true)]
async fn guesses_at_once() {
    let stack = Stack::new(Options::default());
    let mut session = stack.session(55).await;
    let mut wire = stack.connect();
    let began = Instant::now();
    wire.send(post(&session.body(&AUTH.repeat(100)))).await;
    stack.server.sees(AUTH).await;
    stack.server.push(0, &FAILURE.repeat(100));
    stack.server.push(0, SUCCESS);
    while !wire.reply().await.text().contains("<success") {
        wire.send(post(&session.body(""))).await;
    }
    let took = began.elapsed();
    println!("sent: 101 passwords at once, the last one right; told of after {took:?}");
    assert!(took > Duration::from_secs(95 * 5));
}
