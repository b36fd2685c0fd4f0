//! A connection outside hyper: idle, or with a held request. Bytes behind the held one and a hang-up are seen here, the answer is
//! written here, and while it is waited for nothing is kept but the socket (XEP-0124 section 18.1; O01, contract H1).

use std::future::poll_fn;
use std::io::{self, Cursor};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::buf::Chain;
use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_write_buf;

use super::turn::{Held, Persistence};
use crate::bosh::Response;
use crate::manager::Exchange;

/// Bytes kept behind a held request: a browser's head and body, or several pings. Beyond it nothing is read until the answer is out;
/// what was read released the request already, so that is soon.
const BEHIND_BYTES: usize = 16 * 1024;

/// One look at the socket. It lies on the stack of a poll, so a waiting connection has no buffer.
const LOOK_BYTES: usize = 4 * 1024;

/// A body up to this size is cheaper to copy behind its head than to write from a place of its own.
const COPIED_BYTES: usize = 4 * 1024;

/// A connection with what was read from it and not used yet.
pub struct Line<I> {
    pub io: I,
    behind: Vec<u8>,
}

/// What one look at the socket brought.
enum Look {
    Bytes,
    Ended,
}

impl<I: AsyncRead + Unpin> Line<I> {
    pub fn new(io: I) -> Self {
        Self { io, behind: Vec::new() }
    }

    /// A connection taken out of hyper, with what hyper had read ahead. Copied to its own size: hyper's buffer must go.
    pub fn resumed(io: I, ahead: &[&[u8]]) -> Self {
        let mut line = Self::new(io);
        ahead.iter().for_each(|bytes| line.keep(bytes));
        line
    }

    /// Has the next request begun?
    pub fn has_begun(&self) -> bool {
        !self.behind.is_empty()
    }

    /// What was read and not used yet.
    pub fn behind(&self) -> &[u8] {
        &self.behind
    }

    /// Takes the first `length` bytes of that.
    pub fn take(&mut self, length: usize) -> Bytes {
        let mut taken = Bytes::from(std::mem::take(&mut self.behind));
        let rest = taken.split_off(length);
        self.keep(&rest);
        taken
    }

    /// The socket, and the bytes to read before what it has.
    pub fn into_parts(self) -> (I, Bytes) {
        (self.io, self.behind.into())
    }

    /// Waits until the next request begins; `false` if the connection ended first.
    pub async fn next(&mut self) -> bool {
        poll_fn(|cx| {
            while !self.has_begun() {
                match ready!(self.poll_look(cx)) {
                    Ok(Look::Bytes) => {}
                    Ok(Look::Ended) | Err(_) => return Poll::Ready(false),
                }
            }
            Poll::Ready(true)
        })
        .await
    }

    /// Waits for more of the next request; `false` if the connection ended first.
    pub async fn more(&mut self) -> bool {
        let look = poll_fn(|cx| self.poll_look(cx)).await;
        matches!(look, Ok(Look::Bytes))
    }

    /// Waits for a held request's answer. `None` if the client hung up first, which the exchange then tells its session.
    pub async fn hold(&mut self, held: &mut Held) -> Option<Response> {
        if let Poll::Ready(response) = poll_fn(|cx| Poll::Ready(held.poll_response(cx))).await {
            return Some(response);
        }
        match held.persistence() {
            Persistence::Close => self.behind.clear(),
            Persistence::KeepAlive if self.has_begun() => held.release(),
            Persistence::KeepAlive => {}
        }
        let mut source = Source::Open;
        poll_fn(|cx| {
            if let Poll::Ready(response) = held.poll_response(cx) {
                return Poll::Ready(Some(response));
            }
            while source == Source::Open && self.behind.len() < BEHIND_BYTES {
                let begun = self.has_begun();
                match self.poll_look(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Ok(Look::Bytes)) if held.persistence() == Persistence::Close => self.behind.clear(),
                    Poll::Ready(Ok(Look::Bytes)) if !begun && self.has_begun() => held.release(),
                    Poll::Ready(Ok(Look::Bytes)) => {}
                    // what came before the end may be a whole request, and those are carried out (FX01): in its turn, so first
                    // comes the answer, which was released
                    Poll::Ready(Ok(Look::Ended) | Err(_)) if self.has_begun() => source = Source::Ended,
                    Poll::Ready(Ok(Look::Ended) | Err(_)) => return Poll::Ready(None),
                }
            }
            Poll::Pending
        })
        .await
    }

    fn poll_look(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Look>> {
        let mut scratch = [MaybeUninit::uninit(); LOOK_BYTES];
        let mut buffer = ReadBuf::uninit(&mut scratch);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Ok(Look::Ended));
        }
        self.keep(buffer.filled());
        Poll::Ready(Ok(Look::Bytes))
    }

    /// Empty lines between requests are nothing (RFC 9112 section 2.2).
    fn keep(&mut self, bytes: &[u8]) {
        let blank = if self.behind.is_empty() {
            bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
        } else {
            0
        };
        self.behind.extend_from_slice(&bytes[blank..]);
    }
}

impl<I: AsyncWrite + Unpin> Line<I> {
    /// Writes a held request's answer, as hyper would have. Inactivity runs from its last byte.
    ///
    /// # Errors
    /// The connection died first, which the exchange then tells its session.
    pub fn poll_answer(&mut self, answer: &mut Answer, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while answer.bytes.has_remaining() {
            if ready!(poll_write_buf(Pin::new(&mut self.io), cx, &mut answer.bytes))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        answer.exchange.take().into_iter().for_each(Exchange::written);
        Poll::Ready(Ok(()))
    }
}

/// An answer on its way.
pub struct Answer {
    bytes: Chain<Cursor<Vec<u8>>, Bytes>,
    /// `None`: it has left.
    exchange: Option<Exchange>,
}

impl Answer {
    pub fn new(held: Held, response: Response, persistence: Persistence) -> Self {
        let (mut head, mut body, exchange) = held.answer(response, persistence);
        if body.len() <= COPIED_BYTES {
            head.extend_from_slice(&body);
            body = Bytes::new();
        }
        Self {
            bytes: Cursor::new(head).chain(body),
            exchange: Some(exchange),
        }
    }
}

/// May more come from the client?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Open,
    Ended,
}
