//! boshd in memory or on loopback, before a scripted XMPP server that knows only bytes.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use boshd::bosh::Limits;
use boshd::front::door::Door;
use boshd::front::turn::Caller;
use boshd::front::{Front, Options};
use boshd::manager::{self, ConnectionManager, Peer};
use boshd::net::Listener;
use boshd::upstream::{Call, Connect, Connected, Connecting};
use boshd::xmpp::Domain;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::wire::{Reply, Wire};

/// Longer than anything takes that is expected to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(600);

pub struct Stack {
    pub front: Arc<Front>,
    pub manager: Arc<ConnectionManager>,
    pub server: Arc<Server>,
    pub shutdown: CancellationToken,
}

impl Stack {
    pub fn new(options: Options) -> Self {
        Self::with(options, Limits::default())
    }

    pub fn with(options: Options, session: Limits) -> Self {
        let limits = manager::Options {
            session: Arc::new(session),
            ..manager::Options::default()
        };
        Self::managing(options, limits)
    }

    pub fn managing(options: Options, limits: manager::Options) -> Self {
        let server = Arc::new(Server::default());
        let manager = Arc::new(ConnectionManager::new(server.clone(), limits));
        Self {
            front: Arc::new(Front::new(options, manager.clone())),
            manager,
            server,
            shutdown: CancellationToken::new(),
        }
    }

    /// A client's connection in memory. It may write ahead of us by 4 MiB.
    pub fn connect(&self) -> Wire<DuplexStream> {
        self.connect_through(4 << 20)
    }

    /// The same through a pipe that takes only so many bytes until the other end reads them.
    pub fn connect_through(&self, width: usize) -> Wire<DuplexStream> {
        self.connect_as(Peer::unknown(), width)
    }

    /// The connection of a client with an address.
    pub fn connect_from(&self, address: IpAddr) -> Wire<DuplexStream> {
        let peer = Peer {
            address: (address, 1024).into(),
            ..Peer::unknown()
        };
        self.connect_as(peer, 4 << 20)
    }

    /// The same of this client.
    pub fn connect_as(&self, peer: Peer, width: usize) -> Wire<DuplexStream> {
        let (near, far) = tokio::io::duplex(width);
        let caller = Caller {
            front: self.front.clone(),
            door: Arc::default(),
            peer,
            shutdown: self.shutdown.clone(),
        };
        tokio::spawn(Front::connection(far, Arc::new(caller)));
        Wire::new(near)
    }

    /// A listener on loopback.
    pub fn listen(&self) -> SocketAddr {
        self.listen_with(Door::default())
    }

    pub fn listen_with(&self, door: Door) -> SocketAddr {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.address().unwrap();
        tokio::spawn(self.front.clone().serve(listener, Arc::new(door), self.shutdown.clone()));
        address
    }

    /// A new session, made on a connection of its own; it has the server's features, so its next request is held.
    pub async fn session(&self, wait: u32) -> Session {
        let mut wire = self.connect();
        let mut reply = wire.ask(&post(&creation(wait))).await;
        let mut session = Session::of(&reply);
        while !reply.text().contains("<stream:features") {
            reply = wire.ask(&post(&session.body(""))).await;
        }
        session
    }
}

/// What a client knows of its session.
#[derive(Clone)]
pub struct Session {
    pub sid: String,
    pub rid: u64,
}

pub const FIRST_RID: u64 = 1000;

pub fn creation(wait: u32) -> String {
    format!(
        "<body xmlns='http://jabber.org/protocol/httpbind' rid='{FIRST_RID}' to='example.org' wait='{wait}' hold='1' ver='1.6' \
         xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>"
    )
}

impl Session {
    pub fn of(creation: &Reply) -> Self {
        Self::of_text(creation.text())
    }

    pub fn of_text(creation: &str) -> Self {
        let sid = creation.split_once(" sid='").expect("a sid").1;
        Self {
            sid: sid.split_once('\'').unwrap().0.to_owned(),
            rid: FIRST_RID,
        }
    }

    /// The next request's body.
    pub fn body(&mut self, payload: &str) -> String {
        self.rid += 1;
        format!(
            "<body xmlns='http://jabber.org/protocol/httpbind' rid='{}' sid='{}'>{payload}</body>",
            self.rid, self.sid
        )
    }

    /// A request that announces so many seconds of silence.
    pub fn pause(&mut self, seconds: u16) -> String {
        self.body("").replacen("<body", &format!("<body pause='{seconds}'"), 1)
    }

    pub fn terminate(&mut self, payload: &str) -> String {
        self.body(payload).replacen("<body", "<body type='terminate'", 1)
    }
}

/// One request, as a browser would put it.
pub fn post(body: &str) -> String {
    post_with("", body)
}

/// The same with further header lines.
pub fn post_with(headers: &str, body: &str) -> String {
    format!(
        "POST /http-bind HTTP/1.1\r\nHost: chat.example.org\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An XMPP server for `example.org`: it opens every stream, offers features, and writes down what it gets.
pub struct Server {
    seen: watch::Sender<String>,
    streams: Mutex<Vec<mpsc::UnboundedSender<String>>>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            seen: watch::channel(String::new()).0,
            streams: Mutex::default(),
        }
    }
}

impl Server {
    /// Sends to the stream that was opened `nth`.
    pub fn push(&self, nth: usize, payload: &str) {
        self.streams.lock().unwrap()[nth].send(payload.to_owned()).unwrap();
    }

    /// Returns once the server has read `text`.
    pub async fn sees(&self, text: &str) {
        let mut seen = self.seen.subscribe();
        let found = seen.wait_for(|seen| seen.contains(text));
        assert!(
            tokio::time::timeout(PATIENCE, found).await.is_ok(),
            "the server never saw {text}"
        );
    }

    pub fn seen(&self) -> String {
        self.seen.borrow().clone()
    }

    async fn run(seen: watch::Sender<String>, mut io: DuplexStream, mut pushes: mpsc::UnboundedReceiver<String>) {
        const OPENING: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='i' \
            from='example.org' version='1.0'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\
            <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism><mechanism>SCRAM-SHA-1-PLUS</mechanism>\
            <mechanism>PLAIN</mechanism></mechanisms><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";
        let mut buffer = vec![0; 65536];
        loop {
            tokio::select! {
                read = io.read(&mut buffer) => {
                    let Ok(length @ 1..) = read else { return };
                    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    let opened = text.contains("<stream:stream");
                    seen.send_modify(|seen| seen.push_str(&text));
                    if opened {
                        io.write_all(OPENING.as_bytes()).await.unwrap();
                    }
                }
                Some(payload) = pushes.recv() => io.write_all(payload.as_bytes()).await.unwrap(),
            }
        }
    }
}

impl Connect for Server {
    fn serves(&self, domain: &Domain) -> bool {
        domain.as_str() == "example.org"
    }

    fn connect(&self, call: Call) -> Connecting<'_> {
        let (near, far) = tokio::io::duplex(1 << 20);
        let (sender, receiver) = mpsc::unbounded_channel();
        self.streams.lock().unwrap().push(sender);
        tokio::spawn(Self::run(self.seen.clone(), far, receiver));
        Box::pin(async move {
            Ok(Connected {
                delivery: true,
                ..Connected::fresh(near, &call.header)
            })
        })
    }
}
