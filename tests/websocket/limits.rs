//! Bounds: what is too large, what breaks the rules of WebSocket, and who does not take what it is given.

use std::time::Duration;

use boshd::front::Options;
use boshd::manager;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::framed::{Bench, OPEN};
use crate::websocket::Client;

fn message(id: usize, length: usize) -> String {
    format!("<message xmlns='jabber:client' id='{id}'>{}</message>", "x".repeat(length))
}

/// Takes messages up to a limit of so many bytes.
fn limited(body_bytes: usize) -> Bench {
    let front = Options {
        body_bytes,
        ..Options::default()
    };
    Bench::with(front, manager::Options::default())
}

// WS11: a message may be as large as a body, in one frame or in many
#[tokio::test(start_paused = true)]
async fn sizes() {
    let largest = message(1, 20_000);
    let bench = limited(largest.len());
    let (mut client, mut link) = bench.session().await;
    client.say(&largest).await;
    link.sees(&largest).await;
    let larger = message(1, 20_001);
    client.say(&larger).await;
    assert_eq!(client.fails(1009).await, "policy-violation");
    link.says_goodbye().await;

    let (mut client, mut link) = bench.session().await;
    let (first, last) = larger.split_at(10_000);
    for (text, kind, fin) in [(first, Data::Text, false), (last, Data::Continue, true)] {
        let frame = Frame::message(text.to_owned(), OpCode::Data(kind), fin);
        client.send(Message::Frame(frame)).await;
    }
    assert_eq!(client.fails(1009).await, "policy-violation");
    link.says_goodbye().await;
    assert!(!link.seen().contains("xxx"));
    bench.is_left_with(0).await;
}

// WS11: who is told that a message is too large hears it although it is not through with it
#[tokio::test(start_paused = true)]
async fn too_large_and_still_coming() {
    let bench = limited(10_000);
    let (near, _) = Client::on(bench.connect(4096), &[]).await.expect("a WebSocket");
    let mut io = near.socket.into_inner();
    // masked with zeros, 1 MiB long
    io.write_all(&[0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0])
        .await
        .expect("room");
    let (mut reader, mut writer) = tokio::io::split(io);
    let writing = async {
        for _ in 0..256 {
            if writer.write_all(&[b'x'; 4096]).await.is_err() {
                return;
            }
        }
    };
    let mut heard = Vec::new();
    let reading = async { _ = reader.read_to_end(&mut heard).await };
    tokio::join!(writing, reading);
    assert!(heard.ends_with(&[0x88, 2, 0x03, 0xf1]), "{heard:?}");
    bench.is_left_with(0).await;
}

// WS11: frames that break the rules of WebSocket
#[tokio::test(start_paused = true)]
async fn frames_that_are_none() {
    let bench = Bench::new();
    for (what, frame) in [
        ("not masked", &[0x81, 1, b'<'][..]),
        ("a reserved bit", &[0xc1, 0x81, 0, 0, 0, 0, b'<']),
        ("a reserved kind", &[0x83, 0x80, 0, 0, 0, 0]),
        ("a fragment of nothing", &[0x80, 0x80, 0, 0, 0, 0]),
        ("a ping in fragments", &[0x09, 0x80, 0, 0, 0, 0]),
        ("a ping too long", &[0x89, 0xfe, 0, 126, 0, 0, 0, 0]),
        ("a text inside another", &[0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0]),
    ] {
        let (client, mut link) = bench.session().await;
        let mut io = client.socket.into_inner();
        io.write_all(frame).await.expect("room");
        if what == "a ping too long" {
            io.write_all(&[0; 126]).await.expect("room");
        }
        let mut heard = Vec::new();
        let end = timeout(Duration::from_secs(10), io.read_to_end(&mut heard)).await;
        end.expect("an end in time").expect("an end");
        assert!(heard.ends_with(&[0x88, 2, 0x03, 0xea]), "{what}: {heard:?}");
        assert!(String::from_utf8_lossy(&heard).contains("<bad-format "), "{what}");
        link.says_goodbye().await;
    }
    bench.is_left_with(0).await;
}

// DL04: the server is read only as far as its client takes what it says, and nothing gets lost
#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly() {
    const COUNT: usize = 400;
    let bench = Bench::narrow(Options::default(), manager::Options::default(), 4096);
    let (mut client, _) = Client::on(bench.connect(4096), &[]).await.expect("a WebSocket");
    client.say(OPEN).await;
    let mut link = bench.accept().await;
    link.opens().await;
    let mut said = 0;
    for id in 0..COUNT {
        let text = message(id, 10_000);
        if timeout(Duration::from_millis(10), link.io.write_all(text.as_bytes()))
            .await
            .is_err()
        {
            break;
        }
        said += 1;
    }
    assert!(
        (100..150).contains(&said),
        "1 MiB waits, and not {said} messages of 10 000 bytes"
    );
    // the last one was cut: it goes on where it was
    client.hears("<open ").await;
    client.hears("<stream:features ").await;
    for id in 0..said {
        client.hears(&format!("<message xmlns='jabber:client' id='{id}'>")).await;
    }
}

// DL04: the client is read only as far as the server takes what it says, and nothing gets lost; it is not taken for dead meanwhile
#[tokio::test(start_paused = true)]
async fn a_server_that_reads_slowly() {
    const COUNT: usize = 400;
    let bench = Bench::narrow(Options::default(), manager::Options::default(), 4096);
    let (mut client, _) = Client::on(bench.connect(4096), &[]).await.expect("a WebSocket");
    client.say(OPEN).await;
    let mut link = bench.accept().await;
    link.opens().await;
    client.hears("<open ").await;
    client.hears("<stream:features ").await;
    let (wrote, mut written) = tokio::sync::watch::channel(0);
    let writing = tokio::spawn(async move {
        for id in 0..COUNT {
            futures_util::SinkExt::send(&mut client.socket, Message::text(message(id, 10_000)))
                .await
                .expect("a connection");
            wrote.send_replace(id + 1);
        }
        client
    });
    // longer than a dead client is kept
    tokio::time::sleep(Duration::from_secs(300)).await;
    let waiting = *written.borrow_and_update();
    assert!(
        (5..20).contains(&waiting),
        "64 KiB wait, and not {waiting} messages of 10 000 bytes"
    );
    for id in 0..COUNT {
        link.sees(&format!(" id='{id}'>")).await;
        link.sees("</message>").await;
    }
    let client = writing.await.expect("all of it");
    assert_eq!(bench.manager.sessions(), 1);
    drop(client);
    link.ends().await;
}

// DL04: without memory left nothing is read; when there is some again all goes on
#[tokio::test(start_paused = true)]
async fn no_memory_left() {
    let options = manager::Options {
        memory: 1 << 20,
        ..manager::Options::default()
    };
    let bench = Bench::with(Options::default(), options);
    let (mut client, mut link) = bench.session().await;
    let mut taken = bench.manager.share();
    taken.set(1 << 20);
    let large = message(1, 500_000);
    let said = tokio::spawn(async move {
        client.say(&large).await;
        client
    });
    assert!(link.hears_nothing_for(Duration::from_secs(300)).await);
    assert_eq!(bench.manager.sessions(), 1, "it is not its fault");
    drop(taken);
    link.sees("</message>").await;
    drop(said.await.expect("a client"));
    link.ends().await;
    bench.is_left_with(0).await;
}

// J15: a listener that closes ends its streams
#[tokio::test(start_paused = true)]
async fn a_listener_that_closes() {
    let bench = Bench::new();
    let (mut client, mut link) = bench.session().await;
    bench.shutdown.cancel();
    assert_eq!(client.fails(1000).await, "system-shutdown");
    link.says_goodbye().await;
    bench.is_left_with(0).await;
}
