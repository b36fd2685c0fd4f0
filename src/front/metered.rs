//! A connection beneath a WebSocket: what is read of a message counts in the memory that all share, signs of life are noted, and so is
//! when the WebSocket's buffer has grown and is empty.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::boundaries::Boundaries;
use crate::manager::Share;

/// A buffer that had to hold a longer frame is not kept, and no longer one is written: a few times what chat needs, so that new buffers are
/// rare, and little even in each of ten thousand connections.
pub const FRAME_BYTES: usize = 16 * 1024;

pub struct Metered<I> {
    io: I,
    share: Share,
    /// Bytes of the message that is being read.
    read: usize,
    boundaries: Boundaries,
    ahead: Ahead,
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

/// What does the WebSocket's buffer hold?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ahead {
    Unknown,
    /// One frame, with which a message ends, or which stands between two.
    LastFrame,
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outbound {
    Free,
    /// The other end has not taken what was written before.
    Stuck,
}

impl<I> Metered<I> {
    /// `ahead`: what was read of it already, and is in the WebSocket's buffer.
    pub fn new(io: I, share: Share, ahead: &[u8]) -> Self {
        let mut boundaries = Boundaries::new();
        boundaries.advance(ahead);
        Self {
            io,
            share,
            read: 0,
            boundaries,
            ahead: Ahead::Unknown,
            sign: Sign::Seen,
            outbound: Outbound::Free,
        }
    }

    pub fn into_inner(self) -> I {
        self.io
    }

    /// A message, or a control frame, is there, and is no longer ours.
    pub fn is_read(&mut self) {
        self.read = self.boundaries.unfinished();
        self.share.set(self.read);
        if self.ahead == Ahead::LastFrame {
            self.ahead = Ahead::Nothing;
        }
    }

    /// Is the WebSocket's buffer larger than it may stay, and empty?
    pub fn is_outgrown(&self) -> bool {
        self.ahead == Ahead::Nothing
    }

    /// The buffer is a small one again.
    pub fn is_renewed(&mut self) {
        self.boundaries.forget_longest();
        self.ahead = Ahead::Unknown;
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
        // behind a long frame every read ends where a frame ends, if not before, so that nothing lies behind the message that is taken next
        let grown = self.boundaries.longest() > FRAME_BYTES as u64;
        let most = if grown { self.boundaries.within_frame() } else { usize::MAX };
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most.min(buffer.remaining())));
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        if read > 0 {
            self.sign = Sign::Seen;
            self.boundaries.advance(part.filled());
            self.ahead = match self.boundaries.unfinished() {
                0 if grown => Ahead::LastFrame,
                _ => Ahead::Unknown,
            };
            self.read += read;
            let held = self.read;
            self.share.set(held);
        }
        buffer.advance(read);
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

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

    use super::*;

    fn fragment(kind: Data, length: usize, fin: bool) -> Message {
        Message::Frame(Frame::message("f".repeat(length), OpCode::Data(kind), fin))
    }

    /// What a client says without a pause.
    fn said() -> Vec<Message> {
        let text = |length| Message::text("t".repeat(length));
        let control = || Message::Pong("p".into());
        vec![
            text(10),
            text(20_000),
            text(11),
            text(12),
            fragment(Data::Text, 20_000, false),
            control(),
            fragment(Data::Continue, 0, false),
            fragment(Data::Continue, 13, true),
            control(),
            text(FRAME_BYTES),
            text(FRAME_BYTES + 1),
            text(70_000),
            control(),
            text(14),
        ]
    }

    async fn socket(io: Metered<tokio::io::DuplexStream>) -> WebSocketStream<Metered<tokio::io::DuplexStream>> {
        let config = WebSocketConfig::default().read_buffer_size(4096);
        WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await
    }

    // with the WebSocket that is in use: what its buffer holds when is its own affair
    #[tokio::test]
    async fn an_outgrown_buffer_is_empty() {
        for width in [7, 1000, 4096, 5000, 1 << 20] {
            let (near, far) = tokio::io::duplex(width);
            let mut client = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
            let saying = async move {
                for message in said() {
                    client.feed(message).await.expect("a connection");
                }
                client.close(None).await.expect("a connection");
            };
            let hearing = async {
                let mut server = socket(Metered::new(far, Share::unlimited(), &[])).await;
                let mut heard = Vec::new();
                let mut renewed_behind = Vec::new();
                while let Some(Ok(message)) = server.next().await {
                    server.get_mut().is_read();
                    heard.push(message.len());
                    if server.get_ref().is_outgrown() {
                        renewed_behind.push(message.len());
                        let mut io = server.into_inner();
                        io.is_renewed();
                        server = socket(io).await;
                    }
                }
                let all = [
                    10,
                    20_000,
                    11,
                    12,
                    1,
                    20_013,
                    1,
                    FRAME_BYTES,
                    FRAME_BYTES + 1,
                    70_000,
                    1,
                    14,
                    0,
                ];
                assert_eq!(heard, all, "by {width}");
                assert_eq!(renewed_behind, [20_000, 20_013, FRAME_BYTES + 1, 70_000], "by {width}");
            };
            tokio::join!(saying, hearing);
        }
    }

    #[tokio::test]
    async fn what_was_read_ahead_counts() {
        // all of a message, and half of the next
        let ahead = [0x81, 0x81, 0, 0, 0, 0, b'a', 0x81, 0x85, 0, 0, 0, 0, b'b', b'b'];
        let (_, far) = tokio::io::duplex(1);
        let mut io = Metered::new(far, Share::unlimited(), &ahead);
        io.is_read();
        assert_eq!(io.read, 8);
        assert!(!io.is_outgrown());
    }
}
