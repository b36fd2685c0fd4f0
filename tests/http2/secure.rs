//! HTTP/2 by ALPN, over our own TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use h2::Reason;
use rustls::ClientConfig;
use tokio::net::TcpStream;

use super::authority::Algorithm::Ecdsa;
use super::authority::{Authority, door, visit};
use super::client::Client;
use super::stack::creation;
use super::{session, stack};

const NAME: &str = "chat.example.org";

async fn secure(address: SocketAddr, config: ClientConfig) -> Client {
    let io = visit(address, NAME, &Arc::new(config)).await.unwrap();
    assert_eq!(io.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    Client::new(io).await
}

// O03; and P02: what comes for such a session in plain text is reset without a word, and nothing else on that connection is
#[tokio::test]
async fn by_alpn() {
    let authority = Authority::new();
    let stack = stack();
    let address = stack.listen_with(door(&[&authority.certifies("chat", &[NAME], Ecdsa)]));
    let mut config = authority.client();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut client = secure(address, config).await;
    let mut session = session(&mut client, 55).await;
    let held = client.post(&session.body("<a xmlns='x'/>")).await;
    stack.server.sees("<a").await;

    let mut plain = Client::new(TcpStream::connect(stack.listen()).await.unwrap()).await;
    let intruder = plain.post(&session.clone().terminate("")).await;
    assert_eq!(
        intruder.try_answer().await.err().and_then(|error| error.reason()),
        Some(Reason::CANCEL)
    );
    assert!(plain.post(&creation(1)).await.answer().await.text().contains(" sid='"));

    let avatar = "a".repeat(200_000);
    stack.server.push(0, &format!("<message>{avatar}</message>"));
    assert!(held.answer().await.text().contains(&avatar));
}
