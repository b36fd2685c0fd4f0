//! Making a session: what is agreed, what the server is told, and what makes no session at all (spec.md groups B and C).

#[path = "support/bench.rs"]
mod bench;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bench::poster::{Client, FIRST_RID, creation};
use bench::upstream::{FEATURES, HEADER, Upstream};
use bench::{Bench, SOON, USUAL, WHILE, connector, connector_on, plain};
use boshd::bosh::Limits;
use boshd::upstream::permit::Permit;
use boshd::upstream::target::Target;
use boshd::upstream::way::Terms;
use socket2::{Domain, Socket, Type};
use tokio::time::Instant;

const NEGOTIATION: [&str; 11] = [
    "sid",
    "wait",
    "requests",
    "ver",
    "polling",
    "inactivity",
    "hold",
    "accept",
    "maxpause",
    "charsets",
    "{urn:xmpp:xbosh}restartlogic",
];

// B01: no sid: a new session; an unknown sid: item-not-found, never an implicit new session
#[tokio::test]
async fn only_a_request_without_sid_makes_a_session() {
    let bench = Bench::new().await;
    let unknown = USUAL.replace("to=", "sid='AAAAAAAAAAAAAAAAAAAAAA' to=");
    assert!(bench.ask(&creation(&unknown)).await.is_terminate("item-not-found"));
    assert!(bench.upstream.is_left_alone_for(WHILE).await);
    assert_eq!(bench.manager.sessions(), 0);
    let (_, _link, reply) = bench.session_with(USUAL).await;
    assert!(reply.attribute("sid").is_some());
}

// B02, B04, C06, C07, G05, Q05: what a creation response carries: sid, wait, requests; ver, inactivity, hold, from, maxpause; restartlogic.
// B05: no later response has any of it
#[tokio::test]
async fn what_was_agreed_is_told_once() {
    let bench = Bench::new().await;
    let (mut client, mut link, reply) = bench.session_with(USUAL).await;
    for name in ["sid", "wait", "requests", "ver", "inactivity", "hold", "from", "maxpause"] {
        assert!(reply.attribute(name).is_some(), "{name}: {}", reply.text);
    }
    assert_eq!(reply.attribute("{urn:xmpp:xbosh}restartlogic"), Some("true"));
    assert_eq!(reply.attribute("charsets"), None);
    for payload in ["", "<message><body>x</body></message>"] {
        let mut held = client.next(payload).await;
        link.says("<message id='m'/>").await;
        let reply = held.reply().await;
        assert!(
            NEGOTIATION.iter().all(|name| reply.attribute(name).is_none()),
            "{}",
            reply.text
        );
    }
    let mut last = client.next_with("type='terminate'", "").await;
    let reply = last.reply().await;
    assert!(
        NEGOTIATION.iter().all(|name| reply.attribute(name).is_none()),
        "{}",
        reply.text
    );
}

// B04, C04, C06: a polling session is told the interval, below its inactivity, and more requests than hold
#[tokio::test]
async fn polling_sessions_are_told_the_interval() {
    let bench = Bench::new().await;
    for polling in [USUAL.replace("wait='60'", "wait='0'"), USUAL.replace("hold='1'", "hold='0'")] {
        let (_, _link, reply) = bench.session_with(&polling).await;
        assert!(reply.number("inactivity") > reply.number("polling"), "{}", reply.text);
        assert!(reply.number("requests") > reply.number("hold"), "{}", reply.text);
    }
}

// B06, J07: `to` missing or empty: improper-addressing, no dial. B07, J06: a domain that is not served: host-unknown, no dial. B15: terminate or
// pause without sid: bad-request. C01: wait -1, 1.5, x: bad-request. B16: no sid, no session
#[tokio::test]
async fn what_makes_no_session() {
    let bench = Bench::new().await;
    let nowhere = USUAL.replace("to='example.org' ", "");
    let usual = |from: &str, to: &str| USUAL.replace(from, to);
    for (attributes, condition) in [
        (nowhere.clone(), "improper-addressing"),
        (format!("to='' {nowhere}"), "improper-addressing"),
        (usual("example.org", "gone.example"), "host-gone"),
        (usual("example.org", "other.example"), "host-unknown"),
        (usual("example.org", "no domain"), "host-unknown"),
        (format!("type='terminate' {USUAL}"), "bad-request"),
        (format!("pause='10' {USUAL}"), "bad-request"),
        (usual("wait='60'", "wait='-1'"), "bad-request"),
        (usual("wait='60'", "wait='1.5'"), "bad-request"),
        (usual("wait='60'", "wait='x'"), "bad-request"),
        (usual("hold='1'", "hold='-1'"), "bad-request"),
    ] {
        let reply = bench.ask(&creation(&attributes)).await;
        assert!(reply.is_terminate(condition), "{attributes}: {}", reply.text);
        assert_eq!(reply.attribute("sid"), None);
    }
    assert!(bench.upstream.is_left_alone_for(WHILE).await);
    assert_eq!(bench.manager.sessions(), 0);
}

// B08, B16, J12: a server that refuses: remote-connection-failed at once, without sid, and nothing is left
#[tokio::test]
async fn a_server_that_refuses() {
    let closed = Upstream::listen().await.address;
    let bench = Bench::before(
        Arc::new(connector(&[closed], Duration::from_secs(10))),
        Upstream::listen().await,
        Limits::default(),
    );
    let reply = bench.post(&creation(USUAL)).await.reply_within(SOON).await;
    assert!(reply.is_terminate("remote-connection-failed"), "{}", reply.text);
    assert_eq!(reply.attribute("sid"), None);
    bench.is_left_with(0).await;
}

/// A listener whose queue is full, so that the kernel answers no more.
fn black_hole() -> (SocketAddr, [Socket; 3]) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let fill = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        // in progress
        let _ = socket.connect(&address);
        socket
    };
    let first = fill();
    (address.as_socket().unwrap(), [listener, first, fill()])
}

// B08: a server that never answers: remote-connection-failed before min(wait, connect timeout) + 1 s, without sid, and nothing is left
#[tokio::test]
async fn a_server_that_never_answers() {
    let (address, _full) = black_hole();
    let dialler = connector(&[address], Duration::from_secs(1));
    let bench = Bench::before(Arc::new(dialler), Upstream::listen().await, Limits::default());
    let began = Instant::now();
    let reply = bench.ask(&creation(USUAL)).await;
    assert!(reply.is_terminate("remote-connection-failed"), "{}", reply.text);
    assert_eq!(reply.attribute("sid"), None);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    bench.is_left_with(0).await;
}

// a server that never answers does not keep the next one from being tried
#[tokio::test]
async fn the_next_server() {
    let (address, _full) = black_hole();
    let upstream = Upstream::listen().await;
    let dialler = connector(&[address, upstream.address], Duration::from_secs(1));
    let bench = Bench::before(Arc::new(dialler), upstream, Limits::default());
    let (_, _link, reply) = bench.session_with(USUAL).await;
    assert_eq!(reply.attribute("type"), None, "{}", reply.text);
}

// FX17, B08: when the connection is still undecided after 4.5 s, the answer has a sid, and the failure comes on the next request
#[tokio::test]
async fn a_failure_that_comes_after_the_answer() {
    let (address, _full) = black_hole();
    let dialler = connector(&[address], Duration::from_secs(6));
    let bench = Bench::before(Arc::new(dialler), Upstream::listen().await, Limits::default());
    let began = Instant::now();
    let reply = bench.ask(&creation(USUAL)).await;
    assert!(began.elapsed() < Duration::from_millis(4500), "{:?}", began.elapsed());
    let mut client = Client::of(bench.address, &reply);
    let reply = client.ask("").await;
    assert!(reply.is_terminate("remote-connection-failed"), "{}", reply.text);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

// B09, FX17: a server that stalls: the sid comes within 4.5 s, the features with the next request. B10: `from` as in the server's header, once.
// Q03, Q06: version and authid with them
#[tokio::test]
async fn a_slow_server() {
    let bench = Bench::new().await;
    let began = Instant::now();
    let mut connection = bench.post(&creation(USUAL)).await;
    let mut link = bench.upstream.accept().await;
    link.header().await;
    let reply = connection.reply().await;
    let elapsed = began.elapsed();
    assert!(
        (Duration::from_secs(3)..Duration::from_millis(4500)).contains(&elapsed),
        "{elapsed:?}"
    );
    assert_eq!(reply.attribute("from"), None);
    let mut client = Client::of(bench.address, &reply);
    let mut held = client.next("").await;
    assert!(held.is_held_for(WHILE).await);
    link.says(&[HEADER, FEATURES].concat()).await;
    let reply = held.reply_within(SOON).await;
    assert!(reply.payloads()[0].name.ends_with("}features"), "{}", reply.text);
    assert_eq!(reply.attribute("from"), Some("example.org"));
    assert_eq!(reply.attribute("authid"), Some("stream-1"));
    assert_eq!(reply.attribute("{urn:xmpp:xbosh}version"), Some("1.0"));
    let mut held = client.next("").await;
    link.says("<message/>").await;
    let reply = held.reply().await;
    assert_eq!((reply.attribute("from"), reply.attribute("authid")), (None, None));
}

// B11: wait=0 or hold=0 and a slow server: an answer in under 1 s, the features on a later poll
#[tokio::test]
async fn polling_clients_do_not_wait_for_features() {
    let bench = Bench::new().await;
    for polling in [USUAL.replace("wait='60'", "wait='0'"), USUAL.replace("hold='1'", "hold='0'")] {
        let mut connection = bench.post(&creation(&polling)).await;
        let mut link = bench.upstream.accept().await;
        let reply = connection.reply_within(SOON).await;
        let mut client = Client::of(bench.address, &reply);
        assert!(client.ask("").await.is_empty());
        link.opens().await;
        let began = Instant::now();
        while client.ask("").await.is_empty() {
            assert!(began.elapsed() < bench::PATIENCE);
        }
    }
}

// B12: the creation's rid with the sid replays the creation response; the next request has to be rid + 1
#[tokio::test]
async fn the_first_rid_begins_the_sequence() {
    let bench = Bench::new().await;
    let (mut client, mut link, reply) = bench.session_with(USUAL).await;
    assert_eq!(client.send(FIRST_RID, "").await.reply().await.text, reply.text);
    client.next("<message id='next'/>").await;
    link.sees("id='next'").await;
}

// B13: a creation sent twice makes two sessions; the orphan dies by inactivity and its connection to the server closes
#[tokio::test]
async fn a_repeated_creation() {
    let bench = Bench::with(Limits {
        inactivity: 1,
        ..Limits::default()
    })
    .await;
    let (orphan, mut orphaned, _) = bench.session_with(USUAL).await;
    let (mut client, mut link, _) = bench.session_with(USUAL).await;
    assert_ne!(orphan.sid, client.sid);
    let mut held = client.next("").await;
    orphaned.says_goodbye().await;
    assert!(held.is_held_for(WHILE).await);
    assert!(
        orphan
            .send(FIRST_RID + 1, "")
            .await
            .reply()
            .await
            .is_terminate("item-not-found")
    );
    link.says("<message id='alive'/>").await;
    assert_eq!(held.reply().await.payloads().len(), 1);
}

// C18: whatever is asked for and however much is allowed, what is told fits the schema, with which every answer here is compared
#[tokio::test]
async fn the_largest_terms_fit_the_schema() {
    let bench = Bench::with(Limits {
        max_wait: u16::MAX,
        max_hold: u8::MAX,
        inactivity: u16::MAX,
        polling: u16::MAX,
        ..Limits::default()
    })
    .await;
    for (wait, hold) in [("4294967296", "65536"), ("99999999999999999999", "256"), ("0", "0")] {
        let attributes = USUAL
            .replace("'60'", &format!("'{wait}'"))
            .replace("hold='1'", &format!("hold='{hold}'"));
        let (_, _link, reply) = bench.session_with(&attributes).await;
        let [wait, hold, requests] = ["wait", "hold", "requests"].map(|name| reply.number(name));
        assert!(wait <= 65_535 && hold < requests && requests <= 255, "{}", reply.text);
    }
}

// C01: 10 becomes 10, 100000 the most. C02: 0, 1 and 200 become 0, 1 and the cap. C03: requests is one above the hold asked for, where that is granted.
// C04: and above 0 for hold 0. C05: the lower version, part by part. FX08: what a client says of our terms is ignored
#[tokio::test]
async fn terms_are_negotiated() {
    let bench = Bench::with(Limits {
        max_hold: 2,
        ..Limits::default()
    })
    .await;
    let usual = |from: &str, to: &str| USUAL.replace(from, to);
    for (attributes, told) in [
        (usual("wait='60'", "wait='10'"), [("wait", "10"), ("hold", "1")]),
        (usual("wait='60'", "wait='100000'"), [("wait", "55"), ("hold", "1")]),
        (usual("wait='60' ", ""), [("wait", "55"), ("hold", "1")]),
        (usual("hold='1'", "hold='0'"), [("hold", "0"), ("requests", "1")]),
        (usual("hold='1'", "hold='1'"), [("hold", "1"), ("requests", "2")]),
        (usual("hold='1'", "hold='2'"), [("hold", "2"), ("requests", "3")]),
        (usual("hold='1'", "hold='200'"), [("hold", "2"), ("requests", "3")]),
        (usual("ver='1.6'", "ver='1.6'"), [("ver", "1.6"), ("hold", "1")]),
        (usual("ver='1.6'", "ver='1.10'"), [("ver", "1.10"), ("hold", "1")]),
        (usual("ver='1.6'", "ver='1.11'"), [("ver", "1.11"), ("hold", "1")]),
        (usual("ver='1.6'", "ver='1.100'"), [("ver", "1.11"), ("hold", "1")]),
        (usual("ver='1.6'", "ver='2.0'"), [("ver", "1.11"), ("hold", "1")]),
        (usual("ver='1.6'", "ver='one.six'"), [("ver", "1.11"), ("hold", "1")]),
        (
            format!("inactivity='86400' polling='0' requests='9' maxpause='9' {USUAL}"),
            [("inactivity", "120"), ("requests", "2")],
        ),
    ] {
        let (_, _link, reply) = bench.session_with(&attributes).await;
        for (name, value) in told {
            assert_eq!(reply.attribute(name), Some(value), "{name} of {attributes}");
        }
    }
}

// C11: a later request does not renegotiate: with wait=1 it still waits the agreed time, and with to, route or xml:lang it opens no second stream
#[tokio::test]
async fn later_requests_do_not_renegotiate() {
    let bench = Bench::new().await;
    let (mut client, _link) = bench.session().await;
    let again =
        "to='example.org' xml:lang='fr' route='xmpp:other.example:5222' wait='1' hold='0' ver='1.0' content='text/html' ack='1'";
    let mut held = client.next_with(again, "").await;
    assert!(held.is_held_for(Duration::from_secs(2)).await);
    assert!(bench.upstream.is_left_alone_for(WHILE).await);
}

// Q01, Q02, C12, C13: the header that the server gets: namespaces, to, version, language, and a valid bare JID. C15: `to` without case and trailing dot
#[tokio::test]
async fn the_header_that_the_server_gets() {
    let bench = Bench::new().await;
    let usual = |from: &str, to: &str| USUAL.replace(from, to);
    for (attributes, expected) in [
        (usual("", ""), [("to", Some("example.org")), ("version", Some("1.0"))]),
        (usual(" xmpp:version='1.0'", ""), [("version", Some("1.0")), ("from", None)]),
        (
            usual("xmpp:version='1.0'", "xmpp:version='1.1'"),
            [("version", Some("1.1")), ("from", None)],
        ),
        (
            usual("xml:lang='en'", "xml:lang='de'"),
            [("{http://www.w3.org/XML/1998/namespace}lang", Some("de")), ("from", None)],
        ),
        (
            usual("example.org", "EXAMPLE.Org."),
            [("to", Some("example.org")), ("from", None)],
        ),
        (
            usual("to=", "from='user@example.org/res' to="),
            [("from", Some("user@example.org")), ("version", Some("1.0"))],
        ),
        (
            usual("to=", "from='&lt;junk>' to="),
            [("from", None), ("version", Some("1.0"))],
        ),
    ] {
        let _creation = bench.post(&creation(&attributes)).await;
        let mut link = bench.upstream.accept().await;
        let header = link.header().await;
        assert_eq!(header.name, "{http://etherx.jabber.org/streams}stream");
        assert!(link.seen().contains(" xmlns='jabber:client'"), "{}", link.seen());
        assert!(link.seen().starts_with("<?xml ") || link.seen().starts_with("<stream:"));
        for (name, value) in expected {
            assert_eq!(
                header.attributes.get(name).map(String::as_str),
                value,
                "{name} for {attributes}"
            );
        }
    }
}

// C14, P06: `route` never leads anywhere but to the configured server
#[tokio::test]
async fn a_route_is_not_followed() {
    let bench = Bench::new().await;
    let elsewhere = Upstream::listen().await;
    for route in [
        "xmpp:169.254.169.254:80".to_owned(),
        format!("xmpp:{}", elsewhere.address),
        format!("http://{}/", elsewhere.address),
    ] {
        let (_, _link, reply) = bench.session_with(&format!("route='{route}' {USUAL}")).await;
        assert_eq!(reply.attribute("type"), None, "{}", reply.text);
    }
    assert!(elsewhere.is_left_alone_for(WHILE).await);
}

// C14: it is followed to one of the domain's own servers, or to a host that the operator lists
#[tokio::test]
async fn a_route_to_a_listed_host() {
    let (usual, listed) = (Upstream::listen().await, Upstream::listen().await);
    let (own, route) = (Upstream::listen().await, |address| format!("route='xmpp:{address}' {USUAL}"));
    let terms = Terms {
        permit: Permit {
            redirects: vec![("127.0.0.1".to_owned(), Some(listed.address.port()))],
            ..Permit::default()
        },
        ..Terms::default()
    };
    let second = Target {
        priority: 1,
        ..plain(own.address)
    };
    let connector = connector_on(vec![plain(usual.address), second], terms);
    let bench = Bench::before(Arc::new(connector), Upstream::listen().await, Limits::default());
    for server in [&listed, &own] {
        let mut connection = bench.post(&creation(&route(server.address))).await;
        server.accept().await.opens().await;
        assert_eq!(connection.reply().await.attribute("type"), None);
    }
    assert!(usual.is_left_alone_for(WHILE).await);
}

// P06: a domain that looks like an address is not dialled
#[tokio::test]
async fn a_domain_is_no_address() {
    let bench = Bench::new().await;
    let elsewhere = Upstream::listen().await;
    for to in [
        "127.0.0.1",
        "localhost",
        "169.254.169.254",
        "[::1]",
        &elsewhere.address.to_string(),
    ] {
        let reply = bench.ask(&creation(&USUAL.replace("example.org", to))).await;
        assert!(reply.is_terminate("host-unknown"), "{to}: {}", reply.text);
    }
    assert!(elsewhere.is_left_alone_for(WHILE).await);
}

// C17: integers may have leading zeros
#[tokio::test]
async fn leading_zeros() {
    let bench = Bench::new().await;
    let body = creation(USUAL)
        .replace("rid='1000'", "rid='007'")
        .replace("wait='60'", "wait='0010'");
    let mut connection = bench.post(&body).await;
    let mut link = bench.upstream.accept().await;
    link.opens().await;
    let reply = connection.reply().await;
    assert_eq!(reply.attribute("wait"), Some("10"));
    let client = Client::of(bench.address, &reply);
    client.send(8, "<message id='eight'/>").await;
    link.sees("id='eight'").await;
}

// B14: what a creation request says reaches the server behind the stream header
#[tokio::test]
async fn payload_in_the_creation() {
    let bench = Bench::new().await;
    let body = creation(USUAL).replace(
        "/>",
        "><auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/></body>",
    );
    let mut connection = bench.post(&body).await;
    let mut link = bench.upstream.accept().await;
    link.opens().await;
    link.sees("mechanism='ANONYMOUS'").await;
    let header = link.seen().find("<stream:stream").expect("a header");
    assert!(header < link.seen().find("<auth").expect("the payload"));
    assert!(connection.reply().await.attribute("sid").is_some());
}
