//! Clients as `clients/` shows them: the head of their requests, header line by header line, and what their `<body/>` looks like for each purpose.
//! The bytes are ours, written by hand after what the clients send.

use boshd::front::Options;
use sha1::{Digest as _, Sha1};
use tokio::io::DuplexStream;

use crate::stack::Stack;
use crate::wire::{Reply, Wire};

/// One client. In its text stand for what differs: LENGTH, RID, SID, KEY, PAYLOAD, and `\n` for a new line.
#[derive(Clone, Copy)]
pub struct Client {
    pub name: &'static str,
    text: &'static str,
}

macro_rules! clients {
    ($($name:ident: $file:literal),+ $(,)?) => {
        $(pub const $name: Client = Client {
            name: $file,
            text: include_str!(concat!("clients/", $file, ".txt")),
        };)+
    };
}

clients! {
    AGSXMPP: "agsxmpp",
    ATTACH_EXAMPLE: "attach-example",
    BABBLER: "babbler",
    CONVERSE: "converse",
    ESCALUS: "escalus",
    GLOOX: "gloox",
    GLOOX_HTTP_1_0: "gloox-http-1.0",
    JABBERWERXC: "jabberwerxc",
    JAXL: "jaxl",
    JAXMPP: "jaxmpp",
    JITSI: "jitsi",
    JSJAC: "jsjac",
    JSXC_PROBE: "jsxc-probe",
    LIBPURPLE_2: "libpurple-2",
    LIBPURPLE_3: "libpurple-3",
    NBXMPP: "nbxmpp",
    NODE_BOSH: "node-bosh",
    PREBIND_PHP: "prebind-php",
    SMACK: "smack",
    STANZA: "stanza",
    STROPHE: "strophe",
    SWIFTEN: "swiften",
    TSUNG: "tsung",
    VERSE: "verse",
    XMPP4R: "xmpp4r",
    XMPPFRAMEWORK: "xmppframework",
    XMPPPY: "xmpppy",
}

impl Client {
    /// A whole HTTP request.
    pub fn post(self, body: &str) -> String {
        let (head, _) = self.text.split_once("\n\n").expect("a head");
        let head = head.lines().skip_while(|line| line.starts_with('#'));
        let head: String = head.flat_map(|line| [line, "\r\n"]).collect();
        head.replace("LENGTH", &body.len().to_string()) + "\r\n" + body
    }

    /// The answer to this body, on a connection of its own.
    pub async fn asks(self, stack: &Stack, body: &str) -> Reply {
        let mut wire = self.sends(stack, body).await;
        answer(&mut wire).await
    }

    pub async fn sends(self, stack: &Stack, body: &str) -> Wire<DuplexStream> {
        let mut wire = stack.connect();
        wire.send(self.post(body)).await;
        wire
    }

    /// Its body for this purpose, if it has one.
    pub fn shape(self, purpose: &str) -> Option<&'static str> {
        let (_, shapes) = self.text.split_once("\n\n").expect("shapes");
        let shape = shapes.lines().find_map(|line| line.strip_prefix(purpose));
        Some(shape?.trim_start())
    }
}

/// Keys in a chain; no test sends as many requests.
const KEYS: usize = 16;

/// A client in the middle of its session.
pub struct User {
    pub client: Client,
    pub sid: String,
    pub rid: u64,
    keys: Vec<String>,
}

impl User {
    pub fn new(client: Client) -> Self {
        let rid = client.shape("rid").expect("a first rid");
        let next = |key: &String| Some(hex(&Sha1::digest(key)));
        Self {
            client,
            sid: String::new(),
            rid: rid.parse().expect("a number"),
            keys: std::iter::successors(Some(hex(b"seed")), next).take(KEYS).collect(),
        }
    }

    /// A session that is open, made on a connection of its own, behind an endpoint of the usual options.
    pub async fn enters(client: Client) -> (Stack, Self) {
        Self::enters_with(client, Options::default()).await
    }

    pub async fn enters_with(client: Client, options: Options) -> (Stack, Self) {
        let stack = Stack::new(options);
        let mut user = Self::new(client);
        let creation = user.creation();
        let answer = client.asks(&stack, &creation).await;
        user.hears(&answer);
        (stack, user)
    }

    /// The body that asks for a session.
    pub fn creation(&mut self) -> String {
        self.body("creation", "")
    }

    /// Takes the name of the session from the answer to that.
    pub fn hears(&mut self, answer: &Reply) {
        let named = answer.text().split_once(" sid='");
        let (_, sid) = named.unwrap_or_else(|| panic!("{}: no session: {}", self.client.name, answer.text()));
        self.sid = sid.split('\'').next().expect("an end").to_owned();
    }

    /// The body of the next request, empty.
    pub fn polls(&mut self) -> String {
        self.rid += 1;
        let purpose = self.client.shape("poll").map_or("request", |_| "poll");
        self.body(purpose, "")
    }

    /// The body of the next request, with this in it.
    pub fn says(&mut self, payload: &str) -> String {
        self.rid += 1;
        self.body("request", payload)
    }

    pub fn restarts(&mut self) -> String {
        self.rid += 1;
        self.body("restart", "")
    }

    /// The goodbye, with this in it if the client puts what waits there.
    pub fn leaves(&mut self, payload: &str) -> String {
        self.rid += 1;
        self.body("terminate", payload)
    }

    /// Says this, and the server has it, as it can tell by a part of it.
    pub async fn tells(&mut self, stack: &Stack, payload: &str, part: &str) -> Wire<DuplexStream> {
        let body = self.says(payload);
        let wire = self.client.sends(stack, &body).await;
        stack.server.sees(part).await;
        wire
    }

    /// Gets through SASL, up to the restart.
    pub async fn logs_in(&mut self, stack: &Stack) {
        let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHJvbWVvAHNlY3JldA==</auth>";
        let mut wire = self.tells(stack, auth, "</auth>").await;
        stack.server.push(0, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        let success = answer(&mut wire).await;
        assert!(
            success.text().contains("<success "),
            "{}: {}",
            self.client.name,
            success.text()
        );
    }

    fn body(&mut self, purpose: &str, payload: &str) -> String {
        let shape = self.client.shape(purpose);
        let shape = shape.unwrap_or_else(|| panic!("{}: no {purpose}", self.client.name));
        let key = if shape.contains("KEY") {
            self.keys.pop().expect("another key")
        } else {
            String::new()
        };
        shape
            .replace("\\n", "\n")
            .replace("RID", &self.rid.to_string())
            .replace("SID", &self.sid)
            .replace("KEY", &key)
            .replace("PAYLOAD", payload)
    }
}

/// The next answer; a word of encouragement may come before it.
pub async fn answer(wire: &mut Wire<DuplexStream>) -> Reply {
    loop {
        let reply = wire.reply().await;
        if reply.status() != 100 {
            return reply;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
