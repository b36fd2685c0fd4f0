//! A session stays as safe as it began, and whose it was.

use super::*;

use std::path::PathBuf;

use authority::first;
use boshd::front::door::Door;
use boshd::front::tls::certificates::Pair;
use boshd::front::tls::{Cause, Source, Tls};

/// A listener that wants to see certificates of `authorities`.
fn asking(pair: &Pair, authorities: PathBuf) -> (Arc<Tls>, Door) {
    let tls = Arc::new(Tls::new(Source::Files(vec![pair.clone()]), Some(authorities)).unwrap());
    let door = Door {
        tls: Some(tls.clone()),
        ..Door::default()
    };
    (tls, door)
}

/// One request on a connection of its own; `None`: there was no answer, and the connection ended as it should.
async fn asks(address: SocketAddr, config: Option<&Arc<ClientConfig>>, request: &str) -> Option<wire::Reply> {
    match config {
        Some(config) => {
            let mut client = wire(address, config).await;
            client.send(request).await;
            client.next_reply("POST").await
        }
        None => {
            let mut client = Wire::new(TcpStream::connect(address).await.unwrap());
            client.send(request).await;
            let reply = client.next_reply("POST").await;
            assert!(reply.is_some() || all(client.io).await.is_empty());
            reply
        }
    }
}

// P02: in one piece, and so that hyper has it; and the session lives on
#[tokio::test]
async fn a_session_that_began_over_tls_stays_there() {
    let authority = Authority::new();
    let stack = Stack::new(Options {
        script: true,
        ..Options::default()
    });
    let secure = stack.listen_with(door(&[&authority.certifies("chat", &[NAME], Ecdsa)]));
    let plain = stack.listen();
    let config = Arc::new(authority.client());
    let mut client = wire(secure, &config).await;
    let mut session = super::session(&mut client).await;
    let intruder = session
        .clone()
        .body("<message xmlns='jabber:client'><body>in plain</body></message>");
    let by_hyper = post(&intruder).replace("\r\n\r\n", "\r\nTrailer: x\r\n\r\n");
    let query = intruder.replace('<', "%3C").replace('>', "%3E").replace(' ', "%20");
    let by_script = format!("GET /http-bind?{query} HTTP/1.1\r\nHost: h\r\n\r\n");
    for request in [post(&intruder), by_hyper, by_script, post(&session.clone().terminate(""))] {
        assert_eq!(asks(plain, None, &request).await, None, "{request}");
    }
    client
        .send(&post(
            &session.body("<message xmlns='jabber:client'><body>in TLS</body></message>"),
        ))
        .await;
    stack.server.sees("in TLS").await;
    assert!(!stack.server.seen().contains("in plain"));
    stack
        .server
        .push(0, "<message xmlns='jabber:client'><body>answer</body></message>");
    assert!(client.reply().await.text().contains("answer"));
    // what is nobody's session is told so in plain, too
    let mut nobody = session.clone();
    nobody.sid = nobody.sid.chars().rev().collect();
    let reply = asks(plain, None, &post(&nobody.body(""))).await.unwrap();
    assert!(reply.is_terminate("item-not-found"), "{}", reply.text());
    // the other way round nothing is lost
    let mut began = super::session(&mut Wire::new(TcpStream::connect(plain).await.unwrap())).await;
    assert!(asks(secure, Some(&config), &post(&began.terminate(""))).await.is_some());
}

// P03, through tickets, too
#[tokio::test]
async fn a_session_that_began_with_a_certificate_stays_with_it() {
    let authority = Authority::new();
    let server = authority.certifies("chat", &[NAME], Ecdsa);
    let stack = Stack::new(Options::default());
    let address = stack.listen_with(asking(&server, authority.root.clone()).1);
    let plain = stack.listen();
    let showing = |identity: Option<&Pair>| Arc::new(authority.client_with(aws_lc_rs::default_provider(), identity));
    let (alice, bob) = (authority.certifies_client("alice"), authority.certifies_client("bob"));
    assert_ne!(first(&alice), first(&bob));
    let [alice, bob, nobody] = [showing(Some(&alice)), showing(Some(&bob)), showing(None)];
    let mut session = super::session(&mut wire(address, &alice).await).await;
    for stranger in [Some(&bob), Some(&nobody), None] {
        let place = if stranger.is_some() { address } else { plain };
        let request = post(&session.clone().terminate(""));
        assert_eq!(asks(place, stranger, &request).await, None);
    }
    // resumed, it is still alice
    let mut again = wire(address, &alice).await;
    assert_eq!(again.io.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
    again
        .send(&post(
            &session.body("<message xmlns='jabber:client'><body>alice</body></message>"),
        ))
        .await;
    stack.server.sees("alice").await;
    // who began without may go on with any
    let mut session = super::session(&mut wire(address, &nobody).await).await;
    assert!(asks(address, Some(&bob), &post(&session.terminate(""))).await.is_some());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let mallory = stranger.certifies_client("mallory");
    let server = authority.certifies("chat", &[NAME], Ecdsa);
    let (tls, door) = asking(&server, authority.root.clone());
    let address = Stack::new(Options::default()).listen_with(door);
    let config = Arc::new(authority.client_with(aws_lc_rs::default_provider(), Some(&mallory)));
    let refused = async || {
        let mut visit = visit(address, NAME, &config).await?;
        visit.write_all(post(&creation(60)).as_bytes()).await?;
        visit.read_u8().await
    };
    assert!(refused().await.is_err());
    // once he is known he is let in, and no longer than that
    let known = std::fs::read_to_string(&authority.root).unwrap();
    std::fs::write(
        &authority.root,
        [&*known, &std::fs::read_to_string(&stranger.root).unwrap()].concat(),
    )
    .unwrap();
    tls.look(Cause::Asked);
    assert_eq!(refused().await.unwrap(), b'H');
    std::fs::write(&authority.root, known).unwrap();
    tls.look(Cause::Asked);
    assert!(refused().await.is_err(), "a ticket of before lets him in");
}
