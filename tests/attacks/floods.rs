//! More of everything than anybody needs: connections, sessions, sessions that never log in, requests.

use std::time::{Duration, Instant};

use boshd::network::Network;
use boshd::network::rate::Rate;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::bench::poster::{Connection, creation};
use crate::bench::upstream::{Link, Upstream};
use crate::bench::{Bench, PATIENCE, USUAL, WHILE};
use crate::bystander::Bystander;
use crate::{Limits, attack};

const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";

/// Opens every stream, and keeps it.
async fn opens_all(upstream: &Upstream, links: &mut Vec<Link>) {
    loop {
        let mut link = upstream.accept().await;
        link.opens().await;
        links.push(link);
    }
}

/// So many creations from the attacker's address, one after the other: how many were refused, and those that were not.
async fn create(bench: &Bench, times: usize) -> (usize, Vec<Link>) {
    let mut links = Vec::new();
    let attack = async {
        let mut refused = 0;
        for _ in 0..times {
            let reply = Connection::on(attack(bench).await).ask(creation(USUAL)).await;
            // 200, and nothing that a client would try again at once
            match reply.attribute("sid") {
                Some(_) => {}
                None if reply.is_terminate("policy-violation") => refused += 1,
                None => panic!("{}", reply.text),
            }
        }
        refused
    };
    let refused = tokio::select! {
        refused = attack => refused,
        () = opens_all(&bench.upstream, &mut links) => unreachable!("it goes on for ever"),
    };
    (refused, links)
}

/// Is the connection still there?
async fn lives(io: &mut TcpStream) -> bool {
    let mut byte = [0];
    timeout(WHILE, io.read(&mut byte)).await.is_err()
}

// DL01: beyond its connections an address gets none; others do, and it does again when it has closed one
#[tokio::test]
async fn too_many_connections() {
    const MOST: u32 = 50;
    let mut limits = Limits::new();
    limits.front.shield.connections_per_address = MOST;
    let bench = limits.bench().await;
    let bystander = Bystander::begin(&bench).await;
    let mut open = Vec::new();
    for _ in 0..300 {
        open.push(attack(&bench).await);
    }
    // in the order of their arrival: the last is closed when all before it have been judged
    assert_eq!(
        timeout(PATIENCE, open[299].read_u8()).await.expect("the end in time").ok(),
        None
    );
    let (kept, refused) = open.split_at_mut(MOST as usize);
    for io in refused {
        assert_eq!(timeout(PATIENCE, io.read_u8()).await.expect("the end in time").ok(), None);
    }
    assert!(lives(&mut kept[0]).await && lives(&mut kept[49]).await);
    drop(open);
    let again = async {
        loop {
            let mut io = attack(&bench).await;
            if lives(&mut io).await {
                return;
            }
        }
    };
    timeout(PATIENCE, again).await.expect("places that were given back");
    bystander
        .tell("300 connections of one address that may have 50", "250, closed at once")
        .await;
}

// DL01: all addresses together leave files for the ways to the servers
#[tokio::test]
async fn too_many_connections_in_all() {
    let mut limits = Limits::new();
    limits.front.shield.connections = 20;
    let bench = limits.bench().await;
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(bench.connect().await);
    }
    let mut one_more = bench.connect().await;
    assert!(one_more.next_reply().await.is_none());
    let reply = open[19].ask("<").await;
    assert!(reply.is_terminate("bad-request"), "{}", reply.text);
}

// DL01: sessions made at a rate: a burst is let in, the rest is told policy-violation, and others make theirs
#[tokio::test]
async fn creations() {
    const SENT: usize = 300;
    let bench = Limits::new().new_sessions(1).bench().await;
    let bystander = Bystander::begin(&bench).await;
    let began = Instant::now();
    let (refused, links) = create(&bench, SENT).await;
    let allowed = 10 + 1 + usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!((SENT - allowed..=SENT - 10).contains(&refused), "{refused} of {SENT}");
    let (_client, _link) = bench.session().await;
    drop(links);
    let refused = format!("{refused} with policy-violation");
    bystander
        .tell(&format!("{SENT} creations of one address that may have 1/s"), &refused)
        .await;
}

// AU10, DL01: sessions that nobody logs in to are counted; a login makes room for the next
#[tokio::test]
async fn sessions_that_do_not_log_in() {
    let mut limits = Limits::new().new_sessions(1000);
    limits.sessions.unauthenticated = 20;
    let bench = limits.bench().await;
    let bystander = Bystander::begin(&bench).await;
    let (refused, mut links) = create(&bench, 100).await;
    assert_eq!(refused, 80);
    links[0].says(SUCCESS).await;
    // how soon is nobody's business
    let one_more = async { while create(&bench, 1).await.0 > 0 {} };
    timeout(PATIENCE, one_more).await.expect("a place that was given back");
    assert_eq!(create(&bench, 1).await.0, 1, "one place was given back");
    bystander
        .tell(
            "100 sessions without a login, of an address that may have 20",
            "80 with policy-violation",
        )
        .await;
}

// DL06: requests beyond the rate are answered later, every one of them; those of others at once
#[tokio::test]
async fn requests() {
    const CONNECTIONS: usize = 10;
    const EACH: usize = 30;
    const RATE: u32 = 100;
    let mut limits = Limits::new();
    limits.front.shield.requests_per_address = Rate::per_second(RATE);
    // the bystander asks as often, and is not meant
    limits.front.shield.exempt = Network::parse("127.0.0.1").into_iter().collect();
    let bench = limits.bench().await;
    let bystander = Bystander::begin(&bench).await;
    let began = Instant::now();
    let mut attacks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        attacks.spawn(ask_often(attack(&bench).await, EACH));
    }
    timeout(PATIENCE, attacks.join_all())
        .await
        .expect("every request is answered");
    let (took, sent) = (began.elapsed(), CONNECTIONS * EACH);
    // a second's worth came at once, and the rest takes two
    assert!(took >= Duration::from_millis(1_800), "{took:?}");
    bystander
        .tell(
            &format!("{sent} requests at once, of one address that may have {RATE}/s"),
            &format!("none; the last was answered after {took:.1?}"),
        )
        .await;
}

/// Requests behind one another on one connection, and their answers.
async fn ask_often(mut io: TcpStream, times: usize) {
    let request = "GET /http-bind HTTP/1.1\r\nHost: a\r\n\r\n";
    io.write_all(request.repeat(times).as_bytes()).await.unwrap();
    let (mut heard, mut buffer) = (String::new(), [0; 4096]);
    while heard.matches("HTTP/1.1 200 OK").count() < times {
        let length = io.read(&mut buffer).await.unwrap();
        assert!(length > 0, "an answer to each");
        heard.push_str(str::from_utf8(&buffer[..length]).unwrap());
    }
}
