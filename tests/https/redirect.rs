//! A listener that sends everybody on.

use super::*;

use boshd::front::door::Door;
use boshd::front::redirect::Redirect;

const BASE: &str = "https://chat.example.org:8443";

fn stack() -> (Stack, SocketAddr) {
    let stack = Stack::new(Options::default());
    let base = BASE.to_owned();
    let address = stack.listen_with(Door {
        redirect: Some(Redirect { base }),
        ..Door::default()
    });
    (stack, address)
}

async fn ask(address: SocketAddr, method: &str, request: &str) -> wire::Reply {
    let mut client = Wire::new(TcpStream::connect(address).await.unwrap());
    client.send(request).await;
    client.reply_to(method).await
}

// J14
#[tokio::test]
async fn bosh_clients_hear_it_in_their_own_words() {
    let (stack, address) = stack();
    let mut stale = Session {
        sid: "c2Vzc2lvbg".to_owned(),
        rid: 1,
    };
    let later = post(&stale.body(""));
    let chunked = {
        let body = creation(60);
        format!(
            "POST /http-bind/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
    };
    for request in [post(&creation(60)), chunked] {
        let reply = ask(address, "POST", &request).await;
        assert!(reply.is_terminate("see-other-uri"), "{}", reply.text());
        assert!(
            reply.text().ends_with(&format!("<uri>{BASE}/http-bind</uri></body>")),
            "{}",
            reply.text()
        );
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!(stack.manager.sessions(), 0);
    assert!(ask(address, "POST", &later).await.is_terminate("item-not-found"));
    let reply = ask(address, "POST", &post("<nonsense/>")).await;
    assert!(reply.text().contains("condition='bad-request'"), "{}", reply.text());
}

// P02: a session that lives elsewhere is not ended by a word of ours
#[tokio::test]
async fn a_living_session_is_not_told_that_it_is_over() {
    let (stack, address) = stack();
    let mut session = stack.session(60).await;
    let mut client = Wire::new(TcpStream::connect(address).await.unwrap());
    client.send(&post(&session.clone().body(""))).await;
    assert_eq!(client.next_reply("POST").await, None);
    let mut home = stack.connect();
    home.send(&post(&session.body("<presence xmlns='jabber:client'/>"))).await;
    stack.server.sees("<presence").await;
}

#[tokio::test]
async fn browsers_are_redirected() {
    let (_stack, address) = stack();
    let head = |method: &str, target: &str| format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    for (method, target, status, location) in [
        ("GET", "/", 301, "/"),
        ("HEAD", "/app/?a=b&c=%0d%0a", 301, "/app/?a=b&c=%0d%0a"),
        ("GET", "/http-bind", 301, "/http-bind"),
        ("GET", "//evil.example/", 301, "//evil.example/"),
        ("GET", "http://evil.example/x", 301, "/x"),
        ("PUT", "/http-bind", 308, "/http-bind"),
        ("POST", "/upload", 308, "/upload"),
        ("OPTIONS", "*", 308, "/"),
    ] {
        let reply = ask(address, method, &head(method, target)).await;
        let found = (reply.status(), reply.header("location"));
        assert_eq!(found, (status, Some(&*format!("{BASE}{location}"))), "{method} {target}");
    }
    let preflight = ask(address, "OPTIONS", &head("OPTIONS", "/http-bind")).await;
    assert_eq!((preflight.status(), preflight.header("location")), (204, None));
}
