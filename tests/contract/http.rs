//! What clients do with HTTP (group H of `rules.txt`). In memory, under a paused clock.

use std::io::Read as _;
use std::time::Duration;

use boshd::front::Options;
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep};

use super::client::{
    AGSXMPP, BABBLER, Client, ESCALUS, GLOOX, GLOOX_HTTP_1_0, JAXL, JAXMPP, JITSI, JSJAC, JSXC_PROBE, LIBPURPLE_2, LIBPURPLE_3,
    NBXMPP, PREBIND_PHP, SMACK, STANZA, STROPHE, SWIFTEN, TSUNG, User, XMPP4R, XMPPFRAMEWORK, XMPPPY, answer,
};
use crate::stack::Stack;
use crate::wire::{Reply, Wire};

/// Far below any wait of these sessions.
const MOMENT: Duration = Duration::from_millis(100);

/// The longest that a request is held by default.
const WAIT: Duration = Duration::from_secs(55);

/// The client's next poll on this connection, held.
async fn holds(user: &mut User, wire: &mut Wire<DuplexStream>) {
    wire.send(user.client.post(&user.polls())).await;
    assert!(wire.is_silent_for(Duration::from_secs(1)).await, "{}", user.client.name);
}

// contract H1: what comes behind a held request on its connection is read, reaches the server, and releases it at once; in one segment, too
#[tokio::test(start_paused = true)]
async fn pipelined_requests_release_the_held_one() {
    for client in [LIBPURPLE_2, GLOOX, NBXMPP, XMPPPY] {
        let (stack, mut user) = User::enters(client).await;
        let mut wire = stack.connect();
        holds(&mut user, &mut wire).await;
        let began = Instant::now();
        wire.send(client.post(&user.says("<message id='first'/>"))).await;
        stack.server.sees("id='first'").await;
        assert!(wire.reply().await.text().ends_with("/>"), "{}: empty", client.name);
        let both = client.post(&user.says("<message id='second'/>")) + &client.post(&user.says("<message id='third'/>"));
        wire.send(both).await;
        stack.server.sees("id='third'").await;
        wire.reply().await;
        wire.reply().await;
        assert!(began.elapsed() < MOMENT, "{}: {:?}", client.name, began.elapsed());
        stack.server.push(0, "<message id='answer'/>");
        assert!(wire.reply().await.text().contains("id='answer'"), "{}", client.name);
        assert!(began.elapsed() < MOMENT, "{}: {:?}", client.name, began.elapsed());
    }
}

/// Answers of every kind: to a creation, to a message, to a poll with much in it, to one that waits in vain, to what is wrong, to a goodbye.
async fn all_kinds(client: Client) -> Vec<Reply> {
    let (stack, mut user) = User::enters(client).await;
    let mut replies = Vec::new();
    replies.push(client.asks(&stack, &User::new(client).creation()).await);
    let mut held = user.tells(&stack, "<message id='m'/>", "id='m'").await;
    let long = format!("<message id='long'><body>{}</body></message>", "x".repeat(300_000));
    stack.server.push(0, &long);
    replies.push(answer(&mut held).await);
    replies.push(client.asks(&stack, &user.polls()).await);
    replies.push(client.asks(&stack, "<html>").await);
    replies.push(client.asks(&stack, &user.leaves("")).await);
    replies
}

// contract H2: an answer has a length and no chunks, and its body begins behind the blank line and ends with its last byte
#[tokio::test(start_paused = true)]
async fn every_answer_has_a_length() {
    for client in [LIBPURPLE_2, GLOOX, SWIFTEN] {
        for reply in all_kinds(client).await {
            assert_eq!(reply.header("transfer-encoding"), None, "{}: {}", client.name, reply.head);
            let length = reply.header("content-length").map(str::to_owned);
            assert_eq!(length, Some(reply.body.len().to_string()), "{}: {}", client.name, reply.head);
            let text = reply.text();
            assert!(
                text.starts_with("<body ") && text.ends_with('>'),
                "{}: {text:.80}",
                client.name
            );
        }
    }
}

// contract H3: tsung wants `200 OK` to the letter, gloox the code at its place; from hyper and from us, to HTTP/1.0 as well
#[tokio::test(start_paused = true)]
async fn the_status_line_is_200_ok() {
    for client in [TSUNG, GLOOX, GLOOX_HTTP_1_0] {
        for reply in all_kinds(client).await {
            let line = reply.head.lines().next().expect("a line");
            assert!(
                ["HTTP/1.1 200 OK", "HTTP/1.0 200 OK"].contains(&line),
                "{}: {line}",
                client.name
            );
        }
    }
}

/// What a user does wrong, and the condition of that.
type Mistake = (fn(&mut User) -> String, &'static str);

const MISTAKES: [Mistake; 5] = [
    (|_| "<body rid='1'".to_owned(), "bad-request"),
    (
        |user| user.creation().replace("example.org", "elsewhere.example"),
        "host-unknown",
    ),
    (
        |user| user.says(&["<m>", &"x".repeat(1 << 20), "</m>"].concat()),
        "policy-violation",
    ),
    (
        |user| {
            user.rid += 100;
            user.polls()
        },
        "item-not-found",
    ),
    (
        |user| {
            user.sid = "nobody".to_owned();
            user.polls()
        },
        "item-not-found",
    ),
];

// contract H4: a session's error is a terminate in a 200, for all who say `ver`: no XML, a domain that is not ours, too large a body, a rid beyond
// the window, an unknown session
#[tokio::test(start_paused = true)]
async fn errors_are_200_and_terminate() {
    for client in [STROPHE, LIBPURPLE_2, LIBPURPLE_3, GLOOX, SWIFTEN, TSUNG, BABBLER, AGSXMPP] {
        for (mistake, condition) in MISTAKES {
            let (stack, mut user) = User::enters(client).await;
            let reply = client.asks(&stack, &mistake(&mut user)).await;
            assert!(
                reply.is_terminate(condition),
                "{}: {condition}: {}",
                client.name,
                reply.text()
            );
            assert_eq!(
                reply.header("content-type"),
                Some("text/xml; charset=utf-8"),
                "{}",
                client.name
            );
        }
    }
}

// contract H4: JaXMPP says no `ver`, so XEP-0124 section 17.1 gives it a code; the terminate comes with it. What is no session's error stays 200
#[tokio::test(start_paused = true)]
async fn who_says_no_ver_gets_both() {
    for client in [JAXMPP, XMPP4R] {
        let (stack, mut user) = User::enters(client).await;
        user.rid += 100;
        let beyond = client.asks(&stack, &user.polls()).await;
        assert_eq!(beyond.status(), 404, "{}", client.name);
        let text = beyond.text();
        assert!(
            text.contains("type='terminate'") && text.contains("condition='item-not-found'"),
            "{text}"
        );
        user.sid = "nobody".to_owned();
        let unknown = client.asks(&stack, &user.polls()).await;
        assert!(unknown.is_terminate("item-not-found"), "{}", unknown.text());
    }
}

/// Its creation request with another Content-Type, which it may also ask for.
fn creation_as(client: Client, kind: &str) -> String {
    let body = User::new(client).creation();
    let asked = body.replace("content='text/xml; charset=utf-8'", &format!("content='{kind}'"));
    let usual = "Content-Type: text/xml; charset=utf-8\r\n";
    client.post(&asked).replacen(usual, &format!("Content-Type: {kind}\r\n"), 1)
}

// contract H5: XML comes as text/xml, text/plain, a form, HTML, or as nothing at all
#[tokio::test(start_paused = true)]
async fn any_content_type_will_do() {
    let usual = |client: Client| client.post(&User::new(client).creation());
    for request in [
        usual(STROPHE),
        creation_as(STROPHE, "text/plain"),
        creation_as(STROPHE, "text/plain;charset=UTF-8"),
        usual(JSXC_PROBE),
        usual(LIBPURPLE_2),
        usual(XMPPFRAMEWORK),
        creation_as(XMPP4R, "text/html"),
    ] {
        let answer = Stack::new(Options::default()).connect().ask(&request).await;
        assert!(answer.text().contains(" sid='"), "{request}: {}", answer.text());
    }
}

// contract H5: the goodbye of a page that goes, by sendBeacon
#[tokio::test(start_paused = true)]
async fn a_beacon_is_a_goodbye() {
    let (stack, mut user) = User::enters(JITSI).await;
    let beacon = JITSI
        .post(&user.leaves(""))
        .replace("text/xml; charset=utf-8\r", "text/plain;charset=UTF-8\r");
    stack.connect().send(beacon).await;
    stack.server.sees("unavailable").await;
    stack.server.sees("</stream:stream>").await;
}

// contract H6: libpurple's media type in Content-Encoding is no coding
#[tokio::test(start_paused = true)]
async fn a_media_type_is_no_coding() {
    let (stack, mut user) = User::enters(LIBPURPLE_2).await;
    let mut wire = stack.connect();
    for id in ["one", "two"] {
        let request = LIBPURPLE_2.post(&user.says(&format!("<message id='{id}'/>")));
        assert!(request.contains("Content-Encoding: text/xml; charset=utf-8\r\n") && !request.contains("Content-Type"));
        wire.send(request).await;
        stack.server.sees(&format!("id='{id}'")).await;
    }
    assert!(!wire.reply().await.text().contains("terminate"));
}

// contract H7: gloox's HTTP/1.0 with Connection: close; each answer is the last of its connection, a held one, too
#[tokio::test(start_paused = true)]
async fn http_1_0_a_connection_a_request() {
    let (stack, mut user) = User::enters(GLOOX_HTTP_1_0).await;
    let mut held = user.tells(&stack, "<message id='m'/>", "id='m'").await;
    stack.server.push(0, "<message id='answer'/>");
    assert!(held.reply().await.text().contains("id='answer'"));
    assert!(held.ends().await);
    let mut last = GLOOX_HTTP_1_0.sends(&stack, &user.leaves("")).await;
    assert_eq!(last.reply().await.status(), 200);
    assert!(last.ends().await);
}

// contract H7: Host without a port (libpurple, tsung), no space behind colons (tsung), an offer of h2c that is ignored (Babbler); the
// connection stays
#[tokio::test(start_paused = true)]
async fn heads_as_clients_write_them() {
    for (client, odd) in [
        (LIBPURPLE_2, "\r\nHost: chat.example.org\r\n"),
        (TSUNG, "\r\nHost:chat.example.org\r\n"),
        (TSUNG, "\r\nContent-Type:text/xml; charset=utf-8\r\nContent-Length:"),
        (BABBLER, "\r\nUpgrade: h2c\r\n"),
    ] {
        let stack = Stack::new(Options::default());
        let mut user = User::new(client);
        let mut wire = stack.connect();
        let creation = client.post(&user.creation());
        assert!(creation.contains(odd), "{creation}");
        user.hears(&wire.ask(creation).await);
        wire.send(client.post(&user.says("<message id='m'/>"))).await;
        stack.server.sees("id='m'").await;
        stack.server.push(0, "<message id='answer'/>");
        assert!(wire.reply().await.text().contains("id='answer'"), "{}", client.name);
    }
}

// contract H7: .NET and curl wait to be told to go on before they send the body
#[tokio::test(start_paused = true)]
async fn clients_that_expect_to_continue() {
    for client in [AGSXMPP, PREBIND_PHP] {
        let stack = Stack::new(Options::default());
        let mut user = User::new(client);
        let mut wire = stack.connect();
        for _ in 0..2 {
            let body = user.creation();
            let request = client.post(&body);
            assert!(request.contains("\r\nExpect: 100-continue\r\n"), "{request}");
            wire.send(request.strip_suffix(&body).expect("a body")).await;
            assert_eq!(wire.reply().await.head, "HTTP/1.1 100 Continue\r\n\r\n", "{}", client.name);
            user.hears(&wire.ask(body).await);
            user = User::new(client);
        }
    }
}

// contract H8: a connection outlives the longest hold, and then as long a silence as a session may have
#[tokio::test(start_paused = true)]
async fn connections_stay_open() {
    for client in [LIBPURPLE_2, NBXMPP, TSUNG] {
        let stack = Stack::new(Options::default());
        let mut user = User::new(client);
        let mut wire = stack.connect();
        let creation = client.post(&user.creation());
        user.hears(&wire.ask(creation).await);
        for silence in [Duration::ZERO, Duration::from_secs(60), Duration::from_secs(115)] {
            sleep(silence).await;
            let began = Instant::now();
            let reply = wire.ask(client.post(&user.polls())).await;
            assert!(!reply.text().contains("terminate"), "{}: {}", client.name, reply.text());
            assert!(began.elapsed() >= WAIT - Duration::from_secs(2), "{}: held", client.name);
            assert_eq!(reply.header("connection"), None, "{}: {}", client.name, reply.head);
        }
    }
}

// contract H9: an XML media type, or what the client has asked for
#[tokio::test(start_paused = true)]
async fn answers_are_xml() {
    for client in [JSJAC, STANZA] {
        for reply in all_kinds(client).await {
            assert_eq!(
                reply.header("content-type"),
                Some("text/xml; charset=utf-8"),
                "{}",
                client.name
            );
        }
    }
    let html = creation_as(XMPP4R, "text/html");
    let reply = Stack::new(Options::default()).connect().ask(html).await;
    assert_eq!(reply.header("content-type"), Some("text/html"));
}

/// The answer to the client's poll when there is much to say, from an endpoint that packs.
async fn much(client: Client) -> Reply {
    let options = Options {
        compression: true,
        ..Options::default()
    };
    let (stack, mut user) = User::enters_with(client, options).await;
    let mut wire = client.sends(&stack, &user.polls()).await;
    stack
        .server
        .push(0, &format!("<message><body>{}</body></message>", "much ".repeat(1000)));
    answer(&mut wire).await
}

// contract H10: packed only for who asks, in gzip, though jbosh and Babbler name deflate first
#[tokio::test(start_paused = true)]
async fn packed_only_for_who_asks() {
    for client in [LIBPURPLE_2, GLOOX, SWIFTEN, TSUNG, ESCALUS] {
        let reply = much(client).await;
        assert_eq!(reply.header("content-encoding"), None, "{}", client.name);
        assert!(reply.text().contains("much much"), "{}", client.name);
    }
    for client in [SMACK, BABBLER, STROPHE, STANZA, JAXL, XMPPPY] {
        let reply = much(client).await;
        assert_eq!(reply.header("content-encoding"), Some("gzip"), "{}", client.name);
        let mut text = String::new();
        flate2::read::GzDecoder::new(&reply.body[..])
            .read_to_string(&mut text)
            .unwrap();
        assert!(text.contains("much much"), "{}", client.name);
    }
}

// contract H10: what jbosh packs as deflate is zlib
#[tokio::test(start_paused = true)]
async fn deflate_is_zlib() {
    let (stack, mut user) = User::enters(SMACK).await;
    let body = user.says("<message id='packed'/>");
    let mut packed = Vec::new();
    let mut zlib = flate2::read::ZlibEncoder::new(body.as_bytes(), flate2::Compression::default());
    zlib.read_to_end(&mut packed).unwrap();
    let request = SMACK.post(&"?".repeat(packed.len()));
    let head = request.split_once("\r\n\r\n").expect("a head").0;
    let head = format!("{head}\r\nContent-Encoding: deflate\r\n\r\n");
    stack.connect().send([head.as_bytes(), &packed].concat()).await;
    stack.server.sees("id='packed'").await;
}

// contract H11: GET is a page, OPTIONS is CORS, other methods are not allowed. A POST with nothing in it, which no client sends but
// MongooseIM's suite, is a 400
#[tokio::test(start_paused = true)]
async fn other_methods() {
    let mut wire = Stack::new(Options::default()).connect();
    let request = |method: &str, more: &str| {
        format!("{method} /http-bind HTTP/1.1\r\nHost: chat.example.org\r\nOrigin: https://chat.example\r\n{more}\r\n")
    };
    let page = wire.ask(request("GET", "Accept: text/html\r\n")).await;
    assert!(page.status() == 200 && page.text().contains("BOSH"), "{}", page.text());
    let asks = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n";
    let preflight = wire.ask(request("OPTIONS", asks)).await;
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    let methods = preflight.header("access-control-allow-methods").expect("methods");
    assert!(
        ["POST", "GET", "OPTIONS"].iter().all(|method| methods.contains(method)),
        "{methods}"
    );
    let headers = preflight.header("access-control-allow-headers").expect("headers");
    assert!(headers.eq_ignore_ascii_case("content-type"), "{headers}");
    for method in ["PUT", "DELETE", "PATCH"] {
        let refused = wire.ask(request(method, "Content-Length: 0\r\n")).await;
        assert_eq!(refused.status(), 405, "{method}");
        assert_eq!(refused.header("access-control-allow-origin"), Some("*"), "{method}");
    }
    let empty = wire.ask(request("POST", "Content-Length: 0\r\n")).await;
    assert!(
        empty.status() == 400 && empty.text().contains("condition='bad-request'"),
        "{}",
        empty.text()
    );
}

// contract H12: whatever stands behind the question mark, and with or without a slash at the end
#[tokio::test(start_paused = true)]
async fn queries_and_slashes() {
    for (client, target) in [
        (JITSI, "POST /http-bind?room=standup&token=eyJ"),
        (GLOOX, "POST /http-bind/ "),
        (JSJAC, "POST /http-bind/ "),
        (STROPHE, "POST /http-bind "),
    ] {
        let (stack, mut user) = User::enters(client).await;
        let request = client.post(&user.says("<message id='m'/>"));
        assert!(request.starts_with(target), "{request}");
        stack.connect().send(request).await;
        stack.server.sees("id='m'").await;
    }
    let creation = STROPHE.post(&User::new(STROPHE).creation());
    for target in ["/http-bind/?previd=0c1d", "/http-bind?token=%zz", "/http-bind?"] {
        let request = creation.replacen("/http-bind ", &format!("{target} "), 1);
        let answer = Stack::new(Options::default()).connect().ask(request).await;
        assert!(answer.text().contains(" sid='"), "{target}: {}", answer.text());
    }
}
