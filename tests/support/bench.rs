//! boshd on loopback before a scripted XMPP server, in real time: both ends are sockets, and what passes is bytes.
#![allow(dead_code, reason = "each test file uses its part")]

#[path = "infoset.rs"]
pub mod infoset;
#[path = "poster.rs"]
pub mod poster;
#[path = "upstream.rs"]
pub mod upstream;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use boshd::bosh::Limits;
use boshd::front::{self, Front};
use boshd::manager::{self, ConnectionManager};
use boshd::net::Listener;
use boshd::upstream::Connect;
use boshd::upstream::connector::Connector;
use boshd::upstream::resolve::{Resolve, Table};
use boshd::upstream::route::{Entry, Pattern, Route, Servers};
use boshd::upstream::target::{Host, Security, Source, Target};
use boshd::upstream::way::{Terms, Way};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use poster::{Client, Connection, Reply, creation};
use upstream::{Link, Upstream};

/// Longer than anything takes that is expected to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What happens at once happens within this, on a busy machine, too; whatever waits here waits much longer.
pub const SOON: Duration = Duration::from_secs(2);

/// Long enough to see that nothing happens.
pub const WHILE: Duration = Duration::from_millis(200);

/// What an ordinary client asks for. Vary it with `replace`.
pub const USUAL: &str =
    "to='example.org' wait='60' hold='1' ver='1.6' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0' xml:lang='en'";

/// The connection manager in this process, with its endpoint on a port of its own.
pub struct Bench {
    pub address: SocketAddr,
    pub upstream: Upstream,
    pub manager: Arc<ConnectionManager>,
    shutdown: CancellationToken,
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    /// Serves `example.org` at the scripted server.
    pub async fn with(session: Limits) -> Self {
        let upstream = Upstream::listen().await;
        let connector = connector(&[upstream.address], Duration::from_secs(10));
        Self::before(Arc::new(connector), upstream, session)
    }

    /// The same with another way to it, or to nowhere.
    pub fn before(connector: Arc<dyn Connect>, upstream: Upstream, session: Limits) -> Self {
        let options = manager::Options {
            session: Arc::new(session),
            ..manager::Options::default()
        };
        Self::managing(connector, upstream, options)
    }

    pub fn managing(connector: Arc<dyn Connect>, upstream: Upstream, options: manager::Options) -> Self {
        let manager = Arc::new(ConnectionManager::new(connector, options));
        Self::fronted(front::Options::default(), manager, upstream)
    }

    /// Serves `example.org` at the scripted server, behind an endpoint of these options.
    pub async fn behind(front: front::Options, options: manager::Options) -> Self {
        let upstream = Upstream::listen().await;
        let connector = connector(&[upstream.address], Duration::from_secs(10));
        let manager = Arc::new(ConnectionManager::new(Arc::new(connector), options));
        Self::fronted(front, manager, upstream)
    }

    fn fronted(front: front::Options, manager: Arc<ConnectionManager>, upstream: Upstream) -> Self {
        let front = Arc::new(Front::new(front, manager.clone()));
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.address().unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(front.serve(listener, Arc::default(), shutdown.clone()));
        Self {
            address,
            upstream,
            manager,
            shutdown,
        }
    }

    pub async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// This body on a connection of its own.
    pub async fn post(&self, body: &str) -> Connection {
        let mut connection = self.connect().await;
        connection.post(body).await;
        connection
    }

    pub async fn ask(&self, body: &str) -> Reply {
        self.post(body).await.reply().await
    }

    /// A session with the usual terms, and the server's end of its stream.
    pub async fn session(&self) -> (Client, Link) {
        let (client, link, _) = self.session_with(USUAL).await;
        (client, link)
    }

    /// A session that is created with these attributes, with the answer to that.
    pub async fn session_with(&self, attributes: &str) -> (Client, Link, Reply) {
        let mut connection = self.post(&creation(attributes)).await;
        let mut link = self.upstream.accept().await;
        link.opens().await;
        let reply = connection.reply().await;
        (Client::of(self.address, &reply), link, reply)
    }

    /// A session that has to come to this server, of several.
    pub async fn session_at(&self, server: &Upstream) -> (Client, Link) {
        let mut connection = self.post(&creation(USUAL)).await;
        let mut link = server.accept().await;
        link.opens().await;
        (Client::of(self.address, &connection.reply().await), link)
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

impl Drop for Bench {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// The network's way to `example.org`, served by these.
pub fn connector(servers: &[SocketAddr], timeout: Duration) -> Connector {
    let terms = Terms {
        timeout,
        ..Terms::default()
    };
    // one after the other
    let targets = servers.iter().zip(0..).map(|(address, priority)| Target {
        priority,
        ..plain(*address)
    });
    connector_on(targets.collect(), terms)
}

/// The same on other terms.
pub fn connector_on(targets: Vec<Target>, terms: Terms) -> Connector {
    connector_with(Servers::Listed(targets), terms, Arc::new(Table::default()))
}

/// The same with servers that may have to be found.
pub fn connector_with(servers: Servers, terms: Terms, resolver: Arc<dyn Resolve>) -> Connector {
    let entry = Entry {
        pattern: Pattern::parse("example.org").unwrap(),
        servers,
        way: Way::new(terms, resolver.clone()),
    };
    let route = Route {
        entries: vec![entry],
        gone: Pattern::parse("gone.example").into_iter().collect(),
        denied: Vec::new(),
    };
    Connector::new(route, resolver)
}

/// A server in plain text.
pub fn plain(address: SocketAddr) -> Target {
    Target {
        host: Host::Address(address.ip()),
        port: address.port(),
        security: Security::Plain,
        priority: 0,
        weight: 1,
        source: Source::Written,
    }
}
