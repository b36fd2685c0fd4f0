//! A client in its session with a server of which the test says every word; each of its requests has a connection of its own.

use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::time::sleep;

use super::client::Client;
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
    client: Client,
    sid: String,
    /// Of the request made last.
    pub rid: u64,
}

impl<'a> Caller<'a> {
    /// A session of this client, and what it was told of it.
    pub async fn enters(desk: &'a Desk, client: Client) -> (Self, Server, Reply) {
        Self::enters_with(desk, client, "").await
    }

    /// The same with further attributes.
    pub async fn enters_with(desk: &'a Desk, client: Client, attributes: &str) -> (Self, Server, Reply) {
        let mut connection = posts(desk, client, &with(attributes, &creation(client))).await;
        let mut server = desk.stream().await;
        server.header().await;
        server.says(&[HEADER, FEATURES].concat()).await;
        let reply = connection.reply().await;
        (Self::of(desk, client, &reply), server, reply)
    }

    pub fn of(desk: &'a Desk, client: Client, creation: &Reply) -> Self {
        Self {
            desk,
            client,
            sid: creation.attribute("sid").expect(client.name).to_owned(),
            rid: first_rid(client),
        }
    }

    /// A request of any rid, with further attributes.
    pub fn body(&self, rid: u64, attributes: &str, content: &str) -> String {
        let polls = content.is_empty() && self.client.shape("poll").is_some();
        let empty = self.shaped(if polls { "poll" } else { "request" }, rid);
        with(attributes, &empty).replace("PAYLOAD", content)
    }

    /// A request of any rid.
    pub async fn sends(&self, rid: u64, content: &str) -> Pipe {
        self.sends_with(rid, "", content).await
    }

    pub async fn sends_with(&self, rid: u64, attributes: &str, content: &str) -> Pipe {
        self.posts(&self.body(rid, attributes, content)).await
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
        self.rid += 1;
        let mut held = self.posts(&self.shaped("restart", self.rid)).await;
        server.header().await;
        server.says(&[header, BIND].concat()).await;
        held.reply().await
    }

    /// Its goodbye, with this in it if it puts there what waits.
    pub async fn leaves(&mut self, content: &str) -> Pipe {
        self.rid += 1;
        self.posts(&self.shaped("terminate", self.rid).replace("PAYLOAD", content))
            .await
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

    fn shaped(&self, purpose: &str, rid: u64) -> String {
        shaped(self.client, purpose, rid).replace("SID", &self.sid)
    }

    async fn posts(&self, body: &str) -> Pipe {
        posts(self.desk, self.client, body).await
    }
}

/// The request that opens a session, on a connection of its own.
pub async fn calls(desk: &Desk, client: Client) -> Pipe {
    posts(desk, client, &creation(client)).await
}

/// The body of that.
pub fn creation(client: Client) -> String {
    shaped(client, "creation", first_rid(client))
}

pub async fn posts(desk: &Desk, client: Client, body: &str) -> Pipe {
    let mut connection = desk.connect();
    connection.send(client.post(body)).await;
    connection
}

fn first_rid(client: Client) -> u64 {
    let rid = client.shape("rid").expect("a first rid");
    rid.parse().expect("a number")
}

/// What it sends for this purpose, but without keys: who has them can do without, and where they matter tests have their own.
fn shaped(client: Client, purpose: &str, rid: u64) -> String {
    let shape = client
        .shape(purpose)
        .unwrap_or_else(|| panic!("{}: no {purpose}", client.name));
    let keyless = ["key='KEY'", "key=\"KEY\""].iter().fold(shape.to_owned(), |shape, key| {
        shape.replace(&format!(" new{key}"), "").replace(&format!(" {key}"), "")
    });
    keyless.replace("\\n", "\n").replace("RID", &rid.to_string())
}

fn with(attributes: &str, body: &str) -> String {
    body.replacen("<body", &format!("<body {attributes}"), 1)
}
