//! HTTP/2 over TLS, and what it means there that a session stays as safe as it began.

use super::*;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Error, Reason};
use http::{Request, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};

async fn speaks<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: I) -> SendRequest<Bytes> {
    let (requests, connection) = h2::client::handshake(io).await.unwrap();
    // it ends with the connection, of whatever cause
    tokio::spawn(async { _ = connection.await });
    requests
}

/// One request on a stream of its own, and its answer.
async fn asks(requests: &SendRequest<Bytes>, body: String) -> Result<String, Error> {
    let mut requests = requests.clone().ready().await?;
    let head = Request::post("https://chat.example.org/http-bind").body(()).unwrap();
    let (answer, mut stream) = requests.send_request(head, false)?;
    stream.send_data(body.into(), true)?;
    let answer = timeout(SOON, answer).await.expect("an answer")?;
    assert_eq!(answer.status(), StatusCode::OK);
    let (mut text, mut body) = (String::new(), answer.into_body());
    while let Some(data) = body.data().await {
        text.push_str(std::str::from_utf8(&data?).unwrap());
    }
    Ok(text)
}

// O03: by ALPN
#[tokio::test]
async fn http_2_is_offered() {
    let authority = Authority::new();
    let stack = Stack::new(Options::default());
    let address = stack.listen_with(door(&[&authority.certifies("chat", &[NAME], Ecdsa)]));
    let mut config = authority.client();
    config.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
    let config = Arc::new(config);
    let client = visit(address, NAME, &config).await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "what we prefer");
    let requests = speaks(client).await;
    let answer = asks(&requests, creation(60)).await.unwrap();
    assert!(answer.contains(" sid='"), "{answer}");
}

// P02: of a connection that many may share only the stream ends
#[tokio::test]
async fn a_stream_that_may_not_ends_alone() {
    let authority = Authority::new();
    let stack = Stack::new(Options::default());
    let secure = stack.listen_with(door(&[&authority.certifies("chat", &[NAME], Ecdsa)]));
    let plain = stack.listen();
    let mut client = wire(secure, &Arc::new(authority.client())).await;
    let mut session = session(&mut client).await;
    let requests = speaks(TcpStream::connect(plain).await.unwrap()).await;
    let refused = asks(&requests, session.clone().terminate("")).await.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::CANCEL), "{refused}");
    assert!(asks(&requests, creation(60)).await.unwrap().contains(" sid='"));
    client
        .send(&post(&session.body("<presence xmlns='jabber:client' id='alive'/>")))
        .await;
    stack.server.sees("alive").await;
}
