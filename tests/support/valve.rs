//! A way that a test closes and opens: nothing goes through for a while, or all connections that there are end.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::sync::watch;

use super::network::{Dial, Io, Later, Network};

pub struct Valve {
    flow: watch::Sender<Flow>,
    /// How often all connections were cut.
    cuts: watch::Sender<u64>,
    /// Connections with requests that have no answer.
    waiting: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Open,
    Closed,
}

impl Valve {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            flow: watch::Sender::new(Flow::Open),
            cuts: watch::Sender::new(0),
            waiting: AtomicUsize::new(0),
        })
    }

    /// From now on what either side says stays on its way.
    pub fn close(&self) {
        self.flow.send_replace(Flow::Closed);
    }

    /// It goes on, and nothing was lost.
    pub fn open(&self) {
        self.flow.send_replace(Flow::Open);
    }

    /// All connections that there are end for both sides: how many.
    pub fn cut(&self) -> usize {
        let carried = self.cuts.receiver_count();
        self.cuts.send_modify(|cuts| *cuts += 1);
        carried
    }

    /// On how many connections a client waits for an answer.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    async fn pump(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        passed: impl Fn(&[u8]),
    ) -> Result<()> {
        let mut flow = self.flow.subscribe();
        let mut bytes = [0; 4096];
        loop {
            let count = from.read(&mut bytes).await?;
            flow.wait_for(|flow| *flow == Flow::Open).await.expect("its sender is here");
            if count == 0 {
                return to.shutdown().await;
            }
            passed(&bytes[..count]);
            to.write_all(&bytes[..count]).await?;
        }
    }

    async fn forward(&self, client: Io, server: Dial) -> Result<()> {
        let mut cuts = self.cuts.subscribe();
        let (from_server, to_server) = split(server().await?);
        let (from_client, to_client) = split(client);
        let turn = Turn {
            waiting: &self.waiting,
            unanswered: AtomicUsize::new(0),
        };
        let requests = self.pump(from_client, to_server, |bytes| turn.asks(messages(bytes)));
        let answers = self.pump(from_server, to_client, |bytes| turn.is_answered(messages(bytes)));
        tokio::select! {
            both = async { tokio::try_join!(requests, answers) } => both.map(|_| ()),
            _ = cuts.changed() => Ok(()),
        }
    }
}

/// How many messages of HTTP begin in these bytes; a client may put several behind one another.
fn messages(bytes: &[u8]) -> usize {
    const VERSION: &[u8] = b"HTTP/1.";
    bytes.windows(VERSION.len()).filter(|window| *window == VERSION).count()
}

/// Whose turn it is on a connection.
struct Turn<'a> {
    waiting: &'a AtomicUsize,
    unanswered: AtomicUsize,
}

impl Turn<'_> {
    fn asks(&self, requests: usize) {
        if requests > 0 && self.unanswered.fetch_add(requests, Ordering::Relaxed) == 0 {
            self.waiting.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_answered(&self, answers: usize) {
        if answers > 0 && self.unanswered.fetch_sub(answers, Ordering::Relaxed) == answers {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.is_answered(self.unanswered.load(Ordering::Relaxed));
    }
}

impl Network for Valve {
    fn carry(self: Arc<Self>, client: Io, server: Dial) -> Later<Result<()>> {
        Box::pin(async move { self.forward(client, server).await })
    }
}
