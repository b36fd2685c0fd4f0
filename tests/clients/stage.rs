//! Where clients play: an XMPP server, boshd before it, and a way on either side that can be closed or cut.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::guest::{Guest, PATIENCE};
use crate::support::backend::{Backend, Kind};
use crate::support::boshd::Boshd;
use crate::support::network::Entrance;
use crate::support::record::Record;
use crate::support::server::{domain, jid, password_of};
use crate::support::valve::Valve;

/// What a client is, and how it is started.
pub struct Client {
    /// Of its program.
    pub name: &'static str,
    /// What starts the program, ahead of endpoint, user and password.
    pub command: fn() -> Command,
    /// Behind them.
    pub options: &'static [&'static str],
    /// Its endpoint at boshd.
    pub endpoint: fn(SocketAddr) -> String,
}

/// Pages come from another origin.
pub const CORS: &str = "[cors]\norigins = ['*']\n";

/// Longer than clients pause before their next request (100 ms are usual).
const PAUSE: Duration = Duration::from_millis(300);

pub struct Stage {
    pub boshd: Boshd,
    /// Between the clients and boshd.
    pub network: Arc<Valve>,
    /// Between boshd and the server.
    pub upstream: Arc<Valve>,
    /// Where the clients find boshd behind that network.
    pub address: SocketAddr,
    _entrances: [Entrance; 2],
    pub backend: Backend,
}

/// The usual endpoint.
pub fn http_bind(boshd: SocketAddr) -> String {
    format!("http://{boshd}/http-bind")
}

impl Stage {
    pub async fn with(kind: Kind, users: &[&str]) -> Self {
        Self::set(kind, users, CORS).await
    }

    /// The same with these sections of `boshd.toml`.
    pub async fn set(kind: Kind, users: &[&str], sections: &str) -> Self {
        let backend = kind.start(users);
        let (network, upstream) = (Valve::new(), Valve::new());
        let behind = Entrance::to(upstream.clone(), backend.address()).await;
        let sections = format!("[shutdown]\ngrace = '0s'\ndeadline = '2s'\n{sections}");
        let boshd = Boshd::with(domain(), behind.address, &sections);
        let before = Entrance::to(network.clone(), boshd.address).await;
        Self {
            boshd,
            network,
            upstream,
            address: before.address,
            _entrances: [behind, before],
            backend,
        }
    }

    /// This user of this client, who is not online yet.
    pub fn guest(&self, client: &Client, user: &str) -> Guest {
        Self::comes_to(self.address, client, user)
    }

    /// By another way to boshd.
    pub fn comes_to(boshd: SocketAddr, client: &Client, user: &str) -> Guest {
        let mut command = (client.command)();
        command.args([(client.endpoint)(boshd), jid(user), password_of(user)]);
        command.args(client.options);
        Guest::start(client.name, user, command)
    }

    /// The same, online.
    pub async fn visitor(&self, client: &Client, user: &str) -> Guest {
        let mut guest = self.guest(client, user);
        guest.enters().await;
        guest
    }

    /// The same, on a way of its own: nothing is cut there.
    pub async fn neighbour(&self, client: &Client, user: &str) -> Guest {
        let mut guest = Self::comes_to(self.boshd.address, client, user);
        guest.enters().await;
        guest
    }

    /// What this guest's client can do here.
    pub fn record(&self, guest: &Guest, act: &str) {
        let (client, version) = guest.version.as_ref().expect("it has told what it is");
        self.record_of(client, version, act);
    }

    /// The same of a client that is no guest.
    pub fn record_of(&self, client: &str, version: &str, act: &str) {
        let record = Record {
            client: client.to_owned(),
            version: version.to_owned(),
            server: self.backend.name(),
            act: act.to_owned(),
        };
        record.write();
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.boshd.wrote("session begins") - self.boshd.wrote("session ended")
    }

    /// Waits until so many clients have a request held, and no more than that happens: clients pause between an answer and their next request.
    pub async fn is_asked_by(&self, clients: usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut since = Instant::now();
        while since.elapsed() < PAUSE {
            assert!(Instant::now() < deadline, "{} requests are held", self.network.waiting());
            if self.network.waiting() != clients {
                since = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until so many sessions are left.
    pub async fn is_left_with(&self, sessions: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.sessions() != sessions {
            assert!(
                Instant::now() < deadline,
                "{} sessions are left\n{}",
                self.sessions(),
                self.boshd.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
