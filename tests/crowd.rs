//! Many clients at one instant (spec.md FX05, FX20, P08).

#[path = "support/bench.rs"]
mod bench;
#[path = "support/stack.rs"]
mod stack;
#[path = "support/wire.rs"]
mod wire;

use std::time::Duration;

use bench::poster::FIRST_RID;
use bench::{Bench, USUAL};
use boshd::bosh::Limits;
use boshd::front::Options;
use stack::{Stack, post};

// FX05: requests and goodbyes that race with the end of a silent session: every one is answered at once, as part of it or as a stranger
#[tokio::test(start_paused = true)]
async fn requests_around_the_end_of_silence() {
    let stack = Stack::new(Options::default());
    let inactivity = u64::from(Limits::default().inactivity) * 1000;
    let mut racing = tokio::task::JoinSet::new();
    for n in 0..200_u64 {
        let mut wire = stack.connect();
        let mut session = stack.session(1).await;
        racing.spawn(async move {
            let began = tokio::time::Instant::now();
            tokio::time::sleep(Duration::from_millis(inactivity - 100 + n)).await;
            let body = if n % 2 == 0 { session.terminate("") } else { session.body("") };
            let asked = tokio::time::Instant::now();
            let reply = wire.ask(post(&body)).await;
            let waited = asked.elapsed();
            let held = Duration::from_millis(900);
            assert!(
                waited < Duration::from_millis(100) || (waited >= held && n % 2 == 1),
                "{n}: {waited:?}"
            );
            assert_eq!(reply.status(), 200);
            assert!(reply.text().starts_with("<body"), "{}", reply.text());
            let gone = reply.is_terminate("item-not-found");
            assert!(
                gone == (began.elapsed() - waited >= Duration::from_millis(inactivity)) || n.abs_diff(100) < 3,
                "{n}: {}",
                reply.text()
            );
        });
    }
    while let Some(raced) = racing.join_next().await {
        raced.expect("answered");
    }
}

// FX20: connections that die all at one instant: every session expires by itself, and every stream to the server is closed
#[tokio::test]
async fn all_connections_die_at_once() {
    const SESSIONS: usize = 500;
    let bench = Bench::with(Limits {
        inactivity: 1,
        ..Limits::default()
    })
    .await;
    let (mut held, mut links) = (Vec::new(), Vec::new());
    for _ in 0..SESSIONS {
        let (mut client, link) = bench.session().await;
        held.push(client.next("").await);
        links.push(link);
    }
    assert_eq!(bench.manager.sessions(), SESSIONS);
    held.into_iter().for_each(|connection| connection.reset());
    for mut link in links {
        link.says_goodbye().await;
    }
    bench.is_left_with(0).await;
}

// P08, D14, H03: whoever knows a sid and neither its rids nor its keys learns nothing, not even that it exists
#[tokio::test]
async fn a_sid_alone_tells_nothing() {
    const KEY: &str = "28b853b21e0ee53dec6e8b40445d497365a42c53";
    let bench = Bench::new().await;
    let mut answers = Vec::new();
    for (sid, rid, key) in [
        (None, FIRST_RID + 1, ""),
        (Some(()), FIRST_RID + 1000, "key='084fe6fa5cf2f61817eec9f732f4049fe28d7897'"),
        (Some(()), 1, "key='084fe6fa5cf2f61817eec9f732f4049fe28d7897'"),
        (Some(()), FIRST_RID + 1, "key='0000000000000000000000000000000000000000'"),
        (Some(()), FIRST_RID + 1, ""),
    ] {
        let (client, _link, _) = bench.session_with(&format!("newkey='{KEY}' {USUAL}")).await;
        let mut body = client.body(rid, key, "");
        if sid.is_none() {
            body = body.replace(&client.sid, "AAAAAAAAAAAAAAAAAAAAAA");
        }
        answers.push(bench.ask(&body).await);
    }
    for answer in &answers {
        assert!(answer.is_terminate("item-not-found"));
        assert_eq!((&answer.text, answer.status()), (&answers[0].text, 200));
    }
}
