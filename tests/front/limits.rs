//! Too large, too slow, too long idle (A17, A19 and design section 6).

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::stack::{creation, post};
use super::wire::Wire;
use super::{is_proper, stack};

// A17
#[tokio::test(start_paused = true)]
async fn an_idle_connection_outlives_inactivity_and_ends_in_silence() {
    let mut wire = stack().connect();
    for _ in 0..3 {
        assert!(wire.ask(post(&creation(1))).await.text().contains(" sid='"));
        assert!(wire.is_silent_for(Duration::from_secs(121)).await);
    }
    let began = Instant::now();
    assert!(wire.ends().await, "and not with a 408");
    assert!(began.elapsed() < Duration::from_secs(10));
}

// A19
#[tokio::test(start_paused = true)]
async fn a_body_ten_times_too_large_is_cut_off() {
    const CAP: usize = 1024 * 1024;
    let stack = stack();
    let mut session = stack.session(1).await;
    let body = session.body("<a xmlns='x'>").replace("</body>", "");
    let mut wire = stack.connect();
    wire.send(format!(
        "POST /http-bind HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
        10 * CAP
    ))
    .await;
    wire.send("y".repeat(CAP)).await;
    let reply = wire.reply().await;
    assert!(reply.is_terminate("policy-violation"), "{}", reply.text());
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(wire.ends().await);
    let reply = stack.connect().ask(post(&session.body(""))).await;
    assert!(reply.is_terminate("item-not-found"), "that session is over: {}", reply.text());
}

// A19: a session that is not named well is not touched.
#[tokio::test(start_paused = true)]
async fn a_wrapper_that_never_ends_is_cut_off() {
    let stack = stack();
    let mut wire = stack.connect();
    wire.send(
        "POST /http-bind HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n<body xmlns='http://jabber.org/protocol/httpbind' a='",
    )
    .await;
    wire.send("y".repeat(200_000)).await;
    let reply = wire.reply().await;
    assert!(
        reply.is_terminate("bad-request") || reply.is_terminate("policy-violation"),
        "{}",
        reply.text()
    );
    assert!(wire.ends().await);
}

// An unknown session is told so before its body has come.
#[tokio::test(start_paused = true)]
async fn an_unknown_session_is_refused_by_its_first_line() {
    let stack = stack();
    let mut wire = stack.connect();
    let body = "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' sid='nobody'>";
    wire.send(format!("POST /http-bind HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n{body}"))
        .await;
    assert!(wire.reply().await.is_terminate("item-not-found"));
    assert!(wire.ends().await);
}

/// How long a connection lives that gets one byte a second of `request`.
async fn lives(wire: &mut Wire<tokio::io::DuplexStream>, request: &str) -> Duration {
    let began = Instant::now();
    for byte in request.bytes() {
        let _ = wire.io.write_all(&[byte]).await;
        if !wire.is_silent_for(Duration::from_secs(1)).await {
            break;
        }
    }
    began.elapsed()
}

// A slow head has 10 s from its first byte, on a new connection and on one in use; it ends without a word.
#[tokio::test(start_paused = true)]
async fn a_slow_head_is_cut_off() {
    let stack = stack();
    for earlier in [0, 1, 3] {
        let mut wire = stack.connect();
        for _ in 0..earlier {
            wire.ask(post(&creation(1))).await;
        }
        assert!(wire.is_silent_for(Duration::from_secs(60)).await);
        let lived = lives(&mut wire, &"POST /http-bind HTTP/1.1\r\nX: y".repeat(3)).await;
        assert!((9..12).contains(&lived.as_secs()), "{lived:?}");
        assert!(wire.ends().await);
    }
}

// A slow body has 30 s, and is told.
#[tokio::test(start_paused = true)]
async fn a_slow_body_is_refused() {
    let stack = stack();
    let mut wire = stack.connect();
    wire.send("POST /http-bind HTTP/1.1\r\nContent-Length: 500\r\n\r\n").await;
    let began = Instant::now();
    wire.send(&creation(1)[..20]).await;
    let reply = wire.reply().await;
    assert_eq!(reply.status(), 408);
    assert!(is_proper(&reply));
    assert!((29..32).contains(&began.elapsed().as_secs()));
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(wire.ends().await);
}

// A head that does not end within the buffer.
#[tokio::test(start_paused = true)]
async fn a_head_too_large_is_refused() {
    let mut wire = stack().connect();
    wire.send(format!("POST /http-bind HTTP/1.1\r\nX: {}", "y".repeat(40_000)))
        .await;
    assert_eq!(wire.reply().await.status(), 431);
    assert!(wire.ends().await);
}

// A client that does not read its answer is let go, too.
#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_given_up() {
    let stack = stack();
    let mut wire = stack.connect_through(100);
    wire.send("GET /http-bind HTTP/1.1\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(301)).await;
    let mut heard = String::new();
    wire.io.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard.len(), 100, "what the pipe held, and then the end: {heard}");
}
