//! One request on its stream, from its head to the last byte of its answer.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use axum::body::Body;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response as HttpResponse};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::tunnel;
use super::upload::Upload;
use crate::bosh::Response;
use crate::front::reply::{self, Reply};
use crate::front::serve::UNREAD;
use crate::front::turn::Caller;
use crate::manager::Exchange;

/// The client has taken the stream back, or the connection is gone.
struct Lost;

/// Carries out a request and sends its answer. Whatever ends it first, a reset by the client, the end of the connection or an answer that
/// is not read, drops the exchange, which tells the session that its way back is gone (O04).
pub async fn serve(caller: Arc<Caller>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    if tunnel::is_meant(&request) {
        if let Some(refusal) = tunnel::serve(&caller, request, &mut respond).await {
            let _ = timeout(UNREAD, send(refusal, respond)).await;
        }
        return;
    }
    if reply::expects_continue(request.headers()) {
        // if it cannot be said, the rest will not come
        let _ = respond.send_informational(reply::go_on());
    }
    // boxed, so that it is gone before the wait
    let Ok(reply) = timeout(UNREAD, Box::pin(ask(&caller, request))).await else {
        return;
    };
    let (response, exchange) = match reply {
        // only the stream ends: the connection may be a proxy's, with others' requests on it
        Reply::Withheld => return respond.send_reset(Reason::CANCEL),
        Reply::Known(response) => (response, None),
        Reply::Pending(mut pending) => {
            let Ok(answer) = wait(&mut pending.exchange, &mut respond).await else {
                return;
            };
            (pending.form.answer(answer), Some(pending.exchange))
        }
        // only a connection of HTTP/1 can become something else
        Reply::Upgrade(_) => return,
    };
    if let Ok(Ok(())) = timeout(UNREAD, send(response, respond)).await
        && let Some(exchange) = exchange
    {
        // the client's window has room for all of it, and at most SEND_BYTES are not with the socket yet
        exchange.written();
    }
}

async fn ask(caller: &Caller, request: Request<RecvStream>) -> Reply {
    let (head, body) = request.into_parts();
    let upload = Upload::new(body, &head.headers, caller.front.state.options.body_timeout);
    caller.reply(Request::from_parts(head, upload)).await
}

/// Waits for the answer. A request that is over already counts before its reset.
async fn wait(exchange: &mut Exchange, respond: &mut SendResponse<Bytes>) -> Result<Response, Lost> {
    poll_fn(|cx| {
        if let Poll::Ready(answer) = exchange.poll_response(cx) {
            return Poll::Ready(Ok(answer));
        }
        respond.poll_reset(cx).map(|_| Err(Lost))
    })
    .await
}

/// Sends an answer as fast as the client's windows take it; `h2` never has more of it than that.
async fn send(response: HttpResponse<Body>, mut respond: SendResponse<Bytes>) -> Result<(), Lost> {
    let (head, mut body) = reply::complete(response).into_parts();
    let head = HttpResponse::from_parts(head, ());
    let mut stream = respond.send_response(head, body.is_end_stream()).map_err(|_| Lost)?;
    if body.is_end_stream() {
        return Ok(());
    }
    while let Some(frame) = body.frame().await {
        // our own bodies have neither errors nor trailers
        let data = frame.map_err(|_| Lost)?.into_data().unwrap_or_default();
        deliver(&mut stream, data, body.is_end_stream()).await?;
        if body.is_end_stream() {
            return Ok(());
        }
    }
    stream.send_data(Bytes::new(), true).map_err(|_| Lost)
}

async fn deliver(stream: &mut SendStream<Bytes>, mut data: Bytes, is_last: bool) -> Result<(), Lost> {
    loop {
        stream.reserve_capacity(data.len());
        while stream.capacity() == 0 && !data.is_empty() {
            let room = poll_fn(|cx| stream.poll_capacity(cx)).await;
            let Some(Ok(_)) = room else { return Err(Lost) };
        }
        let piece = data.split_to(stream.capacity().min(data.len()));
        stream.send_data(piece, is_last && data.is_empty()).map_err(|_| Lost)?;
        if data.is_empty() {
            return Ok(());
        }
    }
}
