//! What lies between a client and a server. The same network carries bytes in memory, under a paused clock, or between sockets.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Result;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for T {}

pub type Io = Box<dyn ByteStream>;

pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The way to the server: each call is a new connection.
pub type Dial = Arc<dyn Fn() -> Later<Result<Io>> + Send + Sync>;

pub trait Network: Send + Sync + 'static {
    /// Carries one connection of a client to its end, of whatever kind.
    fn carry(self: Arc<Self>, client: Io, server: Dial) -> Later<Result<()>>;
}

/// Bytes that one side may be ahead of the other, as in a socket's buffer.
pub const WIDTH: usize = 64 * 1024;

/// The way to a server on a socket.
pub fn to(server: SocketAddr) -> Dial {
    Arc::new(move || {
        Box::pin(async move {
            let server = TcpStream::connect(server).await?;
            server.set_nodelay(true)?;
            Ok(Box::new(server) as Io)
        })
    })
}

/// The way there through this network, in memory.
pub fn through(network: Arc<dyn Network>, server: Dial) -> Dial {
    Arc::new(move || {
        let (near, far) = tokio::io::duplex(WIDTH);
        // an error is the end of the connection, as every misfortune is
        tokio::spawn(network.clone().carry(Box::new(far), server.clone()));
        Box::pin(std::future::ready(Ok(Box::new(near) as Io)))
    })
}

/// Where clients enter a network by a socket.
pub struct Entrance {
    pub address: SocketAddr,
    accepting: AbortHandle,
}

impl Entrance {
    pub async fn to(network: Arc<dyn Network>, server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("free port");
        let address = listener.local_addr().expect("address");
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("accept");
                client.set_nodelay(true).expect("a socket");
                tokio::spawn(network.clone().carry(Box::new(client), to(server)));
            }
        });
        Self {
            address,
            accepting: accepting.abort_handle(),
        }
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
