//! One live BOSH session: joins requests, the server stream and the deadline around the pure [`Session`].
//!
//! The value stands behind a short mutex. A request's own task drives it at once and writes to the server; one task a session
//! reads the server, finishes writes and keeps the deadline. No lock is held across an await, and a panic in a turn ends this
//! session alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::admission::Place;
use super::live::Live;
use super::memory::Memory;
use super::middlebox::Middleboxes;
use super::sid::Key;
use crate::bosh::{Input, Request, RequestId, Response, ServerFailure, Session, StreamId, Time};
use crate::upstream::{Call, Connect, Connecting, Peer};
use crate::xml::XmlLimits;
use crate::xmpp::{Domain, StreamEvent, StreamHeader, guessing};

/// What a session is made with besides its value.
pub(super) struct Setting {
    pub key: Key,
    /// Who made it.
    pub peer: Peer,
    /// Among the sessions of its address.
    pub place: Place,
    pub xml: XmlLimits,
    /// What a client is told that an element of its own may have.
    pub client_bytes: usize,
    /// Closing streams finish on it.
    pub tracker: TaskTracker,
    pub memory: Arc<Memory>,
    /// `None`: nothing is learned about the ways to the clients.
    pub middleboxes: Option<Arc<Middleboxes>>,
    /// How long the client of a plain stream has to log in; that of a BOSH session has it from its limits.
    pub login_timeout: Option<Duration>,
    pub opened: Instant,
}

/// A session and what it holds in the world.
pub(super) struct LiveSession {
    setting: Setting,
    live: Mutex<Live>,
}

impl LiveSession {
    /// A session whose first stream goes to `domain`.
    pub fn new(setting: Setting, domain: Domain, session: Session) -> Self {
        Self {
            live: Mutex::new(Live::new(domain, session, &setting)),
            setting,
        }
    }

    /// The creation request, which is already inside the value.
    pub fn created(&self, id: RequestId) -> oneshot::Receiver<Response> {
        self.turn(|live, setting| live.created(id, setting)).unwrap_or_else(lost)
    }

    /// May a request come from there?
    pub fn admits(&self, peer: &Peer) -> bool {
        self.setting.peer.security.admits(&peer.security)
    }

    /// One request with a place for its answer.
    pub fn exchange(&self, request: Box<Request>, peer: &Peer) -> (RequestId, oneshot::Receiver<Response>) {
        self.turn(|live, setting| live.exchange(request, peer, setting))
            .unwrap_or_else(|| (RequestId(0), lost()))
    }

    /// Something happened to a request.
    pub fn tell(&self, input: Input) {
        self.turn(|live, setting| live.tell(input, setting));
    }

    /// We are shutting down.
    pub fn drain(&self) {
        self.turn(Live::drain);
    }

    /// Runs until the session has ended. Its streams reach their servers through `connector`.
    pub async fn run(&self, connector: &dyn Connect) {
        let mut connecting = Vec::new();
        let mut sleep = Box::pin(sleep_until(self.setting.opened));
        std::future::poll_fn(|cx| {
            let connected = catch_unwind(AssertUnwindSafe(|| self.connect(connector, &mut connecting, cx)));
            if connected.is_err() {
                self.lock().panicked(&self.setting);
                return Poll::Ready(());
            }
            self.poll(cx, &mut sleep)
        })
        .await;
    }

    /// Sets out to the servers of new streams, and takes in who has arrived. Not under the lock: a connector may do what it likes.
    fn connect<'c>(&self, connector: &'c dyn Connect, connecting: &mut Vec<(StreamId, Connecting<'c>)>, cx: &mut Context<'_>) {
        let unconnected = self.lock().take_unconnected();
        for (id, call) in unconnected {
            match call {
                Some(call) if connector.is_gone(&call.domain) => {
                    self.turn(|live, setting| live.unserved(id, ServerFailure::HostGone, setting));
                }
                Some(call) if connector.serves(&call.domain) => connecting.push((id, self.setting.reach(connector, call))),
                _ => _ = self.turn(|live, setting| live.unserved(id, ServerFailure::HostUnknown, setting)),
            }
        }
        connecting.retain_mut(|(id, connecting)| match connecting.as_mut().poll(cx) {
            Poll::Ready(result) => {
                self.turn(|live, setting| live.connected(*id, result, setting));
                false
            }
            Poll::Pending => true,
        });
        if connecting.is_empty() {
            *connecting = Vec::new();
        }
    }

    /// One turn: under the lock, caught if it panics, and what it left to write is tried at once.
    /// `None`: it panicked.
    fn turn<R>(&self, act: impl FnOnce(&mut Live, &Setting) -> R) -> Option<R> {
        let mut live = self.lock();
        let turn = catch_unwind(AssertUnwindSafe(|| {
            let result = act(&mut live, &self.setting);
            live.flush(&mut Context::from_waker(Waker::noop()), &self.setting);
            result
        }));
        if turn.is_err() {
            live.panicked(&self.setting);
        }
        live.account();
        live.wake_task();
        turn.ok()
    }

    fn poll(&self, cx: &mut Context<'_>, sleep: &mut std::pin::Pin<Box<Sleep>>) -> Poll<()> {
        let mut live = self.lock();
        if !live.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            live.task = Some(cx.waker().clone());
        }
        let turn = catch_unwind(AssertUnwindSafe(|| {
            live.read(cx, &self.setting);
            live.flush(cx, &self.setting);
            live.keep_time(cx, sleep, &self.setting);
        }));
        if turn.is_err() {
            live.panicked(&self.setting);
        }
        live.account();
        // there may be more to do than could be done in this order
        if live.may_read_again() || live.sets_out() {
            cx.waker().wake_by_ref();
        }
        if live.has_ended() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// A turn never leaves the lock poisoned, as it catches its panics inside.
    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place whose answer will not come: the exchange says `internal-server-error`.
fn lost() -> oneshot::Receiver<Response> {
    oneshot::channel().1
}

impl Setting {
    /// What its connector is asked for.
    pub fn call(&self, domain: Domain, header: StreamHeader) -> Call {
        Call {
            domain,
            header,
            route: None,
            peer: self.peer,
            session: self.key.to_string(),
            xml: self.xml,
        }
    }

    /// The one place that hears, once, that the client of a session has logged in, be it a BOSH session or a plain stream.
    pub fn logged_in(&self) {
        debug!(session = %self.key, "logged in");
        self.place.logged_in();
    }

    /// A session's time as the clock's.
    pub fn at(&self, time: Time) -> Instant {
        self.opened + Duration::from_millis(time.0)
    }

    /// The way to its server.
    pub fn reach<'c>(&self, connector: &'c dyn Connect, call: Call) -> Connecting<'c> {
        let late = self.place.late();
        if late.is_zero() {
            return connector.connect(call);
        }
        Box::pin(async move {
            sleep(late).await;
            connector.connect(call).await
        })
    }

    /// The server has said this.
    pub fn hears(&self, event: &StreamEvent) {
        if guessing::has_failed(event) {
            self.place.has_failed((self.opened + self.opened.elapsed()).into_std());
        }
    }

    pub fn now(&self) -> Time {
        Time(u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::bosh::{Admitted, Decoder, Limits};

    fn request(attributes: &str) -> Box<Request> {
        let mut decoder = Decoder::new(XmlLimits::default());
        let body = format!("<body xmlns='http://jabber.org/protocol/httpbind' {attributes}/>");
        decoder.feed(body.as_bytes()).expect("a wrapper");
        decoder.finish().expect("a request")
    }

    #[test]
    fn nothing_is_kept_for_connections_that_died() {
        let key = Key::random().expect("randomness");
        let (id, sid, limits) = (RequestId(0), key.sid(), Arc::new(Limits::default()));
        let creation = request("rid='1' to='example.org'");
        let setting = Setting {
            key,
            peer: Peer::unknown(),
            place: Place::default(),
            xml: XmlLimits::default(),
            client_bytes: 10_000,
            tracker: TaskTracker::new(),
            memory: Memory::new(1 << 20),
            middleboxes: None,
            login_timeout: None,
            opened: Instant::now(),
        };
        let session = LiveSession::new(
            setting,
            Domain::parse("example.org").expect("a domain"),
            Session::open(creation, Admitted { id, sid, limits }, Time::default()),
        );
        let _answer = session.created(id);
        for _ in 0..10 {
            let (id, _) = session.exchange(request("rid='2' sid='s'"), &Peer::unknown());
            session.tell(Input::HungUp { id });
        }
        assert_eq!(session.lock().waiting(), 1, "the creation's");
    }
}
