//! XMPP over WebSocket on a connection that has been upgraded (RFC 7395): messages pass between the socket and the stream, pings keep it
//! open, and each side says goodbye twice, as XMPP and as WebSocket. A large message leaves no large buffer behind.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::metered::{FRAME_BYTES, Metered, Sign};
use crate::manager::{Frames, Share};

/// How often a connection is looked at: a silent one is asked for a sign of life between 25 and 50 s after the last, since many
/// middleboxes forget what is silent for 60 s, and given up when it has shown none for 50 s after that.
const BEAT: Duration = Duration::from_secs(25);

/// The other side's goodbyes are waited for as long as this.
const GOODBYE: Duration = Duration::from_secs(2);

/// Bytes read at once, allocated for as long as the connection lives. Chat messages have a few hundred.
const READ_BYTES: usize = 4 * 1024;

/// A stream, and the connection that is to carry it.
pub struct Accepted {
    pub frames: Frames,
    /// For what is read of a message.
    pub share: Share,
    /// Bytes of one message from the client.
    pub message_bytes: usize,
}

struct Connection<I> {
    socket: WebSocketStream<Metered<I>>,
    frames: Frames,
    /// What has yet to be said of a message.
    unsaid: Bytes,
    hearing: Hearing,
    pulse: Pulse,
}

/// Is the client listened to?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hearing {
    Open,
    /// It broke a rule of WebSocket, and will hear of it in a close frame.
    Over(CloseCode),
}

/// What was heard of the other end, at the last beats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pulse {
    Felt,
    /// It was sent a ping.
    Asked,
    AskedForLong,
}

/// What is next?
enum Next {
    /// The socket gets a new buffer.
    Renewal,
    End(End),
}

/// How a connection ends.
enum End {
    /// The stream is over, and the client has all that was to be said.
    Told(CloseCode),
    /// The client has closed the connection.
    Closed,
    /// Nobody is there any more.
    Lost,
}

/// Carries a stream on a connection from its upgrade to its end, after which the connection is of no use. `ahead`: what was read of it
/// already.
pub async fn run<I>(io: I, ahead: Vec<u8>, accepted: Accepted, shutdown: &CancellationToken) -> I
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let Accepted {
        frames,
        share,
        message_bytes,
    } = accepted;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        // every message leaves at once
        .write_buffer_size(0)
        .max_message_size(Some(message_bytes))
        .max_frame_size(Some(message_bytes));
    let io = Metered::new(io, share, &ahead);
    let socket = WebSocketStream::from_partially_read(io, ahead, Role::Server, Some(config)).await;
    let mut connection = Connection {
        socket,
        frames,
        unsaid: Bytes::new(),
        hearing: Hearing::Open,
        pulse: Pulse::Felt,
    };
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stop = pin!(shutdown.cancelled());
    let mut stopping = Stopping::No;
    let end = loop {
        let next = poll_fn(|cx| {
            stopping.poll(cx, stop.as_mut(), &connection.frames);
            connection.poll(cx, &mut beat)
        });
        match next.await {
            Next::Renewal => connection = connection.renewed().await,
            Next::End(end) => break end,
        }
    };
    // over either way, in time or not
    if let End::Told(CloseCode::Normal) = end {
        let _ = timeout(GOODBYE, connection.hear_close()).await;
    }
    let _ = timeout(GOODBYE, connection.close(end)).await;
    connection.socket.into_inner().into_inner()
}

/// Was the stream told of the shutdown?
enum Stopping {
    No,
    Told,
}

impl Stopping {
    fn poll(&mut self, cx: &mut Context<'_>, stop: Pin<&mut WaitForCancellationFuture<'_>>, frames: &Frames) {
        if matches!(self, Self::No) && stop.poll(cx).is_ready() {
            *self = Self::Told;
            frames.fail("system-shutdown");
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Connection<I> {
    fn poll(&mut self, cx: &mut Context<'_>, beat: &mut Interval) -> Poll<Next> {
        loop {
            if let Poll::Ready(next) = self.poll_say(cx) {
                return Poll::Ready(next);
            }
            match self.poll_hear(cx) {
                Poll::Ready(Some(end)) => return Poll::Ready(Next::End(end)),
                // there may be something to say to it
                Poll::Ready(None) => continue,
                Poll::Pending => {}
            }
            ready!(beat.poll_tick(cx));
            if let Some(end) = self.feel() {
                return Poll::Ready(Next::End(end));
            }
        }
    }

    /// Says what there is, one message after the other, as fast as the client takes them.
    fn poll_say(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            if ready!(self.socket.poll_flush_unpin(cx)).is_err() {
                return Poll::Ready(Next::End(End::Lost));
            }
            // nothing is on its way through the socket, neither in nor out
            if self.socket.get_ref().is_outgrown() && self.hearing == Hearing::Open {
                return Poll::Ready(Next::Renewal);
            }
            let mut kind = Data::Continue;
            if self.unsaid.is_empty() {
                let Some(message) = ready!(self.frames.poll_message(cx)) else {
                    return Poll::Ready(Next::End(End::Told(match self.hearing {
                        Hearing::Open => CloseCode::Normal,
                        Hearing::Over(code) => code,
                    })));
                };
                // what was read as XML is UTF-8
                self.unsaid = message;
                kind = Data::Text;
            }
            let part = self.unsaid.split_to(FRAME_BYTES.min(self.unsaid.len()));
            let frame = Frame::message(part, OpCode::Data(kind), self.unsaid.is_empty());
            if self.socket.start_send_unpin(Message::Frame(frame)).is_err() {
                return Poll::Ready(Next::End(End::Lost));
            }
        }
    }

    /// The same connection, with a small buffer. Only while the large one is empty.
    async fn renewed(self) -> Self {
        let config = *self.socket.get_config();
        let mut io = self.socket.into_inner();
        io.is_renewed();
        Self {
            socket: WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await,
            ..self
        }
    }

    /// Takes one message from the client, if the server takes what it says.
    fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        if self.hearing != Hearing::Open {
            return Poll::Pending;
        }
        if self.frames.poll_room(cx).is_pending() {
            // nobody listens, so it cannot show that it is there
            self.pulse = Pulse::Felt;
            return Poll::Pending;
        }
        let (condition, code) = match ready!(self.socket.poll_next_unpin(cx)) {
            Some(Ok(Message::Text(text))) => {
                self.socket.get_mut().is_read();
                self.frames.receive(Bytes::from(text));
                return Poll::Ready(None);
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                self.socket.get_mut().is_read();
                return Poll::Ready(None);
            }
            Some(Ok(Message::Binary(_))) => ("bad-format", CloseCode::Unsupported),
            Some(Err(error)) => match fault(&error) {
                Some(fault) => fault,
                None => return Poll::Ready(Some(End::Lost)),
            },
            Some(Ok(Message::Close(_))) => return Poll::Ready(Some(End::Closed)),
            None => return Poll::Ready(Some(End::Lost)),
        };
        self.hearing = Hearing::Over(code);
        self.frames.fail(condition);
        Poll::Ready(None)
    }

    /// One beat: is the other end still there?
    fn feel(&mut self) -> Option<End> {
        self.pulse = match (self.socket.get_mut().take_sign(), self.pulse) {
            (Sign::Seen | Sign::Unread, _) => Pulse::Felt,
            (Sign::None, Pulse::Felt) => {
                if self.socket.start_send_unpin(Message::Ping(Bytes::new())).is_err() {
                    return Some(End::Lost);
                }
                Pulse::Asked
            }
            (Sign::None, Pulse::Asked) => Pulse::AskedForLong,
            (Sign::None, Pulse::AskedForLong) => return Some(End::Lost),
        };
        None
    }

    /// Waits for the client's `<close/>`, if it has not said it.
    async fn hear_close(&mut self) {
        while !self.frames.is_closed_by_client() {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => self.frames.receive(Bytes::from(text)),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Exchanges close frames.
    async fn close(&mut self, end: End) {
        match end {
            End::Told(code) => {
                let reason = Utf8Bytes::default();
                if self
                    .socket
                    .send(Message::Close(Some(CloseFrame { code, reason })))
                    .await
                    .is_err()
                {
                    return;
                }
            }
            // answered with the next look
            End::Closed => {}
            End::Lost => return,
        }
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}

/// The client's mistake: what its stream says of it, and what the connection says (RFC 6455 section 7.4.1). `None`: it is gone.
fn fault(error: &Error) -> Option<(&'static str, CloseCode)> {
    use tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
    match error {
        Error::Capacity(_) => Some(("policy-violation", CloseCode::Size)),
        Error::Utf8(_) => Some(("unsupported-encoding", CloseCode::Invalid)),
        Error::Protocol(ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(("bad-format", CloseCode::Protocol)),
        _ => None,
    }
}
