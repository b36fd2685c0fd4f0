//! Is the client still there? A connection on which nothing moves is asked by a PING, which also keeps the way open through boxes that
//! forget silent connections.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::{Ping, PingPong};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{sleep, timeout};

/// Below the minute after which the more impatient boxes on the way forget a silent connection. A silence is noticed after one to two of
/// these.
const INTERVAL: Duration = Duration::from_secs(45);

/// An answer takes no longer on a network that carries anything at all. What moves meanwhile, an answer on a slow line above all,
/// counts as one, too; the PING itself moves, so a client that vanished is let go after two of these.
const PATIENCE: Duration = Duration::from_secs(15);

/// Have bytes come or gone since the last look?
#[derive(Debug, Default)]
pub struct Progress(AtomicBool);

impl Progress {
    fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Returns when the other end is gone without a word.
pub async fn death(pings: Option<PingPong>, progress: &Progress) {
    let Some(mut pings) = pings else {
        // `h2` gives them out once, and it was we who asked
        return std::future::pending().await;
    };
    loop {
        sleep(INTERVAL).await;
        if progress.take() {
            continue;
        }
        if pings.send_ping(Ping::opaque()).is_err() {
            return;
        }
        loop {
            match timeout(PATIENCE, poll_fn(|cx| pings.poll_pong(cx))).await {
                Ok(Ok(_)) => break,
                Err(_) if progress.take() => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }
}

/// The connection as `h2` sees it: first the bytes that were read before, then the socket.
pub struct Watched<I> {
    io: I,
    before: Bytes,
    progress: Arc<Progress>,
}

impl<I> Watched<I> {
    pub fn new(io: I, before: Bytes, progress: Arc<Progress>) -> Self {
        Self { io, before, progress }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.before.is_empty() {
            let length = self.before.len().min(buffer.remaining());
            buffer.put_slice(&self.before.split_to(length));
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        self.progress.note();
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.progress.note();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices))?;
        self.progress.note();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Left to [`super::run`], which hears the client out behind it.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }
}
