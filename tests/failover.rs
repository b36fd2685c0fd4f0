//! Several servers of one domain, in the order in which they are tried; those that fail, and come back; and servers that send us on
//! (spec.md DN01, DN02, ER06).

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

use bench::poster::{Client, Reply, creation};
use bench::upstream::{CLOSING, Closed, FEATURES, HEADER, Link, Upstream};
use bench::{Bench, SOON, USUAL, WHILE, connector_on, plain};
use boshd::bosh::Limits;
use boshd::upstream::permit::Permit;
use boshd::upstream::pool::Retry;
use boshd::upstream::secure::{Secure, Trust};
use boshd::upstream::target::{Security, Target};
use boshd::upstream::way::Terms;
use certificates::Certificates;
use tls::{Tls, roots};
use tracing::Level;

const SHUTDOWN: &str =
    "<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";

/// Who fails is not tried again by itself while a test lasts.
fn terms() -> Terms {
    retrying(Duration::from_secs(600))
}

fn retrying(every: Duration) -> Terms {
    Terms {
        retry: Retry {
            first: every,
            most: every,
        },
        ..Terms::default()
    }
}

fn at(address: SocketAddr, priority: u16, weight: u16) -> Target {
    Target {
        priority,
        weight,
        ..plain(address)
    }
}

/// One after the other.
async fn bench(servers: &[SocketAddr], terms: Terms) -> Bench {
    let targets = servers.iter().zip(0..).map(|(address, priority)| at(*address, priority, 1));
    bench_on(targets.collect(), terms).await
}

async fn bench_on(targets: Vec<Target>, terms: Terms) -> Bench {
    logs::listen();
    let nobodys = Upstream::listen().await;
    Bench::before(Arc::new(connector_on(targets, terms)), nobodys, Limits::default())
}

fn see_other(place: impl std::fmt::Display) -> String {
    format!(
        "{HEADER}<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{place}</see-other-host></stream:error>\
         {CLOSING}"
    )
}

/// The next connection to this server, which is told this first.
async fn says_first(server: &Upstream, text: &str) -> Link {
    let mut link = server.accept().await;
    link.header().await;
    link.says(text).await;
    link
}

fn was_not_reached(reply: &Reply) {
    assert!(reply.is_terminate("remote-connection-failed"), "{}", reply.text);
}

// DN01, DN02: who refuses connections is passed over, and from then on not tried first, until he answers again, which is seen by itself; both is
// logged, once. A session stays where it is
#[tokio::test]
async fn out_of_service_and_back() {
    let (dead, second) = (Closed::new(), Upstream::listen().await);
    let address = dead.address;
    let bench = bench(&[address, second.address], retrying(Duration::from_millis(50))).await;
    let (mut client, mut link) = bench.session_at(&second).await;
    let line = &logs::hears("server out of service", 1).await[0];
    assert!(line.level == Level::WARN && line.says("domain", "example.org") && line.says("target", address));
    assert!(
        line.says("stage", "Tcp") && line.get("cause").unwrap().contains("refused"),
        "{line:?}"
    );
    assert!(logs::lines("trying the next server")[0].says("target", address));
    bench.session_at(&second).await;
    assert_eq!(logs::lines("trying the next server").len(), 1, "it was not even tried");
    let first = dead.opens();
    let mut watch = first.accept().await;
    let header = watch.header().await;
    assert_eq!(header.attributes.get("to").map(String::as_str), Some("example.org"));
    assert!(
        logs::lines("server back in service").is_empty(),
        "before it has begun a stream"
    );
    watch.says(&[HEADER, FEATURES].concat()).await;
    watch.sees(CLOSING).await;
    watch.ends().await;
    let line = &logs::hears("server back in service", 1).await[0];
    assert!(line.level == Level::INFO && line.says("domain", "example.org") && line.says("target", address));
    bench.session_at(&first).await;
    assert!(first.is_left_alone_for(WHILE).await, "nobody watches any more");
    let mut held = client.next("<message id='still there'/>").await;
    link.sees("still there").await;
    link.says("<message/>").await;
    assert_eq!(held.reply_within(SOON).await.payloads().len(), 1);
    assert_eq!(logs::lines("server out of service").len(), 1);
    assert!(logs::lines("server not reached").is_empty());
}

// DN02: a server that goes up and down is out of service and back as often, and a session in between finds the other one
#[tokio::test]
async fn a_flapping_server() {
    let (first, second) = (Upstream::listen().await, Upstream::listen().await);
    let bench = bench(&[first.address, second.address], retrying(Duration::from_millis(50))).await;
    for times in 1..=3 {
        bench.session_at(&first).await;
        let mut client = bench.post(&creation(USUAL)).await;
        says_first(&first, "").await.reset();
        second.accept().await.opens().await;
        assert!(!client.reply_within(SOON).await.payloads().is_empty());
        logs::hears("server out of service", times).await;
        // one attempt in vain before it is back
        says_first(&first, "").await.reset();
        says_first(&first, &[HEADER, FEATURES].concat()).await.sees(CLOSING).await;
        logs::hears("server back in service", times).await;
    }
}

// DN02: of equals each has its share by weight; one of weight 0 has none, and one of lower priority neither, as long as there are others
#[tokio::test]
async fn shares() {
    let servers = [
        Upstream::listen().await,
        Upstream::listen().await,
        Upstream::listen().await,
        Upstream::listen().await,
    ];
    let terms_of = [(1, 3), (1, 1), (1, 0), (2, 9)];
    let targets = servers.iter().zip(terms_of);
    let targets = targets.map(|(server, (priority, weight))| at(server.address, priority, weight));
    let bench = bench_on(targets.collect(), terms()).await;
    let mut counts = [0; 2];
    for _ in 0..100 {
        let mut client = bench.post(&creation(USUAL)).await;
        let (mut link, server) = tokio::select! {
            link = servers[0].accept() => (link, 0),
            link = servers[1].accept() => (link, 1),
            _ = servers[2].accept() => panic!("it is drained"),
            _ = servers[3].accept() => panic!("there are others"),
        };
        link.opens().await;
        counts[server] += 1;
        client.reply_within(SOON).await;
    }
    // 75 and 25: off by eleven standard deviations of 4.3 in one of 10^20 runs
    assert!((28..100).contains(&counts[0]) && counts[1] > 0, "{counts:?}");
}

// DN02: one of weight 0, or of lower priority, serves when nobody else does
#[tokio::test]
async fn the_last_resort() {
    let (dead, drained, lower) = (Closed::new(), Upstream::listen().await, Upstream::listen().await);
    let targets = vec![at(lower.address, 2, 9), at(drained.address, 1, 0), at(dead.address, 1, 9)];
    let bench = bench_on(targets, terms()).await;
    bench.session_at(&drained).await;
    drop(drained);
    bench.session_at(&lower).await;
    assert!(lower.is_left_alone_for(WHILE).await);
}

// DN01: all are dead: the client is told once, nothing is left, and the next client is served as soon as one lives, whatever the watch says
#[tokio::test]
async fn all_are_dead() {
    let (dead, deader) = (Closed::new(), Closed::new());
    let bench = bench(&[dead.address, deader.address], terms()).await;
    let mut client = bench.post(&creation(USUAL)).await;
    was_not_reached(&client.reply_within(SOON).await);
    bench.is_left_with(0).await;
    assert!(logs::hears("server not reached", 1).await[0].says("target", deader.address));
    assert_eq!(logs::lines("server out of service").len(), 2);
    let alive = deader.opens();
    bench.session_at(&alive).await;
    let line = &logs::hears("server back in service", 1).await[0];
    assert!(line.says("target", alive.address));
    bench.session_at(&alive).await;
    assert_eq!(logs::lines("trying the next server").len(), 2, "of the first two sessions");
}

// P06: where clients name any domain they like, one that a server does not know takes that server from nobody
#[tokio::test]
async fn a_way_of_many_domains() {
    let (first, second) = (Upstream::listen().await, Upstream::listen().await);
    let shared = Terms {
        many_domains: true,
        ..terms()
    };
    let bench = bench(&[first.address, second.address], shared).await;
    for _ in 0..2 {
        let mut client = bench.post(&creation(USUAL)).await;
        says_first(&first, "<no-stream/>").await;
        second.accept().await.opens().await;
        let reply = client.reply_within(SOON).await;
        assert_eq!(reply.attribute("type"), None, "{}", reply.text);
    }
    assert!(logs::lines("server out of service").is_empty());
}

// ER04: a server whose first word is that it is not up to it, or nonsense, is passed over; from the last one the client hears it
#[tokio::test]
async fn bad_first_words() {
    let momentary = |condition: &str| [HEADER, &SHUTDOWN.replace("system-shutdown", condition)].concat();
    for (words, told) in [
        (momentary("system-shutdown"), "remote-stream-error"),
        (momentary("internal-server-error"), "remote-stream-error"),
        (momentary("resource-constraint"), "remote-stream-error"),
        (momentary("connection-timeout"), "remote-stream-error"),
        (momentary("reset"), "remote-stream-error"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(), "remote-connection-failed"),
        ([HEADER, "</nonsense>"].concat(), "remote-connection-failed"),
        ([HEADER, CLOSING].concat(), "remote-connection-failed"),
    ] {
        let (first, second) = (Upstream::listen().await, Upstream::listen().await);
        let bench = bench(&[first.address, second.address], terms()).await;
        let mut client = bench.post(&creation(USUAL)).await;
        let mut rejected = says_first(&first, &words).await;
        second.accept().await.opens().await;
        rejected.ends().await;
        let reply = client.reply_within(SOON).await;
        assert!(reply.payloads()[0].name.ends_with("}features"), "{words}: {}", reply.text);
        assert_eq!(logs::lines("server out of service").len(), 1, "{words}");
        let mut client = bench.post(&creation(USUAL)).await;
        drop(second.accept().await);
        says_first(&first, &words).await;
        let reply = client.reply_within(SOON).await;
        assert!(reply.is_terminate(told), "{words}: {}", reply.text);
        assert_eq!(
            reply.text.contains("urn:ietf:params:xml:ns:xmpp-streams"),
            told.ends_with("error")
        );
    }
}

// ER04: what is no server's fault is the client's to hear at once
#[tokio::test]
async fn first_words_about_the_client() {
    let (first, second) = (Upstream::listen().await, Upstream::listen().await);
    let bench = bench(&[first.address, second.address], terms()).await;
    let mut client = bench.post(&creation(USUAL)).await;
    says_first(
        &first,
        &[HEADER, &SHUTDOWN.replace("system-shutdown", "host-unknown")].concat(),
    )
    .await;
    let reply = client.reply_within(SOON).await;
    assert!(reply.is_terminate("remote-stream-error") && reply.text.contains("<host-unknown"));
    assert!(second.is_left_alone_for(WHILE).await);
    assert!(logs::lines("server out of service").is_empty());
}

/// Terms under which a server may send us to these places.
fn redirecting(to: &[SocketAddr]) -> Terms {
    let place = |address: &SocketAddr| (address.ip().to_string(), Some(address.port()));
    Terms {
        permit: Permit {
            redirects: to.iter().map(place).collect(),
            ..Permit::default()
        },
        ..terms()
    }
}

// ER06: the client does not notice that another server was meant; that one is greeted as the first one was
#[tokio::test]
async fn sent_on() {
    let (first, second) = (Upstream::listen().await, Upstream::listen().await);
    let bench = bench(&[first.address], redirecting(&[second.address])).await;
    let mut client = bench.post(&creation(USUAL)).await;
    let mut left = says_first(&first, &see_other(second.address)).await;
    let mut link = second.accept().await;
    link.opens().await;
    let reply = client.reply_within(SOON).await;
    assert_eq!(reply.payloads().len(), 1);
    assert!(reply.payloads()[0].name.ends_with("}features") && !reply.text.contains("see-other"));
    left.sees(CLOSING).await;
    left.ends().await;
    assert_eq!(link.seen(), left.seen().strip_suffix(CLOSING).unwrap());
    let mut client = Client::of(bench.address, &reply);
    client.next("<message id='on'/>").await;
    link.sees("id='on'").await;
    assert!(logs::lines("server out of service").is_empty());
}

// ER06: with TLS on the same terms, for the same name; and nobody is believed before TLS who sends us on
#[tokio::test]
async fn sent_on_with_tls() {
    let certificates = Certificates::make("example.org");
    let tls = Tls::showing(&certificates.good);
    let (first, second) = (Upstream::listen().await, Upstream::listen().await);
    let target = Target {
        security: Security::StartTls,
        ..plain(first.address)
    };
    let terms = Terms {
        secure: Some(Secure::new(Trust::Roots(roots(&certificates.authority)), None).unwrap()),
        ..redirecting(&[second.address])
    };
    let bench = bench_on(vec![target], terms).await;
    let mut client = bench.post(&creation(USUAL)).await;
    let mut link = starts_tls(&first, &tls).await;
    link.header().await;
    link.says(&see_other(second.address)).await;
    starts_tls(&second, &tls).await.opens().await;
    assert!(client.reply_within(SOON).await.text.contains("PLAIN"));
    let mut client = bench.post(&creation(USUAL)).await;
    let mut liar = says_first(&first, &see_other(second.address)).await;
    was_not_reached(&client.reply_within(SOON).await);
    liar.ends().await;
    assert!(second.is_left_alone_for(WHILE).await);
}

/// The next connection to this server, with TLS for `example.org`.
async fn starts_tls(server: &Upstream, tls: &Tls) -> tls::SecureLink {
    const FEATURES: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";
    let mut link = says_first(server, &[HEADER, FEATURES].concat()).await;
    link.sees("<starttls").await;
    link.says("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
    let (hello, secured) = tls.accept(link).await;
    assert_eq!(hello.server_name.as_deref(), Some("example.org"));
    secured.expect("TLS")
}

// ER06, P06: not to a place that the operator has not named
#[tokio::test]
async fn sent_elsewhere() {
    let [first, second, third] = [Upstream::listen().await, Upstream::listen().await, Upstream::listen().await];
    for place in [
        third.address.to_string(),
        "localhost".to_owned(),
        "169.254.169.254:80".to_owned(),
        format!("[::1]:{}", second.address.port()),
    ] {
        let bench = bench(&[first.address], redirecting(&[second.address])).await;
        let mut client = bench.post(&creation(USUAL)).await;
        says_first(&first, &see_other(&place)).await;
        was_not_reached(&client.reply_within(SOON).await);
        assert!(third.is_left_alone_for(WHILE).await, "{place}");
        bench.is_left_with(0).await;
    }
    // what is no place cannot be followed, and is an error like any other
    let bench = bench(&[first.address], terms()).await;
    let mut client = bench.post(&creation(USUAL)).await;
    says_first(&first, &see_other("not a host")).await;
    assert!(client.reply_within(SOON).await.is_terminate("remote-stream-error"));
}

// ER06: to another server of the domain, which need not be named twice, and round in circles: that has an end
#[tokio::test]
async fn sent_round_in_circles() {
    let (first, second) = (Upstream::listen().await, Upstream::listen().await);
    let bench = bench(&[first.address, second.address], terms()).await;
    let mut client = bench.post(&creation(USUAL)).await;
    for _ in 0..2 {
        says_first(&first, &see_other(second.address)).await.ends().await;
        says_first(&second, &see_other(first.address)).await.ends().await;
    }
    was_not_reached(&client.reply_within(SOON).await);
    let line = &logs::hears("server not reached", 1).await[0];
    assert!(line.says("cause", "servers send us round in circles"), "{line:?}");
    for server in [&first, &second] {
        assert!(server.is_left_alone_for(WHILE).await);
    }
    bench.is_left_with(0).await;
}

// ER06: once the client has features it is an error like any other
#[tokio::test]
async fn sent_on_too_late() {
    let (first, second) = (Upstream::listen().await, Upstream::listen().await);
    let bench = bench(&[first.address], redirecting(&[second.address])).await;
    let (mut client, mut link) = bench.session_at(&first).await;
    let mut held = client.next("").await;
    link.says(see_other(second.address).strip_prefix(HEADER).unwrap()).await;
    let reply = held.reply_within(SOON).await;
    assert!(reply.is_terminate("remote-stream-error") && reply.text.contains("<see-other-host"));
    assert!(second.is_left_alone_for(WHILE).await);
}

// ER06: a server that sends everybody on is in service, though it was not for a while
#[tokio::test]
async fn a_server_that_sends_everybody_on() {
    let (dead, second) = (Closed::new(), Upstream::listen().await);
    let every = Duration::from_millis(50);
    let bench = bench(&[dead.address, second.address], retrying(every)).await;
    bench.session_at(&second).await;
    let first = dead.opens();
    says_first(&first, &see_other(second.address)).await.ends().await;
    logs::hears("server back in service", 1).await;
}
