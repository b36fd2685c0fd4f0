//! A scripted XMPP server that knows only bytes: it writes down what it gets and says what the test tells it to, when told. And places
//! where there is none.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::PATIENCE;
use super::infoset::{Element, infoset};

pub const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
                          id='stream-1' from='example.org' version='1.0' xml:lang='en'>";

pub const FEATURES: &str = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>\
                            </mechanisms></stream:features>";

pub const CLOSING: &str = "</stream:stream>";

pub struct Upstream {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl Upstream {
    pub async fn listen() -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    pub async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    pub async fn accept(&self) -> Link {
        let accepted = timeout(PATIENCE, self.listener.accept()).await.expect("a connection in time");
        Link::on(accepted.unwrap().0)
    }

    /// Nobody connects within this time.
    pub async fn is_left_alone_for(&self, time: Duration) -> bool {
        timeout(time, self.listener.accept()).await.is_err()
    }
}

/// A place that is taken, where connections are refused until somebody listens.
pub struct Closed {
    socket: TcpSocket,
    pub address: SocketAddr,
}

impl Closed {
    pub fn new() -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into()).unwrap()
    }

    pub fn at(address: SocketAddr) -> io::Result<Self> {
        let socket = bound(address)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    pub fn opens(self) -> Upstream {
        Upstream {
            listener: self.socket.listen(16).unwrap(),
            address: self.address,
        }
    }
}

/// A place that swallows connections: its queue is full, and nobody takes them.
pub struct BlackHole {
    pub address: SocketAddr,
    _listener: TcpListener,
    _first: TcpStream,
}

impl BlackHole {
    pub async fn new() -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap()
    }

    pub async fn at(address: SocketAddr) -> io::Result<Self> {
        let listener = bound(address)?.listen(0)?;
        let address = listener.local_addr()?;
        Ok(Self {
            address,
            _first: TcpStream::connect(address).await?,
            _listener: listener,
        })
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(address)?;
    Ok(socket)
}

/// One connection from the connection manager.
pub struct Link<S = TcpStream> {
    pub io: S,
    /// All that came.
    seen: String,
    /// Behind what was waited for last.
    place: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    pub fn on(io: S) -> Self {
        Self {
            io,
            seen: String::new(),
            place: 0,
        }
    }

    /// So many bytes that come first, which are no text.
    pub async fn takes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let taken = timeout(PATIENCE, self.io.read_exact(&mut bytes));
        taken.await.expect("bytes in time").expect("so many bytes");
        bytes
    }

    /// Answers a stream header with one of its own and with features.
    pub async fn opens(&mut self) {
        self.header().await;
        self.says(&[HEADER, FEATURES].concat()).await;
    }

    /// The next stream header, as an element.
    pub async fn header(&mut self) -> Element {
        self.sees("<stream:stream ").await;
        let start = self.place - "<stream:stream ".len();
        self.sees(">").await;
        infoset(&[&self.seen[start..self.place], CLOSING].concat())
    }

    pub async fn says(&mut self, text: &str) {
        self.io.write_all(text.as_bytes()).await.unwrap();
    }

    /// Returns once `text` has come behind what was waited for before.
    pub async fn sees(&mut self, text: &str) {
        let found = timeout(PATIENCE, async {
            loop {
                if let Some(at) = self.seen[self.place..].find(text) {
                    self.place += at + text.len();
                    return true;
                }
                if self.more().await == 0 {
                    return false;
                }
            }
        });
        assert_eq!(found.await, Ok(true), "the server never saw {text}, but {}", self.seen);
    }

    pub fn seen(&self) -> &str {
        &self.seen
    }

    /// The elements that came behind the last stream header.
    pub fn elements(&self) -> Vec<Element> {
        let (_, stream) = self.seen.rsplit_once("<stream:stream ").expect("a header");
        let closing = if stream.ends_with(CLOSING) { "" } else { CLOSING };
        infoset(&format!("<stream:stream {stream}{closing}"))
            .elements()
            .cloned()
            .collect()
    }

    /// Nothing comes within this time.
    pub async fn hears_nothing_for(&mut self, time: Duration) -> bool {
        timeout(time, self.more()).await.is_err()
    }

    /// Reads to the end of the connection.
    pub async fn ends(&mut self) {
        let ended = timeout(PATIENCE, async { while self.more().await > 0 {} });
        ended.await.expect("the end in time");
    }

    /// Ends the stream as a server does when it was asked to.
    pub async fn says_goodbye(&mut self) {
        self.sees(CLOSING).await;
        self.says(CLOSING).await;
        self.ends().await;
    }

    async fn more(&mut self) -> usize {
        let mut buffer = [0; 16 * 1024];
        let length = self.io.read(&mut buffer).await.unwrap_or(0);
        // what the connection manager sends is cut anywhere, but tests send it nothing else than ASCII where that matters
        self.seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
        length
    }
}

impl Link {
    /// Ends the connection with a reset.
    pub fn reset(self) {
        self.io.set_zero_linger().unwrap();
    }
}
