//! One HTTP/1.1 keep-alive connection of a client: POST and its answer, framed by Content-Length and nothing else.

use std::io::Write;
use std::net::SocketAddr;
use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The largest answer that is read.
const ANSWER: usize = 4 << 20;

pub struct Http {
    address: SocketAddr,
    host: String,
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// The answer at the front of `input`, already handed out.
    taken: usize,
    /// The server said that it closes after this answer.
    closing: bool,
}

impl Http {
    pub async fn connect(address: SocketAddr, host: &str) -> Result<Http> {
        Ok(Http {
            address,
            host: host.to_owned(),
            stream: super::connect(address).await?,
            input: Vec::new(),
            output: Vec::new(),
            taken: 0,
            closing: false,
        })
    }

    pub async fn post(&mut self, path: &str, body: &[u8]) -> Result<()> {
        if self.closing {
            *self = Http::connect(self.address, &self.host).await?;
        }
        self.output.clear();
        write!(
            self.output,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/xml; charset=utf-8\r\n\
            Content-Length: {}\r\n\r\n",
            self.host,
            body.len()
        )?;
        self.output.extend_from_slice(body);
        Ok(self.stream.write_all(&self.output).await?)
    }

    /// The body of the next answer, which must be a 200. Nothing is lost if this is dropped while it waits.
    pub async fn answer(&mut self) -> Result<&[u8]> {
        self.input.drain(..self.taken);
        self.taken = 0;
        let answer = loop {
            if let Some(answer) = Answer::parse(&self.input)? {
                break answer;
            }
            ensure!(self.input.len() < ANSWER, "an answer is too long");
            self.input.reserve(1024);
            let read = self.stream.read_buf(&mut self.input).await?;
            ensure!(read > 0, "the server closed the connection");
        };
        self.taken = answer.body.end;
        self.closing = answer.closing;
        Ok(&self.input[answer.body])
    }
}

struct Answer {
    body: Range<usize>,
    closing: bool,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Result<Option<Answer>> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
            return Ok(None);
        };
        let mut lines = bytes[..end].split(|byte| *byte == b'\n');
        let status = lines.next().unwrap_or_default().trim_ascii();
        if !status.starts_with(b"HTTP/1.1 200") {
            bail!("answered {}", String::from_utf8_lossy(status));
        }
        let (mut length, mut closing) = (None, false);
        for line in lines {
            if let Some(value) = value(line, b"content-length:") {
                length = std::str::from_utf8(value)?.parse().ok();
            } else if let Some(value) = value(line, b"connection:") {
                closing = value.eq_ignore_ascii_case(b"close");
            }
        }
        let length: usize = length.context("an answer without Content-Length")?;
        let body = end + 4..end + 4 + length;
        Ok((bytes.len() >= body.end).then_some(Answer { body, closing }))
    }
}

fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, value) = line.split_at_checked(name.len())?;
    head.eq_ignore_ascii_case(name).then_some(value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-Length: 3\r\nConnection: close\r\n\r\nabcHTTP";

    #[test]
    fn an_answer_ends_where_its_length_says() -> Result<()> {
        let answer = Answer::parse(WHOLE)?.context("incomplete")?;
        assert_eq!(&WHOLE[answer.body], b"abc");
        assert!(answer.closing);
        Ok(())
    }

    #[test]
    fn every_cut_is_incomplete() -> Result<()> {
        for cut in 0..WHOLE.len() - 4 {
            assert!(Answer::parse(&WHOLE[..cut])?.is_none());
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_framed_or_is_no_success_is_an_error() {
        assert!(Answer::parse(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").is_err());
        assert!(Answer::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
