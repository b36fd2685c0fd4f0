//! A link that is slow and loses packets, as a stream of TCP feels it: what was lost arrives after TCP has sent it again, and all behind it
//! waits for it.

use std::io::Result;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::support::network::{Dial, Io, Later, Network};

pub struct Lossy {
    /// From one side to the other.
    pub delay: Duration,
    /// Lost of a hundred packets.
    pub loss: u8,
    random: Mutex<Rng>,
}

/// The payload of a packet on Ethernet.
const SEGMENT: usize = 1460;
/// Before the first answer TCP does not know the link (RFC 6298 section 2.1).
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);

impl Lossy {
    pub fn with(delay: Duration, loss: u8, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            delay,
            loss,
            random: Mutex::new(Rng::with_seed(seed)),
        })
    }

    /// What one packet needs beyond the delay: each loss costs a time-out that is twice as long as the one before.
    fn retransmission(&self, first: Duration) -> Duration {
        let mut random = self.random.lock().expect("no holder panics");
        let (mut timeout, mut lost) = (first, Duration::ZERO);
        while random.u8(..100) < self.loss {
            lost += timeout;
            timeout *= 2;
        }
        lost
    }

    async fn serve(&self, client: Io, dial: Dial) -> Result<()> {
        // SYN and its answer
        sleep(2 * self.delay + self.retransmission(FIRST_TIMEOUT) + self.retransmission(FIRST_TIMEOUT)).await;
        let server = dial().await?;
        let (from_client, to_client) = tokio::io::split(client);
        let (from_server, to_server) = tokio::io::split(server);
        tokio::select! {
            end = self.one_way(from_client, to_server) => end,
            end = self.one_way(from_server, to_client) => end,
        }
    }

    async fn one_way(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> Result<()> {
        let (sender, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
        let leaving = async move {
            let (mut packet, mut arrival) = ([0; SEGMENT], Instant::now());
            loop {
                let count = from.read(&mut packet).await?;
                let retransmission = self.retransmission(3 * self.delay);
                arrival = arrival.max(Instant::now() + self.delay + retransmission);
                // the receiver lives as long as this does
                drop(sender.send((arrival, packet[..count].to_vec())));
                if count == 0 {
                    return Ok(());
                }
            }
        };
        let arriving = async {
            while let Some((arrival, packet)) = under_way.recv().await {
                sleep_until(arrival).await;
                if packet.is_empty() {
                    break;
                }
                to.write_all(&packet).await?;
            }
            Ok(())
        };
        tokio::try_join!(leaving, arriving).map(|_| ())
    }
}

impl Network for Lossy {
    fn carry(self: Arc<Self>, client: Io, server: Dial) -> Later<Result<()>> {
        Box::pin(async move { self.serve(client, server).await })
    }
}
