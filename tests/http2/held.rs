//! Held requests on streams of one connection: their order, their resets, and how many there may be (O03, O04).

use std::time::Duration;

use http::Method;
use tokio::net::TcpStream;

use super::client::{Asked, Client};
use super::stack::{Session, Stack, post};
use super::wire::Wire;
use super::{WHILE, session, stack};

/// A held request's wait; nothing here takes so long.
const WAIT: u32 = 55;

// O03: R1 held and R2 on streams 1 and 3: R1 is answered, R2 held, and a PING is answered meanwhile
#[tokio::test(start_paused = true)]
async fn the_next_request_releases_the_one_before_it() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let mut session = session(&mut client, WAIT).await;
    let mut first = client.post(&session.body("")).await;
    assert!(first.is_held_for(WHILE).await);
    client.pings().await;
    let mut second = client.post(&session.body("")).await;
    let answer = first.answer().await;
    assert_eq!((answer.status, answer.text().contains("<body")), (200, true));
    assert!(second.is_held_for(WHILE).await);
    stack.server.push(0, "<message id='m'/>");
    assert!(second.answer().await.text().contains("id='m'"));
}

// O03: what every answer has, and what none has on HTTP/2 (RFC 9113 section 8.2.2)
#[tokio::test(start_paused = true)]
async fn the_head_of_an_answer() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let mut session = session(&mut client, WAIT).await;
    let mut answers = vec![client.post(&session.terminate("")).await.answer().await];
    for (method, path) in [
        (Method::GET, "/http-bind"),
        (Method::OPTIONS, "/http-bind"),
        (Method::DELETE, "/http-bind"),
        (Method::HEAD, "/http-bind"),
        (Method::GET, "/"),
        (Method::GET, "/missing"),
    ] {
        answers.push(client.ask(method, path).await);
    }
    for answer in &answers {
        for name in ["connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"] {
            assert_eq!(answer.header(name), None, "{:?}", answer.headers);
        }
        assert!(answer.header("date").is_some(), "{:?}", answer.headers);
    }
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 204, 405, 200, 200, 404]);
    for answer in answers.iter().filter(|answer| !answer.body.is_empty()) {
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    }
    assert!(answers[2].header("content-length").is_none(), "204 has no length");
    assert!(answers[4].header("content-length").is_some(), "HEAD has that of GET");
}

// D09, O03: the session puts requests in order, whatever the order of the streams
#[tokio::test(start_paused = true)]
async fn streams_out_of_order() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let mut session = session(&mut client, WAIT).await;
    let (first, second) = (session.body("<a xmlns='x'/>"), session.body("<b xmlns='x'/>"));
    let mut later = client.post(&second).await;
    assert!(later.is_held_for(WHILE).await);
    assert!(!stack.server.seen().contains("<b"));
    let earlier = client.post(&first).await.answer().await;
    assert_eq!(earlier.status, 200);
    stack.server.sees("<b").await;
    let seen = stack.server.seen();
    assert!(seen.find("<a") < seen.find("<b"), "{seen}");
    assert!(later.is_held_for(WHILE).await);
}

/// All held at once on one connection, and each gets its own.
async fn each_gets_its_own(client: &mut Client, stack: &Stack, sessions: usize) {
    let mut held: Vec<Asked> = Vec::new();
    for _ in 0..sessions {
        let mut session = session(client, WAIT).await;
        held.push(client.post(&session.body("")).await);
    }
    client.pings().await;
    for nth in (0..held.len()).rev() {
        stack.server.push(nth, &format!("<message id='to {nth}'/>"));
    }
    for (nth, asked) in held.into_iter().enumerate() {
        let answer = asked.answer().await.text();
        assert!(answer.contains(&format!("id='to {nth}'")), "{nth}: {answer}");
    }
}

// O03: as many streams as a client needs, and more
#[tokio::test(start_paused = true)]
async fn a_client_with_many_sessions() {
    let stack = stack();
    let mut client = Client::new(stack.connect_from([192, 0, 2, 1].into()).io).await;
    client.pings().await;
    assert_eq!(client.streams(), 256);
    each_gets_its_own(&mut client, &stack, 120).await;
}

// O03: a trusted proxy has hundreds of sessions on one connection
#[tokio::test(start_paused = true)]
async fn a_proxy_with_hundreds_of_sessions() {
    let stack = stack();
    let mut proxy = Client::new(stack.connect().io).await;
    proxy.pings().await;
    assert_eq!(proxy.streams(), 4096);
    each_gets_its_own(&mut proxy, &stack, 300).await;
}

/// A session whose next request was held and then reset by the client; with the body of that.
async fn reset(client: &mut Client) -> (Session, String) {
    let mut session = session(client, WAIT).await;
    let body = session.body("");
    let mut held = client.post(&body).await;
    assert!(held.is_held_for(WHILE).await);
    held.cancel();
    client.pings().await;
    (session, body)
}

// O04, D15: what the server says after the reset comes with the repeat, once
#[tokio::test(start_paused = true)]
async fn a_reset_loses_nothing() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let (mut session, body) = reset(&mut client).await;
    stack.server.push(0, "<message id='m'/>");
    tokio::time::sleep(WHILE).await;
    let answer = client.post(&body).await.answer().await;
    assert!(answer.text().contains("id='m'"), "{}", answer.text());
    let mut next = client.post(&session.body("")).await;
    assert!(next.is_held_for(WHILE).await);
}

// O04, D15: the same where the reset and the answer cross: the repeat gets the answer that is written already
#[tokio::test(start_paused = true)]
async fn an_answer_that_crosses_a_reset_is_there_again() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let mut session = session(&mut client, WAIT).await;
    let body = session.body("");
    let mut held = client.post(&body).await;
    assert!(held.is_held_for(WHILE).await);
    stack.server.push(0, "<message id='m'/>");
    held.cancel();
    client.pings().await;
    let answer = client.post(&body).await.answer().await;
    assert!(answer.text().contains("id='m'"), "{}", answer.text());
}

// O04, D16: without anything to say, the repeat is held again
#[tokio::test(start_paused = true)]
async fn a_repeat_after_a_reset_is_held() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let (_session, body) = reset(&mut client).await;
    let mut again = client.post(&body).await;
    assert!(again.is_held_for(Duration::from_secs(20)).await);
    stack.server.push(0, "<message id='m'/>");
    assert!(again.answer().await.text().contains("id='m'"));
}

// O04, G03: from the reset on nobody is there, and the session ends after its inactivity
#[tokio::test(start_paused = true)]
async fn a_session_whose_request_was_reset_ends() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let (mut session, _) = reset(&mut client).await;
    tokio::time::sleep(Duration::from_secs(119)).await;
    assert_eq!(stack.manager.sessions(), 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stack.manager.sessions(), 0);
    let answer = client.post(&session.body("")).await.answer().await;
    assert!(answer.is_terminate("item-not-found"), "{}", answer.text());
}

// O04: the end of a connection is that of all its streams
#[tokio::test(start_paused = true)]
async fn a_lost_connection_frees_every_request() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let mut bodies = Vec::new();
    for _ in 0..10 {
        let mut session = session(&mut client, WAIT).await;
        let body = session.body("");
        let mut held = client.post(&body).await;
        assert!(held.is_held_for(WHILE).await);
        bodies.push((body, held));
    }
    client.connection.abort();
    tokio::time::sleep(WHILE).await;
    let mut other = Client::new(stack.connect().io).await;
    for (nth, (body, _)) in bodies.iter().enumerate() {
        stack.server.push(nth, &format!("<message id='to {nth}'/>"));
        let answer = other.post(body).await.answer().await;
        assert!(answer.text().contains(&format!("id='to {nth}'")), "{}", answer.text());
    }
}

// O04: two clients' sessions on a proxy's connection: the abort of one is not the other's
#[tokio::test]
async fn an_abort_is_one_clients_own() {
    let stack = stack();
    let address = stack.listen();
    let mut proxy = Client::new(TcpStream::connect(address).await.unwrap()).await;
    let (mut one, mut two) = (session(&mut proxy, WAIT).await, session(&mut proxy, WAIT).await);
    let gone = one.body("");
    let aborted = proxy.post(&gone).await;
    let held = proxy.post(&two.body("<a xmlns='x'/>")).await;
    stack.server.sees("<a").await;
    aborted.cancel();
    proxy.pings().await;
    stack.server.push(1, "<message id='two'/>");
    assert!(held.answer().await.text().contains("id='two'"));
    // and the one who left comes back on HTTP/1
    stack.server.push(0, "<message id='one'/>");
    let mut wire = Wire::new(TcpStream::connect(address).await.unwrap());
    assert!(wire.ask(post(&gone)).await.text().contains("id='one'"));
}
