//! A connection beneath a WebSocket: what is read of a message counts in the memory that all share, and signs of life are noted.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::manager::Share;

pub struct Metered<I> {
    io: I,
    share: Share,
    /// Bytes of the message that is being read.
    read: usize,
    /// Has the other end shown since somebody asked that it is there?
    sign: Sign,
    outbound: Outbound,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    None,
    /// It has sent something, or taken something that it did not take before.
    Seen,
    /// Nobody looks: there is no memory to read into.
    Unread,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outbound {
    Free,
    /// The other end has not taken what was written before.
    Stuck,
}

impl<I> Metered<I> {
    pub fn new(io: I, share: Share) -> Self {
        Self {
            io,
            share,
            read: 0,
            sign: Sign::Seen,
            outbound: Outbound::Free,
        }
    }

    pub fn into_inner(self) -> I {
        self.io
    }

    /// The message is there, and is no longer ours.
    pub fn is_read(&mut self) {
        self.read = 0;
        self.share.set(0);
    }

    /// What was seen since the last time.
    pub fn take_sign(&mut self) -> Sign {
        std::mem::replace(&mut self.sign, Sign::None)
    }
}

impl<I: AsyncWrite> Metered<I> {
    fn note<T>(&mut self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match (&result, self.outbound) {
            (Poll::Pending, _) => self.outbound = Outbound::Stuck,
            (Poll::Ready(Ok(_)), Outbound::Stuck) => {
                self.outbound = Outbound::Free;
                self.sign = Sign::Seen;
            }
            (Poll::Ready(_), _) => {}
        }
        result
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Metered<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.share.may_grow(true) {
            self.sign = Sign::Unread;
            self.share.wait(cx);
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        let read = buffer.filled().len() - before;
        if read > 0 {
            self.sign = Sign::Seen;
            self.read += read;
            let held = self.read;
            self.share.set(held);
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Metered<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.note(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_flush(cx);
        self.note(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
