//! boshd in memory before a scripted XMPP server: both ends are pipes and, under a paused clock, time is virtual.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use boshd::bosh::Limits;
use boshd::front::door::Door;
use boshd::front::turn::Caller;
use boshd::front::{self, Front};
use boshd::manager::{self, ConnectionManager, Peer};
use boshd::upstream::{Call, Connect, Connected, Connecting};
use boshd::xmpp::Domain;
use tokio::io::DuplexStream;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::bench::PATIENCE;
use super::bench::poster::Connection;
use super::bench::upstream::Link;

/// Each end may write ahead of the other by so much.
const WIDTH: usize = 1 << 20;

pub struct Desk {
    pub manager: Arc<ConnectionManager>,
    front: Arc<Front>,
    streams: Mutex<mpsc::UnboundedReceiver<DuplexStream>>,
    shutdown: CancellationToken,
}

impl Desk {
    pub fn new() -> Self {
        Self::with(Limits::default())
    }

    pub fn with(session: Limits) -> Self {
        Self::managing(manager::Options {
            session: Arc::new(session),
            ..manager::Options::default()
        })
    }

    /// Serves `example.org` at a server of which the test says every word.
    pub fn managing(options: manager::Options) -> Self {
        let (begun, streams) = mpsc::unbounded_channel();
        let manager = Arc::new(ConnectionManager::new(Arc::new(Pipes { begun }), options));
        Self {
            front: Arc::new(Front::new(front::Options::default(), manager.clone())),
            manager,
            streams: Mutex::new(streams),
            shutdown: CancellationToken::new(),
        }
    }

    pub fn connect(&self) -> Connection<DuplexStream> {
        self.connect_as(Peer::unknown(), Door::default())
    }

    /// A connection that came in there.
    pub fn connect_at(&self, door: Door) -> Connection<DuplexStream> {
        self.connect_as(Peer::unknown(), door)
    }

    /// The connection of a client with this address.
    pub fn connect_from(&self, address: IpAddr) -> Connection<DuplexStream> {
        let peer = Peer {
            address: (address, 1024).into(),
            ..Peer::unknown()
        };
        self.connect_as(peer, Door::default())
    }

    fn connect_as(&self, peer: Peer, door: Door) -> Connection<DuplexStream> {
        let (near, far) = tokio::io::duplex(WIDTH);
        let caller = Caller {
            front: self.front.clone(),
            door: Arc::new(door),
            peer,
            shutdown: self.shutdown.clone(),
        };
        tokio::spawn(Front::connection(far, Arc::new(caller)));
        Connection::on(near)
    }

    /// This body on a connection of its own.
    pub async fn post(&self, body: &str) -> Connection<DuplexStream> {
        let mut connection = self.connect();
        connection.post(body).await;
        connection
    }

    /// The server's end of the stream that was begun next.
    pub async fn stream(&self) -> Link<DuplexStream> {
        let mut streams = self.streams.lock().await;
        let begun = timeout(PATIENCE, streams.recv()).await.expect("a stream in time");
        Link::on(begun.expect("the connection manager lives"))
    }

    /// No stream is begun within this time.
    pub async fn begins_nothing_for(&self, time: Duration) -> bool {
        timeout(time, self.streams.lock().await.recv()).await.is_err()
    }

    /// Returns once so many sessions are left.
    pub async fn is_left_with(&self, sessions: usize) {
        let began = Instant::now();
        while self.manager.sessions() != sessions {
            assert!(began.elapsed() < PATIENCE, "{} sessions are left", self.manager.sessions());
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Begins each stream in memory, and hands its far end over.
struct Pipes {
    begun: mpsc::UnboundedSender<DuplexStream>,
}

impl Connect for Pipes {
    fn serves(&self, domain: &Domain) -> bool {
        domain.as_str() == "example.org"
    }

    fn connect(&self, call: Call) -> Connecting<'_> {
        let (near, far) = tokio::io::duplex(WIDTH);
        Box::pin(async move {
            // a desk that is gone takes no more
            let _ = self.begun.send(far);
            Ok(Connected::fresh(near, &call.header))
        })
    }
}
