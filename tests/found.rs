//! Servers that DNS finds, all the way from the records to the stream: in which order they are tried, what is never dialled, and what a dead
//! address costs (spec.md DN01 to DN07, P06).

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

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::poster::{Connection, creation};
use bench::upstream::{BlackHole, Closed, HEADER, Upstream};
use bench::{Bench, SOON, USUAL, WHILE, connector_with, plain};
use boshd::bosh::Limits;
use boshd::network::Network;
use boshd::upstream::connector::Connector;
use boshd::upstream::dns::Dns;
use boshd::upstream::name_servers;
use boshd::upstream::permit::Permit;
use boshd::upstream::pool::Retry;
use boshd::upstream::resolve::{Resolve, Table};
use boshd::upstream::route::{Entry, Pattern, Route, Servers};
use boshd::upstream::secure::{Secure, Trust};
use boshd::upstream::target::{Host, Security, Target};
use boshd::upstream::way::{Terms, Way};
use certificates::Certificates;
use dns::{LONG, NameServer, Says};
use hickory_resolver::proto::rr::RecordType::{A, AAAA, SRV};
use tls::{Tls, roots};

const XMPP: &str = "_xmpp-client._tcp.example.org";
const XMPPS: &str = "_xmpps-client._tcp.example.org";

const PLAIN: Servers = Servers::Found(Some(Security::Plain));

/// A name server that knows where `a.example.org` and `b.example.org` are: here.
async fn name_server() -> NameServer {
    let server = NameServer::start().await;
    for name in ["a.example.org", "b.example.org"] {
        server.addresses(name, LONG, &["127.0.0.1"]);
        server.says(name, AAAA, LONG, Says::Nothing);
    }
    server
}

fn asking(server: &NameServer) -> Arc<dyn Resolve> {
    let options = name_servers::Options {
        name_servers: vec![server.address],
        resolv_conf: PathBuf::from("/nonexistent"),
        hosts: PathBuf::from("/nonexistent"),
        ..name_servers::Options::default()
    };
    Arc::new(Dns::new(&options).unwrap())
}

/// Terms under which these networks count as public.
fn terms(networks: &[&str]) -> Terms {
    Terms {
        permit: Permit {
            networks: networks.iter().map(|text| Network::parse(text).unwrap()).collect(),
            redirects: Vec::new(),
        },
        // who fails is not tried again by itself while a test lasts
        retry: Retry {
            first: Duration::from_secs(600),
            most: Duration::from_secs(600),
        },
        ..Terms::default()
    }
}

fn here() -> Terms {
    terms(&["127.0.0.0/8"])
}

async fn bench(connector: Connector) -> Bench {
    logs::listen();
    Bench::before(Arc::new(connector), Upstream::listen().await, Limits::default())
}

async fn was_not_reached(client: &mut Connection, target: impl std::fmt::Display, cause: &str) {
    let reply = client.reply_within(SOON).await;
    assert!(reply.is_terminate("remote-connection-failed"), "{}", reply.text);
    let line = &logs::hears("server not reached", 1).await[0];
    assert!(
        line.says("target", target) && line.get("cause").unwrap().contains(cause),
        "{line:?}"
    );
}

// DN02: the lowest number first, and then the next one
#[tokio::test]
async fn by_priority() {
    let (first, second, dns) = (Upstream::listen().await, Upstream::listen().await, name_server().await);
    let record = |priority, server: &Upstream, name| format!("{priority} 1 {} {name}.example.org", server.address.port());
    dns.srv(XMPP, LONG, &[&record(20, &second, "b"), &record(10, &first, "a")]);
    let bench = bench(connector_with(PLAIN, here(), asking(&dns))).await;
    for _ in 0..5 {
        bench.session_at(&first).await;
    }
    assert_eq!(dns.asked(XMPP, SRV), 1);
    drop(first);
    bench.session_at(&second).await;
    assert!(second.is_left_alone_for(WHILE).await);
}

// DN03, DN04: both services are one list; TLS begins as the service says, and is for the domain, whatever the target is called
#[tokio::test]
async fn both_services() {
    let certificates = Certificates::make("example.org");
    let tls = Tls::showing(&certificates.good);
    let (direct, upgraded, dns) = (Upstream::listen().await, Upstream::listen().await, name_server().await);
    dns.srv(XMPPS, LONG, &[&format!("5 1 {} a.example.org", direct.address.port())]);
    dns.srv(XMPP, LONG, &[&format!("10 1 {} b.example.org", upgraded.address.port())]);
    let terms = Terms {
        secure: Some(Secure::new(Trust::Roots(roots(&certificates.authority)), None).unwrap()),
        ..here()
    };
    let bench = bench(connector_with(Servers::Found(None), terms, asking(&dns))).await;
    let mut client = bench.post(&creation(USUAL)).await;
    let (hello, secured) = tls.accept(direct.accept().await).await;
    assert_eq!(hello.server_name.as_deref(), Some("example.org"));
    assert_eq!(hello.protocols, ["xmpp-client"]);
    secured.unwrap().opens().await;
    assert!(client.reply_within(SOON).await.text.contains("PLAIN"));
    drop(direct);
    let mut client = bench.post(&creation(USUAL)).await;
    let mut link = upgraded.accept().await;
    link.header().await;
    let offer = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";
    link.says(&[HEADER, offer].concat()).await;
    link.sees("<starttls").await;
    link.says("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
    let (hello, secured) = tls.accept(link).await;
    assert_eq!(hello.server_name.as_deref(), Some("example.org"));
    secured.unwrap().opens().await;
    assert!(client.reply_within(SOON).await.text.contains("PLAIN"));
}

// DN03, DN09: of what DNS finds, only what is secured the way the operator wants it
#[tokio::test]
async fn only_what_is_wanted() {
    let (server, dns) = (Upstream::listen().await, name_server().await);
    dns.srv(XMPP, LONG, &[&format!("0 0 {} a.example.org", server.address.port())]);
    let direct = Servers::Found(Some(Security::Direct));
    let bench = bench(connector_with(direct, here(), asking(&dns))).await;
    let mut client = bench.post(&creation(USUAL)).await;
    was_not_reached(&mut client, "example.org", "DNS names no server").await;
    assert!(server.is_left_alone_for(WHILE).await);
}

// DN05: `.` is the end of the search, without a look at the domain's own address
#[tokio::test]
async fn no_service() {
    let dns = name_server().await;
    dns.srv(XMPP, LONG, &["0 0 0 ."]);
    dns.addresses("example.org", LONG, &["127.0.0.1"]);
    let bench = bench(connector_with(PLAIN, here(), asking(&dns))).await;
    let mut client = bench.post(&creation(USUAL)).await;
    was_not_reached(&mut client, "example.org", "offers no service").await;
    assert_eq!((dns.asked("example.org", A), dns.asked("example.org", AAAA)), (0, 0));
}

// DN06: without any record the domain itself at the usual port, on the same terms
#[tokio::test]
async fn the_domain_itself() {
    let dns = name_server().await;
    dns.addresses("example.org", LONG, &["127.0.0.1"]);
    let bench = bench(connector_with(PLAIN, terms(&[]), asking(&dns))).await;
    let mut client = bench.post(&creation(USUAL)).await;
    was_not_reached(&mut client, "example.org:5222", "its address is not public").await;
    assert_eq!((dns.asked("example.org", A), dns.asked("example.org", AAAA)), (1, 1));
}

// DN06: with records whose targets are all dead it is not asked for
#[tokio::test]
async fn all_targets_are_dead() {
    let (dead, deader, dns) = (Closed::new(), Closed::new(), name_server().await);
    let record = |priority, server: &Closed| format!("{priority} 0 {} a.example.org", server.address.port());
    dns.srv(XMPP, LONG, &[&record(1, &dead), &record(2, &deader)]);
    dns.addresses("example.org", LONG, &["127.0.0.1"]);
    let bench = bench(connector_with(PLAIN, here(), asking(&dns))).await;
    let mut client = bench.post(&creation(USUAL)).await;
    let last = format!("a.example.org:{}", deader.address.port());
    was_not_reached(&mut client, last, "refused").await;
    assert_eq!((dns.asked("example.org", A), dns.asked("example.org", AAAA)), (0, 0));
    bench.is_left_with(0).await;
}

// P06: records that lead to addresses that are not public are not followed, unless the operator has said so
#[tokio::test]
async fn records_that_lead_inside() {
    let (server, dns) = (Upstream::listen().await, name_server().await);
    let port = server.address.port();
    dns.alias("alias.example.org", LONG, "a.example.org");
    for (name, address) in [
        ("mapped.example.org", "::ffff:127.0.0.1"),
        ("six.example.org", "::1"),
        ("cloud.example.org", "169.254.169.254"),
        ("any.example.org", "0.0.0.0"),
    ] {
        dns.addresses(name, LONG, &[address]);
    }
    let names = ["a", "alias", "mapped", "six", "cloud", "any"].map(|name| format!("{name}.example.org"));
    for name in names.iter().map(String::as_str).chain(["127.0.0.1"]) {
        dns.srv(XMPP, LONG, &[&format!("0 0 {port} {name}")]);
        let bench = bench(connector_with(PLAIN, terms(&["10.0.0.0/8", "fd00::/8"]), asking(&dns))).await;
        let mut client = bench.post(&creation(USUAL)).await;
        was_not_reached(&mut client, format!("{name}:{port}"), "its address is not public").await;
        assert_eq!(logs::lines("server not reached")[0].get("stage"), Some("Resolve"), "{name}");
        bench.is_left_with(0).await;
    }
    assert!(server.is_left_alone_for(WHILE).await);
    dns.srv(XMPP, LONG, &[&format!("0 0 {port} alias.example.org")]);
    let bench = bench(connector_with(PLAIN, here(), asking(&dns))).await;
    bench.session_at(&server).await;
}

// P06: nor is a domain that is such an address itself, or a name for one
#[tokio::test]
async fn domains_that_lead_inside() {
    let dns = name_server().await;
    dns.addresses("localhost", LONG, &["127.0.0.1"]);
    for domain in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "localhost"] {
        let resolver = asking(&dns);
        let entry = Entry {
            pattern: Pattern::Any,
            servers: PLAIN,
            way: Way::new(terms(&[]), resolver.clone()),
        };
        let route = Route {
            entries: vec![entry],
            ..Route::default()
        };
        let bench = bench(Connector::new(route, resolver)).await;
        let mut client = bench.post(&creation(&USUAL.replace("example.org", domain))).await;
        was_not_reached(&mut client, format!("{domain}:5222"), "its address is not public").await;
        bench.is_left_with(0).await;
    }
}

// DN01: where the operator has written the servers down, nobody asks for records
#[tokio::test]
async fn servers_that_are_written_down() {
    let (server, dns) = (Upstream::listen().await, name_server().await);
    dns.srv(XMPP, LONG, &["0 0 9 b.example.org"]);
    let target = |host: &str| Target {
        host: Host::of(host),
        ..plain(server.address)
    };
    for (host, asked) in [("127.0.0.1", 0), ("a.example.org", 2)] {
        let listed = Servers::Listed(vec![target(host)]);
        let bench = bench(connector_with(listed, terms(&[]), asking(&dns))).await;
        bench.session_at(&server).await;
        assert_eq!(dns.asked_at_all(), asked, "{host}: two families at most");
    }
}

/// One host with these addresses, at this port.
fn host(port: u16, addresses: &[IpAddr]) -> (Servers, Arc<dyn Resolve>) {
    let name = "xmpp.example.org".to_owned();
    let target = Target {
        host: Host::Name(name.clone()),
        ..plain((Ipv4Addr::LOCALHOST, port).into())
    };
    let table = Table {
        addresses: HashMap::from([(name, addresses.to_vec())]),
        ..Table::default()
    };
    (Servers::Listed(vec![target]), Arc::new(table))
}

const FOUR: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SIX: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// How long a session took that had to get past the first address.
async fn took(server: &Upstream, addresses: &[IpAddr]) -> Duration {
    let (servers, resolver) = host(server.address.port(), addresses);
    let bench = bench(connector_with(servers, terms(&[]), resolver)).await;
    let began = Instant::now();
    let mut client = bench.post(&creation(USUAL)).await;
    server.accept().await.opens().await;
    client.reply_within(SOON).await;
    let took = began.elapsed();
    assert!(server.is_left_alone_for(WHILE).await, "it won once");
    assert!(logs::lines("server out of service").is_empty());
    took
}

/// A place at the same port as the server, at another address.
async fn beside<T, F: Future<Output = std::io::Result<T>>>(address: IpAddr, place: impl Fn(SocketAddr) -> F) -> (Upstream, T) {
    for _ in 0..100 {
        let server = Upstream::listen().await;
        match place((address, server.address.port()).into()).await {
            Ok(place) => return (server, place),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse),
        }
    }
    panic!("no port is free at both addresses");
}

// DN07: an address where nobody is, or nobody answers, costs less than a second, whatever its family
#[tokio::test]
async fn dead_addresses() {
    let second = Duration::from_secs(1);
    let (server, _dead) = beside(SIX, async |address| Closed::at(address)).await;
    assert!(took(&server, &[SIX, FOUR]).await < second);
    let (server, _hole) = beside(SIX, BlackHole::at).await;
    assert!(took(&server, &[SIX, FOUR]).await < second);
    let other = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let (server, _hole) = beside(other, BlackHole::at).await;
    assert!(took(&server, &[other, FOUR]).await < second);
}
