//! Connections that are kept busy with next to nothing: heads and bodies byte by byte, and heads without an end.

use std::time::{Duration, Instant};

use boshd::front;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::bench::{Bench, PATIENCE};
use crate::bystander::Bystander;
use crate::{Limits, attack};

/// Connections at once.
const CONNECTIONS: usize = 200;

/// What they are given; in production 10 s and 30 s, which tests/front/limits.rs measures.
const HEAD: Duration = Duration::from_millis(400);
const BODY: Duration = Duration::from_millis(800);

/// Between two bytes.
const DRIP: Duration = Duration::from_millis(40);

async fn bench() -> Bench {
    let mut limits = Limits::new();
    limits.front = front::Options {
        head_timeout: HEAD,
        body_timeout: BODY,
        ..limits.front
    };
    limits.bench().await
}

/// Sends `first`, and then a byte now and then until the connection is closed: what was heard, and for how long it lived.
async fn drip(mut io: TcpStream, first: String) -> (String, Duration) {
    let began = Instant::now();
    io.write_all(first.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = io.split();
    let mut heard = Vec::new();
    let send = async {
        while writer.write_all(b"a").await.is_ok() {
            sleep(DRIP).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        // a reset is an end, too
        _ = reader.read_to_end(&mut heard) => {}
        () = send => {}
    }
    (String::from_utf8(heard).unwrap(), began.elapsed())
}

/// All of these at once, each on a connection of its own: what each heard.
async fn drip_all(bench: &Bench, first: &str) -> (Vec<String>, Duration) {
    let mut attacks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        attacks.spawn(drip(attack(bench).await, first.to_owned()));
    }
    let ends = timeout(PATIENCE, attacks.join_all()).await.expect("every connection ends");
    let longest = ends.iter().map(|(_, lived)| *lived).max().unwrap();
    (ends.into_iter().map(|(heard, _)| heard).collect(), longest)
}

// DL03: a head has its time from the first byte on, however steadily it comes
#[tokio::test]
async fn slow_heads() {
    let bench = bench().await;
    let bystander = Bystander::begin(&bench).await;
    let (heard, longest) = drip_all(&bench, "POST /http-bind HTTP/1.1\r\nX-Slow: ").await;
    assert!(heard.iter().all(String::is_empty), "{heard:?}");
    let sent = format!("{CONNECTIONS} heads, a byte every {DRIP:?}");
    bystander
        .tell(&sent, &format!("all, without a word, after {longest:.1?} at the latest"))
        .await;
}

// DL03: so has a body
#[tokio::test]
async fn slow_bodies() {
    let bench = bench().await;
    let bystander = Bystander::begin(&bench).await;
    let head = "POST /http-bind HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n<body ";
    let (heard, longest) = drip_all(&bench, head).await;
    let told = heard.iter().filter(|heard| heard.starts_with("HTTP/1.1 408 ")).count();
    // who sends on into a closed connection may lose what came from it
    assert!(
        heard
            .iter()
            .all(|heard| heard.is_empty() || heard.starts_with("HTTP/1.1 408 ")),
        "{heard:?}"
    );
    let refused = format!("all, {told} with 408, after {longest:.1?} at the latest");
    bystander
        .tell(&format!("{CONNECTIONS} bodies, a byte every {DRIP:?}"), &refused)
        .await;
}

// DL03: heads of too many lines, of one that is too long, and of one that never ends
#[tokio::test]
async fn header_floods() {
    let bench = bench().await;
    let bystander = Bystander::begin(&bench).await;
    let many: String = (0..1000).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = format!("X: {}\r\n", "y".repeat(64 * 1024));
    let mut endings = Vec::new();
    for (lines, end) in [(&many, "\r\n"), (&long, "\r\n"), (&long, "")] {
        for _ in 0..20 {
            let mut io = attack(&bench).await;
            let request = format!("POST /http-bind HTTP/1.1\r\nHost: a\r\n{lines}{end}");
            // refused before it was taken whole
            let _ = io.write_all(request.as_bytes()).await;
            let mut heard = Vec::new();
            // what came may have been lost with a reset
            let ended = timeout(PATIENCE, io.read_to_end(&mut heard)).await.expect("the end in time");
            let heard = String::from_utf8(heard).unwrap();
            assert!(
                heard.starts_with("HTTP/1.1 431 ") || (heard.is_empty() && ended.is_err()),
                "{heard}"
            );
            endings.push(heard);
        }
    }
    let told = endings.iter().filter(|heard| !heard.is_empty()).count();
    let refused = format!("all {}, {told} with 431, the others by a reset", endings.len());
    bystander
        .tell("heads with 1000 lines, with a line of 64 KiB, and without an end", &refused)
        .await;
}
