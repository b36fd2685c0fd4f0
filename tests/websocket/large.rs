//! Large messages, and what comes right behind them: their buffers are not kept, and nothing is lost with them.

use std::time::Duration;

use boshd::front::Options;
use boshd::manager;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::framed::{Bench, OPEN, PATIENCE};
use crate::websocket::Client;

/// Some are large, with small ones behind.
fn texts() -> Vec<String> {
    let text = |id| {
        let length = if id % 15 == 7 { 300_000 } else { id };
        format!("<message xmlns='jabber:client' id='{id}'>{}</message>", "x".repeat(length))
    };
    (0..60).map(text).collect()
}

/// Both sides say these texts at once, over a connection of which so many bytes may be on their way.
async fn both_say(texts: &[String], width: usize) {
    let bench = Bench::new();
    let (mut client, _) = Client::on(bench.connect(width), &[]).await.expect("a WebSocket");
    client.say(OPEN).await;
    let mut link = bench.accept().await;
    link.opens().await;
    client.hears("<open ").await;
    client.hears("<stream:features ").await;
    // of longer frames a long buffer would be left
    let config = WebSocketConfig::default().max_frame_size(Some(16 * 1024));
    let socket = WebSocketStream::from_raw_socket(client.socket.into_inner(), Role::Client, Some(config)).await;
    let (mut sink, mut stream) = socket.split();
    let saying = async {
        for text in texts {
            sink.feed(Message::text(text)).await.expect("a connection");
            sink.feed(Message::Ping("p".into())).await.expect("a connection");
        }
        sink.flush().await.expect("a connection");
    };
    let hearing = async {
        let mut expected = texts.iter();
        while !expected.as_slice().is_empty() {
            match stream.next().await {
                Some(Ok(Message::Text(heard))) => {
                    assert!(Some(heard.as_str()) == expected.next().map(String::as_str), "{}", heard.len())
                }
                Some(Ok(Message::Pong(_))) => {}
                other => panic!("no message: {other:?}"),
            }
        }
    };
    let server = async {
        link.says(&texts.concat()).await;
        link.sees(texts.last().expect("a text")).await;
    };
    let all = async { tokio::join!(saying, hearing, server) };
    timeout(PATIENCE, all).await.expect("all in time");
    assert!(link.seen().ends_with(&texts.concat()), "each once, and in order");
    assert_eq!(link.seen().matches("<message ").count(), texts.len());
}

// WS02, WS11: small messages right behind large ones, in both directions at once
#[tokio::test(start_paused = true)]
async fn small_ones_behind() {
    for width in [1000, 4096, 100_000, 8 << 20] {
        both_say(&texts(), width).await;
    }
}

// DL04: fragments count in the memory of all, whatever control frames come between
#[tokio::test(start_paused = true)]
async fn fragments_and_pings() {
    let options = manager::Options {
        memory: 1 << 20,
        ..manager::Options::default()
    };
    let bench = Bench::with(Options::default(), options);
    let (mut client, mut link) = bench.session().await;
    let begin = format!("<message xmlns='jabber:client' id='1'>{}", "x".repeat(500_000));
    let fragment = |text: &str, kind, fin| Message::Frame(Frame::message(text.to_owned(), OpCode::Data(kind), fin));
    client.send(fragment(&begin, Data::Text, false)).await;
    client.send(Message::Ping("p".into())).await;
    assert_eq!(client.next().await, Message::Pong("p".into()));
    let mut taken = bench.manager.share();
    taken.set(600_000);
    assert!(!taken.may_grow(false), "what was read is forgotten");
    client.send(fragment("</message>", Data::Continue, true)).await;
    // there is no room to read it
    assert!(link.hears_nothing_for(Duration::from_secs(1)).await);
    drop(taken);
    link.sees(&begin).await;
    link.sees("</message>").await;
    let mut taken = bench.manager.share();
    taken.set(600_000);
    assert!(taken.may_grow(false), "it has gone on");
}
