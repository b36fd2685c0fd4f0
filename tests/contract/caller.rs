//! One client of a certain shape, and its session.

use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::time::sleep;

use super::shapes::Shape;
use crate::bench::poster::{Connection, Reply};
use crate::bench::upstream::{FEATURES, HEADER, Link};
use crate::desk::Desk;

pub type Pipe = Connection<DuplexStream>;
pub type Server = Link<DuplexStream>;

/// Where nothing happens at once, nothing happens for so long either: the clock is virtual.
pub const WHILE: Duration = Duration::from_millis(500);

/// What a server offers who is logged in.
const BIND: &str = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";

pub const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";

pub struct Caller<'a> {
    desk: &'a Desk,
    shape: &'static Shape,
    sid: String,
    /// Of the request made last.
    pub rid: u64,
}

impl<'a> Caller<'a> {
    /// A session of a client of this shape, and what it was told of it.
    pub async fn enters(desk: &'a Desk, shape: &'static Shape) -> (Self, Server, Reply) {
        Self::enters_by(desk, shape, &creation(shape)).await
    }

    /// The same of a client that shows the end of a chain of keys.
    pub async fn enters_showing(desk: &'a Desk, shape: &'static Shape, key: &str) -> (Self, Server, Reply) {
        Self::enters_by(desk, shape, &numbered(shape).replace("KEY", key)).await
    }

    async fn enters_by(desk: &'a Desk, shape: &'static Shape, creation: &str) -> (Self, Server, Reply) {
        let mut connection = desk.post(creation).await;
        let mut server = desk.stream().await;
        server.header().await;
        server.says(&[HEADER, FEATURES].concat()).await;
        let reply = connection.reply().await;
        (Self::of(desk, shape, &reply), server, reply)
    }

    pub fn of(desk: &'a Desk, shape: &'static Shape, creation: &Reply) -> Self {
        Self {
            desk,
            shape,
            sid: creation.attribute("sid").expect(shape.name).to_owned(),
            rid: shape.rid,
        }
    }

    /// A request of any rid, with further attributes.
    pub fn body(&self, rid: u64, attributes: &str, content: &str) -> String {
        let empty = self.shape.request.replace("RID", &rid.to_string()).replace("SID", &self.sid);
        let body = empty.replacen("<body", &format!("<body {attributes}"), 1);
        match body.strip_suffix("</body>") {
            Some(open) => format!("{open}{content}</body>"),
            None if content.is_empty() => body,
            None => format!("{}>{content}</body>", body.trim_end_matches("/>")),
        }
    }

    /// A request of any rid, on a connection of its own.
    pub async fn sends(&self, rid: u64, content: &str) -> Pipe {
        self.desk.post(&self.body(rid, "", content)).await
    }

    pub async fn sends_with(&self, rid: u64, attributes: &str, content: &str) -> Pipe {
        self.desk.post(&self.body(rid, attributes, content)).await
    }

    /// The next request.
    pub async fn next(&mut self, content: &str) -> Pipe {
        self.next_with("", content).await
    }

    pub async fn next_with(&mut self, attributes: &str, content: &str) -> Pipe {
        self.rid += 1;
        self.sends_with(self.rid, attributes, content).await
    }

    /// The next request, and what the server says to that.
    pub async fn asks(&mut self, server: &mut Server, content: &str, answer: &str) -> Reply {
        let mut connection = self.next(content).await;
        server.says(answer).await;
        connection.reply().await
    }

    /// Begins the stream anew as it does; `header` is the server's.
    pub async fn restarts(&mut self, server: &mut Server, header: &str) -> Reply {
        let mut held = self.next_with(self.shape.restart, "").await;
        server.header().await;
        server.says(&[header, BIND].concat()).await;
        held.reply().await
    }

    /// What came from the server between two requests.
    pub async fn fetches(&mut self, server: &mut Server, news: &str) -> Reply {
        server.says(news).await;
        sleep(WHILE).await;
        self.next("").await.reply().await
    }

    /// Logs in by SASL, up to the success; the stream is not yet begun anew.
    pub async fn authenticates(&mut self, server: &mut Server) -> Reply {
        let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>";
        let mut connection = self.next(auth).await;
        server.sees("</auth>").await;
        server.says(SUCCESS).await;
        connection.reply().await
    }
}

/// The request of this shape that opens a session, without keys.
pub fn creation(shape: &Shape) -> String {
    numbered(shape).replace(" newkey='KEY'", "").replace(" newkey=\"KEY\"", "")
}

fn numbered(shape: &Shape) -> String {
    shape.creation.replace("RID", &shape.rid.to_string())
}
