//! A client's end of an HTTP connection, down to the byte.
#![allow(dead_code, reason = "each test file uses its part")]

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::stack::PATIENCE;

pub struct Wire<I> {
    pub io: I,
    unread: Vec<u8>,
}

/// One response, as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    pub head: String,
    pub body: Vec<u8>,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Wire<I> {
    pub fn new(io: I) -> Self {
        Self { io, unread: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
    }

    pub async fn ask(&mut self, request: impl AsRef<[u8]>) -> Reply {
        self.send(request).await;
        self.reply().await
    }

    /// The next response; by Content-Length alone, as the simplest clients read it.
    pub async fn reply(&mut self) -> Reply {
        self.reply_to("POST").await
    }

    pub async fn reply_to(&mut self, method: &str) -> Reply {
        self.next_reply(method).await.expect("an answer before the end")
    }

    /// `None` when the connection ended in silence.
    pub async fn next_reply(&mut self, method: &str) -> Option<Reply> {
        let end = loop {
            match self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => {
                    if !self.more().await {
                        assert_eq!(String::from_utf8_lossy(&self.unread), "", "the end came inside a response");
                        return None;
                    }
                }
            }
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let mut reply = Reply { head, body: Vec::new() };
        let bodiless = method == "HEAD" || matches!(reply.status(), 100 | 101 | 204 | 304);
        let length = if bodiless {
            0
        } else {
            reply.header("content-length").expect("a length").parse().unwrap()
        };
        while self.unread.len() < length {
            assert!(self.more().await, "the end came inside a body");
        }
        reply.body = self.unread.drain(..length).collect();
        Some(reply)
    }

    /// Returns once these bytes have come, behind which nothing has.
    pub async fn hears(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        while !self.unread.windows(bytes.len()).any(|window| window == bytes) {
            assert!(self.more().await, "the end instead of {bytes:?}");
        }
        self.unread.clear();
    }

    /// Has the connection ended, without another byte?
    pub async fn ends(&mut self) -> bool {
        self.unread.is_empty() && !self.more().await
    }

    /// Nothing comes within this time.
    pub async fn is_silent_for(&mut self, time: Duration) -> bool {
        let mut byte = [0];
        self.unread.is_empty() && tokio::time::timeout(time, self.io.read(&mut byte)).await.is_err()
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, self.io.read(&mut buffer))
            .await
            .expect("an answer in time");
        let length = read.unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..length]);
        length > 0
    }
}

impl Reply {
    pub fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    /// The header of this name, if there is exactly one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let value = found.next()?.1;
        assert_eq!(found.next(), None, "{name} twice");
        Some(value)
    }

    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.head.lines().skip(1).filter_map(|line| line.split_once(": "))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn is_terminate(&self, condition: &str) -> bool {
        self.status() == 200
            && self.text().contains("type='terminate'")
            && self.text().contains(&format!("condition='{condition}'"))
    }
}
