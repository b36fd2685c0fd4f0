//! Held requests leave hyper (`front/parking.rs`): nobody can tell, except that bytes behind a held request are seen at once and that
//! a hang-up is. In memory, under a paused clock.

#[path = "support/stack.rs"]
mod stack;
#[path = "support/wire.rs"]
mod wire;

use std::time::Duration;

use boshd::front::{Options, Waiting};
use stack::{Session, Stack, creation, post, post_with};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{Instant, sleep, timeout};
use wire::Wire;

/// Longer than any hold of these sessions.
const SILENCE: Duration = Duration::from_secs(3);

/// Lets everybody do what they can do without more input; the clock is paused, so this is no race.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

fn stack(waiting: Waiting) -> Stack {
    Stack::new(Options {
        waiting,
        ..Options::default()
    })
}

/// Sends `pieces` with a pause between them and takes down all that comes back, and whether the server closed.
async fn play(wire: Wire<DuplexStream>, pieces: &[&[u8]]) -> (String, bool) {
    let (mut reader, mut writer) = tokio::io::split(wire.io);
    let send = async {
        for piece in pieces {
            // it may have closed already, which is what the answer will show
            let _ = writer.write_all(piece).await;
            settle().await;
        }
    };
    let hear = async {
        let mut all = Vec::new();
        let mut buffer = [0; 65536];
        loop {
            match timeout(SILENCE, reader.read(&mut buffer)).await {
                Ok(Ok(length @ 1..)) => all.extend_from_slice(&buffer[..length]),
                end => return (undated(&String::from_utf8(all).unwrap()), end.is_ok()),
            }
        }
    };
    tokio::join!(send, hear).1
}

fn undated(text: &str) -> String {
    text.split_inclusive("\r\n")
        .filter(|line| !line.starts_with("date: "))
        .collect()
}

/// Plays what `script` writes to plain hyper in one piece, and to the parking server cut at every byte and byte by byte: always the
/// same answers.
async fn is_the_same_at_every_cut(script: impl Fn(&mut Session) -> String) {
    let (plain, parked) = (stack(Waiting::Inside), stack(Waiting::Parked));
    let bytes = async |stack: &Stack| script(&mut stack.session(1).await).into_bytes();
    let whole = bytes(&plain).await;
    let expected = play(plain.connect(), &[&whole]).await;
    assert!(expected.0.starts_with("HTTP/1."), "{}", expected.0);
    for cut in 0..whole.len() {
        let whole = bytes(&parked).await;
        let (before, after) = whole.split_at(cut);
        assert_eq!(play(parked.connect(), &[before, after]).await, expected, "cut at {cut}");
    }
    let whole = bytes(&parked).await;
    let crumbs: Vec<&[u8]> = whole.chunks(1).collect();
    assert_eq!(play(parked.connect(), &crumbs).await, expected, "byte by byte");
}

fn chunked(body: &str, size: usize) -> String {
    let mut request = String::from("POST /http-bind HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    for chunk in body.as_bytes().chunks(size) {
        request.push_str(&format!("{:x}\r\n{}\r\n", chunk.len(), str::from_utf8(chunk).unwrap()));
    }
    request + "0\r\n\r\n"
}

fn http_1_0(headers: &str, body: &str) -> String {
    format!(
        "POST /http-bind HTTP/1.0\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

// O01, T41: responses in request order, whatever lies in one segment.
#[tokio::test(start_paused = true)]
async fn two_requests() {
    is_the_same_at_every_cut(|s| post(&s.body("")) + &post(&s.body(""))).await;
}

#[tokio::test(start_paused = true)]
async fn three_requests() {
    is_the_same_at_every_cut(|s| post(&s.body("")) + &post(&s.body("<a xmlns='x'/>")) + &post(&s.body(""))).await;
}

#[tokio::test(start_paused = true)]
async fn empty_lines_between() {
    is_the_same_at_every_cut(|s| post(&s.body("")) + "\r\n\r\n\n" + &post(&s.body("")) + "\r\n").await;
}

// A03
#[tokio::test(start_paused = true)]
async fn chunked_requests() {
    is_the_same_at_every_cut(|s| chunked(&s.body("<a xmlns='x'/>"), 40) + &post(&s.body(""))).await;
    is_the_same_at_every_cut(|s| post(&s.body("")) + &chunked(&s.body(""), 1)).await;
}

// A03
#[tokio::test(start_paused = true)]
async fn expecting_to_be_told_to_continue() {
    is_the_same_at_every_cut(|s| {
        post_with("Expect: 100-continue\r\n", &s.body("")) + &post_with("Expect: 100-continue\r\n", &s.body(""))
    })
    .await;
}

// A01
#[tokio::test(start_paused = true)]
async fn http_1_0_with_and_without_keep_alive() {
    is_the_same_at_every_cut(|s| http_1_0("Connection: keep-alive\r\n", &s.body("")) + &http_1_0("", &s.body(""))).await;
}

#[tokio::test(start_paused = true)]
async fn connection_close_is_the_end() {
    is_the_same_at_every_cut(|s| post_with("Connection: close\r\n", &s.body("")) + &post(&s.body(""))).await;
    is_the_same_at_every_cut(|s| post(&s.body("")) + &post_with("Connection: foo, Close\r\n", &s.body("")) + "more").await;
    is_the_same_at_every_cut(|s| http_1_0("Connection: keep-alive, close\r\n", &s.body("")) + &post(&s.body(""))).await;
}

// RFC 9112 section 6.1: a request with both lengths may have been meant otherwise by a proxy, so nothing behind it counts
#[tokio::test(start_paused = true)]
async fn two_lengths_are_the_end() {
    let both = |request: String| request.replace("chunked", "chunked\r\nContent-Length: 5");
    is_the_same_at_every_cut(|s| both(chunked(&s.body(""), 40)) + &post(&s.body(""))).await;
}

// Writing and reading that stop at every byte, in both directions.
#[tokio::test(start_paused = true)]
async fn through_pipes_that_are_always_full() {
    let (plain, parked) = (stack(Waiting::Inside), stack(Waiting::Parked));
    let script = |s: &mut Session| {
        [
            post(&s.body("")),
            post_with("Expect: 100-continue\r\n", &s.body("<a xmlns='x'/>")),
            http_1_0("Connection: keep-alive\r\n", &s.body("")),
            chunked(&s.body(""), 9),
        ]
        .concat()
    };
    let expected = play(plain.connect(), &[script(&mut plain.session(1).await).as_bytes()]).await;
    for width in [1, 2, 13, 200] {
        let whole = script(&mut parked.session(1).await);
        assert_eq!(
            play(parked.connect_through(width), &[whole.as_bytes()]).await,
            expected,
            "{width} bytes wide"
        );
    }
}

// contract H7: java.net.http offers h2c on plain HTTP.
#[tokio::test(start_paused = true)]
async fn an_upgrade_that_we_do_not_know() {
    let upgrade =
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n";
    is_the_same_at_every_cut(|s| post_with(upgrade, &s.body("")) + &post(&s.body(""))).await;
}

#[tokio::test(start_paused = true)]
async fn other_methods_between() {
    is_the_same_at_every_cut(|s| {
        let other = "OPTIONS /http-bind HTTP/1.1\r\n\r\nHEAD /http-bind HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\n\r\n";
        post(&s.body("")) + other + &post(&s.terminate(""))
    })
    .await;
}

// FX11: what follows the body is the next request, and this is none.
#[tokio::test(start_paused = true)]
async fn rubbish_behind() {
    is_the_same_at_every_cut(|s| post(&s.body("")) + "\u{1}rubbish\r\n\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_session_between() {
    is_the_same_at_every_cut(|s| {
        let unknown = "<body xmlns='http://jabber.org/protocol/httpbind' rid='5' sid='nobody'/>";
        post(&s.body("")) + &post(unknown) + &post(&s.body(""))
    })
    .await;
}

// O01, contract H1: gloox and libpurple up to 2.12 put all they have to say behind the held request.
#[tokio::test(start_paused = true)]
async fn a_request_behind_releases_the_held_one_at_once() {
    let stack = stack(Waiting::Parked);
    let mut session = stack.session(50).await;
    let mut wire = stack.connect();
    wire.send(post(&session.body(""))).await;
    for round in 0..20 {
        assert!(wire.is_silent_for(Duration::from_secs(5)).await, "round {round}: held");
        let sent = Instant::now();
        wire.send(post(&session.body(&format!("<round xmlns='x' n='{round}'/>"))))
            .await;
        stack.server.sees(&format!("n='{round}'")).await;
        assert_eq!(wire.reply().await.status(), 200);
        assert!(sent.elapsed() < Duration::from_secs(1), "round {round}");
    }
}

// O01: both in one segment.
#[tokio::test(start_paused = true)]
async fn a_request_in_the_same_segment_releases_it_too() {
    let stack = stack(Waiting::Parked);
    let mut session = stack.session(50).await;
    let mut wire = stack.connect();
    let sent = Instant::now();
    wire.send(post(&session.body("")) + &post(&session.body("<second xmlns='x'/>")))
        .await;
    assert_eq!(wire.reply().await.status(), 200);
    assert!(sent.elapsed() < Duration::from_secs(1));
    stack.server.push(0, "<message id='m'/>");
    assert!(wire.reply().await.text().contains("id='m'"));
}

// Empty lines are no request, however many.
#[tokio::test(start_paused = true)]
async fn empty_lines_release_nothing() {
    let stack = stack(Waiting::Parked);
    let mut session = stack.session(50).await;
    let mut wire = stack.connect();
    wire.send(post(&session.body(""))).await;
    wire.send("\r\n".repeat(100_000)).await;
    assert!(wire.is_silent_for(Duration::from_secs(30)).await);
    stack.server.push(0, "<message id='m'/>");
    assert!(wire.reply().await.text().contains("id='m'"));
}

#[tokio::test(start_paused = true)]
async fn what_lies_behind_may_be_larger_than_what_is_kept_of_it() {
    let stack = stack(Waiting::Parked);
    let mut session = stack.session(50).await;
    let mut wire = stack.connect();
    wire.send(post(&session.body(""))).await;
    settle().await;
    let large = format!("<a xmlns='x'>{}</a><last xmlns='x'/>", "y".repeat(500_000));
    wire.send(post(&session.body(&large))).await;
    assert_eq!(wire.reply().await.status(), 200);
    stack.server.sees("<last").await;
}

// FX04, D15: the hang-up is noticed, so what comes later waits for the next request.
#[tokio::test(start_paused = true)]
async fn a_client_that_hung_up_is_sent_nothing() {
    let stack = stack(Waiting::Parked);
    let mut session = stack.session(50).await;
    let mut wire = stack.connect();
    wire.send(post(&session.body(""))).await;
    settle().await;
    drop(wire);
    settle().await;
    stack.server.push(0, "<message id='m'/>");
    settle().await;
    let reply = stack.connect().ask(post(&session.body(""))).await;
    assert!(reply.text().contains("id='m'"), "{}", reply.text());
}

// FX04: the same when the connection is reset and we notice only by writing to it.
#[tokio::test]
async fn a_connection_that_was_reset_takes_nothing_along() {
    let stack = stack(Waiting::Parked);
    let address = stack.listen();
    let mut session = stack.session(50).await;
    for id in ["m1", "m2", "m3"] {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut wire = Wire::new(stream);
        wire.send(post(&session.body(&format!("<a xmlns='x' id='{id}'/>")))).await;
        stack.server.sees(&format!("id='{id}'")).await;
        socket2::SockRef::from(&wire.io).set_linger(Some(Duration::ZERO)).unwrap();
        drop(wire);
        stack.server.push(0, &format!("<message id='{id}'/>"));
        let mut wire = stack.connect();
        let mut reply = wire.ask(post(&session.body(""))).await;
        if !reply.text().contains("<message") {
            reply = wire.ask(post(&session.body(""))).await;
        }
        let told = reply.text().contains("<message") && reply.text().contains(&format!("id='{id}'"));
        assert!(told, "{}", reply.text());
    }
}

// FX01: gloox closes right behind its terminate.
#[tokio::test(start_paused = true)]
async fn what_came_whole_before_the_hang_up_is_carried_out() {
    let stack = stack(Waiting::Parked);
    let mut session = stack.session(50).await;
    let mut wire = stack.connect();
    wire.send(post(&session.body(""))).await;
    settle().await;
    wire.send(post(&session.body("<last-words xmlns='x'/>")) + &post(&session.terminate("<goodbye xmlns='x'/>")))
        .await;
    drop(wire);
    stack.server.sees("<last-words").await;
    stack.server.sees("<goodbye").await;
    let reply = stack.connect().ask(post(&session.body(""))).await;
    assert!(reply.is_terminate("item-not-found"), "{}", reply.text());
}

// The beginning of a request, and then the end: the held one was released, the rest is nothing.
#[tokio::test(start_paused = true)]
async fn half_a_request_before_the_hang_up_is_nothing() {
    let stack = stack(Waiting::Parked);
    let mut session = stack.session(50).await;
    let mut wire = stack.connect();
    wire.send(post(&session.body(""))).await;
    settle().await;
    let half = post(&session.clone().body("<half xmlns='x'/>"));
    wire.send(&half[..half.len() - 3]).await;
    drop(wire);
    settle().await;
    assert!(!stack.server.seen().contains("<half"));
    let reply = stack.connect().ask(post(&session.body("<whole xmlns='x'/>"))).await;
    assert_eq!(reply.status(), 200);
    stack.server.sees("<whole").await;
}

// A silent client with a held request costs no hyper; one that stopped in the middle of its next head is cut off.
#[tokio::test(start_paused = true)]
async fn a_slow_head_behind_a_held_request_is_cut_off() {
    let stack = stack(Waiting::Parked);
    let mut session = stack.session(50).await;
    let mut wire = stack.connect();
    wire.send(post(&session.body(""))).await;
    settle().await;
    wire.send("POST /http-b").await;
    assert_eq!(wire.reply().await.status(), 200);
    let began = Instant::now();
    assert!(wire.ends().await);
    assert!((9..12).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn shutting_down_lets_a_held_request_be_answered() {
    let stack = stack(Waiting::Parked);
    let mut session = stack.session(50).await;
    let (mut held, mut idle) = (stack.connect(), stack.connect());
    assert_eq!(idle.ask(post(&creation(50))).await.status(), 200);
    held.send(post(&session.body(""))).await;
    settle().await;
    stack.shutdown.cancel();
    assert!(idle.ends().await);
    assert!(held.is_silent_for(Duration::from_secs(5)).await);
    stack.server.push(0, "<message id='m'/>");
    let reply = held.reply().await;
    assert!(reply.text().contains("id='m'"));
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(held.ends().await);
}

// hyper still has `100 Continue` to write when the request is held; taken off too early, it would take that along.
#[tokio::test(start_paused = true)]
async fn nothing_that_hyper_has_yet_to_write_is_lost() {
    let stack = stack(Waiting::Parked);
    let mut session = stack.session(50).await;
    let mut wire = stack.connect_through(10);
    wire.send(post_with("Expect: 100-continue\r\n", &session.body("<a xmlns='x'/>")))
        .await;
    stack.server.sees("<a ").await;
    settle().await;
    assert_eq!(wire.reply().await.status(), 100);
    let large = "y".repeat(100_000);
    stack.server.push(0, &format!("<message>{large}</message>"));
    assert!(wire.reply().await.text().contains(&large));
    wire.send(post(&session.terminate(""))).await;
    assert_eq!(wire.reply().await.status(), 200);
}

// The same for an answer that comes ahead of its request's last byte.
#[tokio::test(start_paused = true)]
async fn an_early_answer_is_not_cut_short() {
    let stack = stack(Waiting::Parked);
    for width in [1, 13] {
        let mut wire = stack.connect_through(width);
        let unknown = "<body xmlns='http://jabber.org/protocol/httpbind' rid='5' sid='nobody'>";
        wire.send(format!("POST /http-bind HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{unknown}"))
            .await;
        assert!(wire.reply().await.is_terminate("item-not-found"));
        assert!(wire.ends().await);
    }
}
