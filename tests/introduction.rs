//! What a server is told before the stream begins: the PROXY header with the client's address (spec.md DN11); and which domains a client
//! gets to at all (B06).

#[path = "support/bench.rs"]
mod bench;
#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/logs.rs"]
mod logs;
#[path = "support/process.rs"]
mod process;
#[path = "support/server.rs"]
mod server;
#[path = "support/tls.rs"]
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bench::poster::{Connection, creation};
use bench::upstream::{CLOSING, Closed, FEATURES, HEADER, Upstream};
use bench::{Bench, SOON, USUAL, WHILE, connector_on, plain};
use boshd::bosh::Limits;
use boshd::manager;
use boshd::proxy_protocol::Version;
use boshd::upstream::connector::Connector;
use boshd::upstream::pool::Retry;
use boshd::upstream::resolve::Table;
use boshd::upstream::route::{Entry, Pattern, Route, Servers};
use boshd::upstream::secure::{Secure, Trust};
use boshd::upstream::target::{Security, Target};
use boshd::upstream::way::{Terms, Way};
use boshd::xmpp::Domain;
use certificates::Certificates;
use tls::{Tls, roots};

/// Before a server that wants PROXY headers.
async fn bench(security: Security, terms: Terms) -> Bench {
    logs::listen();
    let upstream = Upstream::listen().await;
    let target = Target {
        security,
        ..plain(upstream.address)
    };
    Bench::before(Arc::new(connector_on(vec![target], terms)), upstream, Limits::default())
}

fn proxied(version: Version) -> Terms {
    Terms {
        proxy_protocol: Some(version),
        ..Terms::default()
    }
}

/// Version 1.
fn line(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let (source, destination) = (from.ip(), to.ip());
    format!("PROXY TCP4 {source} {destination} {} {}\r\n", from.port(), to.port()).into_bytes()
}

/// Version 2, with a unique id.
fn block(client: &Connection, bench: &Bench, id: &str) -> Vec<u8> {
    let mut block = b"\r\n\r\n\0\r\nQUIT\n\x21\x11".to_vec();
    let length = 12 + 3 + u16::try_from(id.len()).unwrap();
    block.extend(length.to_be_bytes());
    block.extend([127, 0, 0, 1, 127, 0, 0, 1]);
    for port in [client.io.local_addr().unwrap().port(), bench.address.port()] {
        block.extend(port.to_be_bytes());
    }
    block.extend([5, 0, u8::try_from(id.len()).unwrap()]);
    block.extend(id.as_bytes());
    block
}

// DN11: the client's own address and the one it came to, in a line ahead of all else
#[tokio::test]
async fn a_line_first() {
    let bench = bench(Security::Plain, proxied(Version::V1)).await;
    let mut client = bench.post(&creation(USUAL)).await;
    let mut link = bench.upstream.accept().await;
    let expected = line(client.io.local_addr().unwrap(), bench.address);
    assert_eq!(link.takes(expected.len()).await, expected);
    link.opens().await;
    assert!(
        link.seen().starts_with("<?xml version='1.0'?><stream:stream "),
        "{}",
        link.seen()
    );
    assert!(client.reply_within(SOON).await.text.contains("PLAIN"));
}

// DN11: in binary with the name that our own log has for the session
#[tokio::test]
async fn a_block_first() {
    let bench = bench(Security::Plain, proxied(Version::V2)).await;
    let mut client = bench.post(&creation(USUAL)).await;
    let mut link = bench.upstream.accept().await;
    let session = logs::hears("session begins", 1).await[0].get("session").unwrap().to_owned();
    let expected = block(&client, &bench, &session);
    assert_eq!(link.takes(expected.len()).await, expected);
    link.opens().await;
    assert!(
        link.seen().starts_with("<?xml version='1.0'?><stream:stream "),
        "{}",
        link.seen()
    );
    let reply = client.reply_within(SOON).await;
    assert!(
        !reply.attribute("sid").unwrap().contains(&session),
        "it is not the secret id, nor part of it"
    );
}

// DN11: ahead of TLS, too, of either kind, and once
#[tokio::test]
async fn ahead_of_tls() {
    let certificates = Certificates::make("example.org");
    let tls = Tls::showing(&certificates.good);
    for security in [Security::Direct, Security::StartTls] {
        let terms = Terms {
            secure: Some(Secure::new(Trust::Roots(roots(&certificates.authority)), None).unwrap()),
            ..proxied(Version::V1)
        };
        let bench = bench(security, terms).await;
        let mut client = bench.post(&creation(USUAL)).await;
        let mut link = bench.upstream.accept().await;
        let expected = line(client.io.local_addr().unwrap(), bench.address);
        assert_eq!(link.takes(expected.len()).await, expected);
        if security == Security::StartTls {
            link.header().await;
            link.says(HEADER).await;
            link.says("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
                .await;
            link.sees("<starttls").await;
            link.says("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
        }
        let mut link = tls.accept(link).await.1.unwrap();
        link.opens().await;
        assert!(!link.seen().contains("PROXY"));
        assert!(client.reply_within(SOON).await.text.contains("PLAIN"));
    }
}

// DN11: who watches over a server that was dead comes from ourselves; and a server whose headers are off gets none
#[tokio::test]
async fn nobody_in_particular() {
    logs::listen();
    let (dead, second) = (Closed::new(), Upstream::listen().await);
    let address = dead.address;
    let every = Duration::from_millis(50);
    let terms = Terms {
        retry: Retry {
            first: every,
            most: every,
        },
        ..proxied(Version::V1)
    };
    let lower = Target {
        priority: 1,
        ..plain(second.address)
    };
    let connector = connector_on(vec![plain(address), lower], terms);
    let bench = Bench::before(Arc::new(connector), second, Limits::default());
    let client = bench.post(&creation(USUAL)).await;
    let expected = line(client.io.local_addr().unwrap(), bench.address);
    assert_eq!(bench.upstream.accept().await.takes(expected.len()).await, expected);
    let mut watch = dead.opens().accept().await;
    let expected = line(watch.io.peer_addr().unwrap(), address);
    assert_eq!(watch.takes(expected.len()).await, expected);
    watch.header().await;
    watch.says(&[HEADER, FEATURES].concat()).await;
    watch.sees(CLOSING).await;
    logs::hears("server back in service", 1).await;
    let bench = self::bench(Security::Plain, Terms::default()).await;
    let (_, link) = bench.session().await;
    assert!(link.seen().starts_with("<?xml"), "{}", link.seen());
}

/// Two domains, a server for each, and all others at a third; some names are denied.
async fn several_domains(default_domain: Option<&str>) -> (Bench, [Upstream; 2]) {
    logs::listen();
    let servers = [Upstream::listen().await, Upstream::listen().await, Upstream::listen().await];
    let resolver = Arc::new(Table::default());
    let entry = |(pattern, server): (&str, &Upstream)| Entry {
        pattern: Pattern::parse(pattern).unwrap(),
        servers: Servers::Listed(vec![plain(server.address)]),
        way: Way::new(Terms::default(), resolver.clone()),
    };
    let patterns = ["a.example.org", "*.example.org", "*"];
    let route = Route {
        entries: patterns.into_iter().zip(&servers).map(entry).collect(),
        gone: Vec::new(),
        denied: ["denied.example.org", "*.denied.example.org", "127.0.0.1"]
            .iter()
            .map(|name| Pattern::parse(name).unwrap())
            .collect(),
    };
    let options = manager::Options {
        default_domain: default_domain.map(|name| Domain::parse(name).unwrap()),
        ..manager::Options::default()
    };
    let connector = Arc::new(Connector::new(route, resolver));
    let [first, second, third] = servers;
    (Bench::managing(connector, third, options), [first, second])
}

// B06: who names no domain gets the default one, and its server hears of it by name; who names another gets that
#[tokio::test]
async fn the_default_domain() {
    let (bench, [first, second]) = several_domains(Some("a.example.org")).await;
    for to in ["", "to=''"] {
        let mut client = bench.post(&creation(&USUAL.replace("to='example.org'", to))).await;
        let mut link = first.accept().await;
        let header = link.header().await;
        assert_eq!(header.attributes.get("to").map(String::as_str), Some("a.example.org"));
        link.says(&[HEADER, FEATURES].concat()).await;
        assert!(client.reply_within(SOON).await.text.contains("PLAIN"));
    }
    for (to, server) in [("b.example.org", &second), ("example.org", &bench.upstream)] {
        let _client = bench.post(&creation(&USUAL.replace("example.org", to))).await;
        let header = server.accept().await.header().await;
        assert_eq!(header.attributes.get("to").map(String::as_str), Some(to));
    }
}

// B06: a default that is not served is no way in
#[tokio::test]
async fn a_default_that_is_denied() {
    let (bench, [first, second]) = several_domains(Some("denied.example.org")).await;
    let reply = bench.ask(&creation(&USUAL.replace("to='example.org'", ""))).await;
    assert!(reply.is_terminate("host-unknown"), "{}", reply.text);
    for server in [&first, &second, &bench.upstream] {
        assert!(server.is_left_alone_for(WHILE).await);
    }
}

// P06: denied is denied in every spelling, whatever entry would match, and nobody is dialled
#[tokio::test]
async fn denied_domains() {
    let (bench, [first, second]) = several_domains(None).await;
    for to in [
        "denied.example.org",
        "DENIED.example.org.",
        "below.denied.example.org",
        "127.0.0.1",
    ] {
        let reply = bench.ask(&creation(&USUAL.replace("example.org", to))).await;
        assert!(reply.is_terminate("host-unknown"), "{to}: {}", reply.text);
        assert_eq!(reply.attribute("sid"), None);
    }
    for server in [&first, &second, &bench.upstream] {
        assert!(server.is_left_alone_for(WHILE).await);
    }
    let _client = bench
        .post(&creation(&USUAL.replace("example.org", "undenied.example.org")))
        .await;
    second.accept().await.header().await;
}
