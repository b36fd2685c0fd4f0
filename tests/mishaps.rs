//! What can go wrong on the way to a server and once it is reached, stage by stage: what the client is told, what the operator reads, and
//! that nothing is left (spec.md ER05, ER10, DN09).

#[path = "support/bench.rs"]
mod bench;
#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/dns.rs"]
mod dns;
#[path = "support/logs.rs"]
mod logs;
#[path = "support/process.rs"]
mod process;
#[path = "support/server.rs"]
mod server;
#[path = "support/tls.rs"]
mod tls;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bench::poster::{Client, Connection, creation};
use bench::upstream::{BlackHole, CLOSING, Closed, HEADER, Link, Upstream};
use bench::{Bench, SOON, USUAL, WHILE, connector_on, connector_with, plain};
use boshd::bosh::Limits;
use boshd::upstream::dns::Dns;
use boshd::upstream::name_servers;
use boshd::upstream::pool::Retry;
use boshd::upstream::route::Servers;
use boshd::upstream::secure::{Secure, Trust};
use boshd::upstream::target::{Host, Security, Target};
use boshd::upstream::way::Terms;
use certificates::Certificates;
use dns::{LONG, NameServer, Says};
use hickory_resolver::proto::rr::RecordType::{A, AAAA};
use tls::{Tls, roots};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tracing::Level;

const OFFER: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";

const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

/// A TLS record that refuses the handshake.
const ALERT: &str = "\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{28}";

/// For one attempt, where it is silence that is to be noticed.
const SHORT: Duration = Duration::from_secs(1);

/// How far the connection manager has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Point {
    /// In plain text it has sent its stream header.
    Header,
    /// It has got the server's.
    Features,
    /// Its stream header has gone ahead of STARTTLS.
    HeaderBeforeTls,
    /// It has asked for TLS.
    Consent,
    /// It has got the server's consent, and sent its ClientHello.
    Upgrade,
    /// It has sent its ClientHello first of all.
    Direct,
}

impl Point {
    fn security(self) -> Security {
        match self {
            Self::Header | Self::Features => Security::Plain,
            Self::HeaderBeforeTls | Self::Consent | Self::Upgrade => Security::StartTls,
            Self::Direct => Security::Direct,
        }
    }

    async fn reached(self, server: &Upstream) -> Link {
        let mut link = server.accept().await;
        if self != Self::Direct {
            link.header().await;
        }
        match self {
            Self::Header | Self::HeaderBeforeTls | Self::Direct => {}
            Self::Features => link.says(HEADER).await,
            Self::Consent | Self::Upgrade => {
                link.says(&[HEADER, OFFER].concat()).await;
                link.sees("<starttls").await;
            }
        }
        if self == Self::Upgrade {
            link.says(PROCEED).await;
            link.sees(">").await;
        }
        if matches!(self, Self::Direct | Self::Upgrade) {
            assert!(!link.hears_nothing_for(SOON).await, "a ClientHello");
        }
        link
    }
}

/// What the server does then.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    Silence,
    Reset,
    /// It says nothing more, but would listen.
    HalfClose,
    Says(&'static str),
}

impl Mishap {
    /// Returns once the server has seen that nobody wants its connection any more.
    async fn happens(self, mut link: Link) {
        match self {
            Self::Silence => {}
            Self::Reset => return link.reset(),
            Self::HalfClose => link.io.shutdown().await.unwrap(),
            Self::Says(text) => link.says(text).await,
        }
        link.ends().await;
    }
}

fn terms(timeout: Duration) -> Terms {
    Terms {
        secure: Some(Secure::new(Trust::Pinned(vec![[7; 32]]), None).unwrap()),
        timeout,
        // who fails is not tried again by itself while a test lasts
        retry: Retry {
            first: Duration::from_secs(600),
            most: Duration::from_secs(600),
        },
        ..Terms::default()
    }
}

async fn bench(target: Target, terms: Terms) -> Bench {
    logs::listen();
    let nobodys = Upstream::listen().await;
    Bench::before(Arc::new(connector_on(vec![target], terms)), nobodys, Limits::default())
}

/// The client is told, the operator reads where and why, and nothing is left.
async fn was_not_reached(bench: &Bench, client: &mut Connection, target: impl Display, [stage, cause]: [&str; 2]) {
    let reply = client.reply_within(SOON + SHORT).await;
    assert!(
        reply.is_terminate("remote-connection-failed"),
        "{stage} {cause}: {}",
        reply.text
    );
    assert_eq!(reply.attribute("sid"), None);
    bench.is_left_with(0).await;
    for (message, level) in [("server out of service", Level::WARN), ("server not reached", Level::INFO)] {
        let lines = logs::lines(message);
        let [line] = &lines[..] else { panic!("{message}: {lines:?}") };
        assert!(line.level == level && line.says("domain", "example.org") && line.says("target", &target));
        assert!(line.says("stage", stage), "{stage} {cause}: {line:?}");
        assert!(line.get("cause").unwrap().contains(cause), "{stage} {cause}: {line:?}");
    }
}

async fn comes_to_grief(point: Point, mishap: Mishap, expected: [&str; 2]) {
    let server = Upstream::listen().await;
    let target = Target {
        security: point.security(),
        ..plain(server.address)
    };
    let timeout = if matches!(mishap, Mishap::Silence) {
        SHORT
    } else {
        Terms::default().timeout
    };
    let bench = bench(target, terms(timeout)).await;
    let mut client = bench.post(&creation(USUAL)).await;
    let link = point.reached(&server).await;
    mishap.happens(link).await;
    was_not_reached(&bench, &mut client, server.address, expected).await;
    assert!(server.is_left_alone_for(Duration::from_millis(50)).await, "once is enough");
}

// DN09: nobody is there: it is told at once, or when the time is over
#[tokio::test]
async fn no_connection() {
    let closed = Closed::new();
    let bench_of = |address| bench(plain(address), terms(SHORT));
    let bench = bench_of(closed.address).await;
    let mut client = bench.post(&creation(USUAL)).await;
    was_not_reached(&bench, &mut client, closed.address, ["Tcp", "refused"]).await;
    let hole = BlackHole::new().await;
    let bench = bench_of(hole.address).await;
    let mut client = bench.post(&creation(USUAL)).await;
    was_not_reached(&bench, &mut client, hole.address, ["Tcp", "timed out"]).await;
}

// A name that leads nowhere
#[tokio::test]
async fn no_address() {
    let target = Target {
        host: Host::of("a.example.org"),
        ..plain(([127, 0, 0, 1], 5222).into())
    };
    for (says, cause) in [
        (Says::NoSuchName, "no address"),
        (Says::Nothing, "no address"),
        (Says::Fails, "DNS cannot tell"),
        (Says::Silence, "no answer in time"),
        (Says::Garbage(vec![0xff; 40]), "DNS"),
    ] {
        let dns = NameServer::start().await;
        for kind in [A, AAAA] {
            dns.says("a.example.org", kind, LONG, says.clone());
        }
        let options = name_servers::Options {
            name_servers: vec![dns.address],
            resolv_conf: PathBuf::from("/nonexistent"),
            hosts: PathBuf::from("/nonexistent"),
            timeout: Duration::from_millis(400),
            ..name_servers::Options::default()
        };
        let listed = Servers::Listed(vec![target.clone()]);
        let connector = connector_with(listed, terms(SHORT * 10), Arc::new(Dns::new(&options).unwrap()));
        logs::listen();
        let bench = Bench::before(Arc::new(connector), Upstream::listen().await, Limits::default());
        let mut client = bench.post(&creation(USUAL)).await;
        was_not_reached(&bench, &mut client, "a.example.org:5222", ["Resolve", cause]).await;
    }
}

// DN09, ER05: the connection ends before the stream has begun
#[tokio::test]
async fn the_connection_ends() {
    use Mishap::{HalfClose, Reset, Says};
    for (point, stage, end) in [
        (Point::Direct, "Tls", "tls handshake eof"),
        (Point::Upgrade, "Tls", "tls handshake eof"),
        (Point::Consent, "Tls", "end of file"),
        (Point::HeaderBeforeTls, "Header", "end of file"),
        (Point::Header, "Header", "end of file"),
        (Point::Features, "Features", "end of file"),
    ] {
        comes_to_grief(point, HalfClose, [stage, end]).await;
        // a reset takes back what was said before
        if point != Point::Features {
            comes_to_grief(point, Reset, [stage, "reset by peer"]).await;
        }
    }
    comes_to_grief(Point::Features, Says(CLOSING), ["Features", "end of file"]).await;
}

// DN09: what is no TLS, or refuses it, or is no word about it
#[tokio::test]
async fn garbage_before_tls() {
    use Mishap::Says;
    for point in [Point::Direct, Point::Upgrade] {
        comes_to_grief(point, Says("HTTP/1.1 400 Bad Request\r\n\r\n"), ["Tls", "does not speak TLS"]).await;
        comes_to_grief(point, Says(ALERT), ["Tls", "HandshakeFailure"]).await;
    }
    comes_to_grief(Point::Consent, Says("</nonsense>"), ["Tls", "not well-formed"]).await;
    let before = Point::HeaderBeforeTls;
    comes_to_grief(before, Says("HTTP/1.1 400 Bad Request"), ["Header", "character data"]).await;
    comes_to_grief(before, Says("<html>"), ["Header", "not well-formed"]).await;
}

// DN09: silence has an end, wherever it sets in
#[tokio::test]
async fn silence() {
    for (point, stage) in [
        (Point::Direct, "Tls"),
        (Point::Upgrade, "Tls"),
        (Point::Consent, "Tls"),
        (Point::HeaderBeforeTls, "Header"),
        (Point::Header, "Header"),
        (Point::Features, "Features"),
    ] {
        comes_to_grief(point, Mishap::Silence, [stage, "timed out"]).await;
    }
}

/// With TLS from the first byte, from a server that we know by its certificate.
async fn bench_with_tls() -> (Bench, Upstream, Tls) {
    let certificates = Certificates::make("example.org");
    let server = Upstream::listen().await;
    let target = Target {
        security: Security::Direct,
        ..plain(server.address)
    };
    let roots = Trust::Roots(roots(&certificates.authority));
    let terms = Terms {
        secure: Some(Secure::new(roots, None).unwrap()),
        ..terms(Terms::default().timeout)
    };
    (bench(target, terms).await, server, Tls::showing(&certificates.good))
}

// DN09, ER05: within TLS: an end without TLS's own goodbye, a reset, records that are none
#[tokio::test]
async fn mishaps_within_tls() {
    const NO_RECORD: &[u8] = b"no record of TLS at all";
    for (header, bytes, is_reset, expected) in [
        ("", &b""[..], false, ["Header", "without sending TLS close_notify"]),
        ("", b"", true, ["Header", "reset by peer"]),
        ("", NO_RECORD, false, ["Header", "corrupt message"]),
        (HEADER, b"", false, ["Features", "without sending TLS close_notify"]),
    ] {
        let (bench, server, tls) = bench_with_tls().await;
        let mut client = bench.post(&creation(USUAL)).await;
        let mut link = tls.accept(server.accept().await).await.1.unwrap();
        link.header().await;
        link.says(header).await;
        let mut below = link.io.into_inner().0;
        below.write_all(bytes).await.unwrap();
        if is_reset {
            below.set_zero_linger().unwrap();
        }
        drop(below);
        was_not_reached(&bench, &mut client, server.address, expected).await;
    }
}

const CONFLICT: &str = "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";

/// A session has begun, and the client has said this; then that comes to pass. The client is told the condition, and the operator reads the
/// cause where it is not the server's own word.
async fn breaks_later(login: &str, mishap: Mishap, condition: &str, cause: Option<&str>) -> Bench {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next(login).await;
    link.sees(login.split_once(' ').unwrap().0).await;
    assert!(held.is_held_for(Duration::from_millis(20)).await);
    let earlier = logs::lines("server stream broke").len();
    let noticed = timeout(SOON, mishap.happens(link)).await;
    assert!(noticed.is_ok(), "{mishap:?}: the server's connection does not end");
    let reply = held.reply_within(SOON).await;
    assert!(reply.is_terminate(condition), "{mishap:?}: {}", reply.text);
    let broke = &logs::lines("server stream broke")[earlier..];
    assert_eq!(broke.len(), usize::from(cause.is_some()), "{mishap:?}: {broke:?}");
    for line in broke {
        assert!(line.says("domain", "example.org") && line.get("session").is_some());
        assert!(line.says("target", bench.upstream.address.to_string()) && line.get("stage").is_some());
        assert_eq!(line.get("cause"), cause, "{mishap:?}");
    }
    assert!(
        bench.upstream.is_left_alone_for(Duration::from_millis(50)).await,
        "there is no second stream"
    );
    bench
}

// ER01, ER05, ER10: a server that goes while the client logs in, or later: the session ends, once, and does not move elsewhere. The server's own
// word about the end is no mishap of the link
#[tokio::test]
async fn a_stream_that_breaks() {
    use Mishap::{HalfClose, Reset, Says};
    logs::listen();
    let (lost, told) = ("remote-connection-failed", "remote-stream-error");
    let nonsense = Some("the server sent what is not a stream");
    let mut benches = Vec::new();
    for login in [
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>bixh</auth>",
        "<message id='logged in'/>",
    ] {
        for (mishap, condition, cause) in [
            (Reset, lost, Some("Connection reset by peer (os error 104)")),
            (HalfClose, lost, Some("the connection ended without a closing tag")),
            (Says("</nonsense>"), lost, nonsense),
            (Says("text"), lost, nonsense),
            (Says(CLOSING), lost, None),
            (Says(CONFLICT), told, None),
        ] {
            benches.push(breaks_later(login, mishap, condition, cause).await);
        }
    }
    // they keep their names for a while, for a repeat of a request whose answer was lost
    for bench in &benches {
        bench.is_left_with(0).await;
    }
    let ended = logs::lines("session ended");
    assert!(ended.len() == benches.len() && ended.iter().all(|line| line.says("domain", "example.org")));
    assert!(logs::lines("server out of service").is_empty());
}

// A server that says nothing during a login may think: the client's own limits hold
#[tokio::test]
async fn silence_during_the_login() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
    link.sees("<auth").await;
    assert!(held.is_held_for(WHILE).await && link.hears_nothing_for(WHILE).await);
    link.says("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
    assert_eq!(held.reply_within(SOON).await.payloads().len(), 1);
}

// ER10: nonsense instead of a stream, from the only server there is: it is told so
#[tokio::test]
async fn nonsense_instead_of_a_stream() {
    for (point, words) in [
        (Point::Header, "HTTP/1.1 400 Bad Request\r\n\r\n"),
        (Point::Header, "<?xml version='1.0'?><html>"),
        (Point::Features, "</nonsense>"),
        (Point::Features, "<stream:features></unbalanced>"),
    ] {
        logs::listen();
        let bench = Bench::new().await;
        let mut client = bench.post(&creation(USUAL)).await;
        let mut link = point.reached(&bench.upstream).await;
        link.says(words).await;
        link.sees("<not-well-formed").await;
        link.sees(CLOSING).await;
        link.ends().await;
        let reply = client.reply_within(SOON).await;
        assert!(reply.is_terminate("remote-connection-failed"), "{words}: {}", reply.text);
        bench.is_left_with(0).await;
        let line = &logs::hears("server stream broke", 1).await[0];
        assert!(line.says("domain", "example.org") && line.says("cause", "the server sent what is not a stream"));
    }
}

// A client that leaves while we are on the way: its server is left alone at once
#[tokio::test]
async fn a_client_that_leaves_meanwhile() {
    let polling = USUAL.replace("hold='1'", "hold='0'");
    for point in [Point::Header, Point::Features] {
        let bench = Bench::new().await;
        let mut client = Client::of(bench.address, &bench.ask(&creation(&polling)).await);
        let mut link = point.reached(&bench.upstream).await;
        client.next_with("type='terminate'", "").await.reply_within(SOON).await;
        bench.is_left_with(0).await;
        link.ends().await;
    }
}
