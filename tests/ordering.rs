//! Request ids and holding: what goes to the server in which order, who is answered when, and what a lost connection loses, which is
//! nothing (spec.md groups D, E and G).

#[path = "support/bench.rs"]
mod bench;

use std::time::Duration;

use bench::poster::{Client, Connection, FIRST_RID, Reply, creation};
use bench::upstream::Link;
use bench::{Bench, SOON, USUAL, WHILE};
use boshd::bosh::Limits;
use tokio::time::Instant;

/// A session that dies after a second without a request.
async fn mortal() -> Bench {
    Bench::with(Limits {
        inactivity: 1,
        ..Limits::default()
    })
    .await
}

/// With two requests held, where the client asks for it.
async fn generous() -> (Bench, Client, Link) {
    let bench = Bench::with(Limits {
        max_hold: 2,
        ..Limits::default()
    })
    .await;
    let (client, link, _) = bench.session_with(&USUAL.replace("hold='1'", "hold='2'")).await;
    (bench, client, link)
}

fn ids(reply: &Reply) -> Vec<&str> {
    reply
        .payloads()
        .iter()
        .map(|payload| payload.attributes["id"].as_str())
        .collect()
}

/// Waits until the connection manager has seen a hang-up for certain: it works on the same thread, one event at a time.
async fn settle(bench: &Bench) {
    for _ in 0..3 {
        bench.ask("").await;
    }
}

// D01: a rid that is missing, 0, negative, text, or 2^53 at creation: bad-request, and no session
#[tokio::test]
async fn a_rid_is_a_positive_number() {
    let bench = Bench::new().await;
    for rid in [
        "",
        "rid=''",
        "rid='0'",
        "rid='-1'",
        "rid='one'",
        "rid='9007199254740992'",
        "rid='1.5'",
    ] {
        let body = creation(USUAL).replace(&format!("rid='{FIRST_RID}'"), rid);
        assert!(bench.ask(&body).await.is_terminate("bad-request"), "{rid}");
    }
    assert!(bench.upstream.is_left_alone_for(WHILE).await);
}

// D02: R2(b), then R1(a): the server gets a, b. D04: L + n is deferred: no answer, nothing for the server. D07: it releases nobody
#[tokio::test]
async fn payloads_reach_the_server_in_rid_order() {
    let bench = Bench::new().await;
    let (client, mut link) = bench.session().await;
    let mut second = client.send(FIRST_RID + 2, "<message id='b'/>").await;
    assert!(link.hears_nothing_for(WHILE).await);
    assert!(second.is_held_for(WHILE).await);
    let mut first = client.send(FIRST_RID + 1, "<message id='a'/>").await;
    link.sees("id='a'").await;
    link.sees("id='b'").await;
    assert!(first.reply_within(SOON).await.is_empty());
    assert!(second.is_held_for(WHILE).await);
}

// D03: with hold 2 a payload from the server answers R1 and not R2; a terminate answers lower rids first. E02: the third releases the first
#[tokio::test]
async fn answers_leave_in_rid_order() {
    let (_bench, mut client, mut link) = generous().await;
    let (mut first, mut second) = (client.next("").await, client.next("").await);
    assert!(first.is_held_for(WHILE).await);
    link.says("<message id='m'/>").await;
    assert_eq!(ids(&first.reply_within(SOON).await), ["m"]);
    assert!(second.is_held_for(WHILE).await);
    let mut third = client.next("").await;
    assert!(second.is_held_for(WHILE).await && third.is_held_for(WHILE).await);
    let mut fourth = client.next("").await;
    assert!(second.reply_within(SOON).await.is_empty());
    let mut last = client.next_with("type='terminate'", "").await;
    assert_eq!(third.reply_within(SOON).await.attribute("type"), Some("terminate"));
    assert!(fourth.reply_within(SOON).await.is_empty());
    assert!(last.reply_within(SOON).await.is_empty());
}

// D07: hold 2: R1 held; R3 arrives: R1 stays held; R2 arrives: R1 is answered now, R2 and R3 are held
#[tokio::test]
async fn a_deferred_request_is_not_held() {
    let (_bench, client, _link) = generous().await;
    let mut first = client.send(FIRST_RID + 1, "").await;
    let mut third = client.send(FIRST_RID + 3, "").await;
    assert!(first.is_held_for(WHILE).await);
    let mut second = client.send(FIRST_RID + 2, "").await;
    assert!(first.reply_within(SOON).await.is_empty());
    assert!(second.is_held_for(WHILE).await && third.is_held_for(WHILE).await);
}

// D05: above the window: item-not-found; so is the rid that was due; the server's stream closes. D13: so is a rid far below. D14: too small, too
// large and unknown sid get the same bytes. J09: all of them are item-not-found
#[tokio::test]
async fn outside_the_window() {
    let bench = Bench::new().await;
    let mut answers = Vec::new();
    for rid in [FIRST_RID + 3, FIRST_RID - 10] {
        let (client, mut link) = bench.session().await;
        answers.push(client.send(rid, "<message/>").await.reply().await);
        answers.push(client.send(FIRST_RID + 1, "<message/>").await.reply().await);
        link.says_goodbye().await;
        assert!(!link.seen().contains("<message"));
    }
    let (mut client, mut link) = bench.session().await;
    for _ in 0..12 {
        let mut held = client.next("").await;
        link.says("<message id='m'/>").await;
        held.reply().await;
    }
    answers.push(client.send(client.rid - 10, "").await.reply().await);
    let unknown = Client {
        sid: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        ..client
    };
    answers.push(unknown.send(FIRST_RID + 1, "").await.reply().await);
    assert!(answers[0].is_terminate("item-not-found"));
    assert!(answers.iter().all(|answer| answer.text == answers[0].text), "{answers:?}");
}

// D08: a gap that never closes: deferred requests get item-not-found after `inactivity`, and the session is over
#[tokio::test]
async fn a_gap_that_never_closes() {
    let bench = mortal().await;
    let (client, mut link) = bench.session().await;
    let began = Instant::now();
    let mut deferred = client.send(FIRST_RID + 2, "<message/>").await;
    assert!(deferred.reply().await.is_terminate("item-not-found"));
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    link.says_goodbye().await;
    assert!(!link.seen().contains("<message"));
}

// D09: a repeat of an answered rid: the same bytes; the server sees no second copy; new payloads are not mixed in
#[tokio::test]
async fn an_answer_again() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("<message id='once'/>").await;
    link.says("<message id='m1'/>").await;
    let reply = held.reply().await;
    link.says("<message id='m2'/>").await;
    for _ in 0..3 {
        let again = client.send(client.rid, "<message id='once'/>").await.reply_within(SOON).await;
        assert_eq!(again.text, reply.text);
    }
    assert_eq!(ids(&client.ask("<message id='end'/>").await), ["m2"]);
    link.sees("id='end'").await;
    assert_eq!(link.seen().matches("id='once'").count(), 1);
}

// D10: N copies of one rid, one after another or at once: the server gets the payload once
#[tokio::test]
async fn copies_of_a_request() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    client.rid += 1;
    let body = client.body(client.rid, "", "<message id='once'/>");
    let mut copies = Vec::new();
    for _ in 0..20 {
        copies.push(bench.connect().await);
    }
    let sending: Vec<_> = copies
        .into_iter()
        .map(|mut copy: Connection| {
            let body = body.clone();
            tokio::spawn(async move {
                copy.post(body).await;
                copy.reply().await
            })
        })
        .collect();
    link.sees("id='once'").await;
    settle(&bench).await;
    link.says("<message id='m'/>").await;
    let mut served = 0;
    for copy in sending {
        let reply = copy.await.unwrap();
        served += usize::from(!reply.payloads().is_empty());
        assert!(reply.attribute("type").is_none_or(|kind| kind == "error"), "{}", reply.text);
    }
    assert!(served > 0);
    for _ in 0..5 {
        assert_eq!(ids(&bench.ask(&body).await), ["m"]);
    }
    client.next("<message id='end'/>").await;
    link.sees("id='end'").await;
    assert_eq!(link.seen().matches("id='once'").count(), 1);
}

// D11: a duplicate of a held rid: the older connection is answered now with type='error', the newest gets the payload. D12: the error is not
// the answer that a repeat gets, and the wait begins anew
#[tokio::test]
async fn a_duplicate_of_a_held_request() {
    let bench = Bench::new().await;
    let (mut client, mut link, _) = bench.session_with(&USUAL.replace("wait='60'", "wait='3'")).await;
    let began = Instant::now();
    let mut older = client.next("").await;
    assert!(older.is_held_for(Duration::from_millis(1500)).await);
    let mut newer = client.send(client.rid, "").await;
    assert_eq!(older.reply_within(SOON).await.attribute("type"), Some("error"));
    assert!(newer.reply().await.is_empty());
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());

    let mut older = client.next("").await;
    assert!(older.is_held_for(WHILE).await);
    let mut newer = client.send(client.rid, "").await;
    assert_eq!(older.reply_within(SOON).await.attribute("type"), Some("error"));
    link.says("<message id='m'/>").await;
    let reply = newer.reply_within(SOON).await;
    assert_eq!(ids(&reply), ["m"]);
    assert_eq!(client.send(client.rid, "").await.reply().await.text, reply.text);
}

// FX02: R3, R3 again, then R2: one payload for the server, both connections of R3 answered
#[tokio::test]
async fn a_duplicate_of_a_deferred_request() {
    let bench = Bench::new().await;
    let (client, mut link) = bench.session().await;
    let mut older = client.send(FIRST_RID + 2, "<message id='late'/>").await;
    assert!(older.is_held_for(WHILE).await);
    let mut newer = client.send(FIRST_RID + 2, "<message id='late'/>").await;
    assert_eq!(older.reply_within(SOON).await.attribute("type"), Some("error"));
    client.send(FIRST_RID + 1, "").await.reply().await;
    link.sees("id='late'").await;
    link.says("<message id='m'/>").await;
    assert_eq!(ids(&newer.reply_within(SOON).await), ["m"]);
    assert_eq!(link.seen().matches("id='late'").count(), 1);
}

// D15: R1 held, its connection reset, the server sends m1, R1 again: m1 arrives, once. D16: R1 again before there was any payload: held again
#[tokio::test]
async fn a_reset_while_held_loses_nothing() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let held = client.next("").await;
    held.reset();
    settle(&bench).await;
    let mut again = client.send(client.rid, "").await;
    assert!(again.is_held_for(WHILE).await);
    again.reset();
    link.says("<message id='m1'/>").await;
    let reply = client.send(client.rid, "").await.reply_within(SOON).await;
    assert_eq!(ids(&reply), ["m1"]);
    let mut next = client.next("").await;
    link.says("<message id='m2'/>").await;
    assert_eq!(ids(&next.reply().await), ["m2"]);
}

// D15: the same when the reset comes after the answer was written
#[tokio::test]
async fn a_reset_after_the_answer_loses_nothing() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let held = client.next("").await;
    link.says("<message id='m1'/>").await;
    // something to read, that nobody reads
    held.io.readable().await.unwrap();
    held.reset();
    let reply = client.send(client.rid, "").await.reply_within(SOON).await;
    assert_eq!(ids(&reply), ["m1"]);
}

// FX04: R1 held, its connection reset, the server sends m1, the client goes on with R2: m1 arrives on R2, once
#[tokio::test]
async fn the_next_request_gets_what_a_dead_one_missed() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("").await;
    assert!(held.is_held_for(WHILE).await);
    held.reset();
    settle(&bench).await;
    link.says("<message id='m1'/>").await;
    assert_eq!(ids(&client.ask("").await), ["m1"]);
    let mut next = client.next("").await;
    link.says("<message id='m2'/>").await;
    assert_eq!(ids(&next.reply().await), ["m2"]);
}

// D19: after the end the same request gets item-not-found
#[tokio::test]
async fn errors_are_not_repeated() {
    let bench = Bench::new().await;
    let (mut client, _link) = bench.session().await;
    let mut refused = client.next("text").await;
    assert!(refused.reply().await.is_terminate("bad-request"));
    assert!(
        client
            .send(client.rid, "text")
            .await
            .reply()
            .await
            .is_terminate("item-not-found")
    );
}

// E01, E14: wait=5: nothing for 4 s, an empty body by 5 s after receipt. E05: a request with payload is held like any other
#[tokio::test]
async fn an_empty_answer_after_wait() {
    let bench = Bench::new().await;
    let (mut client, _link, _) = bench.session_with(&USUAL.replace("wait='60'", "wait='5'")).await;
    for payload in ["", "<message/>"] {
        let began = Instant::now();
        let reply = client.ask(payload).await;
        assert!(reply.is_empty());
        let elapsed = began.elapsed();
        assert!(
            (Duration::from_secs(4)..Duration::from_millis(5300)).contains(&elapsed),
            "{elapsed:?}"
        );
    }
}

// E02: h=1: R1 held; R2 arrives, empty or not: R1 is answered now, R2 held
#[tokio::test]
async fn never_more_than_hold_are_held() {
    let bench = Bench::new().await;
    let (mut client, _link) = bench.session().await;
    let mut older = client.next("").await;
    for payload in ["", "<message/>", ""] {
        assert!(older.is_held_for(WHILE).await);
        let newer = client.next(payload).await;
        assert!(older.reply_within(SOON).await.is_empty());
        older = newer;
    }
}

// E03: a payload from the server goes out now on the held request. E04: with nothing held it waits for the next request, and goes out now,
// in order
#[tokio::test]
async fn payload_from_the_server_goes_out_at_once() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    for round in 0..20 {
        let mut held = client.next("").await;
        let began = Instant::now();
        link.says(&format!("<message id='{round}'/>")).await;
        assert_eq!(ids(&held.reply_within(SOON).await), [round.to_string()]);
        if round > 0 {
            continue;
        }
        assert!(began.elapsed() < SOON);
    }
    for id in ["a", "b", "c"] {
        link.says(&format!("<message id='{id}'/>")).await;
    }
    let mut got = Vec::new();
    while got.len() < 3 {
        let reply = client.next("").await.reply_within(SOON).await;
        got.extend(ids(&reply).into_iter().map(str::to_owned));
    }
    assert_eq!(got, ["a", "b", "c"]);
}

// E06: 500 stanzas in one burst: order intact, each body below the cap, except a single stanza beyond it
#[tokio::test]
async fn a_burst_goes_out_in_parts() {
    const CAP: usize = 10_000;
    let bench = Bench::with(Limits {
        response_bytes: CAP,
        ..Limits::default()
    })
    .await;
    let (mut client, mut link) = bench.session().await;
    let text = "x".repeat(200);
    let mut burst: String = (0..500)
        .map(|id| format!("<message id='{id}'><body>{text}</body></message>"))
        .collect();
    burst += &format!("<message id='500'><body>{}</body></message>", "x".repeat(2 * CAP));
    link.says(&burst).await;
    let mut got = Vec::new();
    while got.len() < 501 {
        let reply = client.ask("").await;
        assert!(
            reply.text.len() < CAP + 500 || reply.payloads().len() == 1,
            "{}",
            reply.text.len()
        );
        got.extend(ids(&reply).into_iter().map(|id| id.parse::<usize>().unwrap()));
    }
    assert!(got.into_iter().eq(0..501));
}

// G01: inactivity: item-not-found, and the server's stream is closed. G02: the clock does not run while a request is held
#[tokio::test]
async fn silence_ends_a_session() {
    let bench = mortal().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("").await;
    assert!(held.is_held_for(Duration::from_millis(3500)).await);
    link.says("<message id='m'/>").await;
    let began = Instant::now();
    held.reply().await;
    link.sees(bench::upstream::CLOSING).await;
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    assert!(client.ask("").await.is_terminate("item-not-found"));
    link.says(bench::upstream::CLOSING).await;
    link.ends().await;
    bench.is_left_with(0).await;
}

// G03: a held request whose connection died counts as not pending from that moment
#[tokio::test]
async fn a_dead_connection_is_not_pending() {
    let bench = mortal().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("").await;
    assert!(held.is_held_for(Duration::from_millis(1500)).await);
    let began = Instant::now();
    held.reset();
    link.says_goodbye().await;
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    assert!(client.ask("").await.is_terminate("item-not-found"));
}

// G04: a legal repeat re-arms the clock; a bogus sid does not
#[tokio::test]
async fn only_valid_requests_keep_a_session() {
    let bench = mortal().await;
    let (client, mut link) = bench.session().await;
    let began = Instant::now();
    // five repeats, each well within the second
    while began.elapsed() < Duration::from_millis(2500) {
        client.send(FIRST_RID, "").await.reply().await;
        assert!(link.hears_nothing_for(Duration::from_millis(400)).await);
    }
    let last = Instant::now();
    let mut bogus = client.clone();
    bogus.sid.replace_range(0..4, "AAAA");
    let closing = link.says_goodbye();
    tokio::pin!(closing);
    loop {
        tokio::select! {
            () = &mut closing => break,
            reply = async { bogus.send(FIRST_RID, "").await.reply().await } => assert!(reply.is_terminate("item-not-found")),
        }
    }
    assert!(last.elapsed() < Duration::from_secs(5), "{:?}", last.elapsed());
}
