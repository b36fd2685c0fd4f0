//! What a script on another site may read (spec.md group N, T39).

use boshd::front::Options;
use boshd::front::cors::{Cors, Credentials, Origins};
use http::{HeaderName, HeaderValue};

use super::stack;
use super::stack::{Stack, creation, post, post_with};

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

// N05
#[tokio::test(start_paused = true)]
async fn an_operator_adds_headers_and_says_who_may_read_them() {
    let shard = HeaderName::from_static("x-jitsi-shard");
    let stack = Stack::new(Options {
        cors: Cors {
            expose: vec![shard.clone()],
            ..Cors::default()
        },
        headers: vec![(shard, HeaderValue::from_static("shard-3"))],
        ..Options::default()
    });
    let mut wire = stack.connect();
    for request in [
        &post(&creation(1)),
        &post("<nonsense"),
        "OPTIONS /http-bind HTTP/1.1\r\n\r\n",
        "PUT /http-bind HTTP/1.1\r\n\r\n",
    ] {
        let reply = wire.ask(request).await;
        assert_eq!(reply.header("x-jitsi-shard"), Some("shard-3"));
        assert_eq!(reply.header("access-control-expose-headers"), Some("x-jitsi-shard"));
        assert_eq!(reply.header("x-accel-buffering"), Some("no"));
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
