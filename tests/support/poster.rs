//! A BOSH client that does exactly what it is told, and looks at every answer twice.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;
use super::infoset::{Element, infoset};

pub const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";
pub const FIRST_RID: u64 = 1000;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A creation request.
pub fn creation(attributes: &str) -> String {
    format!("<body xmlns='{HTTPBIND}' rid='{FIRST_RID}' {attributes}/>")
}

/// One HTTP connection.
pub struct Connection<I = TcpStream> {
    pub io: I,
    unread: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let io = TcpStream::connect(address).await.unwrap();
        io.set_nodelay(true).unwrap();
        Self::on(io)
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        self.io.set_zero_linger().unwrap();
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Connection<I> {
    pub fn on(io: I) -> Self {
        Self { io, unread: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
    }

    pub async fn post(&mut self, body: impl AsRef<[u8]>) {
        self.post_with("", body).await;
    }

    /// The same with further header lines.
    pub async fn post_with(&mut self, headers: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let head = format!(
            "POST /http-bind HTTP/1.1\r\nHost: h\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.send([head.as_bytes(), body].concat()).await;
    }

    pub async fn ask(&mut self, body: impl AsRef<[u8]>) -> Reply {
        self.post(body).await;
        self.reply().await
    }

    /// The next answer, which has to come.
    pub async fn reply(&mut self) -> Reply {
        self.reply_within(PATIENCE).await
    }

    pub async fn reply_within(&mut self, time: Duration) -> Reply {
        let reply = timeout(time, self.next_reply()).await.expect("an answer in time");
        reply.expect("an answer before the end")
    }

    /// `None` when the connection ended before.
    pub async fn next_reply(&mut self) -> Option<Reply> {
        let mut head = self.next_head().await?;
        // leave to send a body, which has left long ago
        while head.starts_with("HTTP/1.1 100 ") {
            head = self.next_head().await?;
        }
        let (_, length) = head.split_once("content-length: ").expect("a length");
        let length: usize = length.split_once('\r').unwrap().0.parse().unwrap();
        while self.unread.len() < length {
            self.more().await?;
        }
        let text = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        Some(Reply::new(head, text))
    }

    async fn next_head(&mut self) -> Option<String> {
        let end = loop {
            match self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.more().await?,
            }
        };
        Some(String::from_utf8(self.unread.drain(..end).collect()).unwrap())
    }

    /// No answer, and no end, within this time; leave to send a body is no answer.
    pub async fn is_held_for(&mut self, time: Duration) -> bool {
        let more = async { while [b"", CONTINUE].contains(&&*self.unread) && self.more().await.is_some() {} };
        timeout(time, more).await.is_err()
    }

    async fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 16 * 1024];
        let length = self.io.read(&mut buffer).await.unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..length]);
        (length > 0).then_some(())
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub head: String,
    pub text: String,
    pub root: Element,
}

impl Reply {
    fn new(head: String, text: String) -> Self {
        let root = infoset(&text);
        let reply = Self { head, text, root };
        reply.check();
        reply
    }

    pub fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.root.attributes.get(name).map(String::as_str)
    }

    pub fn number(&self, name: &str) -> u64 {
        self.attribute(name).expect(name).parse().unwrap()
    }

    pub fn payloads(&self) -> Vec<&Element> {
        self.root.elements().collect()
    }

    /// Nothing in it, and nothing wrong.
    pub fn is_empty(&self) -> bool {
        self.root.children.is_empty() && self.attribute("type").is_none()
    }

    /// Status 200, `type='terminate'` and this condition.
    pub fn is_terminate(&self, condition: &str) -> bool {
        self.status() == 200 && self.attribute("type") == Some("terminate") && self.attribute("condition") == Some(condition)
    }

    /// A08, C18, FX15: what holds for every answer there is.
    fn check(&self) {
        let text = &self.text;
        assert!(text.starts_with("<body xmlns="), "{text}");
        assert_eq!(self.root.name, format!("{{{HTTPBIND}}}body"), "{text}");
        assert_eq!(self.attribute("rid"), None, "{text}");
        for (name, most) in [
            ("wait", 65535),
            ("hold", 255),
            ("requests", 255),
            ("polling", 65535),
            ("inactivity", 65535),
            ("maxpause", 65535),
            ("time", 65535),
            ("ack", (1 << 53) - 1),
            ("report", (1 << 53) - 1),
        ] {
            let value = self.attribute(name).map(|value| value.parse::<u64>().expect(name));
            assert!(value.is_none_or(|value| value <= most), "{name} in {text}");
        }
        let known = self
            .attribute("type")
            .is_none_or(|kind| ["terminate", "error"].contains(&kind));
        assert!(known, "{text}");
        assert!(
            self.attribute("condition").is_none() || self.attribute("type") == Some("terminate"),
            "{text}"
        );
        let white = self.root.children.len() - self.root.elements().count();
        assert_eq!(white, 0, "character data in {text}");
        assert_eq!(self.head.matches("access-control-allow-origin").count(), 1, "{}", self.head);
    }
}

/// One session, as its client knows it.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub sid: String,
    /// Of the request made last.
    pub rid: u64,
}

impl Client {
    pub fn of(address: SocketAddr, creation: &Reply) -> Self {
        Self {
            address,
            sid: creation.attribute("sid").expect("a sid").to_owned(),
            rid: FIRST_RID,
        }
    }

    /// A request of any rid.
    pub fn body(&self, rid: u64, attributes: &str, payload: &str) -> String {
        format!(
            "<body xmlns='{HTTPBIND}' rid='{rid}' sid='{}' {attributes}>{payload}</body>",
            self.sid
        )
    }

    /// A request of any rid, on a connection of its own.
    pub async fn send(&self, rid: u64, payload: &str) -> Connection {
        self.post(&self.body(rid, "", payload)).await
    }

    /// The next request.
    pub async fn next(&mut self, payload: &str) -> Connection {
        self.next_with("", payload).await
    }

    pub async fn next_with(&mut self, attributes: &str, payload: &str) -> Connection {
        self.rid += 1;
        self.post(&self.body(self.rid, attributes, payload)).await
    }

    /// The next request, and its answer.
    pub async fn ask(&mut self, payload: &str) -> Reply {
        self.next(payload).await.reply().await
    }

    pub async fn post(&self, body: &str) -> Connection {
        let mut connection = Connection::open(self.address).await;
        connection.post(body).await;
        connection
    }
}
