//! The BOSH endpoint: a body's bytes become a `Request`, are exchanged at once, and the answer is left to the connection
//! (XEP-0124 sections 5 and 6).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use bytes::Bytes;
use http::{HeaderMap, Response as HttpResponse};
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt as _;

use super::FrontState;
use super::bodies::BodyLost;
use super::charset::Conversion;
use super::coding::{Coding, Corrupt};
use super::reply::{Form, Pending, Rejection, Reply};
use crate::bosh::{BodyError, Condition, Decoder, Request as BoshRequest, Response};
use crate::manager::{Exchange, Foreign, Peer};

/// POST: one request of a session. Content type, host and query are ignored (A05, FX12); the body alone counts (A04). Nothing of the head is
/// kept while the body comes: it pins the connection's read buffer.
pub struct Post {
    form: Form,
    wrapping: Wrapping,
}

impl Post {
    /// A request with these headers.
    pub fn new(state: &FrontState, headers: &HeaderMap) -> Self {
        Self {
            form: Form::new(state, headers),
            wrapping: Wrapping {
                coding: Coding::of(headers),
                conversion: Conversion::of(headers, &state.options.charsets),
            },
        }
    }

    /// Carries it out; the whole body is there.
    pub fn at_once(self, state: &FrontState, peer: &Peer, body: Bytes) -> Result<Pending, Foreign> {
        let mut intake = Intake::new(state, self.wrapping);
        let read = intake.take(state, body);
        let exchange = intake.end(read, |decoded| carry_out(state, peer, decoded))?;
        Ok(Pending {
            exchange,
            form: self.form,
        })
    }

    /// Reads the body as it comes and carries the request out. There is no await between its last byte and the exchange, and the exchange
    /// is never undone: a request that arrived whole is carried out (FX01).
    pub async fn carry_out<B>(self, state: &FrontState, peer: &Peer, body: B) -> Reply
    where
        B: HttpBody<Data = Bytes, Error = BodyLost> + Unpin,
    {
        self.read(state, body, |decoded| carry_out(state, peer, decoded)).await
    }

    /// Tells a client to go elsewhere (J14). A session that lives came about elsewhere and goes on there, so its client is told nothing
    /// that would end it (P02).
    pub async fn refer<B>(self, state: &FrontState, uri: &str, body: B) -> Reply
    where
        B: HttpBody<Data = Bytes, Error = BodyLost> + Unpin,
    {
        let answer = |decoded: Decoded| {
            Ok(Exchange::answered(match decoded {
                Ok(request) => match &request.sid {
                    Some(sid) if state.manager.knows(sid) => return Err(Foreign),
                    Some(_) => Response::fatal(Condition::ItemNotFound),
                    None => Response::see_other_uri(&request, uri),
                },
                Err(error) => refusal(error),
            }))
        };
        self.read(state, body, answer).await
    }

    async fn read<B>(self, state: &FrontState, mut body: B, act: impl FnOnce(Decoded) -> Result<Exchange, Foreign>) -> Reply
    where
        B: HttpBody<Data = Bytes, Error = BodyLost> + Unpin,
    {
        let Self { form, wrapping } = self;
        let mut intake = Intake::new(state, wrapping);
        let mut read = Ok(());
        let (mut share, mut came) = (state.manager.share(), 0);
        while let Some(frame) = body.frame().await {
            read = match frame.map(Frame::into_data) {
                Ok(Ok(data)) => {
                    came += data.len();
                    share.set(came);
                    intake.take(state, data)
                }
                Ok(Err(_trailers)) => Ok(()),
                Err(BodyLost::Late) => return Reply::Known(form.refusal(Rejection::Timeout)),
                // hyper could not make out the chunks
                Err(BodyLost::Broken) => Err(Early::Answered(Response::fatal(Condition::BadRequest))),
            };
            if read.is_err() {
                break;
            }
            share.room().await;
        }
        match intake.end(read, act) {
            Ok(exchange) => Reply::Pending(Pending { exchange, form }),
            Err(Foreign) => Reply::Withheld,
        }
    }
}

/// OPTIONS: what a browser asks before it posts XML to another site (N06).
pub async fn preflight(State(state): State<Arc<FrontState>>, request: Request) -> HttpResponse<Body> {
    Form::new(&state, request.headers()).preflight(request.headers())
}

/// GET and HEAD: a page for humans and health checks (A18). With a query it would be the script syntax, which is not spoken here (N01).
pub async fn info(State(state): State<Arc<FrontState>>, request: Request) -> HttpResponse<Body> {
    let form = Form::new(&state, request.headers());
    match request.uri().query() {
        None => form.note("This is a BOSH endpoint (XEP-0124). Point an XMPP client here; it will POST.\n"),
        Some(_) => form.refusal(Rejection::NotFound),
    }
}

/// Every other method has no meaning here (A18).
pub async fn refuse(State(state): State<Arc<FrontState>>, request: Request) -> HttpResponse<Body> {
    Form::new(&state, request.headers()).refusal(Rejection::MethodNotAllowed)
}

/// How the body is written down.
struct Wrapping {
    coding: Coding,
    conversion: Conversion,
}

impl Wrapping {
    /// Takes the next piece of the document, in UTF-8, out of what came.
    fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, Corrupt> {
        let piece = self.coding.next(input)?;
        piece.map(|piece| self.conversion.convert(piece, false)).transpose()
    }

    /// Is nothing missing at its end?
    fn is_complete(&mut self) -> bool {
        self.coding.is_complete() && self.conversion.convert(Bytes::new(), true).is_ok()
    }
}

/// A body on its way into a request.
struct Intake {
    wrapping: Wrapping,
    decoder: Decoder,
    /// Bytes that may still come, and that may still become of them: packed nothing is endless.
    packed_room: usize,
    room: usize,
}

/// What a body turns out to be.
type Decoded = Result<Box<BoshRequest>, BodyError>;

/// Why the rest of a body does not count.
enum Early {
    GivenUp(Condition),
    Answered(Response),
}

impl Intake {
    fn new(state: &FrontState, wrapping: Wrapping) -> Self {
        Self {
            wrapping,
            decoder: Decoder::new(state.options.xml),
            packed_room: state.options.body_bytes,
            room: state.options.body_bytes,
        }
    }

    fn take(&mut self, state: &FrontState, mut packed: Bytes) -> Result<(), Early> {
        let too_large = Err(Early::GivenUp(Condition::PolicyViolation));
        // what fits tells whose fault it is
        let excess = packed.split_off(packed.len().min(self.packed_room));
        self.packed_room -= packed.len();
        loop {
            let bytes = match self.wrapping.next(&mut packed) {
                Ok(Some(bytes)) => bytes,
                Ok(None) if excess.is_empty() => return Ok(()),
                Ok(None) => return too_large,
                Err(Corrupt) => return Err(Early::GivenUp(Condition::BadRequest)),
            };
            match self.decoder.feed(&bytes) {
                Ok(Some(Some(sid))) if !state.manager.knows(sid) => {
                    return Err(Early::Answered(Response::fatal(Condition::ItemNotFound)));
                }
                Ok(_) => {}
                Err(error) => return Err(Early::Answered(refusal(error))),
            }
            let Some(left) = self.room.checked_sub(bytes.len()) else {
                return too_large;
            };
            self.room = left;
        }
    }

    /// No more of it will come.
    fn end(
        mut self,
        read: Result<(), Early>,
        act: impl FnOnce(Decoded) -> Result<Exchange, Foreign>,
    ) -> Result<Exchange, Foreign> {
        let decoded = match read {
            Err(Early::Answered(response)) => return Ok(Exchange::answered(response)),
            Err(Early::GivenUp(condition)) => self.decoder.give_up(condition),
            Ok(()) if self.wrapping.is_complete() => self.decoder.finish(),
            Ok(()) => self.decoder.give_up(Condition::BadRequest),
        };
        act(decoded)
    }
}

pub(super) fn carry_out(state: &FrontState, peer: &Peer, decoded: Decoded) -> Result<Exchange, Foreign> {
    match decoded {
        Ok(request) => state.manager.exchange(request, peer),
        Err(error) => Ok(Exchange::answered(refusal(error))),
    }
}

/// Without a session there is no telling whether the client knows conditions; it is told one (K04).
fn refusal(error: BodyError) -> Response {
    tracing::debug!(cause = %error, "bad request");
    error.response()
}
