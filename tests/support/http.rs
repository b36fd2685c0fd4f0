//! POST over TCP, plain or with TLS, as a BOSH client needs it: connections are reused, and a request whose connection broke
//! before its answer was complete is repeated on a new one.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long a request is repeated.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries, so that a server that is away is not hammered.
const PAUSE: Duration = Duration::from_millis(20);

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

#[derive(Clone)]
pub struct Endpoint {
    address: SocketAddr,
    path: &'static str,
    /// The address that we come from.
    source: Option<IpAddr>,
    tls: Option<Tls>,
    /// Further lines of each request's head.
    lines: &'static str,
    /// The one connection for all requests, in HTTP/2.
    multiplexed: Option<SendRequest<Bytes>>,
    idle: Arc<Mutex<Vec<Box<dyn Stream>>>>,
    repeats: Arc<AtomicU64>,
}

/// What the server has to prove.
#[derive(Clone)]
struct Tls {
    connector: TlsConnector,
    name: &'static str,
}

impl Endpoint {
    pub fn new(address: SocketAddr, path: &'static str) -> Self {
        Self {
            address,
            path,
            source: None,
            tls: None,
            lines: "",
            multiplexed: None,
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

    /// The same over TLS: the server has this name, which this authority vouches for.
    pub fn secured(self, name: &'static str, authority: &Path) -> Self {
        Self {
            tls: Some(Tls::new(name, authority, &[])),
            ..self
        }
    }

    /// The same as a browser does it: in HTTP/2 on one connection where the server can do that.
    pub async fn secured_as_browsers_do(self, name: &'static str, authority: &Path) -> Self {
        let tls = Tls::new(name, authority, &["h2", "http/1.1"]);
        let connection = tls
            .begin(self.connect_plainly().await.expect("a connection"))
            .await
            .expect("TLS");
        let endpoint = self.secured(name, authority);
        if connection.get_ref().1.alpn_protocol() != Some(b"h2") {
            return endpoint;
        }
        let (requests, connection) = h2::client::handshake(connection).await.expect("HTTP/2");
        // until the server ends it, or the last request is over
        tokio::spawn(connection);
        Self {
            multiplexed: Some(requests),
            ..endpoint
        }
    }

    pub fn speaks_http2(&self) -> bool {
        self.multiplexed.is_some()
    }

    /// The same with further header lines, each with its end.
    pub fn saying(self, lines: &'static str) -> Self {
        Self { lines, ..self }
    }

    /// The body of the answer, which must be a 200.
    pub async fn post(&self, body: &str) -> String {
        let give_up = Instant::now() + PATIENCE;
        loop {
            match self.attempt(body).await {
                Ok((200, answer)) => return answer,
                Ok((status, answer)) => panic!("{}: {status} {answer}", self.address),
                Err(error) => assert!(Instant::now() < give_up, "{}: {error}", self.address),
            }
            self.repeats.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One try: status and body of the answer.
    pub async fn attempt(&self, body: &str) -> Result<(u16, String)> {
        match &self.multiplexed {
            None => self.exchange(&self.request(body)).await,
            Some(requests) => {
                let uri = format!("https://{}{}", self.host(), self.path);
                multiplex(requests.clone(), uri, body).await.map_err(Error::other)
            }
        }
    }

    /// The same for a page.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host()))
            .await
    }

    /// Sends a request whose answer nobody waits for: it is open for as long as this connection.
    pub async fn leave_open(&self, body: &str) -> Result<Box<dyn Stream>> {
        let mut connection = self.idle_or_new().await?;
        connection.write_all(self.request(body).as_bytes()).await?;
        connection.flush().await?;
        Ok(connection)
    }

    pub fn repeats(&self) -> u64 {
        self.repeats.load(Ordering::Relaxed)
    }

    fn host(&self) -> String {
        match &self.tls {
            Some(tls) => tls.name.to_owned(),
            None => self.address.to_string(),
        }
    }

    /// As it is sent.
    pub fn request(&self, body: &str) -> String {
        format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/xml; charset=utf-8\r\n{}Content-Length: {}\r\n\r\n{body}",
            self.path,
            self.host(),
            self.lines,
            body.len(),
        )
    }

    async fn exchange(&self, request: &str) -> Result<(u16, String)> {
        let mut connection = self.idle_or_new().await?;
        connection.write_all(request.as_bytes()).await?;
        connection.flush().await?;
        let answer = read_answer(&mut connection).await?;
        self.idle.lock().expect("no holder panics").push(connection);
        Ok(answer)
    }

    async fn idle_or_new(&self) -> Result<Box<dyn Stream>> {
        let idle = self.idle.lock().expect("no holder panics").pop();
        match idle {
            Some(connection) => Ok(connection),
            None => self.connect().await,
        }
    }

    /// A connection on which nothing was said.
    pub async fn connect(&self) -> Result<Box<dyn Stream>> {
        let connection = self.connect_plainly().await?;
        Ok(match &self.tls {
            None => Box::new(connection),
            Some(tls) => Box::new(tls.begin(connection).await?),
        })
    }

    async fn connect_plainly(&self) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if let Some(source) = self.source {
            socket.bind((source, 0).into())?;
        }
        let connection = socket.connect(self.address).await?;
        connection.set_nodelay(true)?;
        Ok(connection)
    }
}

impl Tls {
    fn new(name: &'static str, authority: &Path, protocols: &[&str]) -> Self {
        let mut roots = RootCertStore::empty();
        let trusted = CertificateDer::from_pem_file(authority).expect("the authority's certificate");
        roots.add(trusted).expect("the authority's certificate");
        let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let connector = TlsConnector::from(Arc::new(config));
        Self { connector, name }
    }

    async fn begin(&self, connection: TcpStream) -> Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(self.name).expect("a name");
        self.connector.connect(name, connection).await
    }
}

async fn multiplex(requests: SendRequest<Bytes>, uri: String, body: &str) -> std::result::Result<(u16, String), h2::Error> {
    let request = Request::post(uri).header("content-type", "text/xml; charset=utf-8");
    let request = request.header("content-length", body.len()).body(()).expect("a request");
    let (answer, mut upload) = requests.ready().await?.send_request(request, false)?;
    upload.send_data(Bytes::copy_from_slice(body.as_bytes()), true)?;
    let (head, mut body) = answer.await?.into_parts();
    let mut text = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        text.extend_from_slice(&data);
    }
    Ok((head.status.as_u16(), String::from_utf8(text).expect("UTF-8")))
}

/// The usual one there.
impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::new(address, "/http-bind")
    }
}

async fn read_answer(connection: &mut impl Stream) -> Result<(u16, String)> {
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
    let status = head.strip_prefix("http/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status: {head}"));
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
    Ok((status, String::from_utf8(body).map_err(Error::other)?))
}
