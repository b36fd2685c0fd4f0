//! A network that cuts a connection on which nothing has moved for a while, as proxies and firewalls do, or forgets it, as NAT does.

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, sink};
use tokio::time::sleep;

use crate::support::network::{Dial, Io, Later, Network};

pub struct IdleCut {
    after: Duration,
    end: End,
    cuts: AtomicU64,
}

/// What both sides see of it.
enum End {
    Closed,
    /// Nothing: what they say is swallowed.
    Forgotten,
}

impl IdleCut {
    pub fn after(after: Duration) -> Arc<Self> {
        Self::with(after, End::Closed)
    }

    pub fn unnoticed_after(after: Duration) -> Arc<Self> {
        Self::with(after, End::Forgotten)
    }

    fn with(after: Duration, end: End) -> Arc<Self> {
        Arc::new(Self {
            after,
            end,
            cuts: AtomicU64::new(0),
        })
    }

    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }

    async fn forward(&self, mut client: Io, server: Dial) -> Result<()> {
        let mut server = server().await?;
        let (mut up, mut down) = ([0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                count = client.read(&mut up) => match count? {
                    0 => return Ok(()),
                    count => server.write_all(&up[..count]).await?,
                },
                count = server.read(&mut down) => match count? {
                    0 => return Ok(()),
                    count => client.write_all(&down[..count]).await?,
                },
                () = sleep(self.after) => {
                    self.cuts.fetch_add(1, Ordering::Relaxed);
                    break;
                }
            }
        }
        if let End::Forgotten = self.end {
            tokio::try_join!(swallow(&mut client), swallow(&mut server))?;
        }
        Ok(())
    }
}

/// Whatever comes, to the end.
async fn swallow(from: &mut Io) -> Result<()> {
    copy(from, &mut sink()).await.map(|_| ())
}

impl Network for IdleCut {
    fn carry(self: Arc<Self>, client: Io, server: Dial) -> Later<Result<()>> {
        Box::pin(async move { self.forward(client, server).await })
    }
}
