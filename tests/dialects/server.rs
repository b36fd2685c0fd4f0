//! The scripted server: it logs a client in, gives back every message and presence, and keeps what it heard. It offers what a client
//! behind a connection manager must not see.

use boshd::xml::{Payload, XmlLimits};
use boshd::xmpp::inbound::Inbound;
use boshd::xmpp::{StreamEvent, StreamHeader};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::bench::PATIENCE;
use super::bench::infoset::{Element, Node, infoset};
use super::bench::upstream::{CLOSING, HEADER, Upstream};
use super::exchange::{Exchange, Step};

pub const DOMAIN: &str = "example.org";

const JID: &str = "demo@example.org/scripted";

const LOGIN: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\
                     <compression xmlns='http://jabber.org/features/compress'><method>zlib</method></compression>\
                     <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256-PLUS</mechanism>\
                     <mechanism>SCRAM-SHA-256</mechanism><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism>\
                     <mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>";

const BINDING: &str = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
                       <session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session></stream:features>";

#[derive(Default)]
struct Server {
    exchange: Option<Exchange>,
    phase: Phase,
    /// Headers that came.
    streams: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    LoggingIn,
    LoggedIn,
}

/// Serves one connection to its end: what came on each of its streams.
pub async fn serve(upstream: &Upstream) -> Vec<Vec<Element>> {
    let mut io = upstream.accept().await.io;
    let mut inbound = Inbound::new(XmlLimits::default());
    let (mut server, mut input, mut seen) = (Server::default(), BytesMut::new(), Vec::new());
    loop {
        while let Some(event) = inbound.next(&mut input).unwrap() {
            let before = server.phase;
            let answer = server.answer(event);
            if server.phase != before {
                inbound.restart();
            }
            io.write_all(answer.as_bytes()).await.unwrap();
        }
        let known = input.len();
        let read = timeout(PATIENCE, io.read_buf(&mut input)).await.expect("words in time");
        if read.unwrap_or(0) == 0 {
            return streams(&String::from_utf8(seen).unwrap());
        }
        seen.extend_from_slice(&input[known..]);
    }
}

impl Server {
    fn answer(&mut self, event: StreamEvent) -> String {
        match event {
            StreamEvent::Opened(header) => self.opened(&header),
            StreamEvent::Payload(payload) => self.payload(&payload),
            StreamEvent::Closed => CLOSING.to_owned(),
            other => panic!("from a client: {other:?}"),
        }
    }

    fn opened(&mut self, header: &StreamHeader) -> String {
        assert_eq!(header.to.as_deref(), Some(DOMAIN));
        assert_eq!(header.version.as_deref(), Some("1.0"));
        self.streams += 1;
        let features = match self.phase {
            Phase::LoggingIn => LOGIN,
            Phase::LoggedIn => BINDING,
        };
        HEADER.replace("stream-1", &format!("stream-{}", self.streams)) + features
    }

    fn payload(&mut self, payload: &Payload) -> String {
        let element = infoset(payload.as_str());
        let attribute = |name: &str| element.attributes.get(name).map_or("", String::as_str);
        match payload.local() {
            "auth" => self.step(Exchange::start(attribute("mechanism")), &element),
            "response" => {
                let exchange = self.exchange.take().expect("an exchange");
                self.step(exchange, &element)
            }
            "iq" if payload.as_str().contains("xmpp-bind") => {
                let bind = format!("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{JID}</jid></bind>");
                format!("<iq type='result' id='{}'>{bind}</iq>", attribute("id"))
            }
            "iq" if matches!(attribute("type"), "get" | "set") => {
                format!("<iq type='result' id='{}' to='{JID}'/>", attribute("id"))
            }
            "iq" => String::new(),
            // back to who said it
            "message" | "presence" => {
                let name = payload.local();
                payload.as_str().replacen(name, &format!("{name} from='{JID}'"), 1)
            }
            other => panic!("from a client: {other}"),
        }
    }

    fn step(&mut self, mut exchange: Exchange, element: &Element) -> String {
        let (name, data) = match exchange.step(&text(element)) {
            Step::Challenge(data) => {
                self.exchange = Some(exchange);
                ("challenge", data)
            }
            Step::Success(data) => {
                self.phase = Phase::LoggedIn;
                ("success", data)
            }
        };
        format!("<{name} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{data}</{name}>")
    }
}

fn text(element: &Element) -> String {
    let texts = element.children.iter().filter_map(|node| match node {
        Node::Text(text) => Some(text.as_str()),
        Node::Element(_) => None,
    });
    texts.collect()
}

/// The elements of each stream, in order.
fn streams(seen: &str) -> Vec<Vec<Element>> {
    let streams = seen.split("<stream:stream ").skip(1).map(|stream| {
        // a declaration belongs to the stream behind it
        let stream = stream.trim_end_matches("<?xml version='1.0'?>").trim_end_matches(CLOSING);
        let root = infoset(&format!("<stream:stream {stream}{CLOSING}"));
        root.elements().cloned().collect()
    });
    streams.collect()
}
