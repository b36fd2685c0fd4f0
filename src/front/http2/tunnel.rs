//! A WebSocket on a stream of HTTP/2 (RFC 8441): CONNECT with `:protocol`, and then the stream's two directions are the connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{Method, Request, Response as HttpResponse};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::front::reply::{self, Form};
use crate::front::serve::linger;
use crate::front::turn::Caller;
use crate::front::{upgrade, websocket};

/// The two directions of a stream.
struct Tunnel {
    incoming: RecvStream,
    outgoing: SendStream<Bytes>,
    /// What has come and was not read yet.
    unread: Bytes,
}

/// Does this request ask for something else than an answer?
pub fn is_meant<B>(request: &Request<B>) -> bool {
    request.method() == Method::CONNECT && request.extensions().get::<Protocol>().is_some()
}

/// Serves a WebSocket to its end; `Some`: it is refused with this.
pub async fn serve(
    caller: &Arc<Caller>,
    request: Request<RecvStream>,
    respond: &mut SendResponse<Bytes>,
) -> Option<HttpResponse<Body>> {
    let state = &caller.front.state;
    let client = caller.client(request.headers());
    match upgrade::connect(state, &request, &client) {
        Ok((accepted, protocol)) => {
            let outgoing = respond.send_response(reply::connected(protocol), false).ok()?;
            let tunnel = Tunnel {
                incoming: request.into_body(),
                outgoing,
                unread: Bytes::new(),
            };
            linger(websocket::run(tunnel, Vec::new(), accepted, &caller.shutdown).await).await;
            None
        }
        Err(rejection) => Some(Form::new(state, request.headers()).refusal(rejection)),
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(self.incoming.poll_data(cx)) {
                Some(data) => self.unread = data.map_err(broken)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread.split_to(length));
        // more may come for what was taken
        self.incoming.flow_control().release_capacity(length).map_err(broken)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.outgoing.reserve_capacity(bytes.len());
        while self.outgoing.capacity() == 0 && !bytes.is_empty() {
            match ready!(self.outgoing.poll_capacity(cx)) {
                Some(room) => _ = room.map_err(broken)?,
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let length = self.outgoing.capacity().min(bytes.len());
        let piece = Bytes::copy_from_slice(&bytes[..length]);
        self.outgoing.send_data(piece, false).map_err(broken)?;
        Poll::Ready(Ok(length))
    }

    /// The connection's task writes what it has.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.outgoing.send_data(Bytes::new(), true).map_err(broken))
    }
}

fn broken(error: h2::Error) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, error)
}
