//! Exactly once and in order, both ways, whatever becomes of the connections on the way (spec.md Q11).

#[path = "support/bench.rs"]
mod bench;

use std::collections::VecDeque;
use std::time::Duration;

use bench::Bench;
use bench::poster::{Client, Connection, Reply};
use bench::upstream::CLOSING;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::sleep;

/// Messages each way.
const COUNT: usize = 10_000;

/// Throws the same numbers every time.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn throw(&mut self, sides: u64) -> u64 {
        // Knuth's MMIX; its upper bits are the good ones
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn message(id: usize) -> String {
    format!("<message id='{id}'/>")
}

/// A client with two requests open, as a browser has them, whose connections keep breaking.
struct Rower {
    client: Client,
    dice: Dice,
    /// Unanswered requests, the oldest first.
    open: VecDeque<(String, Connection)>,
    sent: usize,
    got: usize,
    resets: usize,
}

impl Rower {
    /// The next request, with the next few messages, or with none.
    async fn send(&mut self) {
        let batch = self.dice.throw(60) as usize;
        let end = COUNT.min(self.sent + batch);
        let payload: String = (self.sent..end).map(message).collect();
        self.sent = end;
        self.client.rid += 1;
        let body = self.client.body(self.client.rid, "", &payload);
        let connection = self.client.post(&body).await;
        self.open.push_back((body, connection));
    }

    /// One of the connections may break, sooner or later, and its request is made again.
    async fn kill(&mut self) {
        let Some(victim) = self.open.get_mut(self.dice.throw(4) as usize) else {
            return;
        };
        match self.dice.throw(3) {
            0 => {}
            1 => tokio::task::yield_now().await,
            _ => sleep(Duration::from_millis(self.dice.throw(3))).await,
        }
        let again = self.client.post(&victim.0).await;
        std::mem::replace(&mut victim.1, again).reset();
        self.resets += 1;
    }

    /// The answer to the oldest.
    async fn receive(&mut self) {
        let (_, mut connection) = self.open.pop_front().unwrap();
        let reply: Reply = connection.reply().await;
        assert_eq!(reply.attribute("type"), None, "{}", reply.text);
        for payload in reply.payloads() {
            assert_eq!(payload.attributes["id"], self.got.to_string());
            self.got += 1;
        }
    }
}

// Q11, D10, D15, FX04: 10 000 numbered messages each way while connections are reset at random: each arrives once, in order
#[tokio::test]
async fn ten_thousand_messages_each_way() {
    let bench = Bench::new().await;
    let (client, link) = bench.session().await;
    let (mut reader, mut writer) = link.io.into_split();
    let server_reads = tokio::spawn(async move {
        let mut seen = String::new();
        let mut buffer = [0; 4096];
        while !seen.ends_with(CLOSING) {
            let length = reader.read(&mut buffer).await.unwrap();
            assert!(length > 0, "the end came early");
            seen.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
        seen
    });
    let server_writes = tokio::spawn(async move {
        for batch in (0..COUNT).collect::<Vec<_>>().chunks(25) {
            let batch: String = batch.iter().map(|id| message(*id)).collect();
            writer.write_all(batch.as_bytes()).await.unwrap();
            sleep(Duration::from_millis(1)).await;
        }
        // kept open to the end
        writer
    });
    let mut rower = Rower {
        client,
        dice: Dice(11),
        open: VecDeque::new(),
        sent: 0,
        got: 0,
        resets: 0,
    };
    while rower.sent < COUNT || rower.got < COUNT {
        while rower.open.len() < 2 {
            rower.send().await;
        }
        rower.kill().await;
        rower.receive().await;
    }
    let mut last = rower.client.next_with("type='terminate'", "").await;
    last.reply().await;
    let _writer = server_writes.await.unwrap();
    let seen = server_reads.await.unwrap();
    let ids = seen
        .split(" id='")
        .skip(1)
        .map(|rest| rest.split_once('\'').unwrap().0.parse::<usize>().unwrap());
    assert!(ids.eq(0..COUNT), "{seen}");
    assert!(rower.resets > 100, "only {} resets", rower.resets);
}
