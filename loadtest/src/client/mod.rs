//! The swarm's clients: the same traffic spoken as BOSH, as plain HTTP towards the floor, or as XMPP over TCP.
//! A client that holds asks again as soon as it is answered, so that all of them make the same number of exchanges.

mod bosh;
mod floor;
mod http;
mod tcp;

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use tokio::net::{TcpSocket, TcpStream};

pub use bosh::Service;

/// Where clients log in, and how they speak.
#[derive(Clone)]
pub enum Endpoint {
    Bosh(Arc<Service>),
    Floor(SocketAddr),
    Tcp(SocketAddr),
}

pub enum Client {
    Bosh(bosh::Bosh),
    Floor(floor::Floor),
    Tcp(tcp::Tcp),
}

impl Endpoint {
    /// `wait` is how long, in seconds, the server may hold an empty request.
    pub async fn login(&self, wait: u32) -> Result<Client> {
        let client = match self {
            Endpoint::Bosh(service) => Client::Bosh(bosh::Bosh::login(service, wait).await?),
            Endpoint::Floor(address) => Client::Floor(floor::Floor::login(*address, wait).await?),
            Endpoint::Tcp(address) => Client::Tcp(tcp::Tcp::login(*address).await?),
        };
        Ok(client)
    }
}

impl Client {
    pub fn address(&self) -> &str {
        match self {
            Client::Bosh(client) => client.address(),
            Client::Floor(client) => client.address(),
            Client::Tcp(client) => client.address(),
        }
    }

    /// Makes sure that a request is held, where there are requests.
    pub async fn hold(&mut self) -> Result<()> {
        match self {
            Client::Bosh(client) => client.hold().await,
            Client::Floor(client) => client.hold().await,
            Client::Tcp(_) => Ok(()),
        }
    }

    /// Sends and waits for the HTTP answer that makes room for the next request; not for delivery.
    pub async fn send(&mut self, to: &str, payload: &[u8]) -> Result<()> {
        match self {
            Client::Bosh(client) => client.send(payload).await,
            Client::Floor(client) => client.send(to, payload).await,
            Client::Tcp(client) => client.send(payload).await,
        }
    }

    /// The payload of the next answer, empty if its wait was over. May be dropped while it waits.
    pub async fn receive(&mut self) -> Result<&[u8]> {
        match self {
            Client::Bosh(client) => client.receive().await,
            Client::Floor(client) => client.receive().await,
            Client::Tcp(client) => client.receive().await,
        }
    }

    /// Ends the session in an orderly way, for servers that outlive the measurement.
    pub async fn close(self) -> Result<()> {
        match self {
            Client::Bosh(client) => client.close().await,
            Client::Floor(_) | Client::Tcp(_) => Ok(()),
        }
    }
}

/// Connections from one source address.
const PER_SOURCE: u32 = 20_000;

/// Their ports lie below Linux' default range, 32768 to 60999: a port that is bound by hand is taken out of that range for everybody, until a
/// minute after its connection has ended, and the servers under test would run out of ports for their own connections.
const FIRST_PORT: u32 = 10_000;

/// Connects without Nagle's delay; towards loopback from 127.0.0.2, then 127.0.0.3, and so on.
async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = match address.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => bound()?.connect(address).await,
        _ => TcpStream::connect(address).await,
    }
    .with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A socket with a source of its own; one that somebody else has is passed over.
fn bound() -> Result<TcpSocket> {
    static CONNECTIONS: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let ip = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + 1 + number / PER_SOURCE % 250);
        let port = u16::try_from(FIRST_PORT + number % PER_SOURCE)?;
        let socket = TcpSocket::new_v4()?;
        match socket.bind(SocketAddr::from((ip, port))) {
            Ok(()) => return Ok(socket),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).context("bind"),
        }
    }
}
