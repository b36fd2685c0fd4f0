//! Things one GETs: the try-out page from `static/`, or a plain greeting where it is off.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::{MethodRouter, get};
use http::HeaderValue;
use http::header;

use super::FrontState;
use super::reply::{self, Form, Rejection};

type Reply = http::Response<Body>;

/// One file of the try-out page.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    pub path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! asset {
    ($path:literal, $kind:ident, $file:literal) => {
        Asset {
            path: $path,
            kind: $kind,
            bytes: include_bytes!(concat!("../../static/", $file)),
        }
    };
}

/// The whole page, inside the program.
pub const ASSETS: &[Asset] = &[
    asset!("/", HTML, "index.html"),
    asset!("/tryout/style.css", CSS, "style.css"),
    asset!("/tryout/app.js", SCRIPT, "app.js"),
    asset!("/tryout/bosh.js", SCRIPT, "bosh.js"),
    asset!("/tryout/chat.js", SCRIPT, "chat.js"),
    asset!("/tryout/conditions.js", SCRIPT, "conditions.js"),
    asset!("/tryout/conversation.js", SCRIPT, "conversation.js"),
    asset!("/tryout/dom.js", SCRIPT, "dom.js"),
    asset!("/tryout/format.js", SCRIPT, "format.js"),
    asset!("/tryout/log.js", SCRIPT, "log.js"),
    asset!("/tryout/picture.js", SCRIPT, "picture.js"),
    asset!("/tryout/pretty.js", SCRIPT, "pretty.js"),
    asset!("/tryout/session.js", SCRIPT, "session.js"),
    asset!("/tryout/theme.js", SCRIPT, "theme.js"),
    asset!("/tryout/xml.js", SCRIPT, "xml.js"),
];

/// Serves one file; a browser that has it is told so.
pub fn serve(asset: Asset) -> MethodRouter<Arc<FrontState>> {
    let etag = etag(asset.bytes);
    get(async move |request: Request| {
        let known = request
            .headers()
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .any(|known| *known == etag);
        reply::page(&etag, (!known).then_some((asset.kind, asset.bytes)))
    })
}

/// What stands at `/` when the try-out page is off.
pub async fn greeting(State(state): State<Arc<FrontState>>, request: Request) -> Reply {
    Form::new(&state, request.headers()).note("This is boshd, a BOSH connection manager.\n")
}

/// Everything that is not there.
pub async fn missing(State(state): State<Arc<FrontState>>, request: Request) -> Reply {
    Form::new(&state, request.headers()).refusal(Rejection::NotFound)
}

/// Differs whenever the bytes do, and is the same from one start to the next.
fn etag(bytes: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish())).unwrap_or(HeaderValue::from_static("\"\""))
}
