//! A network that cuts connections after some bytes of answers or at some time, whatever is under way.

use std::io::Result;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until};

use crate::support::network::{Dial, Io, Later, Network};

pub struct Cutting {
    random: Mutex<Rng>,
    cuts: AtomicU64,
}

impl Cutting {
    pub fn with(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            random: Mutex::new(Rng::with_seed(seed)),
            cuts: AtomicU64::new(0),
        })
    }

    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }

    /// The fate of a connection: so many bytes of answers, or so long. A single answer fits mostly.
    fn fate(&self) -> (usize, Duration) {
        let mut random = self.random.lock().expect("no holder panics");
        (random.usize(1..4_000), Duration::from_millis(random.u64(1..20_000)))
    }

    async fn forward(&self, mut client: Io, server: Dial) -> Result<()> {
        let mut server = server().await?;
        let (mut budget, lifetime) = self.fate();
        let end = Instant::now() + lifetime;
        let (mut up, mut down) = ([0; 4096], [0; 4096]);
        while budget > 0 {
            tokio::select! {
                count = client.read(&mut up) => match count? {
                    0 => return Ok(()),
                    count => server.write_all(&up[..count]).await?,
                },
                count = server.read(&mut down) => match count? {
                    0 => return Ok(()),
                    count => {
                        let passing = count.min(budget);
                        client.write_all(&down[..passing]).await?;
                        budget -= passing;
                    }
                },
                () = sleep_until(end) => break,
            }
        }
        self.cuts.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Network for Cutting {
    fn carry(self: Arc<Self>, client: Io, server: Dial) -> Later<Result<()>> {
        Box::pin(async move { self.forward(client, server).await })
    }
}
