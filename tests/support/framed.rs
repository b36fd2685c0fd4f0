//! boshd in memory before a scripted XMPP server, for clients that speak XMPP over WebSocket.
#![allow(dead_code, reason = "each test file uses its part")]

#[path = "infoset.rs"]
pub mod infoset;
#[path = "upstream.rs"]
pub mod upstream;

use std::sync::Arc;
use std::time::Duration;

use boshd::front::turn::Caller;
use boshd::front::{Front, Options};
use boshd::manager::{self, ConnectionManager, Peer};
use boshd::upstream::{Call, Connect, Connected, Connecting};
use boshd::xmpp::Domain;
use tokio::io::DuplexStream;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::websocket::Client;
use upstream::Link;

/// Longer than anything takes that is expected to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>";

/// Of a server that lets somebody in.
pub const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";

/// The connection manager, and who connects to `example.org` in its name.
pub struct Bench {
    pub manager: Arc<ConnectionManager>,
    pub shutdown: CancellationToken,
    front: Arc<Front>,
    links: Mutex<mpsc::UnboundedReceiver<DuplexStream>>,
}

/// Hands every connection over to the test.
struct Server {
    links: mpsc::UnboundedSender<DuplexStream>,
    width: usize,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Options::default(), manager::Options::default())
    }

    pub fn with(front: Options, manager: manager::Options) -> Self {
        // as wide as anything that a test says without being read
        Self::narrow(front, manager, 8 << 20)
    }

    /// Towards a server that reads no more than so many bytes until the test does.
    pub fn narrow(front: Options, manager: manager::Options, width: usize) -> Self {
        let (sender, links) = mpsc::unbounded_channel();
        let server = Arc::new(Server { links: sender, width });
        let manager = Arc::new(ConnectionManager::new(server, manager));
        Self {
            front: Arc::new(Front::new(front, manager.clone())),
            manager,
            shutdown: CancellationToken::new(),
            links: Mutex::new(links),
        }
    }

    /// A connection of which so many bytes may be on their way.
    pub fn connect(&self, width: usize) -> DuplexStream {
        let (near, far) = tokio::io::duplex(width);
        let caller = Caller {
            front: self.front.clone(),
            door: Arc::default(),
            peer: Peer::unknown(),
            shutdown: self.shutdown.clone(),
        };
        tokio::spawn(Front::connection(far, Arc::new(caller)));
        near
    }

    /// The server's end of the next stream.
    pub async fn accept(&self) -> Link<DuplexStream> {
        let accepted = timeout(PATIENCE, async { self.links.lock().await.recv().await });
        Link::on(accepted.await.expect("a stream in time").expect("a connector"))
    }

    /// A WebSocket on which nothing was said.
    pub async fn client(&self) -> Client<DuplexStream> {
        Client::on(self.connect(8 << 20), &[]).await.expect("a WebSocket").0
    }

    /// A stream whose features were read, and the server's end of it.
    pub async fn session(&self) -> (Client<DuplexStream>, Link<DuplexStream>) {
        let mut client = self.client().await;
        client.say(OPEN).await;
        let mut link = self.accept().await;
        link.opens().await;
        client.hears("<open ").await;
        client.hears("<stream:features ").await;
        (client, link)
    }

    /// Returns once so many sessions are left.
    pub async fn is_left_with(&self, sessions: usize) {
        let left = async {
            while self.manager.sessions() != sessions {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, left).await.expect("sessions that end");
    }
}

impl Connect for Server {
    fn serves(&self, domain: &Domain) -> bool {
        domain.as_str() == "example.org"
    }

    fn connect(&self, call: Call) -> Connecting<'_> {
        let (near, far) = tokio::io::duplex(self.width);
        let _ = self.links.send(far);
        Box::pin(async move { Ok(Connected::fresh(near, &call.header)) })
    }
}
