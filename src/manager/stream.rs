//! One live plain stream: the client's own stream ends here, the server's begins, and payloads pass from one to the other; there is no
//! session above it. The client's end has a [`Face`]: octets that it polls (`polling`), or messages on a connection of its own (`frames`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep, sleep_until};
use tracing::field::display;
use tracing::{error, info};

use super::bosh::Setting;
use super::link::Link;
use super::memory::Share;
use crate::bosh::{Close, is_stream_level};
use crate::upstream::stream::StreamFailure;
use crate::upstream::{Call, Connect, ConnectError, Connected, Connecting};
use crate::xml::Payload;
use crate::xmpp::login::Login;
use crate::xmpp::managed::Managed;
use crate::xmpp::{self, Domain, StreamEvent, StreamHeader, features};

/// Bytes that may wait for the client; beyond it the server is not read.
const OUTPUT: usize = 1024 * 1024;

/// The client's end of a plain stream.
pub(super) trait Face {
    /// What the logs call it.
    const NAME: &str;

    /// Does the client hear what is said to it between its requests?
    const LISTENS: bool;

    /// The client is to get this.
    fn say(&mut self, said: Said<'_>);

    /// The client has logged in, and begins its stream anew next (RFC 6120 section 6.4.6).
    fn may_begin_anew(&mut self);

    /// Bytes from the client that are not used yet.
    fn input(&self) -> usize;

    /// Bytes that the client has not fetched.
    fn output(&self) -> usize;

    /// When the client counts as lost.
    fn expires(&self, phase: Phase) -> Option<Instant>;

    /// Something has changed that the client's end may wait for.
    fn wake(&mut self) {}
}

/// What the server says to the client, or we in its place.
pub(super) enum Said<'a> {
    Header(&'a StreamHeader),
    Payload(&'a Payload),
    /// A stream error of ours.
    Error(&'a str),
    Closing,
}

pub(super) struct PlainStream<F> {
    pub setting: Setting,
    connector: Arc<dyn Connect>,
    live: Mutex<Plain<F>>,
}

pub(super) struct Plain<F> {
    pub face: F,
    pub phase: Phase,
    link: Link,
    share: Share,
    /// Was a header said since the client began its stream? Nothing can be said before that.
    greeted: bool,
    /// Once the client has said so; it stays the same (R04).
    domain: Option<Domain>,
    login: Login,
    /// Does the server keep the session of a client that is lost (XEP-0198)? To agree on that is between the two of them.
    managed: Option<Managed>,
    /// Once it is over.
    reason: Option<EndReason>,
    /// What is still to be asked of the connector.
    wanted: Option<Call>,
    task: Option<Waker>,
}

/// ```text
/// Fresh --client's header--> Open --either side's end--> Over --fetched or expired--> Gone
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Fresh,
    Open,
    /// What is left can be fetched.
    Over,
    /// The server was never reached, of which a client that polls hears by an id (HP03).
    Unreachable,
    Gone,
}

/// Why it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EndReason {
    /// The client said so.
    Terminated,
    /// The client went without a word.
    Lost,
    /// The server said so.
    Server,
    /// The client was, or would have been, told this.
    Condition(&'static str),
}

impl<F: Face> PlainStream<F> {
    pub fn new(setting: Setting, face: F, connector: Arc<dyn Connect>) -> Self {
        let plain = Plain {
            face,
            phase: Phase::Fresh,
            link: Link::Connecting(bytes::BytesMut::new()),
            share: setting.memory.share(),
            greeted: false,
            domain: None,
            login: Login::default(),
            managed: None,
            reason: None,
            wanted: None,
            task: None,
        };
        Self {
            setting,
            connector,
            live: Mutex::new(plain),
        }
    }

    /// We are shutting down.
    pub fn drain(&self) {
        self.turn(|plain| plain.part("system-shutdown", &self.setting));
    }

    /// Runs until the stream is over and what it left was fetched, or forgotten.
    pub async fn run(&self) {
        let mut connecting: Option<Connecting<'_>> = None;
        let mut sleep = Box::pin(sleep_until(self.setting.opened));
        std::future::poll_fn(|cx| {
            let turn = catch_unwind(AssertUnwindSafe(|| {
                let wanted = self.lock().wanted.take();
                if let Some(call) = wanted {
                    connecting = Some(self.setting.reach(&*self.connector, call));
                }
                if let Some(Poll::Ready(result)) = connecting.as_mut().map(|connecting| connecting.as_mut().poll(cx)) {
                    connecting = None;
                    self.turn(|plain| plain.connected(result, &self.setting));
                }
                let mut plain = self.lock();
                plain.task = Some(cx.waker().clone());
                plain.work(cx, &self.setting);
                plain.expire(cx, &mut sleep, &self.setting);
                plain.face.wake();
                if plain.wanted.is_some() {
                    // since it was asked
                    cx.waker().wake_by_ref();
                }
                plain.phase == Phase::Gone
            }));
            match turn {
                Ok(false) => Poll::Pending,
                Ok(true) => Poll::Ready(()),
                Err(_) => {
                    self.panicked();
                    Poll::Ready(())
                }
            }
        })
        .await;
        let plain = self.lock();
        if let Some(domain) = &plain.domain {
            let reason = plain.reason.unwrap_or(EndReason::Lost);
            info!(%domain, session = %self.setting.key, ?reason, transport = F::NAME, "session ended");
        }
    }

    /// One turn under the lock; `None`: it panicked, and the session is given up.
    pub fn turn<R>(&self, act: impl FnOnce(&mut Plain<F>) -> R) -> Option<R> {
        let mut plain = self.lock();
        let turn = catch_unwind(AssertUnwindSafe(|| act(&mut plain)));
        let task = plain.task.take();
        plain.face.wake();
        drop(plain);
        if turn.is_err() {
            self.panicked();
        }
        task.into_iter().for_each(Waker::wake);
        turn.ok()
    }

    fn panicked(&self) {
        error!(session = %self.setting.key, "a turn panicked; the session is given up");
        let mut plain = self.lock();
        plain.link = Link::Gone;
        plain.phase = Phase::Gone;
        plain.face.wake();
    }

    pub fn lock(&self) -> MutexGuard<'_, Plain<F>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Face> Plain<F> {
    pub fn client_says(&mut self, event: StreamEvent, of: &PlainStream<F>) {
        match event {
            StreamEvent::Opened(header) => self.open(header, of),
            StreamEvent::Payload(payload) | StreamEvent::Managed(_, payload) if !is_stream_level(&payload) => {
                self.login.client_says(&payload);
                match features::refusal(&payload) {
                    Some(answer) => self.say(&answer),
                    None => self.link.send(&payload),
                }
            }
            StreamEvent::Closed => self.end(EndReason::Terminated, &of.setting),
            // what only a server says, and what would change the link beneath the stream (S08)
            _ => self.fail("unsupported-stanza-type", &of.setting),
        }
    }

    /// The client begins its stream, or begins it anew, to the same domain.
    fn open(&mut self, header: StreamHeader, of: &PlainStream<F>) {
        self.greeted = false;
        let domain = header.to.as_deref().and_then(Domain::parse);
        let condition = match (&self.domain, domain) {
            (Some(first), Some(domain)) if *first == domain => return self.link.restart(&passed_on(header)),
            (None, Some(domain)) if of.connector.is_gone(&domain) => "host-gone",
            (None, Some(domain)) if of.connector.serves(&domain) => {
                let Setting { key, peer, .. } = &of.setting;
                info!(%domain, session = %key, client = %peer.address.ip(), transport = F::NAME, "session begins");
                self.wanted = Some(of.setting.call(domain.clone(), passed_on(header)));
                self.domain = Some(domain);
                self.phase = Phase::Open;
                return;
            }
            _ => "host-unknown",
        };
        self.phase = Phase::Open;
        self.fail(condition, &of.setting);
    }

    fn connected(&mut self, result: Result<Connected, ConnectError>, setting: &Setting) {
        match result {
            Ok(connected) => self.link.connected(connected, setting),
            // it is over for another reason
            Err(_) if self.phase != Phase::Open => {}
            Err(error) => {
                let ConnectError { target, stage, source } = error;
                let domain = self.domain.as_ref().map(display);
                info!(domain, session = %setting.key, target, ?stage, cause = %source, "server not reached");
                self.link = Link::Gone;
                if F::LISTENS {
                    self.fail("remote-connection-failed", setting);
                } else {
                    self.reason = Some(EndReason::Condition("remote-connection-failed"));
                    self.phase = Phase::Unreachable;
                }
            }
        }
    }

    /// Reads and writes what the server gives and takes.
    fn work(&mut self, cx: &mut Context<'_>, setting: &Setting) {
        while self.face.output() < OUTPUT {
            self.account();
            let moves = F::LISTENS && self.face.output() == 0;
            if !self.share.may_grow(moves) {
                self.share.wait(cx);
                break;
            }
            let Link::Connected(stream) = &mut self.link else { return };
            match stream.poll_event(cx) {
                Poll::Ready(Ok(event)) => {
                    setting.hears(&event);
                    self.server_says(event, setting);
                }
                Poll::Ready(Err(failure)) => return self.lost(&failure, setting),
                Poll::Pending => break,
            }
        }
        if let Link::Connected(stream) = &mut self.link
            && let Poll::Ready(Err(error)) = stream.poll_flush(cx)
        {
            self.lost(&StreamFailure::Io(error), setting);
        }
    }

    /// Bytes that the server has not taken.
    pub fn unsent(&self) -> usize {
        self.link.unsent()
    }

    /// May either side still say something?
    pub fn is_alive(&self) -> bool {
        matches!(self.phase, Phase::Fresh | Phase::Open)
    }

    /// The client fetches some of what waits for it; if the server was not read because of that, it is again.
    pub fn fetch<R>(&mut self, take: impl FnOnce(&mut F) -> R) -> R {
        let was_full = self.face.output() >= OUTPUT;
        let taken = take(&mut self.face);
        self.account();
        if was_full {
            self.task.take().into_iter().for_each(Waker::wake);
        }
        taken
    }

    /// Says what waits here now.
    pub fn account(&mut self) {
        self.share.set(self.face.input() + self.face.output() + self.link.waiting());
    }

    fn server_says(&mut self, event: StreamEvent, setting: &Setting) {
        if self.login.server_says(&event) {
            setting.logged_in();
        }
        match event {
            StreamEvent::Opened(header) => self.greet(&header),
            StreamEvent::Features(payload) | StreamEvent::Payload(payload) => self.say(&payload),
            StreamEvent::Managed(managed, payload) => {
                self.managed = Some(managed);
                self.say(&payload);
            }
            StreamEvent::Authenticated(success) => {
                self.say(&success);
                self.face.may_begin_anew();
            }
            StreamEvent::Error(error) => {
                self.say(&error.element);
                self.end(EndReason::Server, setting);
            }
            StreamEvent::Closed => self.end(EndReason::Server, setting),
        }
    }

    fn say(&mut self, payload: &Payload) {
        self.face.say(Said::Payload(payload));
    }

    fn greet(&mut self, header: &StreamHeader) {
        self.face.say(Said::Header(header));
        self.greeted = true;
    }

    /// Our own header, where the server has not said one (RFC 6120 section 4.9.1.2).
    fn greet_first(&mut self) {
        if !self.greeted {
            self.greet(&StreamHeader {
                version: Some("1.0".into()),
                ..StreamHeader::default()
            });
        }
    }

    fn lost(&mut self, failure: &StreamFailure, setting: &Setting) {
        info!(session = %setting.key, cause = failure.cause(), "server stream broke");
        self.link.break_off(failure, setting);
        self.fail("remote-connection-failed", setting);
    }

    /// The stream is over, and the client is told why.
    pub fn fail(&mut self, condition: &'static str, setting: &Setting) {
        self.greet_first();
        self.face.say(Said::Error(condition));
        self.end(EndReason::Condition(condition), setting);
    }

    /// The same, if the client hears it.
    fn part(&mut self, condition: &'static str, setting: &Setting) {
        if F::LISTENS && self.is_alive() {
            self.fail(condition, setting);
        } else {
            self.reason.get_or_insert(EndReason::Condition(condition));
            self.link.close(Close::Clean, setting);
            self.phase = Phase::Gone;
        }
    }

    /// The client is lost. Where the server would take it back, the stream ends without a word (AU07).
    pub fn hung_up(&mut self, setting: &Setting) {
        self.reason.get_or_insert(EndReason::Lost);
        let how = match self.managed {
            Some(Managed::Resumable) => Close::Abandon,
            Some(Managed::Acknowledged) | None => Close::Clean,
        };
        self.link.close(how, setting);
        self.phase = Phase::Gone;
    }

    fn end(&mut self, reason: EndReason, setting: &Setting) {
        self.reason = Some(reason);
        self.greet_first();
        self.link.close(Close::Clean, setting);
        self.face.say(Said::Closing);
        self.phase = Phase::Over;
    }

    /// When the client should have logged in (AU10).
    fn login_ends(&self, setting: &Setting) -> Option<Instant> {
        let awaited = matches!(self.phase, Phase::Fresh | Phase::Open) && !self.login.is_done();
        setting.login_timeout.filter(|_| awaited).map(|time| setting.opened + time)
    }

    fn expire(&mut self, cx: &mut Context<'_>, sleep: &mut Pin<Box<Sleep>>, setting: &Setting) {
        while self.phase != Phase::Gone && sleep.as_mut().poll(cx).is_ready() {
            let login = self.login_ends(setting);
            let Some(deadline) = login.into_iter().chain(self.face.expires(self.phase)).min() else {
                return;
            };
            if sleep.deadline() < deadline {
                sleep.as_mut().reset(deadline);
            } else if login == Some(deadline) {
                self.fail("policy-violation", setting);
            } else if F::LISTENS {
                self.part("connection-timeout", setting);
            } else {
                self.hung_up(setting);
            }
        }
    }
}

/// The client's header as the server gets it: only a valid bare JID in `from` (C13), and no version where the client has none.
fn passed_on(header: StreamHeader) -> StreamHeader {
    StreamHeader {
        from: header.from.and_then(|from| xmpp::bare_jid(&from)),
        id: None,
        ..header
    }
}
