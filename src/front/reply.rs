//! What goes back over HTTP: a `Response`, a preflight or a `Rejection` with every header (XEP-0124 sections 5 and 17.1). The
//! only file with status codes.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response as HttpResponse, StatusCode, Version};
use http_body::Body as _;

use super::FrontState;
use super::coding::{gzip, takes_gzip};
use super::cors::{self, Grant};
use super::standing::{Standing, write_header};
use super::turn::Persistence;
use super::upgrade::Upgrade;
use crate::bosh::{Condition, Response, script_call};
use crate::manager::Exchange;

/// The type that clients parse as XML; JSJaC insists on one (M01).
const TEXT_XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");

/// Of the script syntax (N04).
const TEXT_JAVASCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");

const TEXT_PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Methods of the endpoint.
const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// An HTTP-level refusal, before any meaning in BOSH.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rejection {
    NotFound,
    MethodNotAllowed,
    /// The body took too long.
    Timeout,
    /// This is a place for WebSockets.
    UpgradeRequired,
    /// It would be a WebSocket, if it were well-formed.
    BadHandshake,
    /// Nothing but XMPP is spoken here.
    OtherProtocol,
    /// A page that may not use this service.
    ForeignOrigin,
    /// There is no place for another session.
    Unavailable,
}

/// How one request's answer is to be written, whatever it will be: nothing of the request itself is kept for it.
#[derive(Clone, Debug)]
pub struct Form {
    standing: Arc<Standing>,
    grant: Grant,
    packing: Packing,
    /// The answer is a call of a function (XEP-0252).
    script: bool,
}

/// In which coding the answer may leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Packing {
    /// The operator wants none.
    Never,
    /// The client takes none.
    Unwanted,
    Gzip,
}

/// An answer as it leaves.
pub struct Dressed {
    response: Response,
    pub body: Bytes,
    packed: bool,
}

/// What a request comes to.
pub enum Reply {
    Known(HttpResponse<Body>),
    Pending(Pending),
    /// Nothing is said, and its connection or stream is closed (P02).
    Withheld,
    /// The connection is to become a WebSocket.
    Upgrade(Box<Upgrade>),
}

/// A request carried out, its answer to come, or there already: the exchange knows.
pub struct Pending {
    pub exchange: Exchange,
    pub form: Form,
}

impl Form {
    /// The form of the answer to a request with these headers.
    pub fn new(state: &FrontState, request: &HeaderMap) -> Self {
        Self {
            standing: Arc::clone(&state.standing),
            grant: state.standing.cors.grant(request),
            packing: match state.options.compression {
                false => Packing::Never,
                true if takes_gzip(request) => Packing::Gzip,
                true => Packing::Unwanted,
            },
            script: false,
        }
    }

    /// The same in script syntax.
    pub fn script(state: &FrontState, request: &HeaderMap) -> Self {
        Self {
            script: true,
            ..Self::new(state, request)
        }
    }

    /// The answer of a session as this request's client takes it: a replay is the same XML, in whatever coding is asked for now (T14).
    pub fn dress(&self, mut response: Response) -> Dressed {
        if self.script {
            // what we encode is UTF-8
            response.body = script_call(&String::from_utf8_lossy(&response.body)).into();
        }
        let packed = match self.packing {
            Packing::Gzip => gzip(&response),
            Packing::Never | Packing::Unwanted => None,
        };
        Dressed {
            packed: packed.is_some(),
            body: packed.unwrap_or_else(|| response.body.clone()),
            response,
        }
    }

    /// The answer of a session; with an HTTP code for those who know no conditions (section 17.1), the body stays for those who do.
    pub fn answer(&self, response: Response) -> HttpResponse<Body> {
        let dressed = self.dress(response);
        let mut reply = HttpResponse::new(Body::from(dressed.body.clone()));
        *reply.status_mut() = status(&dressed.response);
        let mut put = |name, value| _ = reply.headers_mut().append(name, value);
        self.standing.headers(&mut put);
        self.answer_headers(&dressed, put);
        reply
    }

    /// The head of that answer on HTTP/1, byte for byte as hyper writes it.
    pub fn head(&self, dressed: &Dressed, version: Version, persistence: Persistence) -> Vec<u8> {
        let (version, connection) = match (version, persistence) {
            (Version::HTTP_10, Persistence::KeepAlive) => ("HTTP/1.0", "connection: keep-alive\r\n"),
            (Version::HTTP_10, Persistence::Close) => ("HTTP/1.0", ""),
            (_, Persistence::KeepAlive) => ("HTTP/1.1", ""),
            (_, Persistence::Close) => ("HTTP/1.1", "connection: close\r\n"),
        };
        let mut head = Vec::with_capacity(1024);
        let status = status(&dressed.response);
        let reason = status.canonical_reason().unwrap_or_default();
        for part in [version, " ", status.as_str(), " ", reason, "\r\n"] {
            head.extend_from_slice(part.as_bytes());
        }
        head.extend_from_slice(self.standing.written());
        self.answer_headers(dressed, |name, value| write_header(&mut head, &name, &value));
        head.extend_from_slice(connection.as_bytes());
        head.extend_from_slice(b"\r\n");
        head
    }

    /// The answer to OPTIONS, with or without an Origin (N06).
    pub fn preflight(&self, request: &HeaderMap) -> HttpResponse<Body> {
        let mut reply = self.reply(StatusCode::NO_CONTENT, None, Body::empty());
        let headers = reply.headers_mut();
        headers.insert(header::ALLOW, ALLOW);
        if self.grant != Grant::Nobody {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("POST, GET, OPTIONS"),
            );
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, cors::allowed_headers(request));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        }
        reply
    }

    /// The answer to a poll of XEP-0025: clients look for the id in every one (HP01).
    pub fn polled(&self, id: &str, path: &str, body: Body) -> HttpResponse<Body> {
        let mut reply = self.reply(StatusCode::OK, TEXT_XML, body);
        // ids and paths are made of characters that a header may have
        if let Ok(cookie) = HeaderValue::try_from(format!("ID={id}; path={path}")) {
            reply.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        reply
    }

    /// A short text for a human.
    pub fn note(&self, text: &'static str) -> HttpResponse<Body> {
        self.reply(StatusCode::OK, TEXT_PLAIN, Body::from(text))
    }

    /// This request belongs there. What is fetched is fetched again, all else is done there as it is.
    pub fn moved(&self, request: &Method, location: &str) -> HttpResponse<Body> {
        let mut reply = self.note("this is served over HTTPS\n");
        *reply.status_mut() = match *request {
            Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
            _ => StatusCode::PERMANENT_REDIRECT,
        };
        // it has come as one
        if let Ok(location) = HeaderValue::try_from(location) {
            reply.headers_mut().insert(header::LOCATION, location);
        }
        reply
    }

    /// A refusal. Its text is for a human; no client reads it.
    pub fn refusal(&self, rejection: Rejection) -> HttpResponse<Body> {
        let (status, text) = match rejection {
            Rejection::NotFound => (StatusCode::NOT_FOUND, "not found\n"),
            Rejection::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n"),
            Rejection::Timeout => (StatusCode::REQUEST_TIMEOUT, "the body took too long\n"),
            Rejection::UpgradeRequired => (StatusCode::UPGRADE_REQUIRED, "XMPP over WebSocket (RFC 7395), version 13\n"),
            Rejection::BadHandshake => (StatusCode::BAD_REQUEST, "no handshake of a WebSocket\n"),
            Rejection::OtherProtocol => (StatusCode::BAD_REQUEST, "Sec-WebSocket-Protocol must have xmpp\n"),
            Rejection::ForeignOrigin => (StatusCode::FORBIDDEN, "not for pages of this origin\n"),
            Rejection::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "no place left\n"),
        };
        let mut reply = self.note(text);
        *reply.status_mut() = status;
        let headers = reply.headers_mut();
        match rejection {
            Rejection::MethodNotAllowed => _ = headers.insert(header::ALLOW, ALLOW),
            Rejection::UpgradeRequired => {
                headers.insert(header::UPGRADE, WEBSOCKET);
                headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            _ => {}
        }
        reply
    }

    fn reply(&self, status: StatusCode, kind: impl Into<Option<HeaderValue>>, body: Body) -> HttpResponse<Body> {
        let mut reply = HttpResponse::new(body);
        *reply.status_mut() = status;
        let mut put = |name, value| _ = reply.headers_mut().append(name, value);
        self.standing.headers(&mut put);
        put(header::DATE, date());
        kind.into().into_iter().for_each(|kind| put(header::CONTENT_TYPE, kind));
        self.standing.cors.headers(&self.grant, put);
        reply
    }

    /// Of an answer, in the type that its client chose (M02).
    ///
    /// What lets a page of another site read it comes last: of an answer that is cut off within its head, Chromium takes what came for the
    /// whole (over plain HTTP), and would tell the page of an empty answer, where a page that may not read it tries again.
    fn answer_headers(&self, dressed: &Dressed, mut put: impl FnMut(HeaderName, HeaderValue)) {
        let content = dressed.response.content.as_deref();
        let chosen = content.and_then(|kind| HeaderValue::from_str(kind).ok());
        let usual = if self.script { TEXT_JAVASCRIPT } else { TEXT_XML };
        put(header::DATE, date());
        put(header::CONTENT_TYPE, chosen.unwrap_or(usual));
        put(header::CONTENT_LENGTH, dressed.body.len().into());
        if dressed.packed {
            put(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if self.packing != Packing::Never {
            put(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if self.script {
            put(header::PRAGMA, HeaderValue::from_static("no-cache"));
        }
        self.standing.cors.headers(&self.grant, put);
    }
}

/// What anybody may read from anywhere (XEP-0156 section 3), and keep for as long as a mistake in it may live.
pub fn document(kind: HeaderValue, content: Bytes) -> HttpResponse<Body> {
    let mut reply = HttpResponse::new(Body::from(content));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=600"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, header::HOST.into());
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    reply
}

/// What hyper adds to an answer by itself on HTTP/1, for a connection that is not hyper's; and without what belongs to HTTP/1.
pub fn complete(mut reply: HttpResponse<Body>) -> HttpResponse<Body> {
    let bodiless = matches!(reply.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let length = reply.body().size_hint().exact();
    let headers = reply.headers_mut();
    headers.entry(header::DATE).or_insert_with(date);
    // which say nothing about a stream
    headers.remove(header::CONNECTION);
    headers.remove(header::UPGRADE);
    if bodiless {
        // axum gives everything one
        headers.remove(header::CONTENT_LENGTH);
    } else if let Some(length) = length {
        headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    reply
}

/// Does a client hold its body back until it is told to go on?
pub fn expects_continue(request: &HeaderMap) -> bool {
    let expected = request.get(header::EXPECT);
    expected.is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// What it is told.
pub fn go_on() -> HttpResponse<()> {
    let mut reply = HttpResponse::new(());
    *reply.status_mut() = StatusCode::CONTINUE;
    reply
}

/// The head after which a connection of HTTP/1.1 is a WebSocket. No extension is agreed on: to compress passwords beside texts of
/// others would show them by their length (M06).
pub fn switching(key: HeaderValue, protocol: HeaderValue) -> Vec<u8> {
    let mut head = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
    for (name, value) in [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, WEBSOCKET),
        (header::SEC_WEBSOCKET_ACCEPT, key),
        (header::SEC_WEBSOCKET_PROTOCOL, protocol),
        (header::DATE, date()),
    ] {
        write_header(&mut head, &name, &value);
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The answer after which a stream of HTTP/2 is a WebSocket.
pub fn connected(protocol: HeaderValue) -> HttpResponse<()> {
    let mut reply = HttpResponse::new(());
    reply.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    reply.headers_mut().insert(header::DATE, date());
    reply
}

/// A page's headers; `None` for the one whose copy the browser still has.
pub fn page(etag: &HeaderValue, content: Option<(&'static str, &'static [u8])>) -> HttpResponse<Body> {
    let mut reply = HttpResponse::new(content.map_or_else(Body::empty, |(_, bytes)| Body::from(bytes)));
    let headers = reply.headers_mut();
    headers.insert(header::ETAG, etag.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    match content {
        Some((kind, _)) => _ = headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        None => *reply.status_mut() = StatusCode::NOT_MODIFIED,
    }
    reply
}

/// A page runs our own files and talks to us; nothing else may be loaded, framed or posted to.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Now, which is put into words once a second.
fn date() -> HeaderValue {
    thread_local!(static LAST: RefCell<(u64, HeaderValue)> = const { RefCell::new((0, HeaderValue::from_static(""))) });
    #[expect(clippy::disallowed_methods, reason = "the header is about the wall clock")]
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    LAST.with_borrow_mut(|(of, date)| {
        if *of != second
            && let Ok(words) = HeaderValue::try_from(httpdate::fmt_http_date(now))
        {
            (*of, *date) = (second, words);
        }
        date.clone()
    })
}

fn status(response: &Response) -> StatusCode {
    response.legacy.map_or(StatusCode::OK, legacy_code)
}

/// Section 17.1, for clients that sent no `ver`; other conditions have no code (K02).
fn legacy_code(condition: Condition) -> StatusCode {
    match condition {
        Condition::BadRequest => StatusCode::BAD_REQUEST,
        Condition::PolicyViolation => StatusCode::FORBIDDEN,
        Condition::ItemNotFound => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}

#[cfg(test)]
mod tests {
    use super::super::cors::Cors;
    use super::*;

    fn form() -> Form {
        Form {
            standing: Arc::new(Standing::new(Cors::default(), &[])),
            grant: Cors::default().grant(&HeaderMap::new()),
            packing: Packing::Never,
            script: false,
        }
    }

    // K01, K02
    #[test]
    fn three_conditions_have_a_code_for_legacy_clients() {
        let status = |condition, legacy| {
            form()
                .answer(Response {
                    legacy,
                    ..Response::fatal(condition)
                })
                .status()
                .as_u16()
        };
        assert_eq!(status(Condition::BadRequest, Some(Condition::BadRequest)), 400);
        assert_eq!(status(Condition::PolicyViolation, Some(Condition::PolicyViolation)), 403);
        assert_eq!(status(Condition::ItemNotFound, Some(Condition::ItemNotFound)), 404);
        assert_eq!(status(Condition::HostUnknown, Some(Condition::HostUnknown)), 200);
        assert_eq!(status(Condition::ItemNotFound, None), 200);
    }

    #[test]
    fn what_lets_other_sites_read_it_comes_last() {
        let response = Response::fatal(Condition::ItemNotFound);
        let head = form().head(&form().dress(response), Version::HTTP_11, Persistence::KeepAlive);
        assert!(
            head.ends_with(b"\r\naccess-control-allow-origin: *\r\n\r\n"),
            "{}",
            String::from_utf8_lossy(&head)
        );
    }

    // M01
    #[test]
    fn an_answer_is_xml_that_nobody_may_store_or_guess_at() {
        let reply = form().answer(Response::fatal(Condition::ItemNotFound));
        assert_eq!(reply.headers()["content-type"], "text/xml; charset=utf-8");
        assert_eq!(reply.headers()["cache-control"], "no-store");
        assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers()["access-control-allow-origin"], "*");
    }
}
