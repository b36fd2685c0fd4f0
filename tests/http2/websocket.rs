//! XMPP over WebSocket on a stream of HTTP/2 (RFC 8441; WS13).

use bytes::Bytes;
use h2::RecvStream;
use h2::ext::Protocol;
use http::{Method, Request};
use tokio::time::timeout;

use super::client::{Asked, Client};
use super::stack::{PATIENCE, Stack};
use super::{session, stack};

const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>";

/// A text of up to 64 KiB in one frame, masked with zeros, so that it stays as it is.
fn frame(text: &str) -> Bytes {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    [&[0x81, 0x80 | 126, length[0], length[1], 0, 0, 0, 0], text.as_bytes()]
        .concat()
        .into()
}

const CLOSE: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];

async fn connected(client: &mut Client, path: &str, protocol: &str, headers: &[(&str, &str)]) -> Asked {
    // until the server's settings are there nothing else may be sent than to HTTP/1
    client.pings().await;
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://chat.example.org{path}"))
        .extension(Protocol::from(protocol));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request.body(()).unwrap(), false).await
}

const USUAL: [(&str, &str); 2] = [("sec-websocket-protocol", "xmpp"), ("sec-websocket-version", "13")];

/// Reads on until this has come.
async fn hears(body: &mut RecvStream, text: &[u8]) {
    let mut heard = Vec::new();
    let found = async {
        while !heard.windows(text.len()).any(|window| window == text) {
            let data = body.data().await.expect("more").unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            heard.extend_from_slice(&data);
        }
    };
    timeout(PATIENCE, found).await.expect("it in time");
}

async fn is_left_with(stack: &Stack, sessions: usize) {
    let left = async {
        while stack.manager.sessions() != sessions {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, left).await.expect("sessions that end");
}

// WS13, WS01, WS06: beside requests on the same connection, from its open to its close
#[tokio::test(start_paused = true)]
async fn a_whole_stream() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let mut asked = connected(&mut client, "/ws", "websocket", &USUAL).await;
    let (head, mut body) = asked.response.await.unwrap().into_parts();
    assert_eq!(
        (head.status.as_u16(), &head.headers["sec-websocket-protocol"]),
        (200, &"xmpp".parse().unwrap())
    );
    asked.upload.send_data(frame(OPEN), false).unwrap();
    hears(&mut body, b"<stream:features ").await;
    session(&mut client, 1).await;
    let large = format!("<message id='large'>{}</message>", "x".repeat(60_000));
    for _ in 0..20 {
        // more than a stream's window
        let mut data = frame(&large);
        while !data.is_empty() {
            asked.upload.reserve_capacity(data.len());
            let room = std::future::poll_fn(|cx| asked.upload.poll_capacity(cx))
                .await
                .unwrap()
                .unwrap();
            let piece = data.split_to(room.min(data.len()));
            asked.upload.send_data(piece, false).unwrap();
        }
    }
    asked.upload.send_data(frame("<presence id='last'/>"), false).unwrap();
    stack.server.sees("<presence xmlns='jabber:client' id='last'").await;
    stack.server.push(0, &large);
    hears(&mut body, b"</message>").await;
    asked
        .upload
        .send_data(frame("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"), false)
        .unwrap();
    hears(&mut body, b"<close ").await;
    asked.upload.send_data(Bytes::from_static(CLOSE), true).unwrap();
    while let Some(data) = timeout(PATIENCE, body.data()).await.expect("an end in time") {
        data.unwrap();
    }
    is_left_with(&stack, 1).await;
}

// WS13, WS06: a stream that is reset is a connection that was lost; so are all of a connection that ends
#[tokio::test(start_paused = true)]
async fn resets() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut asked = connected(&mut client, "/ws", "websocket", &USUAL).await;
        asked.upload.send_data(frame(OPEN), false).unwrap();
        let mut body = (&mut asked.response).await.unwrap().into_body();
        hears(&mut body, b"<stream:features ").await;
        streams.push((asked, body));
    }
    assert_eq!(stack.manager.sessions(), 3);
    streams.remove(0).0.cancel();
    is_left_with(&stack, 2).await;
    client.pings().await;
    client.connection.abort();
    is_left_with(&stack, 0).await;
}

// WS13, WS01, WS11: what is refused gets an answer, and the connection goes on
#[tokio::test(start_paused = true)]
async fn refusals() {
    let stack = stack();
    let mut client = Client::new(stack.connect().io).await;
    for (path, protocol, headers, status) in [
        ("/elsewhere", "websocket", &USUAL[..], 404),
        ("/ws", "connect-udp", &USUAL[..], 400),
        ("/ws", "websocket", &USUAL[1..], 400),
        ("/ws", "websocket", &USUAL[..1], 426),
    ] {
        let answer = connected(&mut client, path, protocol, headers).await.answer().await;
        assert_eq!(answer.status, status, "{path} {protocol} {headers:?}");
    }
    let answer = client.ask(Method::GET, "/ws").await;
    assert_eq!((answer.status, answer.header("upgrade")), (426, None));
    assert_eq!(stack.manager.sessions(), 0);
    session(&mut client, 1).await;
}
