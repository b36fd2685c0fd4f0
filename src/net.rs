//! Listeners, streams and socket options: the only file that names tokio's sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpListener;

/// A connected TCP stream.
pub type Stream = tokio::net::TcpStream;

/// Connections that the kernel keeps for us until they are accepted. After a restart every client comes back at once.
const BACKLOG: i32 = 4096;

/// A peer that vanished without a word is noticed after idle + 3 intervals, well before a proxy's own hour.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_RETRIES: u32 = 3;

/// A listening TCP socket.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
}

impl Listener {
    /// Listens on `address`; port 0 lets the kernel choose.
    ///
    /// # Errors
    /// The address is taken, not ours, or needs a privilege.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self {
            inner: TcpListener::from_std(socket.into())?,
        })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The next connection, its options set: the stream, the other end's address, and the address that it came to.
    ///
    /// # Errors
    /// [`is_momentary`] tells those of one connection from those of the process.
    pub async fn accept(&self) -> io::Result<(Stream, SocketAddr, SocketAddr)> {
        let (stream, address) = self.inner.accept().await?;
        tune(&stream)?;
        let local = stream.local_addr()?;
        Ok((stream, address, local))
    }
}

/// The addresses of a host, as the system finds them.
///
/// # Errors
/// It has none.
pub async fn lookup(host: &str) -> io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((host, 0)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

/// Connects to this address.
///
/// # Errors
/// Nobody answers there.
pub async fn connect(address: SocketAddr) -> io::Result<Stream> {
    let stream = Stream::connect(address).await?;
    tune(&stream)?;
    Ok(stream)
}

/// Did only this one connection fail, so that the next may be accepted at once? Everything else (no descriptor left, no
/// memory) stays so for a while.
pub fn is_momentary(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, InvalidInput, NotConnected};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | InvalidInput | NotConnected
    )
}

/// Small answers leave at once, and dead peers are found.
fn tune(stream: &Stream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}
