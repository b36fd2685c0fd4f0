//! Bodies on streams: large, late, cut off, and with windows that do not open.

use std::time::Duration;

use boshd::front::Options;
use bytes::Bytes;
use h2::Reason;
use h2::client::Builder;
use http::Request;

use super::client::{Client, read};
use super::stack::{Stack, creation};
use super::{WHILE, session, stack};

/// An avatar.
const LARGE: usize = 1_000_000;

// O03: both ways, through windows that are smaller
#[tokio::test(start_paused = true)]
async fn a_megabyte_up_and_down() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let mut session = session(&mut client, 55).await;
    let avatar = "a".repeat(LARGE);
    let held = client
        .post(&session.body(&format!("<avatar xmlns='x'>{avatar}</avatar>")))
        .await;
    stack.server.sees("</avatar>").await;
    assert!(stack.server.seen().contains(&avatar));
    stack.server.push(0, &format!("<message>{avatar}</message>"));
    let answer = held.answer().await;
    assert!(answer.text().contains(&avatar));
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
}

// a client that waits for leave to send its body gets it (RFC 9110 section 10.1.1)
#[tokio::test(start_paused = true)]
async fn a_body_that_is_held_back() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let head = Request::post("http://chat.example.org/http-bind").header("expect", "100-continue");
    let mut asked = client.send(head.body(()).unwrap(), false).await;
    assert_eq!(asked.told().await, 100);
    asked.upload.send_data(creation(1).into(), true).unwrap();
    assert!(asked.answer().await.text().contains(" sid='"));
}

// A19: a body over the limit ends its session, and nothing else on the connection
#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let (mut other, mut greedy) = (session(&mut client, 55).await, session(&mut client, 55).await);
    let held = client.post(&other.body("")).await;
    let body = greedy.body(&format!("<a xmlns='x'>{}</a>", "y".repeat(2 << 20)));
    let answer = client.post(&body).await.answer().await;
    assert!(answer.is_terminate("policy-violation"), "{}", answer.text());
    assert!(
        client
            .post(&greedy.body(""))
            .await
            .answer()
            .await
            .is_terminate("item-not-found")
    );
    stack.server.push(0, "<message id='m'/>");
    assert!(held.answer().await.text().contains("id='m'"));
}

// an answer that is known before the body's end comes before it, and the connection goes on
#[tokio::test(start_paused = true)]
async fn an_unknown_session_is_told_early() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let mut asked = client.begin(None).await;
    let begun = "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' sid='unknown'>";
    asked.upload.send_data(Bytes::from_static(begun.as_bytes()), false).unwrap();
    assert!(asked.answer().await.is_terminate("item-not-found"));
    assert!(session(&mut client, 1).await.rid > 0);
}

// O04: a request cut off within its body never was
#[tokio::test(start_paused = true)]
async fn an_abort_within_a_body() {
    for length in [Some(10_000), None] {
        let stack = stack();
        let mut client = Client::new(stack.connect().io).await;
        let mut session = session(&mut client, 55).await;
        let body = session.body("<a xmlns='x'/>");
        let mut cut = client.begin(length).await;
        let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() - 9]);
        cut.upload.send_data(half, false).unwrap();
        assert!(cut.is_held_for(WHILE).await);
        cut.cancel();
        client.pings().await;
        assert!(!stack.server.seen().contains("<a"));
        let mut whole = client.post(&body).await;
        assert!(whole.is_held_for(WHILE).await, "the same rid is still the next");
        stack.server.sees("<a").await;
    }
}

// FX01: a request that arrived whole is carried out, whether its stream was reset at once or its connection is gone
#[tokio::test(start_paused = true)]
async fn a_request_that_arrived_whole_is_carried_out() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let mut session = session(&mut client, 55).await;
    let reset = client.post(&session.body("<reset xmlns='x'/>")).await;
    // the reset overtakes nothing that is under way already
    tokio::task::yield_now().await;
    reset.cancel();
    stack.server.sees("<reset").await;
    let _lost = client.post(&session.body("<lost xmlns='x'/>")).await;
    tokio::task::yield_now().await;
    client.connection.abort();
    stack.server.sees("<lost").await;
}

// the deadline of a body is its stream's own
#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let mut session = session(&mut client, 55).await;
    let held = client.post(&session.body("")).await;
    let mut slow = client.begin(Some(1000)).await;
    slow.upload.send_data(Bytes::from_static(b"<body"), false).unwrap();
    assert!(slow.is_held_for(Duration::from_secs(29)).await);
    assert_eq!(slow.answer().await.status, 408);
    stack.server.push(0, "<message id='m'/>");
    assert!(held.answer().await.text().contains("id='m'"));
}

// a client that never opens its window gets its stream back after a while; what it did not take comes with the repeat
#[tokio::test(start_paused = true)]
async fn a_window_that_never_opens() {
    let stack = stack();
    let mut session = stack.session(55).await;
    let mut shut = Client::with(stack.connect().io, Builder::new().initial_window_size(0)).await;
    let body = session.body("");
    let mut held = shut.post(&body).await;
    assert!(held.is_held_for(WHILE).await);
    stack.server.push(0, "<message id='m'/>");
    let mut unread = held.unread().await;
    assert!(tokio::time::timeout(Duration::from_secs(60), unread.data()).await.is_err());
    let answer = Client::new(stack.connect().io).await.post(&body).await.answer().await;
    assert!(answer.text().contains("id='m'"), "{}", answer.text());
    let lost = read(&mut unread).await.unwrap_err();
    assert_eq!(lost.reason(), Some(Reason::CANCEL));
    shut.pings().await;
}

// the same in little: a window of a few bytes at a time carries all of it in the end
#[tokio::test(start_paused = true)]
async fn a_window_of_a_few_bytes() {
    let stack = stack();
    let mut client = Client::with(stack.connect().io, Builder::new().initial_window_size(10)).await;
    let answer = client.post(&creation(1)).await.answer().await;
    assert!(answer.text().contains(" sid='"), "{}", answer.text());
    assert!(answer.text().ends_with("</body>") || answer.text().ends_with("/>"));
}

// answers are packed for who takes it, and only then (M05)
#[tokio::test(start_paused = true)]
async fn compression_is_asked_for() {
    let stack = Stack::new(Options {
        compression: true,
        ..Options::default()
    });
    let mut client = Client::new(stack.connect().io).await;
    let mut session = session(&mut client, 55).await;
    let held = client.post(&session.body("")).await;
    stack.server.push(0, &format!("<message>{}</message>", "a".repeat(5000)));
    let answer = held.answer().await;
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
}
