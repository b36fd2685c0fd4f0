//! Finding servers and addresses by DNS, against a name server that says what it is told to, in real time (spec.md group DN).

#[path = "support/dns.rs"]
mod dns;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use boshd::upstream::dns::Dns;
use boshd::upstream::name_servers::Options;
use boshd::upstream::resolve::{Resolve as _, ResolveError};
use boshd::upstream::target::Source;
use boshd::xmpp::Domain;
use dns::{LONG, NameServer, Says};
use hickory_resolver::proto::rr::RecordType::{A, AAAA, CNAME, SRV};
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

/// Longer than anything takes that is expected to happen at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// What does not wait for a deadline is over within this, on a busy machine, too.
const SOON: Duration = Duration::from_secs(4);

const XMPP: &str = "_xmpp-client._tcp.example.org";
const XMPPS: &str = "_xmpps-client._tcp.example.org";

fn options(name_servers: &[SocketAddr]) -> Options {
    Options {
        name_servers: name_servers.to_vec(),
        resolv_conf: PathBuf::from("/nonexistent"),
        hosts: PathBuf::from("/nonexistent"),
        timeout: PATIENCE,
        ..Options::default()
    }
}

fn asking(server: &NameServer) -> Dns {
    Dns::new(&options(&[server.address])).unwrap()
}

/// Gives up after a moment.
fn impatient(server: &NameServer) -> Dns {
    let timeout = Duration::from_millis(400);
    let options = options(&[server.address]);
    Dns::new(&Options { timeout, ..options }).unwrap()
}

/// The targets of a domain as text, sorted: `host:port security priority weight`.
async fn targets(dns: &Dns, domain: &str) -> Result<Vec<String>, ResolveError> {
    let domain = Domain::parse(domain).unwrap();
    let found = timeout(PATIENCE, dns.servers(&domain)).await.expect("an answer in time")?;
    assert!(found.iter().all(|target| target.source == Source::Found));
    let mut lines: Vec<String> = found
        .iter()
        .map(|target| format!("{target} {:?} {} {}", target.security, target.priority, target.weight))
        .collect();
    lines.sort();
    Ok(lines)
}

async fn addresses(dns: &Dns, host: &str) -> Result<Vec<String>, ResolveError> {
    let found = timeout(PATIENCE, dns.addresses(host)).await.expect("an answer in time")?;
    Ok(found.iter().map(IpAddr::to_string).collect())
}

// DN03: both services are asked for at once, and their records are one list
#[tokio::test]
async fn both_services() {
    let server = NameServer::start().await;
    server.srv(XMPP, LONG, &["10 1 5222 a.example.org", "30 0 15222 b.example.org"]);
    server.srv(XMPPS, LONG, &["20 7 443 a.example.org"]);
    let expected = [
        "a.example.org:443 Direct 20 7",
        "a.example.org:5222 StartTls 10 1",
        "b.example.org:15222 StartTls 30 0",
    ];
    assert_eq!(targets(&asking(&server), "example.org").await.unwrap(), expected);
    assert_eq!((server.asked(XMPP, SRV), server.asked(XMPPS, SRV)), (1, 1));
    assert_eq!(server.asked_at_all(), 2);
}

// DN03
#[tokio::test]
async fn neither_service_waits_for_the_other() {
    let server = NameServer::start().await;
    server.says(XMPP, SRV, LONG, Says::Silence);
    server.says(XMPPS, SRV, LONG, Says::Silence);
    let dns = asking(&server);
    let both_asked = async {
        while server.asked(XMPP, SRV) == 0 || server.asked(XMPPS, SRV) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = both_asked => {}
        found = targets(&dns, "example.org") => panic!("{found:?}"),
    }
}

// DN05: `.` for the service over TLS: the other one, and no fallback
#[tokio::test]
async fn no_service_over_tls() {
    let server = NameServer::start().await;
    server.srv(XMPPS, LONG, &["0 0 0 ."]);
    assert!(matches!(
        targets(&asking(&server), "example.org").await,
        Err(ResolveError::NotOffered)
    ));
    server.srv(XMPP, LONG, &["0 0 5222 a.example.org"]);
    let expected = ["a.example.org:5222 StartTls 0 0"];
    assert_eq!(targets(&asking(&server), "example.org").await.unwrap(), expected);
}

// DN05: `.` for the service with STARTTLS: nothing, unless there is the one over TLS
#[tokio::test]
async fn no_service() {
    let server = NameServer::start().await;
    server.srv(XMPP, LONG, &["0 0 0 ."]);
    assert!(matches!(
        targets(&asking(&server), "example.org").await,
        Err(ResolveError::NotOffered)
    ));
    server.srv(XMPPS, LONG, &["0 0 5223 a.example.org"]);
    let expected = ["a.example.org:5223 Direct 0 0"];
    assert_eq!(targets(&asking(&server), "example.org").await.unwrap(), expected);
}

// DN06: without any record the domain itself, at the usual port
#[tokio::test]
async fn the_fallback() {
    let server = NameServer::start().await;
    for says in [Says::NoSuchName, Says::Nothing, Says::Fails] {
        server.says(XMPP, SRV, LONG, says.clone());
        let expected = ["example.org:5222 StartTls 0 0"];
        let found = targets(&asking(&server), "Example.ORG.").await;
        assert_eq!(found.unwrap(), expected, "{says:?}");
    }
}

// DN06: that is bounded in time where nobody answers
#[tokio::test]
async fn silence() {
    let server = NameServer::start().await;
    for (name, kind) in [(XMPP, SRV), (XMPPS, SRV), ("a.example.org", A), ("a.example.org", AAAA)] {
        server.says(name, kind, LONG, Says::Silence);
    }
    let dns = impatient(&server);
    let begin = Instant::now();
    assert_eq!(targets(&dns, "example.org").await.unwrap(), ["example.org:5222 StartTls 0 0"]);
    assert!(matches!(addresses(&dns, "a.example.org").await, Err(ResolveError::TimedOut)));
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

// DN03, DN06: a failure of one service does not matter where the other has records, and silence costs a second at most
#[tokio::test]
async fn half_an_answer() {
    let server = NameServer::start().await;
    for says in [Says::Fails, Says::Silence, Says::Garbage(vec![0xff; 40])] {
        server.srv(XMPP, LONG, &["0 0 5222 a.example.org"]);
        server.says(XMPPS, SRV, LONG, says.clone());
        let begin = Instant::now();
        let found = targets(&asking(&server), "example.org").await.unwrap();
        assert_eq!(found, ["a.example.org:5222 StartTls 0 0"], "{says:?}");
        server.srv(XMPPS, LONG, &["0 0 443 a.example.org"]);
        server.says(XMPP, SRV, LONG, says.clone());
        let found = targets(&asking(&server), "example.org").await.unwrap();
        assert_eq!(found, ["a.example.org:443 Direct 0 0"], "{says:?}");
        assert!(begin.elapsed() < 2 * SOON, "{says:?}: {:?}", begin.elapsed());
    }
}

// DN07: addresses of both families, or of the one there is
#[tokio::test]
async fn both_families() {
    let server = NameServer::start().await;
    server.addresses("a.example.org", LONG, &["2001:db8::1", "2001:db8::2"]);
    let expected = ["2001:db8::1", "2001:db8::2"];
    assert_eq!(addresses(&asking(&server), "a.example.org").await.unwrap(), expected);
    server.says("a.example.org", A, LONG, Says::Silence);
    assert_eq!(addresses(&asking(&server), "a.example.org").await.unwrap(), expected);
    server.addresses("a.example.org", LONG, &["192.0.2.1"]);
    let expected = ["2001:db8::1", "2001:db8::2", "192.0.2.1"];
    assert_eq!(addresses(&asking(&server), "a.example.org").await.unwrap(), expected);
    server.says("a.example.org", AAAA, LONG, Says::Nothing);
    assert_eq!(addresses(&asking(&server), "a.example.org").await.unwrap(), ["192.0.2.1"]);
}

#[tokio::test]
async fn no_address() {
    let server = NameServer::start().await;
    assert!(matches!(
        addresses(&asking(&server), "a.example.org").await,
        Err(ResolveError::NoAddress)
    ));
    server.says("a.example.org", A, LONG, Says::Fails);
    assert!(matches!(
        addresses(&asking(&server), "a.example.org").await,
        Err(ResolveError::Lookup(_))
    ));
}

// DN02: what was found, and that nothing was found, is remembered as long as the records say
#[tokio::test]
async fn answers_are_remembered() {
    let server = NameServer::start().await;
    let dns = asking(&server);
    server.srv(XMPP, LONG, &["0 0 5222 a.example.org"]);
    server.says(XMPPS, SRV, LONG, Says::NoSuchName);
    server.addresses("a.example.org", LONG, &["192.0.2.1"]);
    server.says("a.example.org", AAAA, LONG, Says::Nothing);
    for _ in 0..3 {
        assert_eq!(targets(&dns, "example.org").await.unwrap().len(), 1);
        assert_eq!(addresses(&dns, "a.example.org").await.unwrap(), ["192.0.2.1"]);
    }
    assert_eq!((server.asked(XMPP, SRV), server.asked(XMPPS, SRV)), (1, 1));
    assert_eq!(
        (server.asked("a.example.org", A), server.asked("a.example.org", AAAA)),
        (1, 1)
    );
}

// DN02
#[tokio::test]
async fn answers_are_forgotten() {
    let server = NameServer::start().await;
    let dns = asking(&server);
    server.srv(XMPP, 1, &["0 0 5222 a.example.org"]);
    server.says(XMPPS, SRV, 1, Says::NoSuchName);
    let begin = Instant::now();
    assert_eq!(
        targets(&dns, "example.org").await.unwrap(),
        ["a.example.org:5222 StartTls 0 0"]
    );
    server.srv(XMPP, 1, &["0 0 5222 b.example.org"]);
    server.srv(XMPPS, 1, &["0 0 443 b.example.org"]);
    let expected = ["b.example.org:443 Direct 0 0", "b.example.org:5222 StartTls 0 0"];
    while targets(&dns, "example.org").await.unwrap() != expected {
        assert!(begin.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20)).await;
    }
    assert!(begin.elapsed() >= Duration::from_secs(1), "{:?}", begin.elapsed());
}

// DN02: a service may be an alias of another domain's
#[tokio::test]
async fn aliases() {
    let server = NameServer::start().await;
    server.alias(XMPP, LONG, "_xmpp-client._tcp.hosting.example.net");
    server.alias("_xmpp-client._tcp.hosting.example.net", LONG, "_xmpp-client._tcp.example.net");
    server.srv("_xmpp-client._tcp.example.net", LONG, &["0 0 5222 host.example.net"]);
    server.alias("a.example.net", LONG, "b.example.net");
    server.alias("b.example.net", LONG, "c.example.net");
    server.addresses("c.example.net", LONG, &["192.0.2.1"]);
    for (name, kind) in [(XMPPS, SRV), ("host.example.net", SRV), ("c.example.net", AAAA)] {
        server.says(name, kind, LONG, Says::Nothing);
    }
    let dns = asking(&server);
    let expected = ["host.example.net:5222 StartTls 0 0"];
    assert_eq!(targets(&dns, "example.org").await.unwrap(), expected);
    assert_eq!(addresses(&dns, "a.example.net").await.unwrap(), ["192.0.2.1"]);
    let asked = server.asked_at_all();
    assert_eq!(targets(&dns, "example.org").await.unwrap(), expected);
    assert_eq!(addresses(&dns, "a.example.net").await.unwrap(), ["192.0.2.1"]);
    assert_eq!(server.asked_at_all(), asked, "all of it is remembered");
    server.says("host.example.net", SRV, LONG, Says::Fails);
    assert_eq!(targets(&asking(&server), "example.org").await.unwrap(), expected);
}

// DN06: an alias that leads nowhere, or round and round, is no record
#[tokio::test]
async fn aliases_without_end() {
    let server = NameServer::start().await;
    server.alias(XMPP, LONG, XMPP);
    server.alias(XMPPS, LONG, "_xmpps-client._tcp.example.net");
    server.alias("a.example.org", LONG, "b.example.org");
    server.alias("b.example.org", LONG, "a.example.org");
    let dns = asking(&server);
    assert_eq!(targets(&dns, "example.org").await.unwrap(), ["example.org:5222 StartTls 0 0"]);
    assert!(matches!(addresses(&dns, "a.example.org").await, Err(ResolveError::NoAddress)));
    assert!(server.asked(XMPP, SRV) + server.asked(XMPP, CNAME) < 40);
}

// DN02: what does not fit into a packet comes over TCP; of too many records the first count
#[tokio::test]
async fn long_answers() {
    let server = NameServer::start().await;
    let records: Vec<String> = (100..164)
        .map(|number| format!("0 0 5222 a-rather-long-name-{number}.example.org"))
        .collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    server.srv(XMPP, LONG, &records);
    let found = targets(&asking(&server), "example.org").await.unwrap();
    assert_eq!(server.asked_over_tcp(), 1);
    let name = |number: u16| format!("a-rather-long-name-{number}.example.org:5222 StartTls 0 0");
    assert_eq!(found, (100..132).map(name).collect::<Vec<_>>());
}

// DN06: answers that are none: bytes, a message cut short, one that points at itself, somebody else's answer
#[tokio::test]
async fn garbage() {
    let server = NameServer::start().await;
    let header = |answers: u8| [0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0];
    let question = b"\x05other\x07example\0\0\x21\0\x01";
    for garbage in [
        Vec::new(),
        vec![0xff; 700],
        header(1).to_vec(),
        [&header(0)[..], b"\xc0\x0c\0\x21\0\x01"].concat(),
        [&header(0)[..], question].concat(),
        [&header(1)[..], question, b"\xc0\x0c\0\x21\0\x01\0\0\xff"].concat(),
    ] {
        for (name, kind) in [(XMPP, SRV), (XMPPS, SRV), ("a.example.org", A), ("a.example.org", AAAA)] {
            server.says(name, kind, LONG, Says::Garbage(garbage.clone()));
        }
        let dns = impatient(&server);
        let found = targets(&dns, "example.org").await.unwrap();
        assert_eq!(found, ["example.org:5222 StartTls 0 0"], "{garbage:x?}");
        let found = addresses(&dns, "a.example.org").await;
        assert!(
            matches!(found, Err(ResolveError::TimedOut | ResolveError::Lookup(_))),
            "{garbage:x?}: {found:?}"
        );
    }
}

// DN02: names in other scripts are asked for in A-labels
#[tokio::test]
async fn international_names() {
    let server = NameServer::start().await;
    let service = "_xmpp-client._tcp.xn--menchen-n2a.example";
    let dns = asking(&server);
    assert_eq!(
        targets(&dns, "müenchen.example").await.unwrap(),
        ["xn--menchen-n2a.example:5222 StartTls 0 0"]
    );
    assert_eq!(server.asked(service, SRV), 1);
    server.srv(service, LONG, &["0 0 5222 a.example.org"]);
    let expected = ["a.example.org:5222 StartTls 0 0"];
    for domain in [
        "MÜENCHEN.example",
        "mu\u{308}enchen\u{3002}example",
        "xn--menchen-n2a.example.",
    ] {
        assert_eq!(targets(&asking(&server), domain).await.unwrap(), expected, "{domain}");
    }
    server.addresses("xn--menchen-n2a.example", LONG, &["192.0.2.1"]);
    assert_eq!(addresses(&dns, "müenchen.example").await.unwrap(), ["192.0.2.1"]);
}

// DN06: a domain that is an address is one, and a target that is one, too
#[tokio::test]
async fn literals() {
    let server = NameServer::start().await;
    let dns = asking(&server);
    assert_eq!(targets(&dns, "127.0.0.1").await.unwrap(), ["127.0.0.1:5222 StartTls 0 0"]);
    assert_eq!(targets(&dns, "[::1]").await.unwrap(), ["[::1]:5222 StartTls 0 0"]);
    assert_eq!(addresses(&dns, "192.0.2.1").await.unwrap(), ["192.0.2.1"]);
    assert_eq!(addresses(&dns, "2001:db8::1").await.unwrap(), ["2001:db8::1"]);
    assert_eq!(server.asked_at_all(), 0);
}

#[tokio::test]
async fn names_that_dns_cannot_know() {
    let server = NameServer::start().await;
    let dns = asking(&server);
    let label = "a".repeat(64);
    let name = ["a"; 127].join(".");
    for domain in [
        &format!("{label}.example.org"),
        &name,
        "{a}.example.org",
        "a_b.müenchen.example",
    ] {
        let found = targets(&dns, domain).await;
        assert!(matches!(found, Err(ResolveError::Name(_))), "{domain}: {found:?}");
    }
    assert_eq!(server.asked_at_all(), 0);
    assert_eq!(targets(&dns, "chat_1.example.org").await.unwrap().len(), 1);
}

// DN02: the next name server is asked where one is not there
#[tokio::test]
async fn a_dead_name_server() {
    let server = NameServer::start().await;
    server.srv(XMPP, LONG, &["0 0 5222 a.example.org"]);
    let dead = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for order in [[dead, server.address], [server.address, dead]] {
        let dns = Dns::new(&options(&order)).unwrap();
        let begin = Instant::now();
        let found = targets(&dns, "example.org").await.unwrap();
        assert_eq!(found, ["a.example.org:5222 StartTls 0 0"]);
        assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn the_hosts_file() {
    let server = NameServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, "# ours\n10.0.0.5 xmpp.internal xmpp\n10.0.0.6 both\nfd00::6 both\n").unwrap();
    server.addresses("xmpp.internal", LONG, &["2001:db8::1"]);
    let options = options(&[server.address]);
    let dns = Dns::new(&Options { hosts, ..options }).unwrap();
    assert_eq!(addresses(&dns, "XMPP.internal").await.unwrap(), ["10.0.0.5"]);
    assert_eq!(addresses(&dns, "xmpp").await.unwrap(), ["10.0.0.5"]);
    assert_eq!(addresses(&dns, "both").await.unwrap(), ["fd00::6", "10.0.0.6"]);
    assert_eq!(server.asked_at_all(), 0);
}

#[tokio::test]
async fn whom_to_ask() {
    let folder = tempfile::tempdir().unwrap();
    let resolv_conf = folder.path().join("resolv.conf");
    let system = Options {
        resolv_conf: resolv_conf.clone(),
        ..options(&[])
    };
    let missing = Dns::new(&system).unwrap_err().to_string();
    assert_eq!(missing, format!("{} cannot be read", resolv_conf.display()));
    std::fs::write(&resolv_conf, "search example.org\n").unwrap();
    let empty = Dns::new(&system).unwrap_err().to_string();
    let expected = format!("{} does not say which name servers to ask", resolv_conf.display());
    assert_eq!(empty, expected);
    std::fs::write(&resolv_conf, "nameserver 127.0.0.1\nsearch example.org\n").unwrap();
    assert!(Dns::new(&system).is_ok());
    let unreadable = Options {
        hosts: folder.path().to_owned(),
        ..system
    };
    assert!(Dns::new(&unreadable).is_err());
}
