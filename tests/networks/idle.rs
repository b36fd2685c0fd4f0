//! A network that cuts a connection on which nothing has moved for a while, as firewalls, NAT and proxies do.

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::sleep;

use crate::support::network::{Dial, Io, Later, Network};

pub struct IdleCut {
    pub after: Duration,
    cuts: AtomicU64,
}

impl IdleCut {
    pub fn after(after: Duration) -> Arc<Self> {
        Arc::new(Self {
            after,
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
                    return Ok(());
                }
            }
        }
    }
}

impl Network for IdleCut {
    fn carry(self: Arc<Self>, client: Io, server: Dial) -> Later<Result<()>> {
        Box::pin(async move { self.forward(client, server).await })
    }
}
