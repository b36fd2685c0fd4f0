//! Towards the client over HTTP: every route on one page.

pub mod bodies;
pub mod bosh;
mod boundaries;
mod charset;
mod coding;
pub mod cors;
pub mod discovery;
pub mod door;
pub mod http2;
pub mod http_polling;
mod metered;
pub mod pages;
mod parking;
pub mod peer;
mod plain;
pub mod redirect;
pub mod reply;
mod script;
pub mod serve;
pub mod shield;
mod standing;
pub mod tap;
pub mod tls;
pub mod turn;
mod upgrade;
pub mod websocket;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request};
use http_body::Body as HttpBody;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tower::Service as _;

use crate::manager::{ConnectionManager, Peer};
use crate::xml::XmlLimits;
use bodies::BodyLost;
pub use charset::Charset;
pub use coding::ACCEPTED;
use cors::{Cors, Origins};
use discovery::Discovery;
use door::Door;
use reply::Reply;
use shield::Shield;
use standing::Standing;

/// What an operator decides about this floor.
#[derive(Clone, Debug)]
pub struct Options {
    /// The endpoint; a slash behind it is served, too.
    pub path: String,
    /// One request's body. Avatars come in one piece of up to 1 MiB.
    pub body_bytes: usize,
    /// Bounds on the XML in it.
    pub xml: XmlLimits,
    /// From a body's first byte to its last.
    pub body_timeout: Duration,
    /// From the first byte of a request's head to its end.
    pub head_timeout: Duration,
    /// A connection without a request is closed after this: `inactivity` + 5 s, so that it outlives the sessions that use it.
    pub idle_timeout: Duration,
    pub cors: Cors,
    /// Further headers of every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Do answers leave in gzip where the client takes it?
    pub compression: bool,
    /// What request bodies may come in besides UTF-8.
    pub charsets: Vec<Charset>,
    /// Where XEP-0025 is spoken, if it is.
    pub http_polling: Option<String>,
    /// Where XMPP over WebSocket is spoken, if it is.
    pub websocket: Option<String>,
    /// Is the script syntax spoken?
    pub script: bool,
    pub discovery: discovery::Options,
    pub waiting: Waiting,
    pub shield: shield::Options,
    pub tryout: Tryout,
}

/// Where a request is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// Outside hyper, where bytes behind it are seen and nearly no memory is needed.
    Parked,
    /// In hyper's hands, as any handler would: what parking is compared with.
    Inside,
}

/// Is the try-out page served?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tryout {
    Off,
    On,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: "/http-bind".to_owned(),
            body_bytes: 1024 * 1024,
            xml: XmlLimits::default(),
            body_timeout: Duration::from_secs(30),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(125),
            cors: Cors::default(),
            headers: Vec::new(),
            compression: false,
            charsets: Vec::new(),
            http_polling: None,
            websocket: Some("/ws".to_owned()),
            script: false,
            discovery: discovery::Options::default(),
            waiting: Waiting::Parked,
            shield: shield::Options::default(),
            tryout: Tryout::Off,
        }
    }
}

/// What every handler may look at.
pub struct FrontState {
    pub options: Options,
    pub standing: Arc<Standing>,
    pub discovery: Option<Discovery>,
    pub manager: Arc<ConnectionManager>,
}

/// The HTTP service: routes, and how connections are run. See [`serve`] for its loop.
pub struct Front {
    state: Arc<FrontState>,
    routes: Router,
    http: http1::Builder,
    shield: Arc<Shield>,
    /// The request headers that make a difference to a POST.
    heeded: Vec<HeaderName>,
}

/// One connection's read or write buffer in hyper, and so the largest head (431 beyond it). Browsers send under 1 KiB, cookies of the
/// site beside us up to 8 KiB.
const BUFFER_BYTES: usize = 16 * 1024;

impl Front {
    pub fn new(options: Options, manager: Arc<ConnectionManager>) -> Self {
        let mut http = http1::Builder::new();
        // a client that vanished must be noticed, so its half-closing counts as leaving
        http.half_close(false).max_buf_size(BUFFER_BYTES);
        if options.waiting == Waiting::Inside {
            // a parked connection has a turn for each head, and its deadline there
            http.timer(TokioTimer::new()).header_read_timeout(options.head_timeout);
        }
        let shield = Arc::new(Shield::new(options.shield.clone()));
        let state = Arc::new(FrontState {
            discovery: Discovery::new(&options.discovery),
            standing: Arc::new(Standing::new(options.cors.clone(), &options.headers)),
            options,
            manager,
        });
        Self {
            routes: routes(&state),
            heeded: state.options.heeded(),
            state,
            http,
            shield,
        }
    }

    /// Every way of a request whose head was read. A POST to the endpoint goes by no layers.
    async fn reply<B>(&self, request: Request<B>, peer: &Peer, door: &Arc<Door>) -> Reply
    where
        B: HttpBody<Data = Bytes, Error = BodyLost> + Send + Unpin + 'static,
    {
        self.shield.turn(peer.address.ip()).await;
        let is_endpoint = self.state.options.is_endpoint(request.uri().path());
        if is_endpoint && request.method() == Method::POST {
            let post = bosh::Post::new(&self.state, request.headers());
            return post.carry_out(&self.state, peer, request.into_body()).await;
        }
        let script = is_endpoint && self.state.options.script;
        if script && request.method() == Method::GET && request.uri().query().is_some() {
            return script::get(&self.state, peer, &request);
        }
        if request.method() == Method::GET && self.state.options.websocket.as_deref() == Some(request.uri().path()) {
            return upgrade::judge(&self.state, &request, peer);
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(*peer);
        request.extensions_mut().insert(Arc::clone(door));
        match self.routes.clone().call(request).await {
            Ok(response) => Reply::Known(response),
            Err(never) => match never {},
        }
    }
}

impl Options {
    /// Which request headers make a difference to a POST, besides those of HTTP itself.
    fn heeded(&self) -> Vec<HeaderName> {
        let listed = matches!(self.cors.origins, Origins::Listed { .. });
        let charsets = !self.charsets.is_empty();
        let heeded = [
            Some(header::CONTENT_ENCODING),
            listed.then_some(header::ORIGIN),
            self.compression.then_some(header::ACCEPT_ENCODING),
            charsets.then_some(header::CONTENT_TYPE),
        ];
        heeded.into_iter().flatten().collect()
    }

    fn is_endpoint(&self, path: &str) -> bool {
        matches!(path.strip_prefix(self.path.trim_end_matches('/')), Some("" | "/"))
    }
}

/// Every route but the POST's.
fn routes(state: &Arc<FrontState>) -> Router {
    let path = state.options.path.trim_end_matches('/');
    let endpoint = get(bosh::info).options(bosh::preflight).fallback(bosh::refuse);
    let mut routes = Router::new().route(&format!("{path}/"), endpoint.clone());
    if !path.is_empty() {
        routes = routes.route(path, endpoint);
    }
    if state.discovery.is_some() {
        routes = routes
            .route(discovery::XML, get(discovery::xml))
            .route(discovery::JSON, get(discovery::json));
    }
    if let Some(path) = &state.options.http_polling {
        routes = routes.route(path, post(http_polling::post));
    }
    match state.options.tryout {
        Tryout::On => {
            for asset in pages::ASSETS {
                routes = routes.route(asset.path, pages::serve(*asset));
            }
        }
        Tryout::Off if !path.is_empty() => routes = routes.route("/", get(pages::greeting)),
        Tryout::Off => {}
    }
    routes.fallback(pages::missing).with_state(Arc::clone(state))
}
