//! A client on a raw stream: it says what it is told to, and reads with the reader of the product.

use std::time::Duration;

use boshd::sandbox::Sandbox;
use boshd::upstream::{BoxStream, Call, Connect};
use boshd::xml::XmlLimits;
use boshd::xmpp::inbound::Inbound;
use boshd::xmpp::{Domain, StreamEvent};
use bytes::BytesMut;
use rsasl::prelude::{Mechname, SASLClient, SASLConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

pub const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>";
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A raw stream.
pub struct Client {
    pub stream: BoxStream,
    inbound: Inbound,
    input: BytesMut,
}

impl Client {
    pub async fn connect(sandbox: &Sandbox) -> Self {
        let stream = sandbox
            .connect(Call::of_ours(Domain::parse("localhost").unwrap()))
            .await
            .unwrap()
            .io;
        Self {
            stream,
            inbound: Inbound::new(XmlLimits::default()),
            input: BytesMut::new(),
        }
    }

    /// A stream with its features read.
    pub async fn open(sandbox: &Sandbox) -> (Self, String) {
        let mut client = Self::connect(sandbox).await;
        let features = client.restart().await;
        (client, features)
    }

    /// A user who has bound the resource `r`, without presence.
    pub async fn user(sandbox: &Sandbox, name: &str) -> Self {
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
    pub async fn online(sandbox: &Sandbox, name: &str) -> Self {
        let mut client = Self::user(sandbox, name).await;
        client.send("<presence/>").await;
        client.until(&["<presence ", &format!("from='{name}@localhost/r'")]).await;
        client
    }

    pub async fn restart(&mut self) -> String {
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
    pub async fn log_in(&mut self, mechanism: &str, name: &str, password: &str) -> Result<(), String> {
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

    pub async fn send(&mut self, xml: &str) {
        timeout(PATIENCE, self.stream.write_all(xml.as_bytes()))
            .await
            .expect("the sandbox does not read")
            .unwrap();
    }

    pub async fn event(&mut self) -> StreamEvent {
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

    pub async fn payload(&mut self) -> String {
        match self.event().await {
            StreamEvent::Payload(payload) => String::from_utf8(payload.bytes().to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The first payload that has all these parts; earlier ones are skipped.
    pub async fn until(&mut self, parts: &[&str]) -> String {
        loop {
            let payload = self.payload().await;
            if parts.iter().all(|part| payload.contains(part)) {
                return payload;
            }
        }
    }

    /// The stream error that the stream ends with.
    pub async fn error(&mut self) -> String {
        loop {
            match self.event().await {
                StreamEvent::Error(error) => return String::from_utf8(error.element.bytes().to_vec()).unwrap(),
                StreamEvent::Closed => panic!("closed without an error"),
                _ => {}
            }
        }
    }

    /// Nothing has come before the answer to a ping.
    pub async fn nothing(&mut self) {
        self.send("<iq type='get' id='nothing' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
            .await;
        let payload = self.payload().await;
        assert!(payload.contains("id='nothing'"), "{payload}");
    }
}
