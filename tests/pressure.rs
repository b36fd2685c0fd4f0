//! A server that takes nothing, or is not reached yet: what waits for it is bounded, and nobody waits for ever (spec.md group DL).

#[path = "support/bench.rs"]
mod bench;

use std::sync::{Arc, Mutex};

use bench::poster::{Client, Connection, creation};
use bench::upstream::{FEATURES, HEADER, Upstream};
use bench::{Bench, SOON, USUAL, WHILE};
use boshd::bosh::Limits;
use boshd::upstream::{Call, Connect, Connected, Connecting};
use boshd::xmpp::Domain;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter, DuplexStream};
use tokio::sync::oneshot;

/// A narrow pipe to the server, which stands when the test says so.
struct Pipe {
    near: Mutex<Option<oneshot::Receiver<DuplexStream>>>,
}

impl Pipe {
    fn new() -> (Arc<Self>, oneshot::Sender<DuplexStream>) {
        let (sender, receiver) = oneshot::channel();
        let near = Mutex::new(Some(receiver));
        (Arc::new(Self { near }), sender)
    }
}

impl Connect for Pipe {
    fn serves(&self, _: &Domain) -> bool {
        true
    }

    fn connect(&self, call: Call) -> Connecting<'_> {
        let near = self.near.lock().unwrap().take().expect("one session");
        // some of what it takes it holds back until it is flushed, as TLS does
        Box::pin(async move {
            Ok(Connected::fresh(
                BufWriter::with_capacity(16 * 1024, near.await.unwrap()),
                &call.header,
            ))
        })
    }
}

/// A session, and the server's end of its stream, of which nothing is read behind the header.
async fn unread(limits: Limits) -> (Bench, Client, DuplexStream) {
    let (pipe, stands) = Pipe::new();
    let (near, mut server) = tokio::io::duplex(4096);
    stands.send(near).unwrap();
    let bench = Bench::before(pipe, Upstream::listen().await, limits);
    let mut connection = bench.post(&creation(USUAL)).await;
    assert!(server.read(&mut [0; 4096]).await.unwrap() > 0);
    server.write_all([HEADER, FEATURES].concat().as_bytes()).await.unwrap();
    let client = Client::of(bench.address, &connection.reply().await);
    (bench, client, server)
}

fn message(id: &str, size: usize) -> String {
    format!("<message id='{id}'>{}</message>", "x".repeat(size))
}

/// A request with more than the server takes, which has been carried out.
async fn too_much(client: &mut Client, server: &mut DuplexStream) -> Connection {
    let held = client.next(&message("first", 400_000)).await;
    sees(server, "id='first'").await;
    held
}

/// Reads until `text` has come.
async fn sees(server: &mut DuplexStream, text: &str) {
    let (mut seen, mut buffer) = (String::new(), [0; 4096]);
    while !seen.contains(text) {
        let length = tokio::time::timeout(bench::PATIENCE, server.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert!(length > 0, "the server never saw {text}");
        seen.push_str(str::from_utf8(&buffer[..length]).unwrap());
    }
}

// DL04: while the server takes nothing, requests wait; they are carried out in order when it does
#[tokio::test]
async fn requests_wait_for_the_server() {
    let (_bench, mut client, mut server) = unread(Limits::default()).await;
    let mut first = too_much(&mut client, &mut server).await;
    let mut second = client.next(&message("second", 10)).await;
    assert!(first.is_held_for(WHILE).await && second.is_held_for(WHILE).await);
    sees(&mut server, "id='second'").await;
    assert!(first.reply_within(SOON).await.is_empty());
}

// DL04: what the connection has taken and not passed on leaves as soon as the server takes it, though nothing else happens
#[tokio::test]
async fn what_a_connection_holds_back() {
    let (_bench, mut client, mut server) = unread(Limits::default()).await;
    let mut held = client.next(&message("held back", 10_000)).await;
    assert!(held.is_held_for(WHILE).await);
    tokio::time::timeout(SOON, sees(&mut server, "</message>")).await.unwrap();
}

// A client that goes on and on meanwhile loses its session, and every request that waits is told so
#[tokio::test]
async fn a_flood_ends_the_session() {
    let (bench, mut client, mut server) = unread(Limits::default()).await;
    let mut waiting = vec![too_much(&mut client, &mut server).await];
    for _ in 0..6 {
        waiting.push(client.next(&message("more", 900_000)).await);
    }
    for connection in &mut waiting {
        let reply = connection.reply().await;
        assert!(reply.is_terminate("policy-violation"), "{}", reply.text);
    }
    bench.is_left_with(0).await;
}

// DL04: a server that reads nothing before it has written what it has to say, and a client that says much meanwhile: as long as that client polls,
// neither waits for the other for ever
#[tokio::test]
async fn both_say_much() {
    const COUNT: usize = 100;
    let (_bench, mut client, mut server) = unread(Limits {
        session_memory: 256 * 1024,
        response_bytes: 64 * 1024,
        ..Limits::default()
    })
    .await;
    let flood = tokio::spawn(async move {
        for id in 0..COUNT {
            server.write_all(message(&id.to_string(), 10_000).as_bytes()).await.unwrap();
        }
        sees(&mut server, "id='much'").await;
    });
    let mut reply = client.ask(&message("much", 400_000)).await;
    let mut expected = 0;
    loop {
        for payload in reply.payloads() {
            assert_eq!(payload.attributes["id"], expected.to_string());
            expected += 1;
        }
        if expected == COUNT {
            break;
        }
        reply = client.ask("").await;
    }
    flood.await.unwrap();
}

// J15: a shutdown is told to those who wait for such a server, too
#[tokio::test]
async fn a_shutdown_meanwhile() {
    let (bench, mut client, mut server) = unread(Limits::default()).await;
    let mut held = too_much(&mut client, &mut server).await;
    let mut waiting = client.next("").await;
    assert!(held.is_held_for(WHILE).await && waiting.is_held_for(WHILE).await);
    let manager = bench.manager.clone();
    let drained = tokio::spawn(async move { manager.drain().await });
    assert!(held.reply_within(SOON).await.is_empty());
    let reply = waiting.reply_within(SOON).await;
    assert!(reply.is_terminate("system-shutdown"), "{}", reply.text);
    drained.await.unwrap();
}

// DL03: what is said before the connection to the server stands is bounded, too
#[tokio::test]
async fn a_server_that_is_not_reached_yet() {
    let (pipe, stands) = Pipe::new();
    let bench = Bench::before(pipe, Upstream::listen().await, Limits::default());
    let polling = USUAL.replace("hold='1'", "hold='0'");
    let mut client = Client::of(bench.address, &bench.ask(&creation(&polling)).await);
    assert!(client.ask(&message("first", 400_000)).await.is_empty());
    let mut waiting = client.next(&message("second", 400_000)).await;
    assert!(waiting.is_held_for(WHILE).await);
    let (near, mut server) = tokio::io::duplex(4096);
    stands.send(near).unwrap();
    sees(&mut server, "id='second'").await;
    assert!(waiting.reply_within(SOON).await.is_empty());
}
