//! The script syntax (spec.md N01 to N04; XEP-0252).

use boshd::front::Options;

use super::stack::{Session, Stack, creation};
use super::wire::{Reply, Wire};
use super::{is_proper, stack};

fn scripted() -> Stack {
    Stack::new(Options {
        script: true,
        ..Options::default()
    })
}

/// Only what must be is encoded: a plus stays one.
fn get(body: &str) -> String {
    let query: String = body
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'!'
            | b'$'
            | b'&'..=b'/'
            | b':'
            | b';'
            | b'=' => char::from(byte).to_string(),
            _ => format!("%{byte:02x}"),
        })
        .collect();
    format!("GET /http-bind?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// What the call hands to its function.
fn argument(reply: &Reply) -> String {
    let call = reply.text().strip_prefix("_BOSH_(").and_then(|rest| rest.strip_suffix(')'));
    serde_json::from_str(call.unwrap_or_else(|| panic!("no call: {}", reply.text()))).expect("a string of script, and of JSON")
}

fn is_script(reply: &Reply) -> bool {
    reply.header("content-type") == Some("text/javascript; charset=utf-8")
        && reply.header("pragma") == Some("no-cache")
        && is_proper(reply)
}

async fn ask<I>(wire: &mut Wire<I>, body: &str) -> Reply
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    wire.ask(get(body)).await
}

// N02, N03, N04: a whole session: created, a message split over two requests, an answer that was held, odd characters, the end
#[tokio::test(start_paused = true)]
async fn a_whole_session() {
    let stack = scripted();
    let mut wire = stack.connect();
    let created = ask(&mut wire, &creation(1)).await;
    assert!(is_script(&created), "{}", created.head);
    let mut session = Session::of_text(&argument(&created));
    let message = "<message id='1+1'><body>\"both\" parts</body></message>";
    let (first, second) = message.split_at(20);
    let (half, rest) = (session.body(first), session.body(second));
    assert!(is_script(&ask(&mut wire, &half).await));
    assert!(!stack.server.seen().contains("1+1"));
    wire.send(get(&rest)).await;
    stack.server.sees("1+1").await;
    assert_eq!(stack.server.seen().matches("<message").count(), 1);
    let odd = "\u{200e}\u{feff}\u{e0001}\u{2028}\"\\";
    stack
        .server
        .push(0, &format!("<message id='odd'><body>{odd}\n</body></message>"));
    let reply = wire.reply().await;
    assert!(
        is_script(&reply) && !reply.text().contains(['\n', '\u{200e}', '\u{2028}']),
        "{}",
        reply.text()
    );
    assert!(argument(&reply).contains(&format!("{odd}\n")), "{}", argument(&reply));
    let over = ask(&mut wire, &session.terminate("")).await;
    assert!(argument(&over).contains("type='terminate'"));
}

// N02: what cannot become an element is a bad request, in script syntax too
#[tokio::test(start_paused = true)]
async fn mistakes_are_told_in_script() {
    let stack = scripted();
    let mut wire = stack.connect();
    for body in [
        "",
        "nonsense",
        "<body/>",
        "<body rid='1' xmlns='http://jabber.org/protocol/httpbind'",
    ] {
        let reply = ask(&mut wire, body).await;
        assert!(
            is_script(&reply) && argument(&reply).contains("condition='bad-request'"),
            "{body}: {}",
            reply.text()
        );
    }
    let mut session = Session::of_text(&argument(&ask(&mut wire, &creation(1)).await));
    let stray = session.body("</message>");
    assert!(argument(&ask(&mut wire, &stray).await).contains("condition='bad-request'"));
}

// N04: `content` is honoured here, too
#[tokio::test(start_paused = true)]
async fn with_a_type_of_its_own() {
    let stack = scripted();
    let body = creation(1).replacen("<body", "<body content='application/x-javascript'", 1);
    let reply = ask(&mut stack.connect(), &body).await;
    assert_eq!(reply.header("content-type"), Some("application/x-javascript"));
    assert!(argument(&reply).contains("sid="));
}

// N01: off, as it is by default, there is nothing there
#[tokio::test(start_paused = true)]
async fn off_by_default() {
    let stack = stack();
    assert_eq!(ask(&mut stack.connect(), &creation(1)).await.status(), 404);
    assert_eq!(stack.server.seen(), "");
}
