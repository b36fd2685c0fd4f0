//! `ServerStream`: an XMPP stream over any byte stream, polled by its one owner; nothing is buffered in it while it is idle.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::{BoxStream, Connected};
use crate::xml::{XmlError, XmlLimits};
use crate::xmpp::inbound::Inbound;
use crate::xmpp::{StreamEvent, StreamHeader, features, guessing, outbound};

/// Bytes read at once. One such buffer a thread serves all its sessions.
const READ: usize = 16 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// The stream cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum StreamFailure {
    #[error("the connection broke")]
    Io(#[from] io::Error),
    #[error("the server sent what is not a stream")]
    Xml(#[from] XmlError),
    #[error("the connection ended without a closing tag")]
    Ended,
}

impl StreamFailure {
    /// In an operator's words, with what the system says.
    pub fn cause(&self) -> String {
        match self {
            Self::Io(error) => error.to_string(),
            Self::Xml(_) | Self::Ended => self.to_string(),
        }
    }
}

/// A connected stream towards an XMPP server.
pub struct ServerStream {
    io: BoxStream,
    inbound: Inbound,
    /// Bytes of one element that the client may send, as its features say (S09).
    client_bytes: usize,
    input: BytesMut,
    output: BytesMut,
    /// The connection has taken bytes that it has not passed on, as TLS does.
    holds_back: bool,
    /// Attempts to log in that failed.
    failures: u32,
    late: Option<Box<Late>>,
}

/// A failure that the client is told of later, so that guessing takes time. Nothing behind it is read before.
struct Late {
    failure: StreamEvent,
    until: Pin<Box<Sleep>>,
}

impl ServerStream {
    /// On a connection on which the stream has been begun.
    pub fn new(connected: Connected, limits: XmlLimits, client_bytes: usize) -> Self {
        let Connected { io, read, unwritten, .. } = connected;
        Self {
            io,
            inbound: Inbound::new(limits),
            client_bytes,
            input: read,
            output: unwritten,
            holds_back: false,
            failures: 0,
            late: None,
        }
    }

    /// Begins the stream anew on the same connection; what was read and not yet looked at belongs to the old stream (R01, R05).
    pub fn restart(&mut self, header: &StreamHeader) {
        self.inbound.restart();
        self.input.clear();
        outbound::header(header, &mut self.output);
    }

    /// Where to write what is to be sent.
    pub fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Bytes that the server has not taken. What the connection itself holds back counts as one.
    pub fn unsent(&self) -> usize {
        self.output.len() + usize::from(self.holds_back)
    }

    /// Bytes that are held for what has come and was not looked at: a part of a buffer holds all of it.
    pub fn unread(&self) -> usize {
        if self.input.is_empty() {
            0
        } else {
            self.input.capacity().max(READ)
        }
    }

    /// The next thing the server says.
    ///
    /// # Errors
    /// See [`StreamFailure`]; the stream is of no use after it.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<StreamEvent, StreamFailure>> {
        loop {
            if let Some(late) = &mut self.late {
                ready!(late.until.as_mut().poll(cx));
            }
            if let Some(late) = self.late.take() {
                return Poll::Ready(Ok(late.failure));
            }
            if let Some(event) = self.inbound.next(&mut self.input)? {
                match self.put_off(event) {
                    Some(event) => return Poll::Ready(Ok(self.for_the_client(event))),
                    None => continue,
                }
            }
            if self.input.is_empty() {
                self.input = BytesMut::new();
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Err(StreamFailure::Ended));
            }
        }
    }

    /// The event, unless it is told later.
    fn put_off(&mut self, event: StreamEvent) -> Option<StreamEvent> {
        if !guessing::has_failed(&event) {
            return Some(event);
        }
        self.failures += 1;
        let delay = guessing::put_off(self.failures);
        if delay.is_zero() {
            return Some(event);
        }
        let until = Box::pin(sleep(delay));
        self.late = Some(Box::new(Late { failure: event, until }));
        None
    }

    /// Features without what the client must not be offered.
    fn for_the_client(&self, event: StreamEvent) -> StreamEvent {
        match event {
            StreamEvent::Features(payload) => StreamEvent::Features(features::strip(payload, self.client_bytes)),
            other => other,
        }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.output))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(written);
        }
        self.output = BytesMut::new();
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.holds_back = flushed.is_pending();
        flushed
    }

    /// Says goodbye and waits for the other side's goodbye, unless that was heard before, then ends the connection (ER09). The caller
    /// bounds the time.
    pub async fn close(mut self) {
        self.output.extend_from_slice(outbound::CLOSING);
        let _ = std::future::poll_fn(|cx| self.poll_goodbye(cx)).await;
        self.shutdown().await;
    }

    /// Ends the connection after a stream error of ours (RFC 6120 section 4.9.1.1).
    pub async fn fail(mut self, condition: &str) {
        outbound::error(condition, &mut self.output);
        self.output.extend_from_slice(outbound::CLOSING);
        self.shutdown().await;
    }

    /// Ends the connection without a word, so that the server may keep the session (AU07).
    pub async fn abandon(self) {
        self.shutdown().await;
    }

    /// What arrives meanwhile is read and dropped, so that the server's own writes never block its goodbye.
    fn poll_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamFailure>> {
        let flushed = self.poll_flush(cx)?;
        while !self.inbound.is_over() {
            ready!(self.poll_event(cx))?;
        }
        flushed.map(Ok)
    }

    async fn shutdown(mut self) {
        let _ = std::future::poll_fn(|cx| {
            let _ = ready!(self.poll_flush(cx));
            Pin::new(&mut self.io).poll_shutdown(cx)
        })
        .await;
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
            self.input.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
    }
}
