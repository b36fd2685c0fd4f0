//! How a connection begins and ends: its first bytes, silence, and a shutdown (O04).

use std::time::Duration;

use boshd::bosh::Limits;
use boshd::front::Options;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::client::Client;
use super::frames::{DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, Raw, frame, head};
use super::stack::{Stack, creation, post};
use super::{WHILE, session, stack};

// the preface counts wherever it is cut; what only begins like it is HTTP/1
#[tokio::test(start_paused = true)]
async fn the_first_bytes_tell() {
    let stack = stack();
    for cut in 1..PREFACE.len() {
        let mut wire = stack.connect();
        wire.send(&PREFACE[..cut]).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        wire.send(&PREFACE[cut..]).await;
        let mut raw = Raw::resumed(wire.io);
        raw.send(&frame(super::frames::SETTINGS, 0, 0, &[])).await;
        raw.send(&frame(PING, 0, 0, b"12345678")).await;
        assert_eq!(raw.next_of(PING).await.payload, b"12345678", "cut at {cut}");
    }
    let mut wire = stack.connect();
    for byte in post(&creation(1)).bytes() {
        wire.send([byte]).await;
    }
    assert!(wire.reply().await.text().contains(" sid='"));
    for (begun, status) in [
        ("PRI * HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("PRI /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    ] {
        let reply = stack.connect().ask(begun).await;
        assert_eq!(reply.status(), status, "{begun}");
    }
}

// the preface is the first thing on a connection, or none
#[tokio::test(start_paused = true)]
async fn no_change_of_mind() {
    let mut wire = stack().connect();
    assert!(wire.ask(post(&creation(1))).await.text().contains(" sid='"));
    wire.send(PREFACE).await;
    assert!(wire.ends().await);
}

// who does not go on is let go
#[tokio::test(start_paused = true)]
async fn half_a_preface() {
    let stack = stack();
    for cut in [1, 3, 20] {
        let mut wire = stack.connect();
        wire.send(&PREFACE[..cut]).await;
        let began = Instant::now();
        let told = wire.next_reply("GET").await;
        assert!(told.is_none_or(|reply| reply.status() >= 400 && cut == 20));
        assert!(wire.ends().await);
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    }
}

// a connection without a request ends with GOAWAY; one with a held request never
#[tokio::test(start_paused = true)]
async fn idle_connections() {
    let stack = Stack::new(Options {
        idle_timeout: Duration::from_secs(20),
        ..Options::default()
    });
    let mut client = Client::new(stack.connect().io).await;
    let mut session = session(&mut client, 55).await;
    let mut held = client.post(&session.body("")).await;
    assert!(held.is_held_for(Duration::from_secs(50)).await);
    assert_eq!(held.answer().await.status, 200);
    let began = Instant::now();
    client.ends().await.unwrap();
    let idle = began.elapsed();
    assert!(Duration::from_secs(20) <= idle && idle < Duration::from_secs(70), "{idle:?}");
}

// O04: a client whose network died is noticed, and its request no longer counts; the death of nobody else is
#[tokio::test(start_paused = true)]
async fn a_dead_network() {
    let limits = Limits {
        max_wait: 1000,
        ..Limits::default()
    };
    let stack = Stack::with(Options::default(), limits);
    let mut session = stack.session(1000).await;
    let body = session.body("");
    let mut raw = Raw::new(stack.connect().io).await;
    raw.send(&frame(HEADERS, END_HEADERS, 1, &head(&[]))).await;
    raw.send(&frame(DATA, END_STREAM, 1, body.as_bytes())).await;
    let began = Instant::now();
    raw.next_of(PING).await;
    assert!(raw.told().await.goaway.is_none(), "nobody would hear it");
    assert!(began.elapsed() < Duration::from_secs(180), "{:?}", began.elapsed());
    stack.server.push(0, "<message id='m'/>");
    let answer = Client::new(stack.connect().io).await.post(&body).await.answer().await;
    assert!(answer.text().contains("id='m'"), "{}", answer.text());
    let mut patient = Client::new(stack.connect().io).await;
    let mut held = patient.post(&session.body("")).await;
    assert!(held.is_held_for(Duration::from_secs(600)).await, "who answers PINGs stays");
}

// O04, J18: at a shutdown held requests are told so, and GOAWAY comes before the end
#[tokio::test]
async fn a_shutdown_answers_what_is_held() {
    let stack = stack();
    let address = stack.listen();
    let mut client = Client::new(TcpStream::connect(address).await.unwrap()).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut session = session(&mut client, 55).await;
        held.push(client.post(&session.body("")).await);
    }
    client.pings().await;
    let drain = stack.manager.drain();
    let told = async {
        for asked in held {
            assert!(asked.answer().await.is_terminate("system-shutdown"));
        }
    };
    // the scripted server closes no stream, so the drain itself takes longer
    tokio::select! {
        _ = drain => panic!("the server said nothing"),
        () = told => {}
    }
    let late = client.post(&creation(1)).await.answer().await;
    assert!(late.is_terminate("system-shutdown"), "{}", late.text());
    stack.shutdown.cancel();
    client.ends().await.unwrap();
}

// O04: what is under way when the listener closes is answered first, and nothing new is begun
#[tokio::test(start_paused = true)]
async fn goaway_waits_for_what_is_under_way() {
    let stack = stack();
    let mut session = stack.session(55).await;
    let mut raw = Raw::new(stack.connect().io).await;
    raw.send(&frame(HEADERS, END_HEADERS, 1, &head(&[]))).await;
    raw.send(&frame(DATA, END_STREAM, 1, session.body("").as_bytes())).await;
    tokio::time::sleep(WHILE).await;
    stack.shutdown.cancel();
    assert_eq!(raw.next_of(GOAWAY).await.number(4), 0);
    let ping = raw.next_of(PING).await.payload;
    raw.send(&frame(PING, 1, 0, &ping)).await;
    assert_eq!(raw.next_of(GOAWAY).await.number(0), 1, "stream 1 is the last");
    stack.server.push(0, "<message id='m'/>");
    assert_eq!(raw.next_of(HEADERS).await.stream, 1);
    let text = String::from_utf8(raw.next_of(DATA).await.payload).unwrap();
    assert!(text.contains("id='m'"), "{text}");
    raw.told().await;
}

// a client that closes its side is heard out and let go
#[tokio::test]
async fn a_client_that_leaves() {
    let stack = stack();
    let address = stack.listen();
    let client = Client::new(TcpStream::connect(address).await.unwrap()).await;
    drop(client);
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(PREFACE).await.unwrap();
    half.shutdown().await.unwrap();
    let mut raw = Raw::resumed(half);
    raw.told().await;
}
