//! HTTP as clients and browsers meet it, before any meaning in BOSH (spec.md groups A, N, FX). In memory, under a paused clock.

#[path = "support/stack.rs"]
mod stack;
#[path = "support/wire.rs"]
mod wire;

use std::time::Duration;

use boshd::front::cors::{Cors, Credentials, Origins};
use boshd::front::{Options, Tryout};
use http::{HeaderName, HeaderValue};
use stack::{FIRST_RID, Session, Stack, creation, post, post_with};
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use wire::{Reply, Wire};

fn stack() -> Stack {
    Stack::new(Options::default())
}

/// What every answer of the endpoint has: a length, a type, and leave for scripts to read it, each once.
fn is_proper(reply: &Reply) -> bool {
    reply.header("transfer-encoding").is_none()
        && reply.header("set-cookie").is_none()
        && reply.header("access-control-allow-origin") == Some("*")
        && reply.header("x-content-type-options") == Some("nosniff")
        && reply.header("cache-control") == Some("no-store")
}

// A01
#[tokio::test(start_paused = true)]
async fn http_1_0() {
    let stack = stack();
    let body = creation(1);
    let request = |headers| {
        format!(
            "POST /http-bind HTTP/1.0\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let mut wire = stack.connect();
    let reply = wire.ask(request("")).await;
    assert_eq!(reply.status(), 200);
    assert!(reply.header("content-length").is_some());
    assert!(wire.ends().await);

    let mut wire = stack.connect();
    for _ in 0..2 {
        let reply = wire.ask(request("Connection: keep-alive\r\n")).await;
        assert_eq!(reply.header("connection"), Some("keep-alive"));
    }
    let mut session = Session::of(&wire.ask(request("Connection: Keep-Alive\r\n")).await);
    let body = session.body("");
    let held = format!(
        "POST /http-bind HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(
        wire.ask(held).await.header("connection"),
        Some("keep-alive"),
        "held, then echoed"
    );
    assert_eq!(wire.ask(request("")).await.status(), 200);
    assert!(wire.ends().await);
}

// A02, A04, A06, A08, A17
#[tokio::test(start_paused = true)]
async fn a_whole_session_is_200_with_one_body_each() {
    let stack = stack();
    let mut wire = stack.connect();
    let mut replies = vec![wire.ask(post(&creation(1))).await];
    let mut session = Session::of(&replies[0]);
    for payload in ["<a xmlns='x'/>", "", "<b xmlns='x'/>"] {
        replies.push(wire.ask(post(&session.body(payload))).await);
    }
    wire.send(post(&session.body(""))).await;
    stack.server.push(0, "<message id='m'/>");
    replies.push(wire.reply().await);
    replies.push(wire.ask(post(&session.terminate(""))).await);
    for reply in &replies {
        assert_eq!(reply.status(), 200);
        assert!(reply.head.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(reply.header("content-type"), Some("text/xml; charset=utf-8"));
        assert_eq!(reply.header("connection"), None);
        assert!(is_proper(reply), "{}", reply.head);
        assert!(
            reply.text().starts_with("<body ") && reply.text().matches("<body").count() == 1,
            "{}",
            reply.text()
        );
    }
}

// A03
#[tokio::test(start_paused = true)]
async fn chunked_and_expecting_to_continue() {
    let stack = stack();
    let mut wire = stack.connect();
    wire.send("POST /http-bind HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    for byte in creation(1).bytes() {
        wire.send(format!("1\r\n{}\r\n", byte as char)).await;
    }
    assert!(wire.ask("0\r\n\r\n").await.text().contains(" sid='"));

    let body = creation(1);
    wire.send(format!(
        "POST /http-bind HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    ))
    .await;
    assert_eq!(wire.reply().await.status(), 100);
    assert!(wire.is_silent_for(Duration::from_secs(2)).await);
    assert!(wire.ask(body).await.text().contains(" sid='"));
}

// A04, A05, FX12, H6, H7
#[tokio::test(start_paused = true)]
async fn headers_mean_nothing() {
    let stack = stack();
    let mut wire = stack.connect();
    for headers in [
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: application/xml\r\n",
        "Content-Type: text/html; charset=utf-16\r\n",
        "Content-Encoding: text/xml; charset=utf-8\r\n",
        "Cookie: a=b\r\nX-Unknown: c\r\nUser-Agent:tsung\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQBAAAAAAIAAAAA\r\n",
        "Host: other.example\r\n",
        "",
    ] {
        let body = creation(1);
        let reply = wire
            .ask(format!(
                "POST /http-bind HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
        assert!(reply.text().contains(" sid='"), "{headers}");
    }
}

// M05: a coding that we do not know is refused when it was in fact used.
#[tokio::test(start_paused = true)]
async fn a_compressed_request() {
    let mut wire = stack().connect();
    let head = "POST /http-bind HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n";
    wire.send([head.as_bytes(), b"\x1f\x8b\x08\x00\x00"].concat()).await;
    assert!(wire.reply().await.is_terminate("bad-request"));
}

// A10, K04
#[tokio::test(start_paused = true)]
async fn an_empty_post_is_a_bad_request() {
    let mut wire = stack().connect();
    let reply = wire.ask("POST /http-bind HTTP/1.1\r\nContent-Length: 0\r\n\r\n").await;
    assert!(reply.is_terminate("bad-request"));
    assert!(is_proper(&reply));
}

// A17
#[tokio::test(start_paused = true)]
async fn an_idle_connection_outlives_inactivity_and_ends_in_silence() {
    let mut wire = stack().connect();
    for _ in 0..3 {
        assert!(wire.ask(post(&creation(1))).await.text().contains(" sid='"));
        assert!(wire.is_silent_for(Duration::from_secs(121)).await);
    }
    let began = Instant::now();
    assert!(wire.ends().await, "and not with a 408");
    assert!(began.elapsed() < Duration::from_secs(10));
}

// A18, FX16, N01, N05
#[tokio::test(start_paused = true)]
async fn other_methods() {
    let stack = stack();
    for path in ["/http-bind", "/http-bind/"] {
        let mut wire = stack.connect();
        let get = wire.ask(format!("GET {path} HTTP/1.1\r\n\r\n")).await;
        assert!(get.status() == 200 && !get.body.is_empty() && is_proper(&get));
        wire.send(format!("HEAD {path} HTTP/1.1\r\n\r\n")).await;
        let head = wire.reply_to("HEAD").await;
        assert_eq!(head.header("content-length"), get.header("content-length"));
        assert_eq!(wire.ask(format!("GET {path}?%3Cbody HTTP/1.1\r\n\r\n")).await.status(), 404);
        for method in ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"] {
            let reply = wire
                .ask(format!("{method} {path} HTTP/1.1\r\nOrigin: https://a.example\r\n\r\n"))
                .await;
            assert_eq!(reply.status(), 405);
            assert_eq!(reply.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
            assert!(is_proper(&reply), "{}", reply.head);
        }
        assert!(
            wire.ask(post(&creation(1)).replace("/http-bind", path))
                .await
                .text()
                .contains(" sid='")
        );
    }
    let reply = stack.connect().ask("GET /elsewhere HTTP/1.1\r\nOrigin: null\r\n\r\n").await;
    assert!(reply.status() == 404 && is_proper(&reply));
    assert_eq!(stack.connect().ask("GET / HTTP/1.1\r\n\r\n").await.status(), 200);
}

// A19
#[tokio::test(start_paused = true)]
async fn a_body_ten_times_too_large_is_cut_off() {
    const CAP: usize = 1024 * 1024;
    let stack = stack();
    let mut session = stack.session(1).await;
    let body = session.body("<a xmlns='x'>").replace("</body>", "");
    let mut wire = stack.connect();
    wire.send(format!(
        "POST /http-bind HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
        10 * CAP
    ))
    .await;
    wire.send("y".repeat(CAP)).await;
    let reply = wire.reply().await;
    assert!(reply.is_terminate("policy-violation"), "{}", reply.text());
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(wire.ends().await);
    let reply = stack.connect().ask(post(&session.body(""))).await;
    assert!(reply.is_terminate("item-not-found"), "that session is over: {}", reply.text());
}

// A19: a session that is not named well is not touched.
#[tokio::test(start_paused = true)]
async fn a_wrapper_that_never_ends_is_cut_off() {
    let stack = stack();
    let mut wire = stack.connect();
    wire.send(
        "POST /http-bind HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n<body xmlns='http://jabber.org/protocol/httpbind' a='",
    )
    .await;
    wire.send("y".repeat(200_000)).await;
    let reply = wire.reply().await;
    assert!(
        reply.is_terminate("bad-request") || reply.is_terminate("policy-violation"),
        "{}",
        reply.text()
    );
    assert!(wire.ends().await);
}

// An unknown session is told so before its body has come.
#[tokio::test(start_paused = true)]
async fn an_unknown_session_is_refused_by_its_first_line() {
    let stack = stack();
    let mut wire = stack.connect();
    let body = "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' sid='nobody'>";
    wire.send(format!("POST /http-bind HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n{body}"))
        .await;
    assert!(wire.reply().await.is_terminate("item-not-found"));
    assert!(wire.ends().await);
}

// N05, FX15
#[tokio::test(start_paused = true)]
async fn every_answer_may_be_read_from_anywhere() {
    let stack = stack();
    let mut session = stack.session(1).await;
    let mut wire = stack.connect();
    let origin = "Origin: https://chat.example\r\n";
    let requests = [
        post_with(origin, &session.body("")),
        post_with(origin, &session.clone().body("")).replace(&session.rid.to_string(), &(session.rid - 1).to_string()),
        post_with(origin, "<nonsense"),
        post_with(
            origin,
            "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' sid='nobody'/>",
        ),
        format!("GET /http-bind?x HTTP/1.1\r\n{origin}\r\n"),
        format!("DELETE /http-bind HTTP/1.1\r\n{origin}\r\n"),
    ];
    for request in requests {
        let reply = wire.ask(&request).await;
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{request}");
    }
}

// N06, FX15
#[tokio::test(start_paused = true)]
async fn preflights() {
    let mut wire = stack().connect();
    for headers in [
        "Origin: https://chat.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type, x-custom\r\n",
        "Origin: null\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type, x-custom\r\n",
        "",
    ] {
        let reply = wire.ask(format!("OPTIONS /http-bind HTTP/1.1\r\n{headers}\r\n")).await;
        assert_eq!(reply.status(), 204);
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        assert_eq!(reply.header("access-control-allow-methods"), Some("POST, GET, OPTIONS"));
        assert_eq!(reply.header("access-control-max-age"), Some("86400"));
        let allowed = reply.header("access-control-allow-headers").unwrap();
        assert_eq!(
            allowed,
            if headers.is_empty() {
                "Content-Type"
            } else {
                "Content-Type, x-custom"
            }
        );
    }
}

fn listed(credentials: Credentials) -> Stack {
    let origins = ["https://a.example", "https://b.example"]
        .map(HeaderValue::from_static)
        .to_vec();
    let cors = Cors {
        origins: Origins::Listed { origins, credentials },
        expose: vec![HeaderName::from_static("x-shard")],
    };
    Stack::new(Options {
        cors,
        ..Options::default()
    })
}

// N07
#[tokio::test(start_paused = true)]
async fn credentials_go_with_an_origin() {
    let mut wire = listed(Credentials::Allowed).connect();
    for request in [
        "OPTIONS /http-bind HTTP/1.1\r\nOrigin: https://a.example\r\n\r\n",
        &post_with("Origin: https://a.example\r\n", ""),
    ] {
        let reply = wire.ask(request).await;
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://a.example"));
        assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(reply.header("vary"), Some("Origin"));
    }
    for origin in ["https://c.example", "null"] {
        let reply = wire
            .ask(format!("OPTIONS /http-bind HTTP/1.1\r\nOrigin: {origin}\r\n\r\n"))
            .await;
        assert!(!reply.head.contains("access-control-"), "{}", reply.head);
        assert_eq!(reply.status(), 204);
    }
}

// FX09
#[tokio::test(start_paused = true)]
async fn nothing_of_one_request_survives_into_the_next() {
    let stack = listed(Credentials::Omitted);
    let mut wire = stack.connect();
    let mut sessions = [stack.session(1).await, stack.session(1).await];
    for round in 0..3 {
        for (nth, origin) in ["https://a.example", "https://b.example"].iter().enumerate() {
            wire.send(post_with(&format!("Origin: {origin}\r\n"), &sessions[nth].body("")))
                .await;
            stack.server.push(nth, &format!("<message id='{nth}-{round}'/>"));
            let reply = wire.reply().await;
            assert_eq!(reply.header("access-control-allow-origin"), Some(*origin));
            assert!(reply.text().contains(&format!("id='{nth}-{round}'")), "{}", reply.text());
        }
        let reply = wire.ask(post(&creation(1))).await;
        assert_eq!(reply.header("access-control-allow-origin"), None, "no Origin, no echo");
    }
}

// FX01: each step of a login, then a terminate with payload, each closed at once.
#[tokio::test(start_paused = true)]
async fn a_request_that_arrived_whole_is_carried_out() {
    let stack = stack();
    let mut session = stack.session(1).await;
    let steps = ["<auth xmlns='x'/>", "<response xmlns='x'/>", "<bind xmlns='x'/>"];
    let mut bodies: Vec<String> = steps.iter().map(|step| session.body(step)).collect();
    bodies.push(session.terminate("<presence type='unavailable'/>"));
    for (body, step) in bodies.iter().zip(steps.iter().chain(&["unavailable"])) {
        let mut wire = stack.connect();
        wire.send(post(body)).await;
        drop(wire);
        stack.server.sees(step.split(' ').next().unwrap()).await;
    }
    assert!(
        stack
            .connect()
            .ask(post(&session.body("")))
            .await
            .is_terminate("item-not-found")
    );
}

// FX01: a creation, too, and a request in chunks.
#[tokio::test(start_paused = true)]
async fn a_creation_that_arrived_whole_is_carried_out() {
    let stack = stack();
    let mut wire = stack.connect();
    let body = creation(1);
    let (one, two) = body.split_at(50);
    let chunks = format!("{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", one.len(), two.len());
    wire.send(format!(
        "POST /http-bind HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
    ))
    .await;
    drop(wire);
    stack.server.sees("<stream:stream").await;
}

// FX01, on real sockets that are closed or reset.
#[tokio::test]
async fn a_request_on_a_socket_that_closed_at_once_is_carried_out() {
    let stack = stack();
    let address = stack.listen();
    let mut session = stack.session(1).await;
    for nth in 0..40 {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let payload = format!("<step xmlns='x' n='{nth}'/>");
        stream.write_all(post(&session.body(&payload)).as_bytes()).await.unwrap();
        drop(stream);
        stack.server.sees(&format!("n='{nth}'")).await;
    }
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream
        .write_all(post(&session.terminate("<presence type='unavailable'/>")).as_bytes())
        .await
        .unwrap();
    drop(stream);
    stack.server.sees("unavailable").await;
}

// FX08
#[tokio::test(start_paused = true)]
async fn the_client_does_not_choose_our_terms() {
    let stack = stack();
    let greedy = creation(1).replace(
        " hold=",
        " inactivity='86400' polling='0' requests='99' maxpause='9999' hold=",
    );
    let reply = stack.connect().ask(post(&greedy)).await;
    assert!(
        reply.text().contains("inactivity='120'") && reply.text().contains("requests='2'"),
        "{}",
        reply.text()
    );
    let mut session = Session::of(&reply);
    tokio::time::sleep(Duration::from_secs(125)).await;
    assert!(
        stack
            .connect()
            .ask(post(&session.body("")))
            .await
            .is_terminate("item-not-found")
    );
}

// FX10
#[tokio::test(start_paused = true)]
async fn white_space_around_header_values() {
    let mut wire = stack().connect();
    let body = creation(1);
    for length in [
        format!("Content-Length: {} ", body.len()),
        format!("Content-Length:\t{}\t ", body.len()),
        format!("Content-Length:{}", body.len()),
    ] {
        assert!(
            wire.ask(format!("POST /http-bind HTTP/1.1\r\n{length}\r\n\r\n{body}"))
                .await
                .text()
                .contains(" sid='")
        );
    }
}

// FX11
#[tokio::test(start_paused = true)]
async fn bytes_beyond_the_length_are_not_of_this_request() {
    let stack = stack();
    let mut wire = stack.connect();
    wire.send(post(&creation(1)) + "<message to='a@example.org'/>\r\n\r\n").await;
    assert!(wire.reply().await.text().contains(" sid='"));
    assert_eq!(wire.reply().await.status(), 400);
    assert!(wire.ends().await);
    assert!(!stack.server.seen().contains("a@example.org"));
}

// FX13
#[tokio::test(start_paused = true)]
async fn malformed_escapes_are_no_fault_of_ours() {
    let mut wire = stack().connect();
    for target in ["/http-bind?%zz", "/http-bind/?token=%", "/http-bind?"] {
        assert!(
            wire.ask(post(&creation(1)).replace("/http-bind", target))
                .await
                .text()
                .contains(" sid='"),
            "{target}"
        );
    }
    for target in ["/%zz", "/http-bind%zz", "/tryout/%"] {
        assert_eq!(
            wire.ask(format!("GET {target} HTTP/1.1\r\n\r\n")).await.status(),
            404,
            "{target}"
        );
    }
}

/// How long a connection lives that gets one byte a second of `request`.
async fn lives(wire: &mut Wire<tokio::io::DuplexStream>, request: &str) -> Duration {
    let began = Instant::now();
    for byte in request.bytes() {
        let _ = wire.io.write_all(&[byte]).await;
        if !wire.is_silent_for(Duration::from_secs(1)).await {
            break;
        }
    }
    began.elapsed()
}

// A slow head has 10 s from its first byte, on a new connection and on one in use; it ends without a word.
#[tokio::test(start_paused = true)]
async fn a_slow_head_is_cut_off() {
    let stack = stack();
    for earlier in [0, 1, 3] {
        let mut wire = stack.connect();
        for _ in 0..earlier {
            wire.ask(post(&creation(1))).await;
        }
        assert!(wire.is_silent_for(Duration::from_secs(60)).await);
        let lived = lives(&mut wire, &"POST /http-bind HTTP/1.1\r\nX: y".repeat(3)).await;
        assert!((9..12).contains(&lived.as_secs()), "{lived:?}");
        assert!(wire.ends().await);
    }
}

// A slow body has 30 s, and is told.
#[tokio::test(start_paused = true)]
async fn a_slow_body_is_refused() {
    let stack = stack();
    let mut wire = stack.connect();
    wire.send("POST /http-bind HTTP/1.1\r\nContent-Length: 500\r\n\r\n").await;
    let began = Instant::now();
    wire.send(&creation(1)[..20]).await;
    let reply = wire.reply().await;
    assert_eq!(reply.status(), 408);
    assert!(is_proper(&reply));
    assert!((29..32).contains(&began.elapsed().as_secs()));
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(wire.ends().await);
}

// A head that does not end within the buffer.
#[tokio::test(start_paused = true)]
async fn a_head_too_large_is_refused() {
    let mut wire = stack().connect();
    wire.send(format!("POST /http-bind HTTP/1.1\r\nX: {}", "y".repeat(40_000)))
        .await;
    assert_eq!(wire.reply().await.status(), 431);
    assert!(wire.ends().await);
}

// K01, K03
#[tokio::test(start_paused = true)]
async fn codes_are_for_legacy_clients() {
    let stack = stack();
    for (ver, status) in [("", 404), (" ver='1.6'", 200)] {
        let reply = stack.connect().ask(post(&creation(1).replace(" ver='1.6'", ver))).await;
        let mut session = Session::of(&reply);
        session.rid = FIRST_RID + 1000;
        let reply = stack.connect().ask(post(&session.body(""))).await;
        assert_eq!(reply.status(), status);
        assert!(
            reply.text().contains("condition='item-not-found'"),
            "the body comes in any case"
        );
        assert!(is_proper(&reply));
    }
}

#[tokio::test(start_paused = true)]
async fn the_tryout_page() {
    let mut wire = Stack::new(Options {
        tryout: Tryout::On,
        ..Options::default()
    })
    .connect();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/tryout/style.css", "text/css; charset=utf-8"),
        ("/tryout/app.js", "text/javascript; charset=utf-8"),
    ] {
        let page = wire.ask(format!("GET {path} HTTP/1.1\r\n\r\n")).await;
        assert_eq!(page.status(), 200);
        assert_eq!(page.header("content-type"), Some(kind));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert!(
            page.header("content-security-policy")
                .unwrap()
                .starts_with("default-src 'none'; script-src 'self';")
        );
        let etag = page.header("etag").unwrap();
        let again = wire
            .ask(format!("GET {path} HTTP/1.1\r\nIf-None-Match: {etag}\r\n\r\n"))
            .await;
        assert_eq!(again.status(), 304);
    }
    assert_eq!(wire.ask("GET /tryout/none.js HTTP/1.1\r\n\r\n").await.status(), 404);
    let mut wire = stack().connect();
    assert_eq!(
        wire.ask("GET /tryout/app.js HTTP/1.1\r\n\r\n").await.status(),
        404,
        "off by default"
    );
}

// O02: a held request delays nobody else.
#[tokio::test]
async fn many_connections_at_once() {
    let stack = stack();
    let address = stack.listen();
    let mut held = Vec::new();
    for nth in 0..100 {
        let mut session = stack.session(50).await;
        let mut wire = Wire::new(tokio::net::TcpStream::connect(address).await.unwrap());
        wire.send(post(&session.body(&format!("<a xmlns='x' n='{nth}'/>")))).await;
        stack.server.sees(&format!("n='{nth}'")).await;
        held.push(wire);
    }
    for (nth, wire) in held.iter_mut().enumerate() {
        stack.server.push(nth, &format!("<message id='{nth}'/>"));
        assert!(wire.reply().await.text().contains(&format!("id='{nth}'")));
    }
}
