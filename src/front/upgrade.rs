//! May this request make its connection, or its stream of HTTP/2, a WebSocket for XMPP (RFC 6455 section 4.2.1, RFC 7395 section 3.1)?

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Version};
use sha1::{Digest as _, Sha1};

use super::FrontState;
use super::reply::{Form, Rejection, Reply};
use super::websocket::Accepted;
use crate::manager::Peer;

/// The subprotocol of XMPP.
const XMPP: &str = "xmpp";

/// The one version of WebSocket that there is.
const VERSION: &str = "13";

/// Behind a key, what makes its hash an answer (RFC 6455 section 1.3).
const ACCEPT: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Bytes that a key stands for.
const KEY_BYTES: usize = 16;

/// A connection that becomes a WebSocket, once its client was told so.
pub struct Upgrade {
    pub accepted: Accepted,
    /// The subprotocol as the client wrote it, which browsers compare letter by letter.
    pub protocol: HeaderValue,
    /// Proves to an HTTP/1 client that its request was understood.
    pub key: HeaderValue,
}

/// Judges a request on HTTP/1.
pub fn judge<B: http_body::Body>(state: &FrontState, request: &Request<B>, peer: &Peer) -> Reply {
    let upgrade = key(request).and_then(|key| {
        let (accepted, protocol) = accept(state, request.headers(), peer)?;
        Ok(Box::new(Upgrade { accepted, protocol, key }))
    });
    match upgrade {
        Ok(upgrade) => Reply::Upgrade(upgrade),
        Err(rejection) => Reply::Known(Form::new(state, request.headers()).refusal(rejection)),
    }
}

/// Judges a CONNECT of HTTP/2 that names a protocol (RFC 8441): the stream that carries the WebSocket, and the subprotocol.
///
/// # Errors
/// It is refused.
pub fn connect<B>(state: &FrontState, request: &Request<B>, peer: &Peer) -> Result<(Accepted, HeaderValue), Rejection> {
    if state.options.websocket.as_deref() != Some(request.uri().path()) {
        return Err(Rejection::NotFound);
    }
    match request.extensions().get::<h2::ext::Protocol>() {
        Some(protocol) if protocol.as_str() == "websocket" => accept(state, request.headers(), peer),
        _ => Err(Rejection::BadHandshake),
    }
}

/// The answer to the client's key, if it asks for a WebSocket at all.
fn key<B: http_body::Body>(request: &Request<B>) -> Result<HeaderValue, Rejection> {
    let headers = request.headers();
    let asks = has_token(headers, &header::UPGRADE, "websocket") && has_token(headers, &header::CONNECTION, "upgrade");
    if !asks || request.version() != Version::HTTP_11 {
        return Err(Rejection::UpgradeRequired);
    }
    // behind a body the first frame could be mistaken
    if !request.body().is_end_stream() {
        return Err(Rejection::BadHandshake);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or(Rejection::BadHandshake)?;
    let decoded = STANDARD.decode(key).map_err(|_| Rejection::BadHandshake)?;
    if decoded.len() != KEY_BYTES {
        return Err(Rejection::BadHandshake);
    }
    let hash = Sha1::new().chain_update(key).chain_update(ACCEPT).finalize();
    HeaderValue::try_from(STANDARD.encode(hash)).map_err(|_| Rejection::BadHandshake)
}

/// What holds whatever the version of HTTP.
fn accept(state: &FrontState, headers: &HeaderMap, peer: &Peer) -> Result<(Accepted, HeaderValue), Rejection> {
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != VERSION)
    {
        return Err(Rejection::UpgradeRequired);
    }
    if !state.standing.cors.admits(headers) {
        return Err(Rejection::ForeignOrigin);
    }
    let protocol = tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).find(|token| token.eq_ignore_ascii_case(XMPP));
    let protocol = protocol.and_then(|protocol| HeaderValue::from_str(protocol).ok());
    let protocol = protocol.ok_or(Rejection::OtherProtocol)?;
    let accepted = Accepted {
        frames: state.manager.frames(peer).ok_or(Rejection::Unavailable)?,
        share: state.manager.share(),
        message_bytes: state.options.body_bytes,
    };
    Ok((accepted, protocol))
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

/// The elements of a list, however many headers it stands in.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}
