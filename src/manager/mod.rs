//! The connection manager: sessions that are alive, found by their sid; nothing here knows HTTP.

mod admission;
mod bosh;
mod deferred;
mod exchange;
mod frames;
mod link;
mod live;
mod memory;
mod middlebox;
mod polling;
mod registry;
mod sid;
mod stream;
mod translate;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use self::admission::Admission;
pub use self::admission::PerAddress;
use self::bosh::{LiveSession, Setting};
pub use self::exchange::Exchange;
use self::frames::Framed;
pub use self::frames::Frames;
use self::memory::Memory;
pub use self::memory::Share;
pub use self::middlebox::Lessons;
use self::middlebox::Middleboxes;
use self::polling::Polled;
use self::registry::Registry;
use self::sid::Key;
use self::stream::{Face, PlainStream};
use crate::bosh::{self as value, Admitted, Condition, Limits, Request, RequestId, Response, Session, Sid, Time};
use crate::http_polling::{Poll, PollError};
use crate::upstream::Connect;
pub use crate::upstream::{Peer, PeerSecurity, TlsVersion};
use crate::xml::XmlLimits;
use crate::xmpp::Domain;

/// What the connection manager allows.
#[derive(Clone, Debug)]
pub struct Options {
    pub session: Arc<Limits>,
    /// Sessions at once; each costs one socket towards the server and one or two towards its client.
    pub sessions: usize,
    pub per_address: PerAddress,
    /// Bytes of one element from a server.
    pub stanza_bytes: usize,
    /// Bytes of one element from a client, as it is told (S09).
    pub client_bytes: usize,
    /// Bytes that wait in all sessions together; at it less is read.
    pub memory: usize,
    /// Of a client that names none (B06).
    pub default_domain: Option<Domain>,
    /// Learn at what age held requests get cut, and answer before that.
    pub middlebox: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            session: Arc::default(),
            sessions: 100_000,
            per_address: PerAddress::default(),
            stanza_bytes: 1024 * 1024,
            client_bytes: 1023 * 1024,
            memory: 2 << 30,
            default_domain: None,
            middlebox: true,
        }
    }
}

/// A request that came less safely than its session began, or without the certificate that was shown then (P02, P03). Its connection is
/// closed without a word, and the session lives on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Foreign;

/// All live sessions.
pub struct ConnectionManager {
    connector: Arc<dyn Connect>,
    options: Options,
    registry: Arc<Registry<LiveSession>>,
    /// Sessions of clients that poll (XEP-0025), which have no rid.
    polled: Arc<Registry<PlainStream<Polled>>>,
    /// Sessions of clients that have a connection for each (RFC 7395).
    framed: Arc<Registry<PlainStream<Framed>>>,
    memory: Arc<Memory>,
    middleboxes: Option<Arc<Middleboxes>>,
    admission: Arc<Admission>,
    tracker: TaskTracker,
    draining: AtomicBool,
}

impl ConnectionManager {
    pub fn new(connector: Arc<dyn Connect>, options: Options) -> Self {
        let count = Arc::new(AtomicUsize::new(0));
        let registry = Arc::new(Registry::new(count.clone(), options.sessions));
        let polled = Arc::new(Registry::new(count.clone(), options.sessions));
        let framed = Arc::new(Registry::new(count, options.sessions));
        Self {
            memory: Memory::new(options.memory),
            middleboxes: options.middlebox.then(Arc::default),
            admission: Arc::new(Admission::new(options.per_address.clone())),
            polled,
            framed,
            connector,
            options,
            registry,
            tracker: TaskTracker::new(),
            draining: AtomicBool::new(false),
        }
    }

    /// Is there a session of this name? Asked as soon as a request's `<body ...>` tag has been read.
    pub fn knows(&self, sid: &Sid) -> bool {
        Key::read(sid).is_some_and(|key| self.registry.contains(key))
    }

    /// A place in the memory that all sessions share, for a body that is being read.
    pub fn share(&self) -> Share {
        self.memory.share()
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.registry.len()
    }

    /// How often it was learned that the way to a client cuts held requests; `None`: it is not looked for.
    pub fn lessons(&self) -> Option<Lessons> {
        self.middleboxes.as_deref().map(Middleboxes::lessons)
    }

    /// Carries one request out, at once and whole, whatever becomes of its connection (FX01); the answer is awaited on the [`Exchange`].
    ///
    /// # Errors
    /// See [`Foreign`]; nothing has happened.
    pub fn exchange(&self, request: Box<Request>, peer: &Peer) -> Result<Exchange, Foreign> {
        let Some(sid) = &request.sid else {
            return Ok(self.open(request, peer).unwrap_or_else(Exchange::answered));
        };
        match Key::read(sid).and_then(|key| self.registry.find(key)) {
            Some(session) if session.admits(peer) => {
                let (id, answer) = session.exchange(request, peer);
                Ok(Exchange::waiting(session, id, answer))
            }
            Some(_) => Err(Foreign),
            None => Ok(Exchange::answered(Response::fatal(Condition::ItemNotFound))),
        }
    }

    /// Carries out one poll of XEP-0025: the id of its session, and what the server has said since the last one.
    ///
    /// # Errors
    /// See [`PollError`]; its id is told instead.
    pub fn poll(&self, poll: &Poll, peer: &Peer) -> Result<(String, Bytes), PollError> {
        let Some(id) = &poll.id else {
            return self.open_polled(poll, peer);
        };
        let key = Key::from_hex(id).ok_or(PollError::Unknown)?;
        let session = self.polled.find(key).filter(|session| session.admits(peer));
        let session = session.ok_or(PollError::Unknown)?;
        Ok((id.clone(), session.poll(poll)?))
    }

    /// A stream that a connection of its client's carries, a message an element (RFC 7395). `None`: there is no place for it.
    pub fn frames(&self, peer: &Peer) -> Option<Frames> {
        let (key, session) = self.open_plain(&self.framed, peer, Framed::new)?;
        self.keep(&self.framed, key, &session);
        Some(Frames::new(session))
    }

    fn open_polled(&self, first: &Poll, peer: &Peer) -> Result<(String, Bytes), PollError> {
        let opened = self.open_plain(&self.polled, peer, |setting| Polled::new(setting, first));
        let (key, session) = opened.ok_or(PollError::Server)?;
        let said = session.poll_first(first);
        self.keep(&self.polled, key, &session);
        Ok((key.hex(), said))
    }

    fn open_plain<F: Face>(
        &self,
        registry: &Registry<PlainStream<F>>,
        peer: &Peer,
        face: impl FnOnce(&Setting) -> F,
    ) -> Option<(Key, Arc<PlainStream<F>>)> {
        let key = Key::random().ok()?;
        if self.draining.load(Ordering::SeqCst) {
            return None;
        }
        let setting = self.admit(registry, key, *peer)?;
        let face = face(&setting);
        let session = Arc::new(PlainStream::new(setting, face, self.connector.clone()));
        registry.insert(key, session.clone());
        Some((key, session))
    }

    /// Runs a plain stream to its end.
    fn keep<F: Face + Send + 'static>(&self, registry: &Arc<Registry<PlainStream<F>>>, key: Key, session: &Arc<PlainStream<F>>) {
        // a drain that has begun since may have missed it
        if self.draining.load(Ordering::SeqCst) {
            session.drain();
        }
        let (live, registry) = (session.clone(), registry.clone());
        self.tracker.spawn(async move {
            live.run().await;
            registry.remove(key);
        });
    }

    /// What one more session is made with; `None`: there is no place for it.
    fn admit<S>(&self, registry: &Registry<S>, key: Key, peer: Peer) -> Option<Setting> {
        #[expect(clippy::disallowed_methods, reason = "where a session's time begins")]
        let opened = Instant::now();
        let client = peer.address.ip();
        let place = self.admission.admit(client, opened.into_std()).ok()?;
        if !registry.admit() {
            self.admission.is_full(client, opened.into_std());
            return None;
        }
        Some(Setting {
            key,
            peer,
            place,
            xml: XmlLimits {
                element_bytes: self.options.stanza_bytes,
                ..XmlLimits::default()
            },
            client_bytes: self.options.client_bytes,
            tracker: self.tracker.clone(),
            memory: Arc::clone(&self.memory),
            middleboxes: self.middleboxes.clone(),
            login_timeout: Some(self.options.session.login_timeout)
                .filter(|seconds| *seconds > 0)
                .map(|seconds| Duration::from_secs(seconds.into())),
            opened,
        })
    }

    /// Ends every session with `system-shutdown` as its client comes to hear of it (J15), and makes no new ones. Returns when all are
    /// gone and their streams are closed; the caller bounds the time.
    pub async fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        info!(sessions = self.sessions(), "draining");
        self.registry.all().iter().for_each(|session| session.drain());
        self.polled.all().iter().for_each(|session| session.drain());
        self.framed.all().iter().for_each(|session| session.drain());
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// A new session (XEP-0124 section 7).
    fn open(&self, mut creation: Box<Request>, peer: &Peer) -> Result<Exchange, Response> {
        if let Some(domain) = self
            .options
            .default_domain
            .as_ref()
            .filter(|_| creation.to.as_deref().is_none_or(str::is_empty))
        {
            creation.to = Some(domain.as_str().into());
        }
        let refuse = |condition| Response::refusal(&creation, condition);
        if self.draining.load(Ordering::SeqCst) {
            return Err(refuse(Condition::SystemShutdown));
        }
        value::admit(&creation).map_err(refuse)?;
        let domain = creation.to.as_deref().and_then(Domain::parse);
        let domain = match domain {
            Some(domain) if self.connector.is_gone(&domain) => return Err(refuse(Condition::HostGone)),
            Some(domain) if self.connector.serves(&domain) => domain,
            _ => return Err(refuse(Condition::HostUnknown)),
        };
        let key = Key::random().map_err(|cause| {
            error!(%cause, "no randomness for a session id");
            refuse(Condition::InternalServerError)
        })?;
        let setting = self.admit(&self.registry, key, *peer);
        let setting = setting.ok_or_else(|| refuse(Condition::PolicyViolation))?;
        info!(%domain, session = %key, client = %peer.address.ip(), "session begins");
        Ok(self.begin(creation, domain, setting))
    }

    /// What a session with this domain may do.
    fn limits(&self, domain: &Domain) -> Arc<Limits> {
        match self.connector.leave_after(domain) {
            None => Arc::clone(&self.options.session),
            Some(after) => Arc::new(Limits {
                leave_after: u16::try_from(after.as_secs()).unwrap_or(u16::MAX),
                ..Limits::clone(&self.options.session)
            }),
        }
    }

    fn begin(&self, creation: Box<Request>, domain: Domain, setting: Setting) -> Exchange {
        let (id, key) = (RequestId(0), setting.key);
        let admitted = Admitted {
            id,
            sid: key.sid(),
            limits: self.limits(&domain),
        };
        let session = Arc::new(LiveSession::new(
            setting,
            domain,
            Session::open(creation, admitted, Time::default()),
        ));
        self.registry.insert(key, session.clone());
        let answer = session.created(id);
        // a drain that has begun since may have missed it
        if self.draining.load(Ordering::SeqCst) {
            session.drain();
        }
        let (live, connector, registry) = (session.clone(), self.connector.clone(), self.registry.clone());
        self.tracker.spawn(async move {
            live.run(&*connector).await;
            registry.remove(key);
        });
        Exchange::waiting(session, id, answer)
    }
}
