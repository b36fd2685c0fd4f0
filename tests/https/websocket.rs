//! WebSocket over our own TLS.

use super::websocket_client::Client;
use super::*;

const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>";

// WS11
#[tokio::test]
async fn a_stream_over_tls() {
    let authority = Authority::new();
    let stack = Stack::new(Options::default());
    let address = stack.listen_with(door(&[&authority.certifies("chat", &[NAME], Ecdsa)]));
    let secured = visit(address, NAME, &Arc::new(authority.client())).await.unwrap();
    let (mut client, _) = Client::on(secured, &[]).await.unwrap();
    client.say(OPEN).await;
    client.hears("<open ").await;
    client.hears("<stream:features").await;
    client.say("<message xmlns='jabber:client'><body>over</body></message>").await;
    stack.server.sees("over").await;
    stack
        .server
        .push(0, "<message xmlns='jabber:client'><body>and out</body></message>");
    assert!(client.hears("<message").await.contains("and out"));
}
