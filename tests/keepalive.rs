//! An idle stream is kept alive where that is allowed, and only there (spec.md DN12, AU02).

#[path = "support/stack.rs"]
mod stack;
#[path = "support/wire.rs"]
mod wire;

use std::time::Duration;

use boshd::bosh::Limits;
use boshd::front::Options;
use stack::{Session, Stack, post};
use tokio::time::{Instant, sleep};

/// Polls for so long, as clients do that have nothing to say.
async fn poll(stack: &Stack, session: &mut Session, time: Duration) {
    let mut wire = stack.connect();
    let began = Instant::now();
    while began.elapsed() < time {
        let reply = wire.ask(&post(&session.body(""))).await;
        assert!(!reply.text().contains("terminate"), "{}", reply.text());
    }
}

// AU02: while a client logs in, nothing comes from us, in ten minutes of silence or more
#[tokio::test(start_paused = true)]
async fn a_login_is_not_disturbed() {
    let stack = Stack::new(Options::default());
    let mut session = stack.session(50).await;
    let mut wire = stack.connect();
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>";
    let held = wire.send(post(&session.body(auth)));
    held.await;
    stack.server.sees("</auth>").await;
    poll(&stack, &mut session, Duration::from_secs(1200)).await;
    assert!(stack.server.seen().ends_with("</auth>"), "{}", stack.server.seen());
}

// DN12: a server that ends streams which are silent for ten minutes hears a space every five
#[tokio::test(start_paused = true)]
async fn a_silent_stream_lives_on() {
    let stack = Stack::new(Options::default());
    let mut session = stack.session(50).await;
    stack.server.push(
        0,
        "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    );
    poll(&stack, &mut session, Duration::from_secs(60)).await;
    let said = stack.server.seen();
    poll(&stack, &mut session, Duration::from_secs(1250)).await;
    let spaces = stack.server.seen()[said.len()..].to_owned();
    assert!(["    ", "     "].contains(&spaces.as_str()), "{spaces:?}");

    // who speaks needs none
    for number in 0..10 {
        let payload = format!("<message xmlns='jabber:client' id='{number}'/>");
        stack.connect().send(post(&session.body(&payload))).await;
        sleep(Duration::from_secs(100)).await;
        poll(&stack, &mut session, Duration::from_secs(1)).await;
    }
    let since = stack.server.seen()[said.len() + spaces.len()..].to_owned();
    assert!(!since.contains("/> "), "{since}");
}

// DL04: a server that is not read hears every 20 s what the client has: it may have asked, and ejabberd waits 60 s for that
#[tokio::test(start_paused = true)]
async fn who_is_not_read_is_told_meanwhile() {
    let limits = Limits {
        session_memory: 64 * 1024,
        ..Limits::default()
    };
    let stack = Stack::with(Options::default(), limits);
    let mut session = stack.session(50).await;
    let bound = "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    stack.server.push(
        0,
        &["<stream:features><sm xmlns='urn:xmpp:sm:3'/></stream:features>", bound].concat(),
    );
    poll(&stack, &mut session, Duration::from_secs(60)).await;
    stack
        .connect()
        .send(post(&session.body("<presence xmlns='jabber:client'/>")))
        .await;
    stack.server.sees("<presence").await;
    stack.server.push(0, "<enabled xmlns='urn:xmpp:sm:3'/>");
    poll(&stack, &mut session, Duration::from_secs(60)).await;
    let message = format!("<message xmlns='jabber:client'><body>{}</body></message>", "x".repeat(10_000));
    stack.server.push(0, &message.repeat(20));
    stack.connect().send(post(&session.pause(100))).await;
    let before = stack.server.seen().matches("<a ").count();
    sleep(Duration::from_secs(90)).await;
    assert_eq!(
        stack.server.seen().matches("<a ").count(),
        before + 5,
        "{}",
        stack.server.seen()
    );
}
