//! XEP-0025: POST of a poll, the id in a cookie, and always 200 (HP01, HP03). On a path of its own, where the operator wants it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use http::Response as HttpResponse;
use http_body_util::{BodyExt as _, Limited};

use super::FrontState;
use super::reply::Form;
use crate::http_polling::{Poll, PollError};
use crate::manager::Peer;

pub async fn post(
    State(state): State<Arc<FrontState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> HttpResponse<Body> {
    let (head, body) = request.into_parts();
    let form = Form::new(&state, &head.headers);
    let told = match Limited::new(body, state.options.body_bytes).collect().await {
        Ok(body) => Poll::decode(&body.to_bytes()).and_then(|poll| state.manager.poll(&poll, &peer)),
        Err(_) => Err(PollError::BadRequest),
    };
    let path = state.options.http_polling.as_deref().unwrap_or("/");
    match told {
        Ok((id, said)) => form.polled(&id, path, said.into()),
        Err(error) => form.polled(error.id(), path, Body::empty()),
    }
}
