//! XEP-0025 (spec.md group HP), in memory under a paused clock.

#[path = "support/logs.rs"]
mod logs;
#[path = "support/stack.rs"]
mod stack;
#[path = "support/wire.rs"]
mod wire;

use std::sync::Arc;
use std::time::Duration;

use boshd::bosh::Limits;
use boshd::front::Options;
use boshd::http_polling::{Poll, PollError};
use boshd::manager::{self, ConnectionManager, Peer};
use boshd::upstream::{Call, Connect, ConnectError, Connecting, Stage};
use boshd::xmpp::Domain;
use stack::Stack;
use wire::Reply;

const HEADER: &str = "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams'>";

/// base64(SHA-1(...)) of "foo", and so on.
const KEYS: [&str; 3] = ["foo", "C+7Hteo/D9vJXQ3UfzxbwnXaijM=", "6UU8CDmH3O4aHFmCqSORCn721+M="];

fn polling() -> Stack {
    Stack::new(Options {
        http_polling: Some("/http-poll".to_owned()),
        ..Options::default()
    })
}

/// One poll, on a connection of its own.
async fn ask(stack: &Stack, body: &str) -> Reply {
    let request = format!("POST /http-poll HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let reply = stack.connect().ask(request).await;
    assert_eq!(
        (reply.status(), reply.header("content-type")),
        (200, Some("text/xml; charset=utf-8"))
    );
    reply
}

/// HP01: a cookie in every answer.
fn id(reply: &Reply) -> String {
    let cookie = reply.header("set-cookie").expect("a cookie");
    let value = cookie.strip_prefix("ID=").expect("named ID");
    value.split(';').next().expect("a value").to_owned()
}

/// Polls until the server has said this.
async fn until(stack: &Stack, id: &str, text: &str) -> String {
    let mut said = String::new();
    for _ in 0..1000 {
        said.push_str(ask(stack, &format!("{id},")).await.text());
        if said.contains(text) {
            return said;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never said {text}: {said}");
}

// HP01, HP02, HP04, HP07, HP08: a whole session: the client's own stream, elements cut anywhere, a restart, answers at once; what belongs to
// the link is not offered
#[tokio::test(start_paused = true)]
async fn a_whole_session() {
    let stack = polling();
    let first = ask(&stack, &format!("0,{}", &HEADER[..40])).await;
    let id = id(&first);
    assert!(
        id.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b':' || byte == b'-')
            && !id.ends_with(":0")
    );
    assert_eq!(first.text(), "", "at once, with nothing");
    ask(&stack, &format!("{id},{}", &HEADER[40..])).await;
    let said = until(&stack, &id, "</stream:features>").await;
    assert!(
        said.starts_with("<?xml version='1.0'?><stream:stream ") && !said.contains("starttls"),
        "{said}"
    );
    stack.server.push(0, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    until(&stack, &id, "<success").await;
    ask(&stack, &format!("{id},{HEADER}<pres")).await;
    ask(&stack, &format!("{id},ence/>")).await;
    stack.server.sees("<presence").await;
    assert_eq!(stack.server.seen().matches("<stream:stream").count(), 2, "begun anew");
    stack.server.push(0, "<message id='m1'/>");
    stack.server.push(0, "<message id='m2'/>");
    let said = until(&stack, &id, "m2").await;
    assert_eq!((said.matches("m1").count(), said.matches("m2").count()), (1, 1));
    // HP09: what was fetched is gone: there is no rid to ask for it again
    assert_eq!(ask(&stack, &format!("{id},")).await.text(), "");
    let last = ask(&stack, &format!("{id},</stream:stream>")).await;
    assert!(last.text().ends_with("</stream:stream>"));
    assert_eq!(self::id(&ask(&stack, &format!("{id},")).await), "0:0");
    stack.server.sees("</stream:stream>").await;
}

// HP03: what is wrong is an id, and always 200
#[tokio::test(start_paused = true)]
async fn errors_are_ids() {
    let stack = polling();
    for (body, expected) in [
        ("no comma", "-2:0"),
        (";,", "-2:0"),
        ("unknown,", "0:0"),
        ("00000000000000000000000000000000,", "0:0"),
    ] {
        let reply = ask(&stack, body).await;
        assert_eq!((id(&reply).as_str(), reply.text()), (expected, ""), "{body}");
    }
}

// HP05, HP06: a wrong key is not carried out and does not lengthen the session's life; the right one still is
#[tokio::test(start_paused = true)]
async fn keys() {
    let stack = polling();
    let id = id(&ask(&stack, &format!("0;{},{HEADER}", KEYS[2])).await);
    tokio::time::sleep(Duration::from_secs(200)).await;
    for wrong in [String::new(), format!(";{}", KEYS[2]), format!(";{}", KEYS[0])] {
        let reply = ask(&stack, &format!("{id}{wrong},<presence id='never'/>")).await;
        assert_eq!(self::id(&reply), "-3:0", "{wrong}");
    }
    let reply = ask(&stack, &format!("{id};{},<presence id='one'/>", KEYS[1])).await;
    assert_eq!(self::id(&reply), id);
    ask(&stack, &format!("{id};{};{},<presence id='two'/>", KEYS[0], KEYS[2])).await;
    ask(&stack, &format!("{id};{},<presence id='three'/>", KEYS[1])).await;
    stack.server.sees("three").await;
    assert!(!stack.server.seen().contains("never"));
    tokio::time::sleep(Duration::from_secs(250)).await;
    let reply = ask(&stack, &format!("{id};wrong,")).await;
    assert_eq!(self::id(&reply), "-3:0");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        self::id(&ask(&stack, &format!("{id};{},", KEYS[0])).await),
        "0:0",
        "310 s after the last good one"
    );
    stack.server.sees("</stream:stream>").await;
}

// HP07: five minutes of silence end it, four do not
#[tokio::test(start_paused = true)]
async fn silence() {
    let stack = polling();
    let id = id(&ask(&stack, &format!("0,{HEADER}")).await);
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(240)).await;
        assert_eq!(self::id(&ask(&stack, &format!("{id},")).await), id);
    }
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!(self::id(&ask(&stack, &format!("{id},")).await), "0:0");
    assert_eq!(stack.manager.sessions(), 0);
}

// HP04, HP08: what is no stream, another domain's, or would change the link, ends it as a stream ends
#[tokio::test(start_paused = true)]
async fn what_ends_a_stream() {
    let stack = polling();
    let elsewhere = HEADER.replace("example.org", "other.example");
    for (octets, condition) in [
        ("<nonsense></wrong>".to_owned(), "not-well-formed"),
        (elsewhere, "host-unknown"),
        (
            format!("{HEADER}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            "unsupported-stanza-type",
        ),
        (format!("{HEADER}<!-- -->"), "restricted-xml"),
    ] {
        let reply = ask(&stack, &format!("0,{octets}")).await;
        let mut said = reply.text().to_owned();
        if !said.contains("</stream:stream>") {
            said = until(&stack, &id(&reply), "</stream:stream>").await;
        }
        assert!(said.contains(condition), "{octets}: {said}");
        assert!(
            said.starts_with("<?xml version='1.0'?><stream:stream "),
            "a header first: {said}"
        );
    }
    assert!(!stack.server.seen().contains("starttls"));
}

// S05, HP08: a client that asks for what only the manager is good for, uninvited, is refused, and may go on
#[tokio::test(start_paused = true)]
async fn a_mechanism_that_was_not_offered() {
    let stack = polling();
    let reply = ask(&stack, &format!("0,{HEADER}")).await;
    let id = id(&reply);
    until(&stack, &id, "</stream:features>").await;
    let auth = |mechanism| format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>=</auth>");
    let refused = ask(&stack, &format!("{id},{}", auth("EXTERNAL"))).await;
    assert!(refused.text().contains("<invalid-mechanism"), "{}", refused.text());
    let refused = ask(&stack, &format!("{id},{}", auth("ANONYMOUS"))).await;
    assert!(!refused.text().contains("<invalid-mechanism"), "{}", refused.text());
    assert!(!stack.server.seen().contains("EXTERNAL"));
}

// R04, HP04: a stream that begins anew stays with its domain
#[tokio::test(start_paused = true)]
async fn another_domain_in_a_restart() {
    let stack = polling();
    let id = id(&ask(&stack, &format!("0,{HEADER}")).await);
    until(&stack, &id, "</stream:features>").await;
    stack.server.push(0, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    until(&stack, &id, "<success").await;
    let reply = ask(&stack, &format!("{id},{}", HEADER.replace("example.org", "admin.internal"))).await;
    assert!(reply.text().contains("host-unknown"), "{}", reply.text());
    assert!(!stack.server.seen().contains("admin.internal"));
}

struct Nowhere;

impl Connect for Nowhere {
    fn serves(&self, _: &Domain) -> bool {
        true
    }

    fn connect(&self, _: Call) -> Connecting<'_> {
        Box::pin(async {
            Err(ConnectError {
                target: "nowhere".to_owned(),
                stage: Stage::Tcp,
                source: std::io::ErrorKind::ConnectionRefused.into(),
            })
        })
    }
}

// HP03: a server that cannot be reached, no place left, and a shutdown have an id of their own; none leaves anything behind. The operator reads
// why
#[tokio::test(start_paused = true)]
async fn without_a_server() {
    logs::listen();
    let options = manager::Options {
        sessions: 1,
        ..manager::Options::default()
    };
    let manager = Arc::new(ConnectionManager::new(Arc::new(Nowhere), options));
    let peer = Peer::unknown();
    let first = Poll::decode(&format!("0,{HEADER}").into()).expect("a poll");
    let (id, _) = manager.poll(&first, &peer).expect("a session");
    assert_eq!(manager.poll(&first, &peer), Err(PollError::Server), "no place left");
    let next = Poll::decode(&format!("{id},").into()).expect("a poll");
    let mut answer = manager.poll(&next, &peer);
    while answer.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        answer = manager.poll(&next, &peer);
    }
    assert_eq!(answer, Err(PollError::Server));
    let line = &logs::lines("server not reached")[0];
    assert!(line.says("domain", "example.org") && line.says("target", "nowhere") && line.says("stage", "Tcp"));
    assert!(line.says("cause", "connection refused"), "{line:?}");
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((manager.poll(&next, &peer), manager.sessions()), (Err(PollError::Unknown), 0));
    manager.drain().await;
    assert_eq!(manager.poll(&first, &peer), Err(PollError::Server), "shutting down");
}

// HP07: who never opens a stream is forgotten after half a minute, and keeps no memory meanwhile
#[tokio::test(start_paused = true)]
async fn nothing_but_white_space() {
    let stack = polling();
    let id = id(&ask(&stack, &format!("0,{}", " ".repeat(100_000))).await);
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(self::id(&ask(&stack, &format!("{id},")).await), id);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(self::id(&ask(&stack, &format!("{id},")).await), "0:0");
}

fn in_a_minute() -> Stack {
    let front = Options {
        http_polling: Some("/http-poll".to_owned()),
        ..Options::default()
    };
    let limits = Limits {
        login_timeout: 60,
        ..Limits::default()
    };
    Stack::with(front, limits)
}

// AU10: who has not logged in by then is told so by the next poll, and the server's stream is closed
#[tokio::test(start_paused = true)]
async fn who_does_not_log_in() {
    let stack = in_a_minute();
    let id = id(&ask(&stack, &format!("0,{HEADER}")).await);
    until(&stack, &id, "</stream:features>").await;
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(ask(&stack, &format!("{id},")).await.text(), "");
    tokio::time::sleep(Duration::from_secs(1)).await;
    stack.server.sees("</stream:stream>").await;
    let told = ask(&stack, &format!("{id},")).await;
    assert!(told.text().contains("<policy-violation") && told.text().ends_with("</stream:stream>"));
    assert_eq!(self::id(&ask(&stack, &format!("{id},")).await), "0:0");
    assert_eq!(stack.manager.sessions(), 0);
}

// AU10
#[tokio::test(start_paused = true)]
async fn who_logs_in_stays() {
    let stack = in_a_minute();
    let id = id(&ask(&stack, &format!("0,{HEADER}")).await);
    until(&stack, &id, "</stream:features>").await;
    stack.server.push(0, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    until(&stack, &id, "<success").await;
    tokio::time::sleep(Duration::from_secs(250)).await;
    assert_eq!(self::id(&ask(&stack, &format!("{id},")).await), id);
}

// HP01: off, as it is by default, there is nothing there
#[tokio::test(start_paused = true)]
async fn off_by_default() {
    let stack = Stack::new(Options::default());
    let reply = stack
        .connect()
        .ask("POST /http-poll HTTP/1.1\r\nContent-Length: 2\r\n\r\n0,")
        .await;
    assert_eq!(reply.status(), 404);
}
