//! A client's first message, written by hand, so that it can ask for what no library offers any more (RFC 5246 section 7.4.1).

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

#[derive(Clone, Copy)]
pub struct Hello<'a> {
    pub name: &'a str,
    pub version: u16,
    pub suites: &'a [u16],
    pub compressions: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    Taken {
        suite: u16,
        compression: u8,
    },
    /// An alert, or silence, and the end.
    Refused,
}

impl Hello<'_> {
    pub async fn say(&self, address: SocketAddr) -> Answer {
        say(address, &self.record()).await
    }

    fn record(&self) -> Vec<u8> {
        let extensions = [
            extension(0, &long(&[&[0], &*long(self.name.as_bytes())].concat())),
            // curves: X25519, P-256; points are not compressed
            extension(10, &long(&pairs(&[0x001d, 0x0017]))),
            extension(11, &[1, 0]),
            // ECDSA with P-256, RSA with and without PSS, and what was usual before TLS 1.2
            extension(13, &long(&pairs(&[0x0403, 0x0804, 0x0401, 0x0203, 0x0201]))),
            // extended master secret
            extension(23, &[]),
        ];
        let message = [
            &self.version.to_be_bytes()[..],
            &[7; 32],
            &[0],
            &long(&pairs(self.suites)),
            &[self.compressions.len() as u8],
            self.compressions,
            &long(&extensions.concat()),
        ]
        .concat();
        let length = (message.len() as u32).to_be_bytes();
        let handshake = [&[1], &length[1..], &message].concat();
        [&[0x16][..], &self.version.min(0x0301).to_be_bytes(), &long(&handshake)].concat()
    }
}

/// Says these bytes and hears the answer.
pub async fn say(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut io = TcpStream::connect(address).await.unwrap();
    io.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // a whole ServerHello has come when the first record behind it begins, or there is the end
    while answer.len() < 100 {
        let read = timeout(PATIENCE, io.read_buf(&mut answer)).await.expect("an answer");
        if read.unwrap_or(0) == 0 {
            break;
        }
    }
    match answer[..] {
        [0x16, _, _, _, _, 2, ref hello @ ..] => {
            // length, version, random
            let session = usize::from(hello[3 + 2 + 32]);
            let rest = &hello[3 + 2 + 32 + 1 + session..];
            Answer::Taken {
                suite: u16::from_be_bytes([rest[0], rest[1]]),
                compression: rest[2],
            }
        }
        _ => {
            let fatal_alert = answer.len() == 7 && answer[0] == 0x15 && answer[5] == 2;
            assert!(answer.is_empty() || fatal_alert, "{answer:?}");
            Answer::Refused
        }
    }
}

/// The message of SSL 2.0, with all of its suites.
pub fn ssl_2() -> Vec<u8> {
    let suites = [[1, 0, 0x80], [2, 0, 0x80], [3, 0, 0x80], [6, 0, 0x40], [7, 0, 0xc0]].concat();
    let message = [&[1, 0, 2, 0, suites.len() as u8, 0, 0, 0, 16][..], &suites, &[7; 16]].concat();
    [&[0x80, message.len() as u8], &*message].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &long(content)].concat()
}

/// With its length in two bytes before it.
fn long(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}

fn pairs(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}
