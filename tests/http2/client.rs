//! A client's end of an HTTP/2 connection.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::stack::PATIENCE;

pub struct Client {
    requests: SendRequest<Bytes>,
    pings: Option<PingPong>,
    /// Ends with the connection: what the other end's GOAWAY said.
    pub connection: JoinHandle<Result<(), h2::Error>>,
}

/// A request under way.
pub struct Asked {
    pub response: ResponseFuture,
    pub upload: SendStream<Bytes>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Client {
    pub async fn new(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        Self::with(io, &Builder::new()).await
    }

    pub async fn with(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, settings: &Builder) -> Self {
        let (requests, mut connection) = settings.handshake(io).await.unwrap();
        Self {
            requests,
            pings: connection.ping_pong(),
            connection: tokio::spawn(connection),
        }
    }

    pub async fn post(&mut self, body: &str) -> Asked {
        let mut asked = self.begin(Some(body.len())).await;
        asked.upload.send_data(Bytes::copy_from_slice(body.as_bytes()), true).unwrap();
        asked
    }

    /// The head of a POST.
    pub async fn begin(&mut self, length: Option<usize>) -> Asked {
        let mut request = Request::post("http://chat.example.org/http-bind");
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        self.send(request.body(()).unwrap(), false).await
    }

    /// A request without a body.
    pub async fn ask(&mut self, method: Method, path: &str) -> Answer {
        let uri = format!("http://chat.example.org{path}");
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        self.send(request, true).await.answer().await
    }

    pub async fn send(&mut self, request: Request<()>, is_whole: bool) -> Asked {
        let ready = timeout(PATIENCE, self.requests.clone().ready()).await;
        let mut requests = ready.expect("room for another stream").unwrap();
        let (response, upload) = requests.send_request(request, is_whole).unwrap();
        Asked { response, upload }
    }

    /// How many streams the other end lets us open.
    pub fn streams(&self) -> usize {
        self.requests.current_max_send_streams()
    }

    /// Is a PING answered?
    pub async fn pings(&mut self) {
        let pong = self.pings.as_mut().unwrap().ping(Ping::opaque());
        timeout(PATIENCE, pong).await.expect("a pong").unwrap();
    }

    /// The connection ends by itself.
    pub async fn ends(self) -> Result<(), h2::Error> {
        timeout(PATIENCE, self.connection).await.expect("an end").unwrap()
    }
}

impl Asked {
    /// Nothing comes within this time.
    pub async fn is_held_for(&mut self, time: Duration) -> bool {
        timeout(time, &mut self.response).await.is_err()
    }

    /// The status of what comes ahead of the answer.
    pub async fn told(&mut self) -> u16 {
        let told = poll_fn(|cx| self.response.poll_informational(cx));
        let told = timeout(PATIENCE, told).await.expect("a word in time");
        told.expect("a word ahead of the answer").unwrap().status().as_u16()
    }

    pub async fn answer(self) -> Answer {
        self.try_answer().await.unwrap()
    }

    pub async fn try_answer(self) -> Result<Answer, h2::Error> {
        let response = timeout(PATIENCE, self.response).await.expect("an answer in time")?;
        let (head, mut body) = response.into_parts();
        let read = timeout(PATIENCE, read(&mut body)).await.expect("a body in time")?;
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: read,
        })
    }

    /// The head of the answer, and a body of which nothing is read.
    pub async fn unread(self) -> RecvStream {
        self.response.await.unwrap().into_body()
    }

    pub fn cancel(mut self) {
        self.upload.send_reset(Reason::CANCEL);
    }
}

pub async fn read(body: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut read = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        read.extend_from_slice(&data);
    }
    Ok(read)
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn is_terminate(&self, condition: &str) -> bool {
        self.text().contains("type='terminate'") && self.text().contains(&format!("condition='{condition}'"))
    }

    /// The header of this name, which is there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} twice");
        Some(value.to_str().unwrap())
    }
}
