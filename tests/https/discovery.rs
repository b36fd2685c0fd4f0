//! host-meta over our own TLS, for the hosts that our certificates name.

use std::sync::Arc;

use boshd::front::{Options, discovery};

use super::authority::Algorithm::Ecdsa;
use super::authority::{Authority, door};
use super::stack::Stack;
use super::{NAME, wire};

// HM04
#[tokio::test]
async fn whoever_asks_for_a_host_of_a_certificate_is_told() {
    let authority = Authority::new();
    let stack = Stack::new(Options {
        discovery: discovery::Options {
            bosh: Some("https://chat.example.org/http-bind".to_owned()),
            ..discovery::Options::default()
        },
        ..Options::default()
    });
    let address = stack.listen_with(door(&[&authority.certifies("chat", &[NAME, "*.example.net"], Ecdsa)]));
    let mut client = wire(address, &Arc::new(authority.client())).await;
    for (host, status) in [
        (NAME, 200),
        ("a.example.net", 200),
        ("a.b.example.net", 404),
        ("example.com", 404),
        ("?", 404),
    ] {
        let asked = format!("GET /.well-known/host-meta.json HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(client.ask(asked).await.status(), status, "{host}");
    }
}
