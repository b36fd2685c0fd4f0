//! GET with a query: the script syntax (XEP-0252), an exchange like any other inside a function call. Off unless it is wanted: a script
//! from another site runs with all rights of the page, and addresses end up in logs.

use http::Request as HttpRequest;

use super::FrontState;
use super::bosh::carry_out;
use super::reply::{Form, Pending, Reply};
use crate::bosh::decode_script;
use crate::manager::{Foreign, Peer};

/// The request is in the query, percent-encoded; `+` is a plus (N02).
pub fn get<B>(state: &FrontState, peer: &Peer, request: &HttpRequest<B>) -> Reply {
    let query = request.uri().query().unwrap_or_default();
    let document: Vec<u8> = percent_encoding::percent_decode_str(query).collect();
    match carry_out(state, peer, decode_script(&document, state.options.xml)) {
        Ok(exchange) => Reply::Pending(Pending {
            exchange,
            form: Form::script(state, request.headers()),
        }),
        Err(Foreign) => Reply::Withheld,
    }
}
