//! The stream towards the server, byte by byte: opening, restarting, what passes and what never does, and how it breaks (spec.md groups Q, R
//! and ER).

#[path = "support/bench.rs"]
mod bench;

use std::net::SocketAddr;
use std::time::Duration;

use bench::poster::{Client, creation};
use bench::upstream::{CLOSING, FEATURES, HEADER, Link};
use bench::{Bench, PATIENCE, SOON, USUAL, WHILE};
use tokio::time::{Instant, sleep};

const RESTART: &str = "xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true' to='example.org' xml:lang='en'";

const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";

/// A session that has got its `<success/>`.
async fn authenticated(bench: &Bench) -> (Client, Link) {
    let (mut client, mut link) = bench.session().await;
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>";
    let mut held = client.next(auth).await;
    link.sees("</auth>").await;
    link.says(SUCCESS).await;
    assert!(held.reply().await.payloads()[0].name.ends_with("}success"));
    (client, link)
}

// Q01, Q02, DN10: the exact bytes: an XML declaration, then the header with both namespaces, that of a client, to, version and language; no
// byte order mark; one connection a stream
#[tokio::test]
async fn what_the_server_gets_first() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let expected = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
                    to='example.org' version='1.0' xml:lang='en'>";
    assert_eq!(link.seen(), expected);
    let _held = client.next("<message id='m'/>").await;
    link.sees("id='m'").await;
    assert!(bench.upstream.is_left_alone_for(WHILE).await);
}

// Q03, Q04, Q05, Q06: version, authid and features come together; xmlns:stream is declared on the body and the prefix is literally `stream`
#[tokio::test]
async fn what_the_client_gets_first() {
    let bench = Bench::new().await;
    let (_, _link, reply) = bench.session_with(USUAL).await;
    assert_eq!(reply.attribute("{urn:xmpp:xbosh}version"), Some("1.0"));
    assert_eq!(reply.attribute("{urn:xmpp:xbosh}restartlogic"), Some("true"));
    assert_eq!(reply.attribute("authid"), Some("stream-1"));
    let (tag, content) = reply.text.split_once('>').unwrap();
    assert!(tag.contains(" xmlns:stream='http://etherx.jabber.org/streams'"), "{tag}");
    assert!(
        tag.contains(" xmlns:xmpp='urn:xmpp:xbosh'") && tag.contains(" xmpp:version='1.0'"),
        "{tag}"
    );
    assert!(content.starts_with("<stream:features"), "{content}");
}

// Q07: a server without `version` sends no features: the creation is answered at once, with authid. Q03: without version
#[tokio::test]
async fn a_server_without_version() {
    let bench = Bench::new().await;
    let mut connection = bench.post(&creation(USUAL)).await;
    let mut link = bench.upstream.accept().await;
    link.header().await;
    link.says(&HEADER.replace(" version='1.0' xml", " xml")).await;
    let reply = connection.reply_within(SOON).await;
    assert_eq!(reply.attribute("authid"), Some("stream-1"));
    assert_eq!(reply.attribute("{urn:xmpp:xbosh}version"), None);
    assert!(reply.payloads().is_empty());
}

// Q08: a stanza over ten segments with white space around it is one element, without stray text; white space alone is no answer
#[tokio::test]
async fn pieces_and_white_space() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("").await;
    link.says(" \n ").await;
    let stanza = "  <message id='m' to='a@b'><body>in pieces \u{e4}</body></message>\n";
    for piece in stanza.as_bytes().chunks(stanza.len() / 10) {
        tokio::io::AsyncWriteExt::write_all(&mut link.io, piece).await.unwrap();
        sleep(Duration::from_millis(10)).await;
    }
    let reply = held.reply_within(SOON).await;
    assert_eq!(reply.payloads().len(), 1);
    assert!(
        reply.text.ends_with("<body>in pieces \u{e4}</body></message></body>"),
        "{}",
        reply.text
    );
    let mut held = client.next("").await;
    link.says(" \n\t ").await;
    assert!(held.is_held_for(WHILE).await);
}

// Q09: features without a restart (SASL 2), nonzas and unknown namespaces are forwarded in order
#[tokio::test]
async fn every_element_is_forwarded() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("").await;
    let features = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";
    link.says(&format!(
        "<success xmlns='urn:xmpp:sasl:2'/>{features}<r xmlns='urn:xmpp:sm:3'/><x xmlns='urn:x'/>"
    ))
    .await;
    let mut names = Vec::new();
    loop {
        let reply = held.reply_within(SOON).await;
        names.extend(reply.payloads().into_iter().map(|payload| payload.name.clone()));
        if names.len() == 4 {
            break;
        }
        held = client.next("").await;
    }
    let expected = [
        "{urn:xmpp:sasl:2}success",
        "{http://etherx.jabber.org/streams}features",
        "{urn:xmpp:sm:3}r",
        "{urn:x}x",
    ];
    assert_eq!(names, expected);
    assert_eq!(link.seen().matches("<stream:stream").count(), 1);
}

// Q10, A15: a mixed request is forwarded whole, in order
#[tokio::test]
async fn a_mixed_request() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mixed = "<authenticate xmlns='urn:xmpp:sasl:2'/><message id='1'/><r xmlns='urn:xmpp:sm:3'/><active xmlns='urn:xmpp:csi:0'/>\
                 <j xmlns='urn:json'>{\"a\":1}</j><presence/>";
    let _held = client.next(mixed).await;
    link.sees("<presence").await;
    link.sees(">").await;
    let names: Vec<String> = link.elements().into_iter().map(|element| element.name).collect();
    let expected = [
        "{urn:xmpp:sasl:2}authenticate",
        "{jabber:client}message",
        "{urn:xmpp:sm:3}r",
        "{urn:xmpp:csi:0}active",
        "{urn:json}j",
        "{jabber:client}presence",
    ];
    assert_eq!(names, expected);
}

// R01: a restart is a second header on the same connection, without a closing tag. R02: it is held for the features, which come with xmlns:stream
// on the body. R06: one header a restart, none by ourselves after success
#[tokio::test]
async fn a_restart() {
    let bench = Bench::new().await;
    let (mut client, mut link) = authenticated(&bench).await;
    assert!(link.hears_nothing_for(WHILE).await);
    let mut held = client.next_with(RESTART, "").await;
    link.header().await;
    assert!(held.is_held_for(WHILE).await);
    link.says(&[&HEADER.replace("stream-1", "stream-2"), FEATURES].concat()).await;
    let reply = held.reply_within(SOON).await;
    assert!(
        reply.text.split_once('>').unwrap().0.contains("xmlns:stream="),
        "{}",
        reply.text
    );
    assert!(reply.payloads()[0].name.ends_with("}features"));
    assert_eq!(link.seen().matches("<stream:stream").count(), 2);
    assert!(!link.seen().contains(CLOSING));
    assert!(bench.upstream.is_left_alone_for(WHILE).await);
}

// R06: SASL 2: no restart at all
#[tokio::test]
async fn no_restart_by_ourselves() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>").await;
    link.sees("<authenticate").await;
    link.says(&format!("<success xmlns='urn:xmpp:sasl:2'/>{FEATURES}")).await;
    held.reply().await;
    let _held = client.next("<iq id='after'/>").await;
    link.sees("id='after'").await;
    assert_eq!(link.seen().matches("<stream:stream").count(), 1);
}

// R03: payload in a restart is ignored. R08: a repeat of a restart is not a second one
#[tokio::test]
async fn a_restart_with_payload_twice() {
    let bench = Bench::new().await;
    let (mut client, mut link) = authenticated(&bench).await;
    let mut older = client.next_with(RESTART, "<message id='ignored'/>").await;
    link.header().await;
    let mut held = client
        .post(&client.body(client.rid, RESTART, "<message id='ignored'/>"))
        .await;
    older.reply().await;
    assert!(link.hears_nothing_for(WHILE).await);
    link.says(&[HEADER, FEATURES].concat()).await;
    let reply = held.reply().await;
    assert_eq!(
        client.post(&client.body(client.rid, RESTART, "")).await.reply().await.text,
        reply.text
    );
    client.next("<message id='end'/>").await;
    link.sees("id='end'").await;
    assert_eq!(link.seen().matches("<stream:stream").count(), 2);
    assert!(!link.seen().contains("ignored"));
}

// R04, R07, C12: the header says what the restart says, otherwise what the creation said; another `to` is not dialled
#[tokio::test]
async fn what_a_restart_says() {
    const LANG: &str = "{http://www.w3.org/XML/1998/namespace}lang";
    let bench = Bench::new().await;
    for (attributes, expected) in [
        ("", [("to", Some("example.org")), (LANG, Some("en")), ("from", None)]),
        (
            "xml:lang='fr'",
            [("to", Some("example.org")), (LANG, Some("fr")), ("version", Some("1.0"))],
        ),
        (
            "from='user@example.org/r'",
            [
                ("from", Some("user@example.org")),
                (LANG, Some("en")),
                ("version", Some("1.0")),
            ],
        ),
        (
            "xmpp:version='1.1'",
            [("version", Some("1.1")), (LANG, Some("en")), ("from", None)],
        ),
        (
            "to='other.example'",
            [("to", Some("example.org")), (LANG, Some("en")), ("from", None)],
        ),
    ] {
        let (mut client, mut link) = bench.session().await;
        let restart = format!("xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true' {attributes}");
        let _held = client.next_with(&restart, "").await;
        let header = link.header().await;
        for (name, value) in expected {
            assert_eq!(
                header.attributes.get(name).map(String::as_str),
                value,
                "{name} for {attributes}"
            );
        }
        assert!(bench.upstream.is_left_alone_for(WHILE).await);
    }
}

// R05: after a restart the server declares other prefixes, and nothing of the old stream counts
#[tokio::test]
async fn prefixes_after_a_restart() {
    let bench = Bench::new().await;
    let mut connection = bench.post(&creation(USUAL)).await;
    let mut link = bench.upstream.accept().await;
    link.header().await;
    link.says(&[&HEADER.replace(" id=", " xmlns:p='urn:old' id="), FEATURES].concat())
        .await;
    let mut client = Client::of(bench.address, &connection.reply().await);
    let mut held = client.next_with(RESTART, "").await;
    link.header().await;
    let other = "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='urn:default' xmlns:p='urn:new' xmlns:c='jabber:client' version='1.0'>";
    link.says(&format!("{other}<s:features/><p:x/><c:message/><y/>")).await;
    let mut names = Vec::new();
    while names.len() < 4 {
        let reply = held.reply_within(SOON).await;
        names.extend(reply.payloads().into_iter().map(|payload| payload.name.clone()));
        held = client.next("").await;
    }
    let expected = [
        "{http://etherx.jabber.org/streams}features",
        "{urn:new}x",
        "{jabber:client}message",
        "{urn:default}y",
    ];
    assert_eq!(names, expected);
}

// C16: `restart` counts by its namespace, under any prefix; C17: true and 1; unqualified or false it is none
#[tokio::test]
async fn what_is_a_restart() {
    let bench = Bench::new().await;
    for (attributes, is_restart) in [
        ("xmlns:q='urn:xmpp:xbosh' q:restart='1'", true),
        ("xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'", true),
        ("xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='false'", false),
        ("xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='0'", false),
        ("restart='true'", false),
    ] {
        let (mut client, mut link) = bench.session().await;
        client.next_with(attributes, "").await;
        let _end = client.next("<message id='end'/>").await;
        link.sees("id='end'").await;
        let headers = link.seen().matches("<stream:stream").count();
        assert_eq!(headers == 2, is_restart, "{attributes}: {}", link.seen());
    }
}

// Q06: after a restart authid is the id of the new stream, or nobody is told the old one
#[tokio::test]
async fn authid_is_the_current_streams() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next_with(RESTART, "").await;
    link.header().await;
    link.says(&[&HEADER.replace("stream-1", "stream-2"), FEATURES].concat()).await;
    assert_eq!(held.reply().await.attribute("authid"), Some("stream-2"));
}

// S05: a client that asks for what only the manager is good for, uninvited, is refused as if there were no such thing, and may go on
#[tokio::test]
async fn a_mechanism_that_was_not_offered() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    for (request, namespace) in [
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>",
            "urn:ietf:params:xml:ns:xmpp-sasl",
        ),
        (
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='EXTERNAL'/>",
            "urn:xmpp:sasl:2",
        ),
    ] {
        let reply = client.next(request).await.reply_within(SOON).await;
        assert_eq!(reply.payloads()[0].name, format!("{{{namespace}}}failure"));
        assert!(reply.text.contains("<invalid-mechanism"), "{}", reply.text);
    }
    let _held = client
        .next("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>")
        .await;
    link.sees("mechanism='PLAIN'").await;
    assert!(!link.seen().contains("EXTERNAL"), "{}", link.seen());
}

// FX01: each step of a login, its connection closed at once: the server sees all of them, in order
#[tokio::test]
async fn a_login_that_does_not_wait() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    drop(client.next("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await);
    link.sees("<auth").await;
    link.says(SUCCESS).await;
    drop(client.next_with(RESTART, "").await);
    link.header().await;
    link.says(&[HEADER, FEATURES].concat()).await;
    drop(client.next("<iq type='set' id='bind'/>").await);
    link.sees("id='bind'").await;
}

// ER10: malformed or oversized XML from the server ends that stream with a stream error, and the client is told; other sessions go on
#[tokio::test]
async fn garbage_from_the_server() {
    let bench = Bench::new().await;
    let (mut bystander, mut theirs) = bench.session().await;
    let deep = "<a>".repeat(100);
    let large = format!("<message>{}", "x".repeat(2 << 20));
    for garbage in [
        "<message></iq>",
        "<p:unbound/>",
        "<!DOCTYPE x>",
        "<!-- no -->",
        "<?pi no?>",
        "<message>&unknown;</message>",
        "text",
        deep.as_str(),
        large.as_str(),
    ] {
        let (mut client, mut link) = bench.session().await;
        let mut held = client.next("").await;
        assert!(held.is_held_for(Duration::from_millis(50)).await);
        // the rest may find the connection closed
        let _ = tokio::io::AsyncWriteExt::write_all(&mut link.io, garbage.as_bytes()).await;
        let reply = held.reply().await;
        assert!(
            reply.is_terminate("remote-connection-failed"),
            "{garbage:.20}: {}",
            reply.text
        );
        if garbage.len() < 100 {
            link.sees("<stream:error").await;
            link.sees(CLOSING).await;
            link.ends().await;
        }
    }
    let mut held = bystander.next("").await;
    theirs.says("<message id='fine'/>").await;
    assert_eq!(held.reply_within(SOON).await.payloads().len(), 1);
}

// ER10: bytes that are no stream at all, before the header
#[tokio::test]
async fn a_server_of_another_protocol() {
    let bench = Bench::new().await;
    for greeting in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\u{16}\u{3}\u{1}",
        "<html>",
        "220 mail.example.org ESMTP\r\n",
    ] {
        let mut connection = bench.post(&creation(USUAL)).await;
        let mut link = bench.upstream.accept().await;
        link.says(greeting).await;
        let reply = connection.reply_within(SOON).await;
        assert!(reply.is_terminate("remote-connection-failed"), "{greeting}: {}", reply.text);
        assert_eq!(reply.attribute("sid"), None);
    }
    bench.is_left_with(0).await;
}

// ER09: a normal close says `</stream:stream>`, waits for the server's, then ends; a silent server is cut off after a while
#[tokio::test]
async fn a_silent_server_is_cut_off() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    client.next_with("type='terminate'", "").await.reply().await;
    link.sees(CLOSING).await;
    let began = Instant::now();
    assert!(link.hears_nothing_for(Duration::from_secs(1)).await);
    link.ends().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

// J16, ER10, DN10: a server that opens a stream of another content namespace is told so, and so is the client
#[tokio::test]
async fn a_server_for_somebody_else() {
    let bench = Bench::new().await;
    for namespace in ["'jabber:server'", "'jabber:component:accept'"] {
        let mut connection = bench.post(&creation(USUAL)).await;
        let mut link = bench.upstream.accept().await;
        link.header().await;
        link.says(&HEADER.replace("'jabber:client'", namespace)).await;
        let reply = connection.reply().await;
        assert!(reply.is_terminate("undefined-condition"), "{}", reply.text);
        assert!(reply.text.contains("<invalid-namespace"), "{}", reply.text);
        link.sees("<invalid-namespace").await;
        link.sees(CLOSING).await;
    }
}

// DN12: while nobody says anything, the kernel asks whether the server is still there, and nothing enters the stream
#[tokio::test]
async fn an_idle_stream_is_kept_alive() {
    const KEEPALIVE: &str = "02";
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("").await;
    let ours = hexadecimal(link.io.peer_addr().unwrap());
    let servers = hexadecimal(link.io.local_addr().unwrap());
    let began = Instant::now();
    loop {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let mut columns = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let socket = columns.find(|columns| columns[1] == ours && columns[2] == servers);
        let (timer, when) = socket.expect("a socket")[5].split_once(':').unwrap();
        if timer == KEEPALIVE {
            // in hundredths of a second
            assert!(u32::from_str_radix(when, 16).unwrap() <= 60 * 100);
            break;
        }
        assert!(began.elapsed() < PATIENCE, "timer {timer}");
        sleep(Duration::from_millis(10)).await;
    }
    assert!(link.hears_nothing_for(WHILE).await && held.is_held_for(WHILE).await);
}

/// As the kernel lists it.
fn hexadecimal(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else {
        panic!("{address}")
    };
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}
