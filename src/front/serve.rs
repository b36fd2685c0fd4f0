//! The accept loop, and one connection from its first byte to its last: idle, in hyper's hands, held, and over again.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};
use tokio_util::task::TaskTracker;

use super::door::Door;
use super::parking::{Answer, Line};
use super::shield::Place;
use super::tls::{Failed, Secured};
use super::turn::{self, Caller, Held, Outcome, Persistence};
use super::upgrade::Upgrade;
use super::{Front, http2, peer, plain, reply, websocket};
use crate::manager::{Foreign, Peer};
use crate::net::{self, Listener, Stream};

/// When the process has no descriptor left, some connection must end before the next can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// After the last answer the client gets this long to stop sending. Closed with bytes unread, the socket would be reset, and the answer
/// lost on its way (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(2);

/// A client that does not read its answer is let go after this. Heads and bodies have their own, shorter bounds.
pub const UNREAD: Duration = Duration::from_secs(300);

impl Front {
    /// Accepts connections until `shutdown`, then lets those with a request in flight finish. How long that may take is the
    /// caller's business.
    pub async fn serve(self: Arc<Self>, listener: Listener, door: Arc<Door>, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, ends)) => {
                    let caller = Caller {
                        front: Arc::clone(&self),
                        door: Arc::clone(&door),
                        peer: ends.map_or(Peer::unknown(), |(address, local)| peer::of(address, local)),
                        shutdown: shutdown.clone(),
                    };
                    let client = (!caller.door.hears_of_clients(&caller.peer)).then_some(caller.peer.address.ip());
                    if let Some(place) = self.shield.connection(client) {
                        connections.spawn(Self::accepted(stream, Box::new(caller), place));
                    }
                }
                Err(error) if net::is_momentary(&error) => tracing::debug!(%error, "a connection failed before it was accepted"),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }

    /// One connection. What its way in needs is in a box that is gone before the first request.
    async fn accepted(stream: Stream, caller: Box<Caller>, mut place: Place) {
        let entered = Box::pin(enter(stream, caller, &mut place)).await;
        match entered {
            Some((Entered::Plain(io), caller)) => Self::connection(io, caller).await,
            Some((Entered::Secured(io), caller)) => Self::connection(io, caller).await,
            None => {}
        }
    }

    /// Serves one connection to its end.
    pub async fn connection<I>(io: I, caller: Arc<Caller>)
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let idle = caller.front.state.options.idle_timeout;
        // These two do not come and go with each request: to set a timer, or to wait for a token, is to touch the memory of others.
        let mut patience = pin!(sleep(idle));
        let mut stop = pin!(caller.shutdown.cancelled());
        let mut line = Line::new(io);
        if !begins(&mut line, idle, patience.as_mut(), stop.as_mut()).await {
            return;
        }
        if http2::is_meant(&mut line, caller.front.state.options.head_timeout).await {
            // in a box, so that no connection of HTTP/1 has room for it
            return Box::pin(http2::run(line, &caller)).await;
        }
        while begins(&mut line, idle, patience.as_mut(), stop.as_mut()).await {
            // blocks end what they need before the next wait, so that a connection has no room for it then
            let (mut answer, persistence) = {
                let mut held = {
                    let outcome = if let Some(taken) = plain::take(&caller, &mut line) {
                        match taken {
                            Ok(pending) => Outcome::Held(line, Held::plain(pending)),
                            Err(Foreign) => Outcome::Over(line.io),
                        }
                    } else {
                        let turn = Box::pin(timeout(UNREAD, turn::run(&caller, line))).await;
                        let Ok(outcome) = turn else { return };
                        outcome
                    };
                    match outcome {
                        Outcome::Answered(next) => {
                            line = next;
                            continue;
                        }
                        Outcome::Held(next, held) => {
                            line = next;
                            held
                        }
                        Outcome::Upgraded(io, ahead, upgrade) => return Box::pin(upgraded(io, ahead, *upgrade, &caller)).await,
                        Outcome::Over(io) => return Box::pin(linger(io)).await,
                    }
                };
                let Some(response) = line.hold(&mut held).await else { return };
                let persistence = if caller.shutdown.is_cancelled() {
                    Persistence::Close
                } else {
                    held.persistence()
                };
                (Answer::new(held, response, persistence), persistence)
            };
            match (answered(&mut line, &mut answer).await, persistence) {
                // if nobody is there any more, what had come before is carried out all the same (FX01)
                (Ok(_), Persistence::KeepAlive) => {}
                (Ok(Ok(())), Persistence::Close) => return Box::pin(linger(line.io)).await,
                _ => return,
            }
        }
    }
}

/// What a connection turns out to be.
enum Entered {
    Plain(Stream),
    Secured(Box<TlsStream<Stream>>),
}

/// A connection's way in, before its first request. `None`: it leads nowhere.
async fn enter(mut stream: Stream, mut caller: Box<Caller>, place: &mut Place) -> Option<(Entered, Arc<Caller>)> {
    let patience = caller.front.state.options.head_timeout;
    match caller.door.introduced(&mut stream, caller.peer, patience).await {
        Ok(peer) if peer == caller.peer => {}
        Ok(client) if place.take_for(client.address.ip()) => caller.peer = client,
        Ok(_) => return None,
        Err(error) => {
            tracing::debug!(proxy = %caller.peer.address.ip(), %error, "a proxy does not say whose connection it is");
            return None;
        }
    }
    let Some(tls) = &caller.door.tls else {
        return Some((Entered::Plain(stream), Arc::from(caller)));
    };
    match tls.accept(stream, patience).await {
        Ok(Secured { io, security }) => {
            caller.peer.security = security;
            Some((Entered::Secured(io), Arc::from(caller)))
        }
        Err(Failed { io, cause }) => {
            tracing::debug!(client = %caller.peer.address.ip(), %cause, "no TLS");
            if let Some(io) = io {
                linger(io).await;
            }
            None
        }
    }
}

/// Writes an answer. Nearly all leave at once; for the others there is a deadline, in a box, so that no connection has room for it.
async fn answered<I: AsyncWrite + Unpin>(line: &mut Line<I>, answer: &mut Answer) -> Result<io::Result<()>, Elapsed> {
    match poll_fn(|cx| Poll::Ready(line.poll_answer(answer, cx))).await {
        Poll::Ready(result) => Ok(result),
        Poll::Pending => Box::pin(timeout(UNREAD, poll_fn(|cx| line.poll_answer(answer, cx)))).await,
    }
}

/// Tells the client that its connection is a WebSocket now, and serves it to its end.
async fn upgraded<I: AsyncRead + AsyncWrite + Unpin>(mut io: I, ahead: Vec<u8>, upgrade: Upgrade, caller: &Caller) {
    let head = reply::switching(upgrade.key, upgrade.protocol);
    let told = async {
        io.write_all(&head).await?;
        io.flush().await
    };
    if let Ok(Ok(())) = timeout(UNREAD, told).await {
        linger(websocket::run(io, ahead, upgrade.accepted, &caller.shutdown).await).await;
    }
}

/// Waits for a request's first byte. An idle connection ends in silence: a proxy would take anything we say for its next answer.
async fn begins<I: AsyncRead + Unpin>(
    line: &mut Line<I>,
    idle: Duration,
    mut patience: Pin<&mut Sleep>,
    mut stop: Pin<&mut WaitForCancellationFuture<'_>>,
) -> bool {
    if line.has_begun() {
        return true;
    }
    #[expect(clippy::disallowed_methods, reason = "once an idle time, and where it begins")]
    let deadline = Instant::now() + idle;
    let mut next = pin!(line.next());
    poll_fn(|cx| {
        if let Poll::Ready(begun) = next.as_mut().poll(cx) {
            return Poll::Ready(begun);
        }
        if stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(false);
        }
        while patience.as_mut().poll(cx).is_ready() {
            // it may have been set for an earlier time of waiting
            if patience.deadline() >= deadline {
                return Poll::Ready(false);
            }
            patience.as_mut().reset(deadline);
        }
        Poll::Pending
    })
    .await
}

/// Says that nothing more will come, and hears the client out for a while.
pub async fn linger<I: AsyncRead + AsyncWrite + Unpin>(mut io: I) {
    let silence = async {
        io.shutdown().await?;
        poll_fn(|cx| {
            loop {
                let mut scratch = [MaybeUninit::uninit(); 4096];
                let mut buffer = ReadBuf::uninit(&mut scratch);
                ready!(Pin::new(&mut io).poll_read(cx, &mut buffer))?;
                if buffer.filled().is_empty() {
                    return Poll::Ready(std::io::Result::Ok(()));
                }
            }
        })
        .await
    };
    // over either way
    let _ = timeout(LINGER, silence).await;
}
