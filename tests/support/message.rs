//! An HTTP/1 message as a proxy has it in its hands: first line, headers, body; read however it is framed, and framed anew.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{Error, ErrorKind, Result};

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

#[derive(Clone, Debug)]
pub struct Message {
    pub first: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// How the end of a body is told.
#[derive(Clone, Copy)]
pub enum Framing {
    Length,
    /// In chunks of so many bytes, at most.
    Chunks(usize),
    /// By the end of the connection.
    Close,
}

impl Message {
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }

    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// In place of whatever was there.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Of an answer.
    pub fn status(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    /// An answer that never has a body (RFC 9112 section 6.3).
    fn is_bodiless(&self) -> bool {
        ["204", "304"].contains(&self.status())
    }

    /// May the connection carry another one? (RFC 9112 section 9.3)
    pub fn persists(&self) -> bool {
        let asked = self.header("connection").unwrap_or_default().to_ascii_lowercase();
        match self.first.contains("HTTP/1.0") {
            true => asked == "keep-alive",
            false => asked != "close",
        }
    }

    fn parse(head: &[u8]) -> Result<Self> {
        let head = std::str::from_utf8(head).map_err(Error::other)?;
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Ok(Self {
            first,
            headers: headers.collect(),
            body: Vec::new(),
        })
    }

    fn bytes(&self, framing: Framing) -> Vec<u8> {
        let mut framed = self.clone();
        framed.remove("content-length");
        framed.remove("transfer-encoding");
        let body = match framing {
            Framing::Length => {
                framed.set("Content-Length", &self.body.len().to_string());
                self.body.clone()
            }
            Framing::Chunks(most) => {
                framed.set("Transfer-Encoding", "chunked");
                chunked(&self.body, most)
            }
            Framing::Close => self.body.clone(),
        };
        let mut bytes = format!("{}\r\n", framed.first).into_bytes();
        for (name, value) in &framed.headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        bytes
    }
}

fn chunked(body: &[u8], most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in body.chunks(most) {
        bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        bytes.extend(piece);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

/// The body in these chunks and how long they are, once they are complete.
fn unchunked(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = bytes[at..].windows(2).position(|two| two == b"\r\n") else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&bytes[at..at + line]).map_err(Error::other)?;
        let size = usize::from_str_radix(size, 16).map_err(Error::other)?;
        at += line + 2;
        let Some(piece) = bytes.get(at..at + size + 2) else {
            return Ok(None);
        };
        body.extend(&piece[..size]);
        at += size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

/// One end of a connection that carries messages.
pub struct Messages<I> {
    io: I,
    unread: Vec<u8>,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Messages<I> {
    pub fn on(io: I) -> Self {
        Self { io, unread: Vec::new() }
    }

    pub async fn send(&mut self, message: &Message, framing: Framing) -> Result<()> {
        self.write(&message.bytes(framing)).await
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.io.write_all(bytes).await
    }

    /// Says no more.
    pub async fn finish(&mut self) -> Result<()> {
        self.io.shutdown().await
    }

    /// The next request; its body has a length, or there is none.
    pub async fn request(&mut self) -> Result<Message> {
        self.message(Framing::Length).await
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Result<Message> {
        self.message(Framing::Close).await
    }

    /// Has the other side left it open?
    pub fn is_open(&mut self) -> bool {
        self.is_gone().now_or_never().is_none()
    }

    /// Returns when the other side has gone; what it says meanwhile is kept.
    pub async fn is_gone(&mut self) {
        while let Ok(1..) = self.io.read_buf(&mut self.unread).await {}
    }

    /// `otherwise`: how its body ends if nothing in the head says so.
    async fn message(&mut self, otherwise: Framing) -> Result<Message> {
        let head = loop {
            match self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end,
                None => self.more().await?,
            }
        };
        let mut message = Message::parse(&self.unread[..head])?;
        let begin = head + 4;
        let length = message.header("content-length").map(str::parse::<usize>);
        let end = if message.header("transfer-encoding").is_some() {
            loop {
                if let Some((body, length)) = unchunked(&self.unread[begin..])? {
                    message.body = body;
                    break begin + length;
                }
                self.more().await?;
            }
        } else if let (None, Framing::Close, false) = (&length, otherwise, message.is_bodiless()) {
            self.is_gone().await;
            message.set("Connection", "close");
            self.unread.len()
        } else {
            let end = begin + length.transpose().map_err(Error::other)?.unwrap_or_default();
            while self.unread.len() < end {
                self.more().await?;
            }
            end
        };
        if message.header("transfer-encoding").is_none() {
            message.body = self.unread[begin..end].to_vec();
        }
        self.unread.drain(..end);
        Ok(message)
    }

    async fn more(&mut self) -> Result<()> {
        match self.io.read_buf(&mut self.unread).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
