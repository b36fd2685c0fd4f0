//! What nobody should send, and what must not happen then: to this session, to the server, to other sessions (spec.md group A, parts of D, J, P
//! and DL).

#[path = "support/bench.rs"]
mod bench;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bench::poster::{Client, FIRST_RID, HTTPBIND, creation};
use bench::upstream::{FEATURES, HEADER, Upstream};
use bench::{Bench, SOON, USUAL, WHILE};
use boshd::bosh::Limits;
use boshd::upstream::{Call, Connect, Connected, Connecting};
use boshd::xmpp::Domain;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};

/// A session answers these with `bad-request`, the server sees nothing of them, and another session goes on.
async fn are_refused(bench: &Bench, contents: &[&str]) {
    let (mut bystander, mut theirs) = bench.session().await;
    for content in contents {
        let (mut client, mut link) = bench.session().await;
        let reply = client.ask(content).await;
        assert!(reply.is_terminate("bad-request"), "{content:.60}: {}", reply.text);
        link.says_goodbye().await;
        let after = link.seen().split_once("xml:lang='en'>").unwrap().1;
        assert_eq!(after, "</stream:stream>", "{content:.60}");
    }
    let mut held = bystander.next("").await;
    theirs.says("<message id='fine'/>").await;
    assert_eq!(held.reply_within(SOON).await.payloads().len(), 1);
}

// A07, J05: a root that is not `body` of httpbind: bad-request, no session, no connection to the server; any prefix will do
#[tokio::test]
async fn the_root() {
    let bench = Bench::new().await;
    let good = creation(USUAL);
    for root in [
        good.replace("<body", "<Body"),
        good.replace("<body", "<html"),
        good.replace(&format!("xmlns='{HTTPBIND}'"), ""),
        good.replace(HTTPBIND, "http://jabber.org/protocol/httpbind/"),
        good.replace(HTTPBIND, "jabber:client"),
        good.replace("xmlns=", "xmlns:b="),
    ] {
        assert!(bench.ask(&root).await.is_terminate("bad-request"), "{root}");
    }
    assert_eq!(bench.manager.sessions(), 0);
    assert!(bench.upstream.is_left_alone_for(WHILE).await);
    let prefixed = good.replace("<body xmlns=", "<b:body xmlns:b=");
    let _creation = bench.post(&prefixed).await;
    bench.upstream.accept().await.header().await;
}

// A08: the wrapper is unprefixed, its namespace the default, whatever the client wrote
#[tokio::test]
async fn our_own_root() {
    let bench = Bench::new().await;
    let mut connection = bench.post(&creation(USUAL).replace("<body xmlns=", "<b:body xmlns:b=")).await;
    bench.upstream.accept().await.opens().await;
    assert!(
        connection
            .reply()
            .await
            .text
            .starts_with(&format!("<body xmlns='{HTTPBIND}'"))
    );
}

const LAUGHS: &str = "<!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY lol1 '&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;'>\
                      <!ENTITY lol2 '&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;'>]>";

// A09: comments, processing instructions, DTDs and entity references are refused anywhere, the billion laughs and external entities among them;
// the server sees nothing and nothing is fetched
#[tokio::test]
async fn restricted_xml() {
    let bench = Bench::new().await;
    let elsewhere = Upstream::listen().await;
    let good = creation(USUAL);
    let external = format!("<!DOCTYPE b [<!ENTITY e SYSTEM 'http://{}/'>]>", elsewhere.address);
    for before in [
        "<!-- c -->",
        "<?php?>",
        LAUGHS,
        &external,
        "<!DOCTYPE body SYSTEM 'file:///etc/passwd'>",
    ] {
        let reply = bench.ask(&[before, &good].concat()).await;
        assert!(reply.is_terminate("bad-request"), "{before}: {}", reply.text);
    }
    assert!(bench.upstream.is_left_alone_for(WHILE).await);
    are_refused(
        &bench,
        &[
            "<message><!-- c --></message>",
            "<!-- c --><message/>",
            "<message><?pi x?></message>",
            "<?pi x?>",
            "<message>&e;</message>",
            "<message a='&e;'/>",
            "<message>&lol2;</message>",
            "<!DOCTYPE x><message/>",
        ],
    )
    .await;
    assert!(elsewhere.is_left_alone_for(WHILE).await);
}

// A10: ill-formed and truncated XML, a second root and text behind the end: bad-request, as XML
#[tokio::test]
async fn ill_formed_xml() {
    let bench = Bench::new().await;
    for unreadable in [
        "<",
        "<body",
        "body",
        "{\"rid\":1}",
        "<body xmlns='",
        "<body rid=1>",
        "</body>",
        "\u{0}",
    ] {
        let reply = bench.ask(unreadable).await;
        assert!(reply.is_terminate("bad-request"), "{unreadable}: {}", reply.text);
    }
    are_refused(
        &bench,
        &[
            "<message>",
            "<message></iq>",
            "<message",
            "<message a='1' a='2'/>",
            "<message a=1/>",
            "<message a/>",
            "<message a='<'/>",
            "<1/>",
            "<message></body><body>",
            "</body><body/>",
            "</body>text<x",
            "<message/></body></body>",
            "&amp;",
            "<![CDATA[text]]>",
            "<message>]]></message>",
            "<message>&amp</message>",
        ],
    )
    .await;
}

// A11: character data in the wrapper is refused; a pretty-printed body works, and the server gets no white space of it
#[tokio::test]
async fn text_in_the_wrapper() {
    let bench = Bench::new().await;
    are_refused(&bench, &["hello", "<message/>hello", "hello<message/>", "\u{a0}"]).await;
    let (mut client, mut link) = bench.session().await;
    let _held = client.next("\n    <message id='a'/>\r\n\t<message id='b'/>\n").await;
    link.sees("id='b'/>").await;
    assert!(
        link.seen()
            .ends_with("<message xmlns='jabber:client' id='a'/><message xmlns='jabber:client' id='b'/>")
    );
}

// A12: an undeclared prefix on an element or an attribute: bad-request
#[tokio::test]
async fn undeclared_prefixes() {
    let bench = Bench::new().await;
    let twice = "<message xmlns:a='urn:a' xmlns:b='urn:a' a:x='1' b:x='2'/>";
    are_refused(
        &bench,
        &[
            "<p:message/>",
            "<message p:a='1'/>",
            "<message><p:x/></message>",
            "<x xmlns:p=''/>",
            twice,
        ],
    )
    .await;
}

// A13: an XML declaration and a byte order mark are tolerated and not forwarded; a declaration of another encoding is refused
#[tokio::test]
async fn before_the_wrapper() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    for before in [
        "\u{feff}",
        "<?xml version='1.0'?>",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n",
        "\u{feff}<?xml version='1.0'?>",
        "\n",
    ] {
        client.rid += 1;
        let body = client.body(client.rid, "", "<message/>");
        let _held = client.post(&[before, &body].concat()).await;
        link.sees("<message xmlns='jabber:client'/>").await;
    }
    assert!(!link.seen()[1..].contains("<?xml") && !link.seen().contains('\u{feff}'));
    let other = format!("<?xml version='1.0' encoding='ISO-8859-1'?>{}", creation(USUAL));
    assert!(bench.ask(&other).await.is_terminate("bad-request"));
}

// A16: unknown attributes on the wrapper change nothing
#[tokio::test]
async fn unknown_attributes() {
    let bench = Bench::new().await;
    let unknown = "window='5' ua='x' xmlns:foo='urn:foo' foo:bar='y' foo:rid='1' foo:type='terminate'";
    let (mut client, mut link, reply) = bench.session_with(&format!("{unknown} {USUAL}")).await;
    assert_eq!(reply.attribute("type"), None);
    let mut held = client.next_with(unknown, "<message id='m'/>").await;
    link.sees("id='m'").await;
    assert!(held.is_held_for(WHILE).await);
}

// M07: bytes that are not UTF-8: bad-request
#[tokio::test]
async fn not_utf8() {
    let bench = Bench::new().await;
    for bytes in [&b"\xff"[..], b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"] {
        let (client, mut link) = bench.session().await;
        let body = client.body(FIRST_RID + 1, "", "<message>?</message>");
        let at = body.find('?').unwrap();
        let mut connection = bench.connect().await;
        let reply = connection
            .ask([&body.as_bytes()[..at], bytes, &body.as_bytes()[at + 1..]].concat())
            .await;
        assert!(reply.is_terminate("bad-request"), "{bytes:?}: {}", reply.text);
        link.says_goodbye().await;
        assert!(!link.seen().contains("<message"));
    }
    let mut connection = bench.connect().await;
    assert!(connection.ask(b"\xff\xfe<\x00b\x00").await.is_terminate("bad-request"));
}

// P07, S08, T31: elements of the stream itself never reach the server; nor do elements of framing
#[tokio::test]
async fn stream_injection() {
    let bench = Bench::new().await;
    let stream = "http://etherx.jabber.org/streams";
    let with = |element: &str| format!("<s:{element} xmlns:s='{stream}'/>");
    are_refused(
        &bench,
        &[
            &with("stream"),
            &with("error"),
            &with("features"),
            &format!("<stream xmlns='{stream}' to='evil.example'/>"),
            &format!("<message/><s:stream xmlns:s='{stream}' to='evil.example'></s:stream>"),
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
            "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
            "</stream:stream>",
        ],
    )
    .await;
}

// S08: a client that asks for TLS or compression inside the stream: the server is not told
#[tokio::test]
async fn negotiation_of_the_link() {
    are_refused(
        &Bench::new().await,
        &[
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            "<message/><compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>",
        ],
    )
    .await;
}

// DL03, A19: too deep, too many attributes, too large: refused; what is just allowed passes. DL02: 10 000 bytes are never too large
#[tokio::test]
async fn bounds() {
    let bench = Bench::new().await;
    let deep = |depth: usize| format!("{}{}", "<a xmlns='urn:a'>".repeat(depth), "</a>".repeat(depth));
    let wide = |width: usize| {
        format!(
            "<a xmlns='urn:a' {}/>",
            (0..width).map(|n| format!("a{n}='' ")).collect::<String>()
        )
    };
    let (mut client, mut link) = bench.session().await;
    for fine in [deep(60), wide(60), format!("<a xmlns='urn:a'>{}</a>", "x".repeat(9_970))] {
        let _held = client.next(&fine).await;
        link.sees(&fine).await;
    }
    are_refused(&bench, &[&deep(100), &wide(1_000), &deep(20_000), &wide(20_000)]).await;
    let long = creation(&format!("pad='{}' {USUAL}", "x".repeat(100_000)));
    assert!(bench.ask(&long).await.is_terminate("bad-request"));
    let (mut client, _link) = bench.session().await;
    let large = format!("<message>{}</message>", "x".repeat(3 << 20));
    assert!(client.ask(&large).await.is_terminate("policy-violation"));
}

// DL03, DL04: a server that floods a client that does not poll is read no further than a bound, other sessions do not notice, and once the client
// polls everything arrives in order
#[tokio::test]
async fn a_flood_from_the_server() {
    const COUNT: usize = 2_000;
    let bench = Bench::with(Limits {
        session_memory: 256 * 1024,
        response_bytes: 64 * 1024,
        ..Limits::default()
    })
    .await;
    let (mut client, mut link) = bench.session().await;
    let filler = "x".repeat(10_000);
    let flood: String = (0..COUNT)
        .map(|id| format!("<message id='{id}'><body>{filler}</body></message>"))
        .collect();
    let mut written = 0;
    // until boshd and the kernel's buffers are full
    while let Ok(wrote) = tokio::time::timeout(Duration::from_secs(1), link.io.write(&flood.as_bytes()[written..])).await {
        written += wrote.unwrap();
    }
    assert!(written < flood.len(), "20 MB were taken without a bound");
    let (mut bystander, mut theirs) = bench.session().await;
    let mut held = bystander.next("").await;
    theirs.says("<message id='fine'/>").await;
    assert_eq!(held.reply_within(SOON).await.payloads().len(), 1);
    let rest = tokio::spawn(async move {
        link.io.write_all(&flood.as_bytes()[written..]).await.unwrap();
        link
    });
    let mut expected = 0;
    while expected < COUNT {
        for payload in client.ask("").await.payloads() {
            assert_eq!(payload.attributes["id"], expected.to_string());
            expected += 1;
        }
    }
    rest.await.unwrap();
}

// FX11: bytes beyond Content-Length do not join the document and concern that connection only. FX12: the Host header chooses nothing. FX13: broken
// escapes in the target are no fault of ours. FX10: white space around header values
#[tokio::test]
async fn odd_http() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    for (id, target, headers, behind) in [
        (1, "/http-bind", "Host: other.example\r\nContent-Length:\t \tLENGTH \t", ""),
        (2, "/http-bind?%zz", "Host: x\r\nContent-Length: LENGTH", ""),
        (
            3,
            "/http-bind/",
            "Host: x\r\nContent-Length: LENGTH",
            "<message id='smuggled'/></body>",
        ),
        (4, "/http-bind", "Host: x\r\nX-Odd: \u{e9}\r\nContent-Length: LENGTH", ""),
    ] {
        client.rid += 1;
        let body = client.body(client.rid, "", &format!("<message id='odd{id}'/>"));
        let headers = headers.replace("LENGTH", &body.len().to_string());
        let mut connection = bench.connect().await;
        connection
            .send(format!("POST {target} HTTP/1.1\r\n{headers}\r\n\r\n{body}{behind}"))
            .await;
        link.sees(&format!("id='odd{id}'")).await;
        link.says("<message id='m'/>").await;
        assert_eq!(connection.reply().await.status(), 200);
    }
    assert!(!link.seen().contains("smuggled"));
}

/// The stream's end inside boshd. It panics when the server says so.
struct Treacherous(DuplexStream);

impl AsyncRead for Treacherous {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.0).poll_read(cx, buffer);
        assert!(!buffer.filled().starts_with(b"PANIC"), "forced by the test");
        result
    }
}

impl AsyncWrite for Treacherous {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        assert!(!bytes.starts_with(b"<panic"), "forced by the test");
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A server that echoes, and whose word `PANIC` brings its session down.
struct Echo;

impl Connect for Echo {
    fn serves(&self, _: &Domain) -> bool {
        true
    }

    fn connect(&self, call: Call) -> Connecting<'_> {
        let (near, mut far) = tokio::io::duplex(4096);
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            let mut answer = [HEADER, FEATURES].concat();
            while let Ok(length @ 1..) = far.read(&mut buffer).await {
                let said = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if said.contains("<trap") {
                    "PANIC".clone_into(&mut answer);
                }
                let _ = far.write_all(answer.as_bytes()).await;
                "<message/>".clone_into(&mut answer);
            }
        });
        Box::pin(async move { Ok(Connected::fresh(Treacherous(near), &call.header)) })
    }
}

// J08: a forced failure inside one session, while it reads or while it writes: internal-server-error as a 200, the session is gone, others go on
#[tokio::test]
async fn a_panic_ends_one_session() {
    let bench = Bench::before(Arc::new(Echo), Upstream::listen().await, Limits::default());
    let session = async || {
        let reply = bench.ask(&creation(USUAL)).await;
        Client::of(bench.address, &reply)
    };
    let mut bystander = session().await;
    for trap in ["<trap xmlns='urn:t'/>", "<panic xmlns='urn:t'/>"] {
        let mut client = session().await;
        let mut held = client.next("").await;
        let mut trapped = client.next(trap).await;
        assert_eq!(held.reply_within(SOON).await.status(), 200);
        let reply = trapped.reply_within(SOON).await;
        assert!(reply.is_terminate("internal-server-error"), "{}", reply.text);
        assert!(client.ask("").await.is_terminate("item-not-found"));
        assert_eq!(bystander.ask("<message/>").await.payloads().len(), 1);
    }
    bench.is_left_with(1).await;
}

/// There is no way to the server, at once or after a moment.
struct Trap {
    at_once: bool,
}

impl Connect for Trap {
    fn serves(&self, _: &Domain) -> bool {
        true
    }

    fn connect(&self, _: Call) -> Connecting<'_> {
        assert!(!self.at_once, "forced by the test");
        Box::pin(async {
            tokio::task::yield_now().await;
            panic!("forced by the test")
        })
    }
}

// J08: the same on the way to the server
#[tokio::test]
async fn a_panic_while_connecting() {
    for at_once in [true, false] {
        let bench = Bench::before(Arc::new(Trap { at_once }), Upstream::listen().await, Limits::default());
        let reply = bench.post(&creation(USUAL)).await.reply_within(SOON).await;
        assert!(reply.is_terminate("internal-server-error"), "{}", reply.text);
        bench.is_left_with(0).await;
    }
}
