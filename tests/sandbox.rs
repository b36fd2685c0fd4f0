//! The sandbox as a server meets its clients: raw streams over its own `Connect`, in memory and in real time.

use std::time::Duration;

use boshd::sandbox::Sandbox;
use boshd::upstream::{BoxStream, Connect};
use boshd::xml::XmlLimits;
use boshd::xmpp::inbound::Inbound;
use boshd::xmpp::{Domain, StreamEvent};
use bytes::BytesMut;
use rsasl::prelude::{Mechname, SASLClient, SASLConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>";
const PATIENCE: Duration = Duration::from_secs(20);

/// A raw stream.
struct Client {
    stream: BoxStream,
    inbound: Inbound,
    input: BytesMut,
}

impl Client {
    async fn connect(sandbox: &Sandbox) -> Self {
        let stream = sandbox.connect(&Domain::parse("localhost").unwrap()).await.unwrap();
        Self {
            stream,
            inbound: Inbound::new(XmlLimits::default()),
            input: BytesMut::new(),
        }
    }

    /// A stream with its features read.
    async fn open(sandbox: &Sandbox) -> (Self, String) {
        let mut client = Self::connect(sandbox).await;
        let features = client.restart().await;
        (client, features)
    }

    /// A user who has bound the resource `r`, without presence.
    async fn user(sandbox: &Sandbox, name: &str) -> Self {
        let (mut client, _) = Self::open(sandbox).await;
        client.log_in("PLAIN", name, "secret").await.unwrap();
        client.restart().await;
        client
            .send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>")
            .await;
        let bound = client.payload().await;
        assert!(
            bound.contains(&format!("<jid>{name}@localhost/r</jid>")) && bound.contains("id='bind'"),
            "{bound}"
        );
        client
    }

    /// A user who is available.
    async fn online(sandbox: &Sandbox, name: &str) -> Self {
        let mut client = Self::user(sandbox, name).await;
        client.send("<presence/>").await;
        client.until(&["<presence ", &format!("from='{name}@localhost/r'")]).await;
        client
    }

    async fn restart(&mut self) -> String {
        self.inbound.restart();
        self.send(HEADER).await;
        let StreamEvent::Opened(header) = self.event().await else {
            panic!("no header")
        };
        assert_eq!(header.from.as_deref(), Some("localhost"));
        assert!(header.id.is_some());
        let StreamEvent::Features(features) = self.event().await else {
            panic!("no features")
        };
        String::from_utf8(features.bytes().to_vec()).unwrap()
    }

    /// Runs a whole SASL exchange; the failure's condition.
    async fn log_in(&mut self, mechanism: &str, name: &str, password: &str) -> Result<(), String> {
        let config = SASLConfig::with_credentials(None, name.to_owned(), password.to_owned()).unwrap();
        let offered = Mechname::parse(mechanism.as_bytes()).unwrap();
        let mut client = SASLClient::new(config).start_suggested(&[offered]).unwrap();
        let mut said = Vec::new();
        client.step64(None, &mut said).unwrap();
        let said = String::from_utf8(said).unwrap();
        self.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{said}</auth>"
        ))
        .await;
        loop {
            let (answer, success) = match self.event().await {
                StreamEvent::Authenticated(success) => (success, true),
                StreamEvent::Payload(payload) => (payload, false),
                other => panic!("{other:?}"),
            };
            let text = std::str::from_utf8(answer.bytes()).unwrap().to_owned();
            if answer.local() == "failure" {
                return Err(text);
            }
            let data = text.split(['<', '>']).nth(2).unwrap_or_default();
            let mut said = Vec::new();
            if !data.is_empty() {
                client
                    .step64(Some(data.as_bytes()), &mut said)
                    .map_err(|error| error.to_string())?;
            }
            if success {
                return Ok(());
            }
            let said = String::from_utf8(said).unwrap();
            self.send(&format!(
                "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{said}</response>"
            ))
            .await;
        }
    }

    async fn send(&mut self, xml: &str) {
        timeout(PATIENCE, self.stream.write_all(xml.as_bytes()))
            .await
            .expect("the sandbox does not read")
            .unwrap();
    }

    async fn event(&mut self) -> StreamEvent {
        loop {
            if let Some(event) = self.inbound.next(&mut self.input).unwrap() {
                return event;
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.input))
                .await
                .expect("the sandbox is silent")
                .unwrap();
            assert_ne!(read, 0, "the sandbox hung up");
        }
    }

    async fn payload(&mut self) -> String {
        match self.event().await {
            StreamEvent::Payload(payload) => String::from_utf8(payload.bytes().to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The first payload that has all these parts; earlier ones are skipped.
    async fn until(&mut self, parts: &[&str]) -> String {
        loop {
            let payload = self.payload().await;
            if parts.iter().all(|part| payload.contains(part)) {
                return payload;
            }
        }
    }

    /// The stream error that the stream ends with.
    async fn error(&mut self) -> String {
        loop {
            match self.event().await {
                StreamEvent::Error(error) => return String::from_utf8(error.element.bytes().to_vec()).unwrap(),
                StreamEvent::Closed => panic!("closed without an error"),
                _ => {}
            }
        }
    }

    /// Nothing has come before the answer to a ping.
    async fn nothing(&mut self) {
        self.send("<iq type='get' id='nothing' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
            .await;
        let payload = self.payload().await;
        assert!(payload.contains("id='nothing'"), "{payload}");
    }
}

fn sandbox() -> Sandbox {
    Sandbox::new(TaskTracker::new())
}

#[tokio::test]
async fn only_localhost_is_served() {
    let sandbox = sandbox();
    assert!(sandbox.serves(&Domain::parse("LocalHost.").unwrap()));
    let other = Domain::parse("example.org").unwrap();
    assert!(!sandbox.serves(&other));
    assert!(sandbox.connect(&other).await.is_err());
    let mut client = Client::connect(&sandbox).await;
    client.send(&HEADER.replace("localhost", "example.org")).await;
    assert!(client.error().await.contains("<host-unknown "));
}

#[tokio::test]
async fn every_mechanism_lets_users_in() {
    let sandbox = sandbox();
    let (mut client, features) = Client::open(&sandbox).await;
    for mechanism in ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "ANONYMOUS"] {
        assert!(
            features.contains(&format!("<mechanism>{mechanism}</mechanism>")),
            "{features}"
        );
    }
    client.log_in("PLAIN", "alice", "secret").await.unwrap();
    let features = client.restart().await;
    assert!(
        features.contains("<bind ") && features.contains("<session ") && !features.contains("<mechanism"),
        "{features}"
    );
    for (mechanism, name, password) in [
        ("SCRAM-SHA-1", "alice", "secret"),
        ("SCRAM-SHA-256", "alice", "secret"),
        ("SCRAM-SHA-256", "demo", "demo"),
    ] {
        let (mut client, _) = Client::open(&sandbox).await;
        client.log_in(mechanism, name, password).await.unwrap();
        client.restart().await;
    }
}

#[tokio::test]
async fn a_wrong_password_may_be_mended_a_few_times() {
    let sandbox = sandbox();
    drop(Client::user(&sandbox, "alice").await);
    let (mut client, _) = Client::open(&sandbox).await;
    for mechanism in ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"] {
        let failure = client.log_in(mechanism, "alice", "wrong").await.unwrap_err();
        assert!(failure.contains("<not-authorized"), "{failure}");
    }
    client.log_in("PLAIN", "alice", "secret").await.unwrap();

    let (mut client, _) = Client::open(&sandbox).await;
    for _ in 0..5 {
        client
            .send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'/>")
            .await;
        assert!(client.payload().await.contains("<invalid-mechanism"));
    }
    assert!(client.error().await.contains("<policy-violation "));
}

#[tokio::test]
async fn guests_get_a_name_and_a_resource() {
    let sandbox = sandbox();
    let mut names = Vec::new();
    for _ in 0..2 {
        let (mut client, _) = Client::open(&sandbox).await;
        client
            .send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
            .await;
        assert!(matches!(client.event().await, StreamEvent::Authenticated(_)));
        client.restart().await;
        client
            .send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
            .await;
        let bound = client.payload().await;
        let jid = bound
            .split("<jid>")
            .nth(1)
            .unwrap()
            .split("</jid>")
            .next()
            .unwrap()
            .to_owned();
        assert!(jid.starts_with("guest-") && jid.contains("@localhost/"), "{jid}");
        client
            .send("<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
            .await;
        client.until(&["type='result'", "id='s'"]).await;
        names.push(jid);
    }
    assert_ne!(names[0], names[1]);
}

#[tokio::test]
async fn whoever_is_online_is_in_the_roster_and_seen() {
    let sandbox = sandbox();
    let mut alice = Client::user(&sandbox, "alice").await;
    alice
        .send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
        .await;
    let roster = alice.until(&["id='r'"]).await;
    assert!(
        roster.contains("jid='echo@localhost'") && !roster.contains("alice@localhost'"),
        "{roster}"
    );
    alice.send("<presence/>").await;
    alice.until(&["<presence ", "from='echo@localhost/bot'"]).await;

    let mut bob = Client::online(&sandbox, "bob").await;
    alice
        .until(&["<iq ", "type='set'", "jid='bob@localhost'", "subscription='both'"])
        .await;
    alice.until(&["<presence ", "from='bob@localhost/r'"]).await;
    bob.send("<presence><show>away</show></presence>").await;
    alice.until(&["from='bob@localhost/r'", "<show>away</show>"]).await;
    bob.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>").await;
    assert!(bob.until(&["id='r'"]).await.contains("jid='alice@localhost'"));

    bob.send("</stream:stream>").await;
    alice
        .until(&["<presence ", "from='bob@localhost/r'", "type='unavailable'"])
        .await;
    alice.until(&["jid='bob@localhost'", "subscription='remove'"]).await;
}

#[tokio::test]
async fn messages_reach_users_and_the_bot_answers() {
    let sandbox = sandbox();
    let mut alice = Client::online(&sandbox, "alice").await;
    let mut bob = Client::online(&sandbox, "bob").await;
    alice
        .send("<message to='bob@localhost' type='chat' id='m'><body>a &amp; b</body><x xmlns='x'><y/></x></message>")
        .await;
    let message = bob.until(&["<message ", "id='m'"]).await;
    assert!(
        message.contains("from='alice@localhost/r'") && message.contains("<body>a &amp; b</body><x xmlns='x'><y/></x>"),
        "{message}"
    );

    alice
        .send("<message to='echo@localhost' type='chat'><body>again\n&lt;</body></message>")
        .await;
    let echo = alice.until(&["<message ", "from='echo@localhost'"]).await;
    assert!(
        echo.contains("<body>again\n&lt;</body>") && echo.contains("to='alice@localhost/r'"),
        "{echo}"
    );

    alice
        .send("<message to='nobody@localhost' type='chat' id='n'><body>?</body></message>")
        .await;
    alice.until(&["id='n'", "type='error'", "<service-unavailable "]).await;
    alice
        .send("<iq to='bob@localhost/r' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    bob.until(&["id='p'", "from='alice@localhost/r'"]).await;
    bob.send("<iq to='alice@localhost/r' type='result' id='p'/>").await;
    alice.until(&["id='p'", "type='result'", "from='bob@localhost/r'"]).await;
}

#[tokio::test]
async fn the_room_is_joined_talked_in_and_left() {
    let sandbox = sandbox();
    let mut alice = Client::online(&sandbox, "alice").await;
    alice
        .send("<presence to='lobby@conference.localhost/Al'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        .await;
    let own = alice.until(&["from='lobby@conference.localhost/Al'"]).await;
    assert!(
        own.contains("<status code='110'/>") && !own.contains("http://jabber.org/protocol/muc'"),
        "{own}"
    );
    alice.until(&["type='groupchat'", "<subject/>"]).await;

    let mut bob = Client::online(&sandbox, "bob").await;
    bob.send("<presence to='lobby@conference.localhost/Al' id='c'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        .await;
    bob.until(&["id='c'", "type='error'", "<conflict "]).await;
    bob.send("<presence to='lobby@conference.localhost/Bo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        .await;
    bob.until(&["from='lobby@conference.localhost/Al'", "<item "]).await;
    bob.until(&["from='lobby@conference.localhost/Bo'", "<status code='110'/>"])
        .await;
    alice
        .until(&["from='lobby@conference.localhost/Bo'", "jid='bob@localhost/r'"])
        .await;

    alice
        .send("<message to='lobby@conference.localhost' type='groupchat' id='g'><body>hi</body></message>")
        .await;
    for client in [&mut alice, &mut bob] {
        client
            .until(&[
                "from='lobby@conference.localhost/Al'",
                "type='groupchat'",
                "id='g'",
                "<body>hi</body>",
            ])
            .await;
    }
    bob.send("<iq to='lobby@conference.localhost/Bo' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    bob.until(&["id='p'", "type='result'"]).await;
    alice
        .send("<presence to='lobby@conference.localhost/Al' type='unavailable'/>")
        .await;
    alice.until(&["type='unavailable'", "<status code='110'/>"]).await;
    bob.until(&["from='lobby@conference.localhost/Al'", "type='unavailable'"])
        .await;
    // lost without a word
    alice
        .send("<presence to='lobby@conference.localhost/Al'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        .await;
    let late = alice.until(&["<delay "]).await;
    assert!(late.contains("<body>hi</body>"), "{late}");
    drop(bob);
    alice
        .until(&["from='lobby@conference.localhost/Bo'", "type='unavailable'"])
        .await;
}

#[tokio::test]
async fn a_client_can_look_around() {
    let sandbox = sandbox();
    let mut alice = Client::online(&sandbox, "alice").await;
    for (to, request, answer) in [
        ("localhost", "<ping xmlns='urn:xmpp:ping'/>", "type='result'"),
        (
            "localhost",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "var='urn:xmpp:ping'",
        ),
        (
            "localhost",
            "<query xmlns='http://jabber.org/protocol/disco#items'/>",
            "jid='conference.localhost'",
        ),
        (
            "conference.localhost",
            "<query xmlns='http://jabber.org/protocol/disco#items'/>",
            "jid='lobby@conference.localhost'",
        ),
        (
            "lobby@conference.localhost",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "var='muc_open'",
        ),
        (
            "echo@localhost/bot",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "type='bot'",
        ),
        ("localhost", "<vCard xmlns='vcard-temp'/>", "<service-unavailable "),
    ] {
        alice.send(&format!("<iq type='get' id='q' to='{to}'>{request}</iq>")).await;
        let got = alice.until(&["id='q'", &format!("from='{to}'")]).await;
        assert!(got.contains(answer), "{to} {request}: {got}");
    }
}

#[tokio::test]
async fn broken_xml_ends_one_stream_and_no_other() {
    let sandbox = sandbox();
    let mut alice = Client::online(&sandbox, "alice").await;
    let mut bob = Client::online(&sandbox, "bob").await;
    bob.send("<message><body></subject></message>").await;
    assert!(bob.error().await.contains("<not-well-formed "));
    alice.until(&["type='unavailable'", "from='bob@localhost/r'"]).await;
    alice.nothing().await;

    let mut carol = Client::connect(&sandbox).await;
    carol.send("<!DOCTYPE x><x>").await;
    assert!(matches!(carol.event().await, StreamEvent::Opened(_)));
    assert!(carol.error().await.contains("<restricted-xml "));
    let (mut dave, _) = Client::open(&sandbox).await;
    dave.send("<presence/>").await;
    assert!(dave.error().await.contains("<not-authorized "));
    let mut erin = Client::user(&sandbox, "erin").await;
    erin.send("<r xmlns='urn:xmpp:sm:3'/>").await;
    assert!(erin.error().await.contains("<unsupported-stanza-type "));
    alice.nothing().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_blocks_nobody() {
    let sandbox = sandbox();
    let mut alice = Client::online(&sandbox, "alice").await;
    let mut bob = Client::online(&sandbox, "bob").await;
    alice.until(&["from='bob@localhost/r'"]).await;
    let body = "x".repeat(64 * 1024);
    for _ in 0..32 {
        alice
            .send(&format!("<message to='bob@localhost/r'><body>{body}</body></message>"))
            .await;
    }
    alice.nothing().await;
    assert!(bob.error().await.contains("<resource-constraint "));
    alice.until(&["type='unavailable'", "from='bob@localhost/r'"]).await;
}

#[tokio::test]
async fn a_second_session_of_one_name_ends_the_first() {
    let sandbox = sandbox();
    let mut first = Client::online(&sandbox, "alice").await;
    let mut second = Client::online(&sandbox, "alice").await;
    assert!(first.error().await.contains("<conflict "));
    second.nothing().await;
}
