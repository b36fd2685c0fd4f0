//! hyper's turn on a connection: from the first byte of a request until hyper has nothing of it in hand any more, because it was
//! answered or because its answer must be waited for. hyper is then taken off the connection, and never sees it again with that request:
//! [`super::parking`] writes a held request's answer.
//!
//! `Connection::into_parts` loses what hyper has yet to write and what it has yet to read of a body. It is called only with both done;
//! [`Turn::poll_end`] is the judge.

use std::convert::Infallible;
use std::future::{self, Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response as HttpResponse, Version};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::bodies::{Arriving, BodyLost, Departing};
use super::door::Door;
use super::parking::Line;
use super::reply::{Pending, Reply};
use super::tap::{Arrival, Awaited, Tap, Turn};
use super::upgrade::Upgrade;
use super::{Front, Waiting};
use crate::bosh::Response;
use crate::manager::{Exchange, Peer};

/// What every request of one connection is asked with.
pub struct Caller {
    pub front: Arc<Front>,
    /// Where it came in.
    pub door: Arc<Door>,
    /// Who the connection is from; of each request it may be somebody else.
    pub peer: Peer,
    /// From then on every answer is the connection's last.
    pub shutdown: CancellationToken,
}

impl Caller {
    /// Who a request with these headers is from.
    pub fn client(&self, headers: &HeaderMap) -> Peer {
        self.door.client(self.peer, headers)
    }

    /// What a request comes to at this door.
    pub async fn reply<B>(&self, request: Request<B>) -> Reply
    where
        B: HttpBody<Data = Bytes, Error = BodyLost> + Send + Unpin + 'static,
    {
        match &self.door.redirect {
            Some(redirect) => redirect.reply(&self.front.state, request).await,
            None => {
                let client = self.client(request.headers());
                self.front.reply(request, &client, &self.door).await
            }
        }
    }
}

/// How hyper's turn ended.
pub enum Outcome<I> {
    /// Everything that came is answered; the next request may come.
    Answered(Line<I>),
    /// A request waits for its answer.
    Held(Line<I>, Held),
    /// The connection becomes a WebSocket, with what was read of it already.
    Upgraded(I, Vec<u8>, Box<Upgrade>),
    /// The connection carries no further request.
    Over(I),
}

/// Why hyper is taken off.
pub enum End {
    Answered,
    Held(Held),
    Upgraded(Box<Upgrade>),
    Over,
}

/// Does the connection outlive the answer?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Persistence {
    KeepAlive,
    Close,
}

/// A request that waits for its answer outside hyper.
pub struct Held {
    pending: Pending,
    version: Version,
    persistence: Persistence,
}

/// Gives hyper a connection. The future is large; box it, so that it is gone while the connection waits.
pub async fn run<I>(caller: &Arc<Caller>, line: Line<I>) -> Outcome<I>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let options = &caller.front.state.options;
    let (io, before) = line.into_parts();
    let turn = Arc::new(Turn::default());
    let asker = Asker {
        caller: Arc::clone(caller),
        turn: Arc::clone(&turn),
    };
    let mut hyper = caller
        .front
        .http
        .serve_connection(TokioIo::new(Tap::new(io, before, Arc::clone(&turn))), asker);
    // One deadline at a time, and only for what does not come at once. hyper's own would be set, and unset, for the next head, too.
    let mut patience = pin!(tokio::time::sleep(options.head_timeout));
    let mut awaited = Awaited::Head;
    let end = poll_fn(|cx| {
        loop {
            if hyper.poll_without_shutdown(cx).is_ready() {
                return Poll::Ready(End::Over);
            }
            if let Poll::Ready(end) = turn.poll_end(options.waiting) {
                return Poll::Ready(end);
            }
            if awaited != turn.awaits() {
                awaited = turn.awaits();
                patience.set(tokio::time::sleep(options.body_timeout));
            }
            if awaited == Awaited::Nothing {
                return Poll::Pending;
            }
            ready!(patience.as_mut().poll(cx));
            if awaited == Awaited::Head {
                return Poll::Ready(End::Over);
            }
            turn.give_up_body();
        }
    })
    .await;
    let parts = hyper.into_parts();
    let (io, unread) = parts.io.into_inner().into_parts();
    match end {
        End::Over => Outcome::Over(io),
        End::Upgraded(upgrade) => Outcome::Upgraded(io, [&parts.read_buf[..], &unread].concat(), upgrade),
        End::Answered => Outcome::Answered(Line::resumed(io, &[&parts.read_buf, &unread])),
        End::Held(held) => Outcome::Held(Line::resumed(io, &[&parts.read_buf, &unread]), held),
    }
}

impl Held {
    /// A request that was read without hyper.
    pub fn plain(pending: Pending) -> Self {
        Self {
            pending,
            version: Version::HTTP_11,
            persistence: Persistence::KeepAlive,
        }
    }

    pub fn persistence(&self) -> Persistence {
        self.persistence
    }

    pub fn release(&self) {
        self.pending.exchange.release();
    }

    pub fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Response> {
        self.pending.exchange.poll_response(cx)
    }

    /// The answer's head, its body, and who wants to know when both have left.
    pub fn answer(self, response: Response, persistence: Persistence) -> (Vec<u8>, Bytes, Exchange) {
        let Pending { exchange, form } = self.pending;
        let dressed = form.dress(response);
        (form.head(&dressed, self.version, persistence), dressed.body, exchange)
    }
}

impl Persistence {
    /// What the request's version and `Connection` say, as hyper reads them.
    fn of(version: Version, headers: &HeaderMap) -> Self {
        let says = |token: &str| {
            let values = headers
                .get_all(header::CONNECTION)
                .iter()
                .filter_map(|value| value.to_str().ok());
            values
                .flat_map(|value| value.split(','))
                .any(|part| part.trim().eq_ignore_ascii_case(token))
        };
        let keeps = version != Version::HTTP_10 || says("keep-alive");
        if keeps && !says("close") {
            Self::KeepAlive
        } else {
            Self::Close
        }
    }
}

/// The service that hyper calls with each request.
struct Asker {
    caller: Arc<Caller>,
    turn: Arc<Turn>,
}

impl Service<Request<Incoming>> for Asker {
    type Response = HttpResponse<Departing>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.turn.asked(&request);
        Box::pin(ask(Arc::clone(&self.caller), Arc::clone(&self.turn), request))
    }
}

/// One request, and its answer if that is known at once; if not, this never ends and hyper is taken off.
async fn ask(caller: Arc<Caller>, turn: Arc<Turn>, request: Request<Incoming>) -> Result<HttpResponse<Departing>, Infallible> {
    let version = request.version();
    let wish = Persistence::of(version, request.headers());
    // with a Content-Length beside it, which hyper hides, nothing behind it may be believed (RFC 9112 section 6.1); clients send none
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let request = request.map(|body| Arriving::new(body, Arc::clone(&turn)));
    let reply = caller.reply(request).await;
    // an answer ahead of its request's last byte is the connection's last: what follows would have to be read first
    let last = caller.shutdown.is_cancelled() || chunked || turn.arrival() != Arrival::Whole;
    let persistence = if last { Persistence::Close } else { wish };
    let (mut response, exchange) = match reply {
        Reply::Withheld => {
            turn.withhold();
            return future::pending().await;
        }
        Reply::Known(response) => (response, None),
        Reply::Upgrade(upgrade) => {
            turn.upgrade(upgrade);
            return future::pending().await;
        }
        Reply::Pending(mut pending) => {
            let answer = match poll_fn(|cx| Poll::Ready(pending.exchange.poll_response(cx))).await {
                Poll::Ready(answer) => answer,
                Poll::Pending => match caller.front.state.options.waiting {
                    Waiting::Inside => poll_fn(|cx| pending.exchange.poll_response(cx)).await,
                    Waiting::Parked => {
                        turn.hold(Held {
                            pending,
                            version,
                            persistence,
                        });
                        return future::pending().await;
                    }
                },
            };
            (pending.form.answer(answer), Some(pending.exchange))
        }
    };
    if last {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Departing::new(body, turn, exchange, persistence)))
}
