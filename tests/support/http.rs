//! POST over plain TCP, as a BOSH client needs it: connections are reused, and a request whose connection broke before its
//! answer was complete is repeated on a new one.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// How long a request is repeated.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries, so that a server that is away is not hammered.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Clone)]
pub struct Endpoint {
    address: SocketAddr,
    path: &'static str,
    /// The address that we come from.
    source: Option<IpAddr>,
    idle: Arc<Mutex<Vec<TcpStream>>>,
    repeats: Arc<AtomicU64>,
}

impl Endpoint {
    pub fn new(address: SocketAddr, path: &'static str) -> Self {
        Self {
            address,
            path,
            source: None,
            idle: Arc::default(),
            repeats: Arc::default(),
        }
    }

    /// The same, for a client with this IPv4 address.
    pub fn coming_from(self, source: impl Into<IpAddr>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// The body of the answer, which must be a 200.
    pub async fn post(&self, body: &str) -> String {
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
            self.path,
            self.address,
            body.len(),
        );
        let give_up = Instant::now() + PATIENCE;
        loop {
            match self.exchange(request.as_bytes()).await {
                Ok(answer) => return answer,
                Err(error) => assert!(Instant::now() < give_up, "{}: {error}", self.address),
            }
            self.repeats.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub fn repeats(&self) -> u64 {
        self.repeats.load(Ordering::Relaxed)
    }

    async fn exchange(&self, request: &[u8]) -> Result<String> {
        let idle = self.idle.lock().expect("no holder panics").pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.write_all(request).await?;
        let answer = read_answer(&mut connection).await?;
        self.idle.lock().expect("no holder panics").push(connection);
        Ok(answer)
    }

    async fn connect(&self) -> Result<TcpStream> {
        let Some(source) = self.source else {
            return TcpStream::connect(self.address).await;
        };
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        socket.connect(self.address).await
    }
}

/// The usual one there.
impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::new(address, "/http-bind")
    }
}

async fn read_answer(connection: &mut TcpStream) -> Result<String> {
    let mut bytes = Vec::new();
    let end_of_head = loop {
        if let Some(position) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break position + 4;
        }
        if connection.read_buf(&mut bytes).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    };
    let mut body = bytes.split_off(end_of_head);
    let head = String::from_utf8(bytes).map_err(Error::other)?.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length
        .unwrap_or_else(|| panic!("no Content-Length: {head}"))
        .trim()
        .parse()
        .expect("a number");
    while body.len() < length {
        if connection.read_buf(&mut body).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    assert_eq!(body.len(), length, "bytes behind the answer");
    String::from_utf8(body).map_err(Error::other)
}
