//! A way that a test closes and opens: nothing goes through for a while, or all connections that there are end.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Result;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::sync::watch;

use super::network::{Dial, Io, Later, Network};

pub struct Valve {
    flow: watch::Sender<Flow>,
    /// How often all connections were cut.
    cuts: watch::Sender<u64>,
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

    async fn pump(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> Result<()> {
        let mut flow = self.flow.subscribe();
        let mut bytes = [0; 4096];
        loop {
            let count = from.read(&mut bytes).await?;
            flow.wait_for(|flow| *flow == Flow::Open).await.expect("its sender is here");
            if count == 0 {
                return to.shutdown().await;
            }
            to.write_all(&bytes[..count]).await?;
        }
    }

    async fn forward(&self, client: Io, server: Dial) -> Result<()> {
        let mut cuts = self.cuts.subscribe();
        let (from_server, to_server) = split(server().await?);
        let (from_client, to_client) = split(client);
        tokio::select! {
            both = async { tokio::try_join!(self.pump(from_client, to_server), self.pump(from_server, to_client)) } => both.map(|_| ()),
            _ = cuts.changed() => Ok(()),
        }
    }
}

impl Network for Valve {
    fn carry(self: Arc<Self>, client: Io, server: Dial) -> Later<Result<()>> {
        Box::pin(async move { self.forward(client, server).await })
    }
}
