//! HTTP/2 (RFC 9113): one connection, on which every request is a stream and a task of its own. Nothing is parked here: a held request is
//! a task that waits for its exchange, and the connection is read meanwhile anyway. Straight on `h2`, as only its streams tell when the
//! client's window has taken an answer's last byte, and let go of a stream whose client never opens one.

mod keep_alive;
mod stream;
mod tunnel;
mod upload;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use h2::server::{Builder, Connection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use super::BUFFER_BYTES;
use super::parking::Line;
use super::serve::linger;
use super::turn::Caller;
use keep_alive::{Progress, Watched};

/// What an HTTP/2 client sends first (RFC 9113 section 3.4). No request of HTTP/1 begins so.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Requests at once on one connection. Each session holds one and sends another; a page in a browser has few sessions.
const STREAMS: u32 = 256;

/// The same on a trusted proxy's connection, which carries the sessions of many clients.
const SHARED_STREAMS: u32 = 4096;

/// A request's bytes that may come before they are read.
const STREAM_WINDOW: u32 = 256 * 1024;

/// The same of all requests of a connection together, and so what it can make us keep while memory is scarce.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// Bytes of one answer that leave the session's hands before the socket takes them.
const SEND_BYTES: usize = 16 * 1024;

/// Of the requests that a client may have at once, one in so many may be taken back in the same breath (CVE-2023-44487); with more the
/// connection is ended. So it is with as many mistakes in streams as it may have streams: until our settings reach it, it may open too many.
const RESETS: u32 = 8;

/// An idle connection that was told to end gets this long, in which a request that crossed the news is still served.
const FAREWELL: Duration = Duration::from_secs(5);

/// Has a connection something to do?
///
/// ```text
/// Quiet --request--> Busy --idle_timeout without a stream--> Quiet --idle_timeout--> Closing --FAREWELL--> (closed)
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tide {
    Busy,
    Quiet,
    /// GOAWAY is out.
    Closing,
}

/// Does a connection, of which the first bytes have come, go on in HTTP/2? A client that chose it by ALPN begins in the same way as one
/// with prior knowledge (h2c). If it does not say within that time it is left to HTTP/1, which has its own deadline.
pub async fn is_meant<I: AsyncRead + Unpin>(line: &mut Line<I>, patience: Duration) -> bool {
    if let Some(known) = is_preface(line.behind()) {
        return known;
    }
    let known = async {
        while line.more().await {
            if let Some(known) = is_preface(line.behind()) {
                return known;
            }
        }
        false
    };
    timeout(patience, known).await.unwrap_or(false)
}

/// Is this how HTTP/2 begins? `None` while it may yet become that.
fn is_preface(begun: &[u8]) -> Option<bool> {
    let length = begun.len().min(PREFACE.len());
    let fits = begun[..length] == PREFACE[..length];
    (!fits || length == PREFACE.len()).then_some(fits)
}

/// Serves a connection of which some bytes were read.
pub async fn run<I>(line: Line<I>, caller: &Arc<Caller>)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let (mut io, before) = line.into_parts();
    let streams = TaskTracker::new();
    let progress = Arc::new(Progress::default());
    let watched = Watched::new(&mut io, before, Arc::clone(&progress));
    let handshake = timeout(caller.front.state.options.head_timeout, settings(caller).handshake(watched));
    if let Ok(Ok(mut connection)) = handshake.await {
        converse(&mut connection, caller, &streams, &progress).await;
    }
    linger(io).await;
    // with the connection gone, every stream has heard of its end
    streams.close();
    streams.wait().await;
}

fn settings(caller: &Caller) -> Builder {
    let streams = if caller.door.is_shared(&caller.peer) {
        SHARED_STREAMS
    } else {
        STREAMS
    };
    let mut settings = Builder::new();
    settings
        .max_concurrent_streams(streams)
        .max_header_list_size(BUFFER_BYTES as u32)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BYTES)
        .enable_connect_protocol()
        .max_pending_accept_reset_streams((streams / RESETS) as usize)
        .max_local_error_reset_streams(Some(streams as usize));
    settings
}

/// Takes requests until either side ends the connection. At a shutdown, and after an idle time, the client is told by GOAWAY to send no
/// more, and what it has sent is answered first (O04).
async fn converse<I>(
    connection: &mut Connection<I, bytes::Bytes>,
    caller: &Arc<Caller>,
    streams: &TaskTracker,
    progress: &Progress,
) where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let idle = caller.front.state.options.idle_timeout;
    let mut tide = Tide::Quiet;
    let mut patience = pin!(sleep(idle));
    let mut stop = pin!(caller.shutdown.cancelled());
    let mut death = pin!(keep_alive::death(connection.ping_pong(), progress));
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(Ok((request, respond))) = accepted else { return };
                if tide == Tide::Quiet {
                    tide = Tide::Busy;
                }
                streams.spawn(stream::serve(Arc::clone(caller), request, respond));
            }
            () = &mut stop, if tide != Tide::Closing => {
                connection.graceful_shutdown();
                tide = Tide::Closing;
                patience.as_mut().reset(after(FAREWELL));
            }
            () = &mut patience => {
                match tide {
                    _ if !streams.is_empty() => {}
                    Tide::Busy => tide = Tide::Quiet,
                    Tide::Quiet => {
                        connection.graceful_shutdown();
                        tide = Tide::Closing;
                    }
                    Tide::Closing => return,
                }
                patience.as_mut().reset(after(if tide == Tide::Closing { FAREWELL } else { idle }));
            }
            () = &mut death => return,
        }
    }
}

fn after(time: Duration) -> Instant {
    #[expect(clippy::disallowed_methods, reason = "once an idle time, and where it begins")]
    let now = Instant::now();
    now + time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preface_is_known_from_its_first_difference() {
        assert_eq!(is_preface(b""), None);
        assert_eq!(is_preface(b"P"), None);
        assert_eq!(is_preface(b"PO"), Some(false));
        assert_eq!(is_preface(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"), None);
        assert_eq!(is_preface(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0"), Some(true));
        assert_eq!(is_preface(b"PRI * HTTP/1.1\r\n\r\n"), Some(false));
    }
}
