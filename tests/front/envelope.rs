//! The envelope: methods, versions, codings and headers (spec.md groups A and FX).

use std::time::Duration;

use super::stack::{FIRST_RID, Session, creation, post};
use super::{is_proper, stack};

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
    assert!(wire.ends().await);

    let mut wire = stack.connect();
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

// A04, A05, FX12, contract H6, contract H7
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

// A10; contract H11
#[tokio::test(start_paused = true)]
async fn an_empty_post_is_a_bad_request() {
    let mut wire = stack().connect();
    let reply = wire.ask("POST /http-bind HTTP/1.1\r\nContent-Length: 0\r\n\r\n").await;
    assert!(
        reply.status() == 400 && reply.text().contains("condition='bad-request'"),
        "{}",
        reply.text()
    );
    assert!(is_proper(&reply));
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
