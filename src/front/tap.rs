//! Around hyper: what it reads and writes, so that we know when an answer has left in full and when hyper has nothing in hand.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Waiting;
use super::turn::{End, Held, Persistence};
use super::upgrade::Upgrade;
use crate::manager::Exchange;

/// What the reader, the writer, the service and the bodies of one turn tell each other. They run in one task, so the lock is free.
pub struct Turn(Mutex<State>);

struct State {
    stage: Stage,
    arrival: Arrival,
    /// What the handler did not read of a body. While it is alive hyper goes on to flush; without it hyper would count itself done as
    /// soon as the answer is in its buffer.
    unread: Option<Incoming>,
    outbound: Outbound,
}

/// ```text
/// Reading --head--> Asked --answer--> (hyper encodes) --buffered--> Leaving --flushed--> Left --head--> Asked ...
///                     +----no answer yet--> Held, Upgraded                                 (Held, Upgraded, Left: hyper may be taken off)
/// ```
enum Stage {
    Reading,
    Asked,
    Held(Held),
    /// The rest of the connection is not HTTP.
    Upgraded(Box<Upgrade>),
    /// The response is in hyper's write buffer, all of it.
    Leaving(Option<Exchange>, Persistence),
    Left(Persistence),
}

/// How much of the request's body has the handler seen?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    Partial,
    Whole,
    /// The rest would come too late.
    GivenUp,
}

/// What hyper waits for from the client, with a deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Awaited {
    Head,
    Body,
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outbound {
    Flushed,
    /// hyper's write buffer may hold something, be it `100 Continue`.
    Pending,
    /// The client takes nothing any more.
    Broken,
}

impl Default for Turn {
    fn default() -> Self {
        Self(Mutex::new(State {
            stage: Stage::Reading,
            arrival: Arrival::Whole,
            unread: None,
            outbound: Outbound::Flushed,
        }))
    }
}

impl Turn {
    /// hyper has read a head.
    pub fn asked(&self, request: &Request<Incoming>) {
        let mut state = self.lock();
        state.stage = Stage::Asked;
        state.arrival = if request.body().is_end_stream() {
            Arrival::Whole
        } else {
            Arrival::Partial
        };
    }

    pub fn awaits(&self) -> Awaited {
        let state = self.lock();
        match (&state.stage, state.arrival) {
            (Stage::Reading, _) => Awaited::Head,
            (Stage::Asked, Arrival::Partial) => Awaited::Body,
            _ => Awaited::Nothing,
        }
    }

    /// The handler hears of it when it asks for more.
    pub fn give_up_body(&self) {
        self.lock().arrival = Arrival::GivenUp;
    }

    pub fn arrival(&self) -> Arrival {
        self.lock().arrival
    }

    pub fn hold(&self, held: Held) {
        self.lock().stage = Stage::Held(held);
    }

    /// The request gets no answer, and its connection carries no other.
    pub fn withhold(&self) {
        self.lock().stage = Stage::Left(Persistence::Close);
    }

    pub fn upgrade(&self, upgrade: Box<Upgrade>) {
        self.lock().stage = Stage::Upgraded(upgrade);
    }

    /// Asked when hyper can do nothing more for now: may it be taken off? Only if it owes the client no byte and has none of a body to
    /// read: it would take them along. What it has read ahead of the next request it gives back.
    pub fn poll_end(&self, waiting: Waiting) -> Poll<End> {
        let mut state = self.lock();
        if state.outbound == Outbound::Pending {
            return Poll::Pending;
        }
        match mem::replace(&mut state.stage, Stage::Reading) {
            Stage::Held(held) => Poll::Ready(End::Held(held)),
            Stage::Upgraded(upgrade) => Poll::Ready(End::Upgraded(upgrade)),
            Stage::Left(Persistence::KeepAlive) if waiting == Waiting::Parked => Poll::Ready(End::Answered),
            Stage::Left(Persistence::Close) => Poll::Ready(End::Over),
            other => {
                state.stage = other;
                Poll::Pending
            }
        }
    }

    /// The handler has the request's body, all of it.
    pub fn arrived(&self) {
        self.lock().arrival = Arrival::Whole;
    }

    /// The handler let go of a body that it has not read to its end.
    pub fn set_aside(&self, body: Option<Incoming>) {
        self.lock().unread = body;
    }

    /// hyper has a response in its write buffer, all of it.
    pub fn buffered(&self, exchange: Option<Exchange>, persistence: Persistence) {
        let mut state = self.lock();
        state.stage = Stage::Leaving(exchange, persistence);
        state.outbound = state.outbound.and_more();
    }

    fn flushed(&self) {
        let mut state = self.lock();
        if state.outbound == Outbound::Pending {
            state.outbound = Outbound::Flushed;
        }
        if let Stage::Leaving(exchange, persistence) = &mut state.stage {
            let (exchange, persistence) = (exchange.take(), *persistence);
            state.stage = Stage::Left(persistence);
            let reached = state.outbound != Outbound::Broken;
            drop(state);
            if let Some(exchange) = exchange.filter(|_| reached) {
                exchange.written();
            }
        }
    }

    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        let mut state = self.lock();
        state.outbound = if matches!(result, Poll::Ready(Err(_))) {
            Outbound::Broken
        } else {
            state.outbound.and_more()
        };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbound {
    fn and_more(self) -> Self {
        if self == Self::Broken { self } else { Self::Pending }
    }
}

/// The connection as hyper sees it: first the bytes that were read before its turn, then the socket.
pub struct Tap<I> {
    io: I,
    before: Bytes,
    source: Source,
    turn: Arc<Turn>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Open,
    Ended,
}

impl<I> Tap<I> {
    pub fn new(io: I, before: Bytes, turn: Arc<Turn>) -> Self {
        Self {
            io,
            before,
            source: Source::Open,
            turn,
        }
    }

    /// The socket, and what hyper did not want of the bytes before.
    pub fn into_parts(self) -> (I, Bytes) {
        (self.io, self.before)
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Tap<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.before.is_empty() {
            let length = self.before.len().min(buffer.remaining());
            buffer.put_slice(&self.before.split_to(length));
            return Poll::Ready(Ok(()));
        }
        let filled = buffer.filled().len();
        if self.source == Source::Open {
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, buffer));
            if read.is_ok() && buffer.filled().len() > filled {
                return Poll::Ready(Ok(()));
            }
            // hyper gives up its handler the moment it sees the end, even when the last bytes of the request came together with it and
            // the handler has not had a look yet. So it sees the end at the second look only, and the handler comes first (FX01).
            self.source = Source::Ended;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> Tap<I> {
    /// A dead connection takes every byte: what was read before its death is still to be carried out, and reading tells hyper of the
    /// end soon enough.
    fn note(&self, result: Poll<io::Result<usize>>, offered: usize) -> Poll<io::Result<usize>> {
        self.turn.wrote(&result);
        result.map(|result| Ok(result.unwrap_or(offered)))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Tap<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.note(result, bytes.len())
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.note(result, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// hyper flushes us only when its own buffer is empty: what it had has left.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if ready!(Pin::new(&mut self.io).poll_flush(cx)).is_err() {
            self.turn.wrote(&Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())));
        }
        self.turn.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
