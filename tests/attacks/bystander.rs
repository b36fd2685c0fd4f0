//! Somebody who chats while others attack: each message has to be answered, and its time is taken.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bench::poster::Client;
use crate::bench::upstream::Link;
use crate::bench::{Bench, PATIENCE};

/// Between two messages.
const PAUSE: Duration = Duration::from_millis(2);

pub struct Bystander {
    enough: CancellationToken,
    chat: JoinHandle<Vec<Duration>>,
}

impl Bystander {
    /// Makes a session and begins to chat; each message goes over a connection of its own.
    pub async fn begin(bench: &Bench) -> Self {
        let (client, link) = bench.session().await;
        let enough = CancellationToken::new();
        let chat = tokio::spawn(chat(client, link, enough.clone()));
        Self { enough, chat }
    }

    /// Ends the chat, and prints what happened meanwhile.
    pub async fn tell(self, sent: &str, refused: &str) {
        self.enough.cancel();
        let mut times = self.chat.await.expect("every message was answered");
        times.sort_unstable();
        let (min, median, max) = (times[0], times[times.len() / 2], times[times.len() - 1]);
        println!("sent: {sent}");
        println!("refused: {refused}");
        println!(
            "meanwhile {} messages and their answers: min {min:.1?}, median {median:.1?}, max {max:.1?}",
            times.len()
        );
    }
}

async fn chat(mut client: Client, mut link: Link, enough: CancellationToken) -> Vec<Duration> {
    let mut times = Vec::new();
    while times.is_empty() || !enough.is_cancelled() {
        let began = Instant::now();
        let mut held = client.next(&format!("<message id='{}'/>", client.rid)).await;
        link.sees(&format!("<message xmlns='jabber:client' id='{}'/>", client.rid - 1))
            .await;
        link.says(&format!("<message id='answer to {}'/>", client.rid)).await;
        let reply = held.reply_within(PATIENCE).await;
        assert!(reply.text.contains(&format!("answer to {}", client.rid)), "{}", reply.text);
        times.push(began.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    times
}
