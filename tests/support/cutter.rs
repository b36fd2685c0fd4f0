//! A hostile network: forwards TCP between a client and a server and cuts connections at random, from a seed: by RST or
//! FIN, while nothing flows, in the middle of a request, or in the middle of an answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

pub struct Cutter {
    pub address: SocketAddr,
    cuts: Arc<AtomicU64>,
    accepting: AbortHandle,
}

impl Cutter {
    pub async fn start(server: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("free port");
        let address = listener.local_addr().expect("address");
        let cuts = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&cuts);
        let mut random = Rng::with_seed(seed);
        let unanswered = Arc::new(AtomicU64::new(0));
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("accept");
                tokio::spawn(carry(
                    client,
                    server,
                    Fate::draw(&mut random),
                    Arc::clone(&counter),
                    Arc::clone(&unanswered),
                ));
            }
        });
        Self {
            address,
            cuts,
            accepting: accepting.abort_handle(),
        }
    }

    /// Connections cut so far.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Cuts in a row, with no answer between them, after which a connection is left alone until one has passed: Strophe gives up after five, and
/// waits 8 s with a message that failed twice, while its polls go on.
const IN_A_ROW: u64 = 2;

/// What befalls one connection, if it lives that long: bytes of requests, bytes of answers, or a time.
struct Fate {
    request_bytes: usize,
    answer_bytes: usize,
    lifetime: Duration,
    reset: bool,
}

impl Fate {
    /// Most connections carry some exchanges first: clients give up after about five failures in a row. A single request or
    /// answer must stay well below these sizes, or it would be cut each time.
    fn draw(random: &mut Rng) -> Self {
        Self {
            request_bytes: random.usize(4_000..40_000),
            answer_bytes: random.usize(2_000..40_000),
            lifetime: Duration::from_millis(random.u64(100..2_500)),
            reset: random.bool(),
        }
    }
}

/// `unanswered`: how many connections were cut since any answer passed.
async fn carry(mut client: TcpStream, server: SocketAddr, fate: Fate, cuts: Arc<AtomicU64>, unanswered: Arc<AtomicU64>) {
    let Ok(mut upstream) = TcpStream::connect(server).await else {
        return;
    };
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = upstream.split();
    let cut = tokio::select! {
        cut = forward(from_client, to_server, fate.request_bytes, || {}) => cut,
        cut = forward(from_server, to_client, fate.answer_bytes, || unanswered.store(0, Ordering::Relaxed)) => cut,
        () = outlived(fate.lifetime, &unanswered) => true,
    };
    if cut {
        cuts.fetch_add(1, Ordering::Relaxed);
        unanswered.fetch_add(1, Ordering::Relaxed);
    }
    if cut && fate.reset {
        for side in [&client, &upstream] {
            side.set_zero_linger().expect("SO_LINGER");
        }
    }
}

/// The time is over, and it is not one too many.
async fn outlived(lifetime: Duration, unanswered: &AtomicU64) {
    tokio::time::sleep(lifetime).await;
    while unanswered.load(Ordering::Relaxed) >= IN_A_ROW {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Forwards until one side ends (false) or the budget is used up (true). It does not cut in the last four bytes of a head: Chromium takes a
/// head that ends there, by FIN, for the whole answer, and its page for an empty one; no server can help that.
async fn forward(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut budget: usize, passed: impl Fn()) -> bool {
    let mut buffer = vec![0; 16 * 1024];
    while budget > 0 {
        let Ok(count @ 1..) = from.read(&mut buffer).await else {
            return false;
        };
        let arrived = &buffer[..count];
        let head = arrived.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = head.filter(|end| (*end..end + 4).contains(&budget)) {
            budget = end + 4;
        }
        let passing = &arrived[..count.min(budget)];
        if to.write_all(passing).await.is_err() {
            return false;
        }
        passed();
        budget -= passing.len();
    }
    true
}
