//! The BOSH endpoint: a body's bytes become a `Request`, are exchanged at once, and the answer is left to the connection
//! (XEP-0124 sections 5 and 6).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use bytes::Bytes;
use http::{Request as HttpRequest, Response as HttpResponse};
use http_body_util::BodyExt as _;

use super::FrontState;
use super::bodies::{Arriving, BodyLost};
use super::charset::Conversion;
use super::coding::{Coding, Corrupt};
use super::reply::{Form, Pending, Rejection, Reply};
use crate::bosh::{BodyError, Condition, Decoder, Request as BoshRequest, Response};
use crate::manager::{Exchange, Peer};

/// POST: one request of a session. Content type, host and query are ignored (A05, FX12); the body alone counts (A04). Nothing of the head is
/// kept while the body comes: it pins the connection's read buffer.
pub struct Post {
    form: Form,
    wrapping: Wrapping,
    body: Arriving,
}

impl Post {
    pub fn new(state: &FrontState, request: HttpRequest<Arriving>) -> Self {
        let headers = request.headers();
        Self {
            form: Form::new(state, headers),
            wrapping: Wrapping {
                coding: Coding::of(headers),
                conversion: Conversion::of(headers, &state.options.charsets),
            },
            body: request.into_body(),
        }
    }

    pub async fn carry_out(self, state: &FrontState, peer: &Peer) -> Reply {
        let Self { form, wrapping, body } = self;
        match exchange(state, peer, body, wrapping).await {
            Ok(exchange) => Reply::Pending(Pending { exchange, form }),
            Err(rejection) => Reply::Known(form.refusal(rejection)),
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

/// Reads the body as it comes. There is no await between its last byte and the exchange, and the exchange is never undone:
/// a request that arrived whole is carried out (FX01).
async fn exchange(state: &FrontState, peer: &Peer, mut body: Arriving, mut wrapping: Wrapping) -> Result<Exchange, Rejection> {
    let mut decoder = Decoder::new(state.options.xml);
    // what comes is counted as well as what becomes of it: packed nothing is endless
    let (mut packed_room, mut room) = (state.options.body_bytes, state.options.body_bytes);
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(BodyLost::Late) => return Err(Rejection::Timeout),
            // hyper could not make out the chunks
            Err(BodyLost::Broken) => return Ok(Exchange::answered(Response::fatal(Condition::BadRequest))),
        };
        let Ok(mut packed) = frame.into_data() else { continue };
        match packed_room.checked_sub(packed.len()) {
            Some(left) => packed_room = left,
            None => return Ok(carry_out(state, peer, decoder.give_up(Condition::PolicyViolation))),
        }
        loop {
            let bytes = match wrapping.next(&mut packed) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(Corrupt) => return Ok(carry_out(state, peer, decoder.give_up(Condition::BadRequest))),
            };
            match decoder.feed(&bytes) {
                Ok(Some(Some(sid))) if !state.manager.knows(sid) => {
                    return Ok(Exchange::answered(Response::fatal(Condition::ItemNotFound)));
                }
                Ok(_) => {}
                Err(error) => return Ok(refused(error)),
            }
            match room.checked_sub(bytes.len()) {
                Some(left) => room = left,
                None => return Ok(carry_out(state, peer, decoder.give_up(Condition::PolicyViolation))),
            }
        }
    }
    let decoded = if wrapping.is_complete() {
        decoder.finish()
    } else {
        decoder.give_up(Condition::BadRequest)
    };
    Ok(carry_out(state, peer, decoded))
}

pub(super) fn carry_out(state: &FrontState, peer: &Peer, decoded: Result<Box<BoshRequest>, BodyError>) -> Exchange {
    match decoded {
        Ok(request) => state.manager.exchange(request, peer),
        Err(error) => refused(error),
    }
}

/// Without a session there is no telling whether the client knows conditions; it is told one (K04).
fn refused(error: BodyError) -> Exchange {
    tracing::debug!(cause = %error, "bad request");
    Exchange::answered(error.response())
}
