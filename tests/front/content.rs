//! The Content-Type of answers (spec.md group M).

use std::io::{Read as _, Write as _};

use boshd::front::{Charset, Options};

use super::stack::{Session, Stack, creation, post, post_with};
use super::wire::Reply;
use super::{is_proper, stack};

fn wants(content: &str) -> String {
    creation(1).replacen("<body", &format!("<body content='{content}'"), 1)
}

fn is_sandboxed(reply: &Reply) -> bool {
    reply.header("content-security-policy") == Some("default-src 'none'; sandbox")
}

// M02, C10
#[tokio::test(start_paused = true)]
async fn a_client_chooses_it_for_every_answer() {
    let stack = stack();
    let mut wire = stack.connect();
    let created = wire.ask(post(&wants("text/html; charset=utf-8"))).await;
    let mut session = Session::of(&created);
    let first = session.body("<a xmlns='x'/>");
    let answered = wire.ask(post(&first)).await;
    let repeated = wire.ask(post(&first)).await;
    let late = session.body("").replacen("<body", "<body content='text/plain'", 1);
    let ignored = wire.ask(post(&late)).await;
    let over = wire.ask(post(&session.terminate(""))).await;
    for reply in [created, answered, repeated, ignored, over] {
        assert_eq!(
            reply.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{}",
            reply.head
        );
        assert!(is_proper(&reply) && is_sandboxed(&reply), "{}", reply.head);
    }
}

// M02
#[tokio::test(start_paused = true)]
async fn a_refused_creation_has_it_too() {
    let stack = stack();
    let body = "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' content='text/html'/>";
    let reply = stack.connect().ask(post(body)).await;
    assert!(reply.is_terminate("improper-addressing"), "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("text/html"));
    assert!(is_sandboxed(&reply));
}

// M01, M03
#[tokio::test(start_paused = true)]
async fn what_is_no_media_type_is_not_there() {
    let stack = stack();
    for content in [
        "a/b&#13;&#10;X: y",
        "a/b&#10;X: y",
        "text",
        "",
        "a/b; c=\"",
        "text/xml; charset=utf-8",
    ] {
        let reply = stack.connect().ask(post(&wants(content))).await;
        assert_eq!(reply.header("content-type"), Some("text/xml; charset=utf-8"), "{content}");
        assert_eq!(reply.header("x"), None, "{}", reply.head);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(is_sandboxed(&reply), "XML may hold scripts, too");
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn packed(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /http-bind HTTP/1.1\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

// M05, C08: each coding that `accept` lists works
#[tokio::test(start_paused = true)]
async fn packed_requests() {
    let stack = stack();
    let mut wire = stack.connect();
    let mut session = Session::of(&wire.ask(packed("gzip", &gzip(&creation(1)))).await);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(session.body("<a xmlns='x' id='zlib'/>").as_bytes()).unwrap();
    assert_eq!(wire.ask(packed("deflate", &zlib.finish().unwrap())).await.status(), 200);
    stack.server.sees("id='zlib'").await;
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    raw.write_all(session.body("<a xmlns='x' id='raw'/>").as_bytes()).unwrap();
    assert_eq!(wire.ask(packed("deflate", &raw.finish().unwrap())).await.status(), 200);
    stack.server.sees("id='raw'").await;
    // libpurple puts the media type there
    let plain = session.body("<a xmlns='x' id='plain'/>");
    assert_eq!(
        wire.ask(packed("text/xml; charset=utf-8", plain.as_bytes())).await.status(),
        200
    );
    stack.server.sees("id='plain'").await;
}

// M05, A19: what unpacks without end is cut at the size of a body; what is broken is a bad request
#[tokio::test(start_paused = true)]
async fn packed_nonsense() {
    let stack = stack();
    let bomb = format!(
        "<body rid='1' ver='1.6' to='example.org' xmlns='http://jabber.org/protocol/httpbind'><a>{}</a></body>",
        " ".repeat(100 << 20)
    );
    let bomb = gzip(&bomb);
    assert!(bomb.len() < 200_000, "small on the way");
    let reply = stack.connect().ask(packed("gzip", &bomb)).await;
    assert!(reply.is_terminate("policy-violation"), "{}", reply.text());
    for (coding, body) in [
        ("gzip", &b"\x1f\x8bnonsense"[..]),
        ("deflate", b"\x78\x9cnonsense"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
    ] {
        let reply = stack.connect().ask(packed(coding, body)).await;
        assert!(reply.is_terminate("bad-request"), "{coding}: {}", reply.text());
    }
}

// M04, M06, T14: long answers leave packed where the operator and the client want it, also when they are repeated, and never in a login
#[tokio::test(start_paused = true)]
async fn packed_answers() {
    let stack = Stack::new(Options {
        compression: true,
        ..Options::default()
    });
    let mut session = stack.session(1).await;
    let mut wire = stack.connect();
    let body = session.body("");
    let takes = "Accept-Encoding: gzip, deflate\r\n";
    wire.send(post_with(takes, &body)).await;
    let long = format!("<message id='long'>{}</message>", "<body/>".repeat(1000));
    stack.server.push(0, &long);
    let reply = wire.reply().await;
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert_eq!(reply.header("vary"), Some("Accept-Encoding"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&reply.body[..])
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.contains("id='long'") && text.len() > long.len() && reply.body.len() < text.len() / 4);

    let again = wire.ask(post(&body)).await;
    assert_eq!((again.header("content-encoding"), again.text()), (None, text.as_str()));
    let again = wire.ask(post_with(takes, &body)).await;
    assert_eq!(again.header("content-encoding"), Some("gzip"), "repeated, by hyper");

    wire.send(post_with(takes, &session.body(""))).await;
    let challenge = format!(
        "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{}</challenge>",
        "A".repeat(4000)
    );
    stack.server.push(0, &challenge);
    assert_eq!(wire.reply().await.header("content-encoding"), None, "a login");
    wire.send(post_with(takes, &session.body(""))).await;
    stack.server.push(0, "<message/>");
    assert_eq!(wire.reply().await.header("content-encoding"), None, "too short");
}

// M07, C09: what the operator lists is converted; what is not in it is a bad request; without a list the header means nothing
#[tokio::test(start_paused = true)]
async fn other_charsets() {
    let latin = |body: &str| -> Vec<u8> { body.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect() };
    let with = |body: &[u8]| {
        let head = format!(
            "POST /http-bind HTTP/1.1\r\nContent-Type: text/xml; charset=ISO-8859-1\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let stack = Stack::new(Options {
        charsets: Charset::named("ISO-8859-1").into_iter().collect(),
        ..Options::default()
    });
    let mut session = stack.session(1).await;
    let mut wire = stack.connect();
    let reply = wire.ask(with(&latin(&session.body("<a xmlns='x' id='caf\u{e9}'/>")))).await;
    assert_eq!(reply.status(), 200);
    stack.server.sees("caf\u{e9}").await;

    let plain = super::stack();
    let mut session = plain.session(1).await;
    let mut wire = plain.connect();
    wire.ask(with(session.body("<a xmlns='x' id='caf\u{e9}'/>").as_bytes())).await;
    plain.server.sees("caf\u{e9}").await;
    let reply = wire.ask(with(&latin(&session.body("<a xmlns='x' id='\u{e9}'/>")))).await;
    assert!(reply.is_terminate("bad-request"), "not UTF-8: {}", reply.text());
}
