//! A network that knows requests: it loses them before, in the middle of, or after they arrive, cuts answers, delivers requests twice, and
//! lets them overtake one another; from a seed.

use std::io::Result;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::sleep;

pub struct Mischief {
    pub address: SocketAddr,
    done: Arc<AtomicU64>,
    accepting: AbortHandle,
}

/// What befalls one request.
#[derive(Clone, Copy, Debug)]
enum Fate {
    None,
    /// It never leaves.
    Lost,
    /// Only a part of it arrives.
    Torn,
    /// It arrives, and its connection dies.
    Orphaned,
    /// It is answered, and only a part of that arrives.
    Unheard,
    /// It arrives twice, the second time on another connection.
    Doubled,
    /// It arrives after this time, and others before it.
    Late(Duration),
}

impl Fate {
    fn draw(random: &mut Rng) -> Self {
        match random.u8(..100) {
            0..5 => Self::Lost,
            5..10 => Self::Torn,
            10..15 => Self::Orphaned,
            15..20 => Self::Unheard,
            20..30 => Self::Doubled,
            30..40 => Self::Late(Duration::from_millis(random.u64(..100))),
            _ => Self::None,
        }
    }
}

impl Mischief {
    pub async fn start(server: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("free port");
        let address = listener.local_addr().expect("address");
        let done = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&done);
        let mut random = Rng::with_seed(seed);
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("accept");
                let (random, counter) = (random.fork(), Arc::clone(&counter));
                // an error is the end of the connection, as every misfortune is
                tokio::spawn(async move { drop(carry(client, server, random, &counter).await) });
            }
        });
        Self {
            address,
            done,
            accepting: accepting.abort_handle(),
        }
    }

    /// Requests that something befell.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

impl Drop for Mischief {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One client's connection, request by request.
async fn carry(mut client: TcpStream, server: SocketAddr, mut random: Rng, done: &AtomicU64) -> Result<()> {
    let mut upstream = TcpStream::connect(server).await?;
    loop {
        let request = message(&mut client).await?;
        let fate = Fate::draw(&mut random);
        done.fetch_add(u64::from(!matches!(fate, Fate::None)), Ordering::Relaxed);
        match fate {
            Fate::Lost => return Ok(()),
            Fate::Torn => return upstream.write_all(&request[..random.usize(1..request.len())]).await,
            Fate::Orphaned => return upstream.write_all(&request).await,
            Fate::Late(time) => sleep(time).await,
            Fate::None | Fate::Unheard | Fate::Doubled => {}
        }
        upstream.write_all(&request).await?;
        let answer = if let Fate::Doubled = fate {
            sleep(Duration::from_millis(random.u64(..20))).await;
            let mut other = TcpStream::connect(server).await?;
            other.write_all(&request).await?;
            // no copy is left under way: one that came much later would be none of the window's, and end the session
            let (one, two) = tokio::try_join!(message(&mut upstream), message(&mut other))?;
            if is_superseded(&one) { two } else { one }
        } else {
            message(&mut upstream).await?
        };
        if let Fate::Unheard = fate {
            return client.write_all(&answer[..random.usize(..answer.len())]).await;
        }
        client.write_all(&answer).await?;
    }
}

fn is_superseded(answer: &[u8]) -> bool {
    String::from_utf8_lossy(answer).contains(" type='error'")
}

/// A head and the body of the length that it names.
async fn message(from: &mut TcpStream) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
            if bytes.len() >= end + 4 + length {
                return Ok(bytes);
            }
        }
        if from.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
