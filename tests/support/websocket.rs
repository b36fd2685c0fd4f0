//! boshd in memory before a scripted XMPP server, with clients that speak XMPP over WebSocket (RFC 7395).
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
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

use upstream::Link;

/// Longer than anything takes that is expected to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>";

pub const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

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
        tokio::spawn(Front::connection(far, caller));
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

/// One WebSocket.
pub struct Client<S> {
    pub socket: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Asks for a WebSocket with the subprotocol `xmpp` and these headers.
    pub async fn on(io: S, headers: &[(&'static str, &'static str)]) -> Result<(Self, Response), Error> {
        let mut request = "ws://chat.example.org/ws".into_client_request()?;
        for (name, value) in [("Sec-WebSocket-Protocol", "xmpp")].iter().chain(headers) {
            request.headers_mut().insert(*name, value.parse().expect("a value"));
        }
        let (socket, response) = client_async(request, io).await?;
        Ok((Self { socket }, response))
    }

    pub async fn say(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    pub async fn send(&mut self, message: Message) {
        let sent = timeout(PATIENCE, self.socket.send(message)).await;
        sent.expect("to be heard in time").expect("a connection");
    }

    /// The next text.
    pub async fn hear(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.to_string(),
            other => panic!("no text: {other}"),
        }
    }

    /// The next text, which begins with this.
    pub async fn hears(&mut self, start: &str) -> String {
        let heard = self.hear().await;
        assert!(heard.starts_with(start), "{heard} instead of {start}");
        heard
    }

    /// The condition of a stream error, which is the next text, and its end, which is the last but for the close frame with this code.
    pub async fn fails(&mut self, code: u16) -> String {
        let error = self
            .hears("<stream:error xmlns:stream='http://etherx.jabber.org/streams'><")
            .await;
        let (_, condition) = error.split_once("streams'><").expect("a condition");
        let condition = condition.split([' ', '/']).next().expect("a name").to_owned();
        assert_eq!(self.hear().await, CLOSE);
        self.is_closed(code).await;
        condition
    }

    /// The connection is closed with this code.
    pub async fn is_closed(&mut self, expected: u16) {
        match self.next().await {
            Message::Close(Some(frame)) => assert_eq!(u16::from(frame.code), expected),
            other => panic!("no close frame: {other}"),
        }
        self.ends().await;
    }

    /// Nothing more comes.
    pub async fn ends(&mut self) {
        let end = timeout(PATIENCE, self.socket.next()).await.expect("the end in time");
        assert!(matches!(end, None | Some(Err(_))), "{end:?}");
    }

    /// Nothing comes within this time but pings.
    pub async fn is_silent_for(&mut self, time: Duration) -> bool {
        let text = async { while let Some(Ok(Message::Ping(_))) = self.socket.next().await {} };
        timeout(time, text).await.is_err()
    }

    /// The next message that is no ping.
    pub async fn next(&mut self) -> Message {
        let message = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Ping(_))) => {}
                    Some(Ok(message)) => return message,
                    other => panic!("no message: {other:?}"),
                }
            }
        };
        timeout(PATIENCE, message).await.expect("a message in time")
    }
}
