//! Users over WebSocket: before real servers beside users of BOSH, and in the sandbox.

use std::net::SocketAddr;

use rsasl::prelude::{Mechname, SASLClient, SASLConfig};
use tokio::net::TcpStream;

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::element::Element;
use crate::support::server::{AnyServer, domain, jid, password_of};
use crate::support::websocket::{CLOSE, Client};

before_each_server!(a_conversation, a_session_is_resumed, pages_of_other_origins);

/// Who has logged in over WebSocket.
struct User(Client<TcpStream>);

impl User {
    async fn connect(at: SocketAddr, domain: &str) -> Self {
        let io = TcpStream::connect(at).await.expect("boshd");
        let mut user = Self(Client::on(io, &[]).await.expect("a WebSocket").0);
        user.open(domain).await;
        user
    }

    /// Opens the stream, or opens it anew: the server's features.
    async fn open(&mut self, domain: &str) -> Element {
        let open = format!("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{domain}' version='1.0'/>");
        self.0.say(&open).await;
        self.0.hears("<open ").await;
        self.expect(|element| element.name == "stream:features").await
    }

    async fn log_in(&mut self, domain: &str, name: &str, password: &str, mechanism: &str) {
        let credentials = SASLConfig::with_credentials(None, name.to_owned(), password.to_owned());
        let offered = [Mechname::parse(mechanism.as_bytes()).expect("mechanism")];
        let mut sasl = SASLClient::new(credentials.expect("credentials"))
            .start_suggested(&offered)
            .expect("mechanism");
        let mut step = Vec::new();
        sasl.step64(None, &mut step).expect("first SASL message");
        let mut word = format!("auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'");
        loop {
            let tag = word.split(' ').next().expect("a name");
            let text = String::from_utf8(step).expect("base64");
            self.0.say(&format!("<{word}>{text}</{tag}>")).await;
            let turn = self
                .expect(|element| ["challenge", "success", "failure"].contains(&&*element.name))
                .await;
            assert_ne!(turn.name, "failure", "{turn:?}");
            step = Vec::new();
            if !turn.text.is_empty() {
                sasl.step64(Some(turn.text.as_bytes()), &mut step)
                    .expect("the server's proof");
            }
            if turn.name == "success" {
                break;
            }
            word = "response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'".to_owned();
        }
        let features = self.open(domain).await;
        assert!(features.child("bind").is_some(), "{features:?}");
    }

    async fn bind(&mut self) {
        let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>ws</resource></bind>";
        self.0
            .say(&format!("<iq xmlns='jabber:client' type='set' id='bind'>{bind}</iq>"))
            .await;
        let bound = self.expect(|element| element.attribute("id") == Some("bind")).await;
        assert_eq!(bound.attribute("type"), Some("result"), "{bound:?}");
    }

    async fn appear(&mut self) {
        self.0.say("<presence xmlns='jabber:client'/>").await;
        // answered behind it
        self.0
            .say("<iq xmlns='jabber:client' type='get' id='there'><ping xmlns='urn:xmpp:ping'/></iq>")
            .await;
        self.expect(|element| element.attribute("id") == Some("there")).await;
    }

    async fn write(&mut self, to: &str, text: &str) {
        let head = format!("<message xmlns='jabber:client' type='chat' to='{to}'>");
        self.0.say(&format!("{head}<body>{text}</body></message>")).await;
    }

    /// The first element that fits.
    async fn expect(&mut self, fits: impl Fn(&Element) -> bool) -> Element {
        loop {
            let element = Element::parse(&self.0.hear().await);
            if fits(&element) {
                return element;
            }
        }
    }

    async fn leave(mut self) {
        self.0.say(CLOSE).await;
        while self.0.hear().await != CLOSE {}
        self.0.is_closed(1000).await;
    }
}

fn said(text: &str) -> impl Fn(&Element) -> bool {
    move |stanza| stanza.text_of("body") == Some(text)
}

/// Alice by BOSH and Bob by WebSocket.
async fn a_conversation<S: AnyServer>() {
    let server = S::start(&["alice", "bob"]);
    let boshd = Boshd::start(server.address());
    for mechanism in ["SCRAM-SHA-1", "PLAIN"] {
        let mut alice = Bosh::login(boshd.address, "alice", mechanism).await;
        let mut bob = User::connect(boshd.address, domain()).await;
        bob.log_in(domain(), "bob", &password_of("bob"), mechanism).await;
        bob.bind().await;
        bob.appear().await;
        for number in 0..10 {
            let (to_bob, to_alice) = (format!("to Bob {number}"), format!("to Alice {number}"));
            let head = format!("<message xmlns='jabber:client' type='chat' to='{}'>", jid("bob"));
            alice.send(&format!("{head}<body>{to_bob}</body></message>")).await;
            bob.write(&jid("alice"), &to_alice).await;
            bob.expect(said(&to_bob)).await;
            alice.expect("Bob's message", said(&to_alice)).await;
        }
        bob.leave().await;
        alice.terminate().await;
    }
}

/// Bob's connection is lost, and so is nothing of what is said to him meanwhile.
async fn a_session_is_resumed<S: AnyServer>() {
    let server = S::start(&["alice", "bob"]);
    let boshd = Boshd::start(server.address());
    let mut alice = Bosh::login(boshd.address, "alice", "PLAIN").await;
    let mut bob = User::connect(boshd.address, domain()).await;
    bob.log_in(domain(), "bob", &password_of("bob"), "PLAIN").await;
    bob.bind().await;
    bob.0.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
    let enabled = bob.expect(|element| element.name == "enabled").await;
    let id = enabled.attribute("id").expect("an id").to_owned();
    bob.appear().await;
    drop(bob);
    let head = format!("<message xmlns='jabber:client' type='chat' to='{}/ws'>", jid("bob"));
    alice.send(&format!("{head}<body>while you were away</body></message>")).await;
    alice.settle().await;
    let mut bob = User::connect(boshd.address, domain()).await;
    bob.log_in(domain(), "bob", &password_of("bob"), "PLAIN").await;
    bob.0
        .say(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='0'/>"))
        .await;
    bob.expect(|element| element.name == "resumed").await;
    bob.expect(said("while you were away")).await;
    bob.leave().await;
}

/// WS11
async fn pages_of_other_origins<S: AnyServer>() {
    let server = S::start(&[]);
    let settings = "[cors]\norigins = ['https://chat.example.test']\n[shutdown]\ngrace = '0s'\n";
    let boshd = Boshd::with(domain(), server.address(), settings);
    for (origin, enters) in [("https://chat.example.test", true), ("https://evil.example", false)] {
        let io = TcpStream::connect(boshd.address).await.expect("boshd");
        let client = Client::on(io, &[("Origin", origin)]).await;
        assert_eq!(client.is_ok(), enters, "{origin}");
    }
}

#[tokio::test]
async fn in_the_sandbox() {
    let boshd = Boshd::sandbox();
    let mut users = Vec::new();
    for name in ["alice", "bob"] {
        let mut user = User::connect(boshd.address, "localhost").await;
        user.log_in("localhost", name, "secret", "PLAIN").await;
        user.bind().await;
        user.appear().await;
        users.push(user);
    }
    users[0].write("bob@localhost", "hello, Bob").await;
    users[1].expect(said("hello, Bob")).await;
    users[1].write("alice@localhost", "hello, Alice").await;
    users[0].expect(said("hello, Alice")).await;
    for user in users {
        user.leave().await;
    }
}
