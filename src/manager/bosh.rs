//! One live BOSH session: joins requests, the server stream and the deadline around the pure [`Session`].
//!
//! The value stands behind a short mutex. A request's own task drives it at once and writes to the server; one task a session
//! reads the server, finishes writes and keeps the deadline. No lock is held across an await, and a panic in a turn ends this
//! session alone.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use super::link::Link;
use super::sid::Key;
use super::translate;
use crate::bosh::{
    Condition, EndReason, Input, Output, Request, RequestId, Response, ServerEvent, ServerFailure, Session, StreamId, Time,
};
use crate::upstream::stream::StreamFailure;
use crate::upstream::{BoxStream, ConnectError};
use crate::xml::XmlLimits;
use crate::xmpp::Domain;

/// While more bytes than this wait to be written to the server, requests wait, too.
const WRITE_MARK: usize = 256 * 1024;

/// The same while the server is not read, as too much waits for the client: it may wait for us, and only requests make room.
const WRITE_LIMIT: usize = 4 * 1024 * 1024;

/// Requests that wait for the server to take bytes; a client with two open requests never comes near.
const DEFERRED: usize = 64;

/// The same in bytes of their payloads, with one request more; as much as may wait for the client by default.
const DEFERRED_BYTES: usize = 4 * 1024 * 1024;

/// Events taken from one server before other sessions have their turn.
const BUDGET: usize = 64;

/// What a session is made with besides its value.
pub(super) struct Setting {
    pub key: Key,
    pub domain: Domain,
    pub xml: XmlLimits,
    /// Closing streams finish on it.
    pub tracker: TaskTracker,
    pub opened: Instant,
}

/// A session and what it holds in the world.
pub(super) struct LiveSession {
    setting: Setting,
    live: Mutex<Live>,
}

struct Live {
    session: Session,
    link: Link,
    requests: u64,
    waiting: Vec<(RequestId, oneshot::Sender<Response>)>,
    /// Requests in order of arrival, and news of them, while the server takes no bytes.
    deferred: VecDeque<Input>,
    reading: Reading,
    /// What the task sleeps towards.
    armed: Option<Time>,
    task: Option<Waker>,
    ended: bool,
}

/// Is the server being read?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Active,
    /// Too much waits for the client; the task is woken when that has changed.
    Paused,
}

impl LiveSession {
    pub fn new(setting: Setting, session: Session) -> Self {
        let live = Live {
            session,
            link: Link::default(),
            requests: 0,
            waiting: Vec::new(),
            deferred: VecDeque::new(),
            reading: Reading::Active,
            armed: None,
            task: None,
            ended: false,
        };
        Self {
            setting,
            live: Mutex::new(live),
        }
    }

    /// The creation request, which is already inside the value.
    pub fn created(&self, id: RequestId) -> oneshot::Receiver<Response> {
        self.turn(|live, setting| {
            let answer = live.expect(id);
            live.take_outputs(setting);
            answer
        })
        .unwrap_or_else(lost)
    }

    /// One request with a place for its answer.
    pub fn exchange(&self, request: Request) -> (RequestId, oneshot::Receiver<Response>) {
        self.turn(|live, setting| {
            live.requests += 1;
            let id = RequestId(live.requests);
            let receiver = live.expect(id);
            if live.ended {
                live.respond(id, Response::fatal(Condition::ItemNotFound));
            } else if live.is_flooded() {
                live.flooded(setting);
            } else {
                live.request(Input::Request { id, request }, setting);
            }
            (id, receiver)
        })
        .unwrap_or_else(|| (RequestId(0), lost()))
    }

    /// Something happened to a request.
    pub fn tell(&self, input: Input) {
        self.turn(|live, setting| {
            if let Input::HungUp { id } = input {
                live.waiting.retain(|(waiting, _)| *waiting != id);
            }
            live.request(input, setting);
        });
    }

    /// We are shutting down. Requests that wait for the server to take bytes have waited long enough.
    pub fn drain(&self) {
        self.turn(|live, setting| {
            while let Some(input) = live.deferred.pop_front() {
                live.handle(input, setting);
            }
            live.handle(Input::Drain, setting);
        });
    }

    /// Runs until the session has ended. `connecting` is its way to the server.
    pub async fn run(&self, connecting: impl Future<Output = Result<BoxStream, ConnectError>>) {
        let mut connecting = Box::pin(Some(connecting));
        let mut sleep = Box::pin(sleep_until(self.setting.opened));
        std::future::poll_fn(|cx| {
            let connected = catch_unwind(AssertUnwindSafe(|| match connecting.as_mut().as_pin_mut() {
                Some(connecting) => connecting.poll(cx),
                None => Poll::Pending,
            }));
            let Ok(connected) = connected else {
                self.lock().panicked(&self.setting);
                return Poll::Ready(());
            };
            if let Poll::Ready(result) = connected {
                connecting.set(None);
                self.turn(|live, setting| live.connected(result, setting));
            }
            self.poll(cx, &mut sleep)
        })
        .await;
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
        if live.may_read_again() {
            cx.waker().wake_by_ref();
        }
        if live.ended { Poll::Ready(()) } else { Poll::Pending }
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

impl Live {
    fn expect(&mut self, id: RequestId) -> oneshot::Receiver<Response> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.push((id, sender));
        receiver
    }

    /// Requests keep their order, and wait while the server takes no bytes. News of one that waits stays behind it; news of others
    /// concerns what the client is told, which the server shall not delay.
    fn request(&mut self, input: Input, setting: &Setting) {
        let waits = match &input {
            Input::Request { .. } => self.is_clogged() || !self.deferred.is_empty(),
            Input::Written { id } | Input::HungUp { id } | Input::Release { id } => self.defers(*id),
            Input::Server(..) | Input::Drain | Input::Timeout => false,
        };
        if waits {
            self.deferred.push_back(input);
        } else {
            self.handle(input, setting);
        }
    }

    fn defers(&self, request: RequestId) -> bool {
        let is_it = |input: &Input| matches!(input, Input::Request { id, .. } if *id == request);
        self.deferred.iter().any(is_it)
    }

    fn is_flooded(&self) -> bool {
        let bytes = |input: &Input| match input {
            Input::Request { request, .. } => request.payloads.iter().map(|payload| payload.bytes().len()).sum(),
            _ => 0,
        };
        self.deferred.len() >= DEFERRED || self.deferred.iter().map(bytes).sum::<usize>() > DEFERRED_BYTES
    }

    fn is_clogged(&self) -> bool {
        let mark = if self.session.wants(StreamId::FIRST) {
            WRITE_MARK
        } else {
            WRITE_LIMIT
        };
        self.link.unsent() > mark
    }

    /// The driving rule of [`crate::bosh`]: one input, all outputs; whoever called reads the next deadline.
    fn handle(&mut self, input: Input, setting: &Setting) {
        if self.ended {
            return;
        }
        self.session.handle(input, setting.now());
        self.take_outputs(setting);
    }

    fn take_outputs(&mut self, setting: &Setting) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Respond { to, response } => self.respond(to, response),
                Output::ToServer(_, command) => self.link.carry_out(command, setting),
                // for stream management (XEP-0198) and for bouncing what was lost (XEP-0206 section 7)
                Output::Confirmed(..) | Output::Undelivered(..) => {}
                Output::Ended(reason) => self.end(reason, setting),
            }
        }
    }

    fn respond(&mut self, to: RequestId, response: Response) {
        if let Some(place) = self.waiting.iter().position(|(id, _)| *id == to) {
            let (_, sender) = self.waiting.swap_remove(place);
            // a receiver that is gone will say `HungUp`
            let _ = sender.send(response);
        }
    }

    fn connected(&mut self, result: Result<BoxStream, ConnectError>, setting: &Setting) {
        match result {
            Ok(io) => self.link.connected(io, setting),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                info!(domain = %setting.domain, target = error.target, stage = ?error.stage, cause, "server not reached");
                self.link = Link::Gone;
                self.server(ServerEvent::Failed(ServerFailure::Unreachable), setting);
            }
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, setting: &Setting) {
        for _ in 0..BUDGET {
            if !self.session.wants(StreamId::FIRST) {
                self.reading = Reading::Paused;
                return;
            }
            self.reading = Reading::Active;
            let Link::Connected(stream) = &mut self.link else { return };
            match stream.poll_event(cx) {
                Poll::Ready(Ok(event)) => {
                    self.server(translate::event(event), setting);
                }
                Poll::Ready(Err(failure)) => return self.broken(&failure, setting),
                Poll::Pending => return,
            }
        }
        cx.waker().wake_by_ref();
    }

    /// The server is gone or talks nonsense; nonsense is told to it (ER10).
    fn broken(&mut self, failure: &StreamFailure, setting: &Setting) {
        info!(domain = %setting.domain, session = %setting.key, cause = %failure, "server stream broke");
        self.link.break_off(failure, setting);
        self.server(translate::failure(failure), setting);
    }

    fn server(&mut self, event: ServerEvent, setting: &Setting) {
        self.handle(Input::Server(StreamId::FIRST, event), setting);
    }

    /// Writes what the server takes, and lets in the requests that waited for that.
    fn flush(&mut self, cx: &mut Context<'_>, setting: &Setting) {
        loop {
            if let Link::Connected(stream) = &mut self.link {
                match stream.poll_flush(cx) {
                    Poll::Ready(Ok(())) | Poll::Pending => {}
                    Poll::Ready(Err(error)) => self.broken(&StreamFailure::Io(error), setting),
                }
            }
            if self.is_clogged() {
                return;
            }
            match self.deferred.pop_front() {
                Some(input) => self.handle(input, setting),
                None => return,
            }
        }
    }

    fn keep_time(&mut self, cx: &mut Context<'_>, sleep: &mut std::pin::Pin<Box<Sleep>>, setting: &Setting) {
        while !self.ended {
            if self.is_due_before_armed()
                && let Some(next) = self.session.poll_timeout()
            {
                self.armed = Some(next);
                sleep.as_mut().reset(setting.opened + Duration::from_millis(next.0));
            }
            if self.armed.is_none() || sleep.as_mut().poll(cx).is_pending() {
                return;
            }
            self.armed = None;
            self.handle(Input::Timeout, setting);
        }
    }

    /// The task is needed when it would sleep too long, when the server takes bytes slowly or may be read again, or when all is over.
    fn wake_task(&mut self) {
        let unsent = matches!(self.link, Link::Connected(_)) && self.link.unsent() > 0;
        if (self.is_due_before_armed() || unsent || self.may_read_again() || self.ended)
            && let Some(task) = self.task.take()
        {
            task.wake();
        }
    }

    /// Would the task sleep too long? A deadline that has moved away is left to come early once, which is cheaper than to follow it.
    fn is_due_before_armed(&self) -> bool {
        let next = self.session.poll_timeout();
        next.is_some_and(|next| self.armed.is_none_or(|armed| next < armed))
    }

    /// Has the client made room since reading stopped?
    fn may_read_again(&self) -> bool {
        self.reading == Reading::Paused && self.session.wants(StreamId::FIRST)
    }

    fn end(&mut self, reason: EndReason, setting: &Setting) {
        info!(domain = %setting.domain, session = %setting.key, reason = ?reason, "session ended");
        self.give_up(Condition::ItemNotFound);
    }

    /// The client goes on sending while the server takes nothing.
    fn flooded(&mut self, setting: &Setting) {
        info!(domain = %setting.domain, session = %setting.key, "too much waits for the server; the session is given up");
        self.give_up(Condition::PolicyViolation);
    }

    /// This session is lost, and only this one.
    fn panicked(&mut self, setting: &Setting) {
        error!(domain = %setting.domain, session = %setting.key, "a turn panicked; the session is given up");
        self.give_up(Condition::InternalServerError);
    }

    fn give_up(&mut self, condition: Condition) {
        self.ended = true;
        self.link = Link::Gone;
        self.deferred.clear();
        for (_, sender) in self.waiting.drain(..) {
            let _ = sender.send(Response::fatal(condition));
        }
    }
}

impl Setting {
    fn now(&self) -> Time {
        Time(u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bosh::{Admitted, Decoder, Limits};

    fn request(attributes: &str) -> Request {
        let mut decoder = Decoder::new(XmlLimits::default());
        let body = format!("<body xmlns='http://jabber.org/protocol/httpbind' {attributes}/>");
        decoder.feed(body.as_bytes()).expect("a wrapper");
        decoder.finish().expect("a request")
    }

    #[test]
    fn nothing_is_kept_for_connections_that_died() {
        let key = Key::random().expect("randomness");
        let (id, sid, limits) = (RequestId(0), key.sid(), Limits::default());
        let creation = request("rid='1' to='example.org'");
        let setting = Setting {
            key,
            domain: Domain::parse("example.org").expect("a domain"),
            xml: XmlLimits::default(),
            tracker: TaskTracker::new(),
            opened: Instant::now(),
        };
        let session = LiveSession::new(
            setting,
            Session::open(creation, Admitted { id, sid, limits }, Time::default()),
        );
        let _answer = session.created(id);
        for _ in 0..10 {
            let (id, _) = session.exchange(request("rid='2' sid='s'"));
            session.tell(Input::HungUp { id });
        }
        assert_eq!(session.lock().waiting.len(), 1, "the creation's");
    }
}
