//! Frames written by hand, for what no client's library would send (RFC 9113 section 4).

use std::fmt;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::stack::PATIENCE;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const PROTOCOL_ERROR: u32 = 1;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// A connection without a library.
pub struct Raw<I> {
    pub io: I,
    unread: Vec<u8>,
}

/// One frame that came.
pub struct Frame {
    pub kind: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// What an attacker was told, and how it ended.
#[derive(PartialEq, Eq)]
pub struct Told {
    pub resets: Vec<u32>,
    pub goaway: Option<u32>,
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

pub fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

/// The header block of a POST to the endpoint: two indexed fields, and literals that are not to be indexed (RFC 7541 section 6).
pub fn head(further: &[(&str, &str)]) -> Vec<u8> {
    let mut head = vec![0x83, 0x86];
    let known = [(":path", "/http-bind"), (":authority", "chat.example.org")];
    for (name, value) in known.iter().chain(further) {
        head.push(0);
        for text in [name, value] {
            head.push(
                u8::try_from(text.len())
                    .ok()
                    .filter(|length| *length < 127)
                    .expect("a short one"),
            );
            head.extend(text.as_bytes());
        }
    }
    head
}

impl<I: AsyncRead + AsyncWrite + Unpin> Raw<I> {
    /// Begins a connection, with settings as they are by default.
    pub async fn new(io: I) -> Self {
        let mut raw = Self { io, unread: Vec::new() };
        raw.send(PREFACE).await;
        raw.send(&frame(SETTINGS, 0, 0, &[])).await;
        raw
    }

    /// A connection that has begun.
    pub fn resumed(io: I) -> Self {
        Self { io, unread: Vec::new() }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    /// The same, where the other end may have closed by now.
    pub async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.io.write_all(bytes).await.is_ok()
    }

    /// `None` at the connection's end.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((head, rest)) = self.unread.split_first_chunk::<9>() {
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                if rest.len() >= length {
                    let frame = Frame {
                        kind: head[3],
                        stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
                        payload: rest[..length].to_vec(),
                    };
                    self.unread.drain(..9 + length);
                    return Some(frame);
                }
            }
            let mut buffer = [0; 4096];
            let read = timeout(PATIENCE, self.io.read(&mut buffer)).await.expect("a frame in time");
            match read.unwrap_or(0) {
                0 => return None,
                length => self.unread.extend_from_slice(&buffer[..length]),
            }
        }
    }

    /// The next frame of this kind.
    pub async fn next_of(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().await.expect("another frame");
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// Everything that still comes until the end.
    pub async fn told(&mut self) -> Told {
        let mut told = Told {
            resets: Vec::new(),
            goaway: None,
        };
        while let Some(frame) = self.next().await {
            match frame.kind {
                RST_STREAM => told.resets.push(frame.number(0)),
                GOAWAY => told.goaway = Some(frame.number(4)),
                _ => {}
            }
        }
        told
    }
}

impl Frame {
    /// Four bytes of the payload.
    pub fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} resets, GOAWAY {:?}, end", self.resets.len(), self.goaway)
    }
}
