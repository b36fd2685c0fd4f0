//! Requests that would make their connection a WebSocket (RFC 6455 section 4.2, RFC 7395 section 3.1).

use boshd::front::Options;
use boshd::front::cors::{Cors, Credentials, Origins};
use http::HeaderValue;

use crate::stack::{Stack, post};
use crate::wire::Reply;

/// With the key and the answer of RFC 6455 section 1.3.
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const CLOSE_FRAME: [u8; 6] = [0x88, 0x80, 0, 0, 0, 0];

fn handshake() -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: chat.example.org\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n{KEY}\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n"
    )
}

async fn asked(stack: &Stack, request: &str) -> Reply {
    stack.connect().ask(request).await
}

// WS01, WS13: the key is answered, the subprotocol echoed as it was written, and no extension agreed on
#[tokio::test(start_paused = true)]
async fn a_handshake() {
    let stack = Stack::new(Options::default());
    for (offered, chosen) in [
        ("xmpp", "xmpp"),
        ("chat, XMPP ,soap", "XMPP"),
        ("other\r\nSec-WebSocket-Protocol: Xmpp", "Xmpp"),
    ] {
        let request = handshake().replace(": xmpp", &format!(": {offered}")).replace(
            "\r\n\r\n",
            "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
        );
        let reply = asked(&stack, &request).await;
        assert_eq!(
            (reply.status(), reply.header("sec-websocket-accept")),
            (101, Some(ACCEPT)),
            "{offered}"
        );
        assert_eq!(
            (reply.header("upgrade"), reply.header("connection")),
            (Some("websocket"), Some("upgrade"))
        );
        assert_eq!(reply.header("sec-websocket-protocol"), Some(chosen));
        assert_eq!(reply.header("sec-websocket-extensions"), None);
    }
}

// WS01: whatever is no handshake for XMPP is refused, and leaves nothing behind
#[tokio::test(start_paused = true)]
async fn refusals() {
    let stack = Stack::new(Options::default());
    let good = handshake();
    for (from, to, status) in [
        ("\r\nSec-WebSocket-Protocol: xmpp", "", 400),
        (": xmpp", ": soap, xmppp", 400),
        ("Version: 13", "Version: 8", 426),
        ("Upgrade: websocket\r\n", "", 426),
        ("Upgrade: websocket\r\n", "Upgrade: h2c\r\n", 426),
        ("keep-alive, Upgrade", "keep-alive", 426),
        (KEY, "X: y", 400),
        (KEY, "Sec-WebSocket-Key: c2hvcnQ=", 400),
        (KEY, "Sec-WebSocket-Key: not base64", 400),
        ("\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx", 400),
        ("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("HTTP/1.1", "HTTP/1.0", 426),
        ("GET", "POST", 404),
        ("/ws ", "/wss ", 404),
    ] {
        let reply = asked(&stack, &good.replacen(from, to, 1)).await;
        assert_eq!(reply.status(), status, "{from} -> {to}");
        if status == 426 {
            assert_eq!(
                (reply.header("upgrade"), reply.header("sec-websocket-version")),
                (Some("websocket"), Some("13"))
            );
        }
    }
    assert_eq!(stack.manager.sessions(), 0);
    let off = Stack::new(Options {
        websocket: None,
        ..Options::default()
    });
    assert_eq!(asked(&off, &good).await.status(), 404);
}

// WS11: pages of other origins are kept out; who names no origin is no page
#[tokio::test(start_paused = true)]
async fn origins() {
    let ours = HeaderValue::from_static("https://chat.example.org");
    let cors = Cors {
        origins: Origins::Listed {
            origins: vec![ours],
            credentials: Credentials::Omitted,
        },
        ..Cors::default()
    };
    let listed = Stack::new(Options {
        cors,
        ..Options::default()
    });
    let any = Stack::new(Options::default());
    for (origin, status) in [
        ("", 101),
        ("Origin: https://chat.example.org\r\n", 101),
        ("Origin: https://evil.example\r\n", 403),
        ("Origin: http://chat.example.org\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Origin: https://chat.example.org\r\nOrigin: https://evil.example\r\n", 403),
    ] {
        let request = handshake().replacen("Upgrade", &format!("{origin}Upgrade"), 1);
        assert_eq!(asked(&listed, &request).await.status(), status, "{origin}");
        assert_eq!(asked(&any, &request).await.status(), 101, "{origin}");
    }
}

// WS01: on a connection that carried requests before, with frames right behind, cut anywhere
#[tokio::test(start_paused = true)]
async fn on_the_connection_of_other_requests() {
    let stack = Stack::new(Options::default());
    let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>";
    // masked with zeros, it stays as it is
    let frame = [
        &[0x81, 0x80 | u8::try_from(open.len()).unwrap(), 0, 0, 0, 0][..],
        open.as_bytes(),
    ]
    .concat();
    let all = [handshake().as_bytes(), &frame, &CLOSE_FRAME].concat();
    let close = all.len() - CLOSE_FRAME.len();
    for cut in [
        1,
        100,
        handshake().len() - 1,
        handshake().len(),
        handshake().len() + 3,
        close - 1,
        close,
    ] {
        let mut wire = stack.connect();
        let reply = wire
            .ask(post(
                "<body rid='1' sid='nobody' xmlns='http://jabber.org/protocol/httpbind'/>",
            ))
            .await;
        assert_eq!(reply.status(), 200);
        wire.send(&all[..cut]).await;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        wire.send(&all[cut..close]).await;
        assert_eq!(wire.reply_to("HEAD").await.status(), 101, "{cut}");
        wire.hears("<stream:features ").await;
        wire.send(&all[close..]).await;
        wire.hears(&CLOSE_FRAME[..1]).await;
        assert!(wire.ends().await);
    }
}
