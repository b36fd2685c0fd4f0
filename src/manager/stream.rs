//! One live plain stream: the client's own stream ends here, the server's begins, and payloads pass from one to the other. XEP-0025 polls
//! it; there is no session above it, so what is fetched is gone (HP09).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::field::display;
use tracing::{error, info};

use super::bosh::Setting;
use super::link::Link;
use super::memory::Share;
use super::translate;
use crate::bosh::{Close, is_stream_level};
use crate::http_polling::{self, Keys, PollError};
use crate::upstream::stream::StreamFailure;
use crate::upstream::{Call, Connect, ConnectError, Connected, Connecting, Peer};
use crate::xml::Payload;
use crate::xmpp::inbound::Inbound;
use crate::xmpp::login::Login;
use crate::xmpp::{self, Domain, StreamEvent, StreamHeader, features, outbound};

/// A client that has not polled for as long is gone (HP07: five minutes at least).
const IDLE: Duration = Duration::from_secs(300);

/// The same before it has opened its stream.
const FRESH: Duration = Duration::from_secs(30);

/// Bytes that may wait for the client; beyond it the server is not read.
const OUTPUT: usize = 1024 * 1024;

/// Bytes that may wait for the server; a client goes beyond it only while the server takes nothing.
const UNSENT: usize = 4 * 1024 * 1024;

pub(super) struct PlainStream {
    setting: Setting,
    connector: Arc<dyn Connect>,
    live: Mutex<Plain>,
}

struct Plain {
    keys: Keys,
    client: Inbound,
    input: BytesMut,
    /// What the server has said since the last poll.
    output: BytesMut,
    link: Link,
    share: Share,
    /// Was a header among it? Nothing can be said before that.
    greeted: bool,
    /// Once the client has said so; it stays the same (R04).
    domain: Option<Domain>,
    /// What is still to be asked of the connector.
    wanted: Option<Call>,
    phase: Phase,
    login: Login,
    polled: Instant,
    task: Option<Waker>,
}

/// ```text
/// Fresh --client's header--> Open --either side's end--> Over --fetched or expired--> Gone
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Fresh,
    Open,
    /// What is left can be fetched.
    Over,
    /// The server was never reached, which has an id of its own (HP03).
    Unreachable,
    Gone,
}

impl PlainStream {
    pub fn new(setting: Setting, first: &http_polling::Poll, connector: Arc<dyn Connect>) -> Self {
        let plain = Plain {
            keys: Keys::begin(first),
            client: Inbound::new(setting.xml),
            input: BytesMut::new(),
            output: BytesMut::new(),
            link: Link::Connecting(BytesMut::new()),
            share: setting.memory.share(),
            greeted: false,
            domain: None,
            wanted: None,
            phase: Phase::Fresh,
            login: Login::default(),
            polled: setting.opened,
            task: None,
        };
        Self {
            setting,
            connector,
            live: Mutex::new(plain),
        }
    }

    /// May a poll come from there?
    pub fn admits(&self, peer: &Peer) -> bool {
        self.setting.peer.security.admits(&peer.security)
    }

    /// The poll that made it.
    pub fn poll_first(&self, first: &http_polling::Poll) -> Bytes {
        self.turn(|plain| plain.exchange(&first.octets, self)).unwrap_or_default()
    }

    /// A later one.
    ///
    /// # Errors
    /// The session is over, or the key is wrong: then nothing is carried out and it lives no longer for it (HP06).
    pub fn poll(&self, poll: &http_polling::Poll) -> Result<Bytes, PollError> {
        self.turn(|plain| plain.poll(poll, self)).unwrap_or(Err(PollError::Unknown))
    }

    /// We are shutting down, and nobody waits to be told.
    pub fn drain(&self) {
        self.turn(|plain| {
            plain.link.close(Close::Clean, &self.setting);
            plain.phase = Phase::Gone;
        });
    }

    /// Runs until the stream is over and what it left was fetched, or forgotten.
    pub async fn run(&self) {
        let mut connecting: Option<Connecting<'_>> = None;
        let mut sleep = Box::pin(sleep_until(
            self.setting.opened + self.setting.login_timeout.map_or(FRESH, |time| time.min(FRESH)),
        ));
        std::future::poll_fn(|cx| {
            let turn = catch_unwind(AssertUnwindSafe(|| {
                let wanted = self.lock().wanted.take();
                if let Some(call) = wanted {
                    connecting = Some(self.connector.connect(call));
                }
                if let Some(Poll::Ready(result)) = connecting.as_mut().map(|connecting| connecting.as_mut().poll(cx)) {
                    connecting = None;
                    self.turn(|plain| plain.connected(result, &self.setting));
                }
                let mut plain = self.lock();
                plain.task = Some(cx.waker().clone());
                plain.work(cx, &self.setting);
                plain.expire(cx, &mut sleep, &self.setting);
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
        info!(session = %self.setting.key, "polling session ended");
    }

    /// One turn under the lock; `None`: it panicked, and the session is given up.
    fn turn<R>(&self, act: impl FnOnce(&mut Plain) -> R) -> Option<R> {
        let mut plain = self.lock();
        let turn = catch_unwind(AssertUnwindSafe(|| act(&mut plain)));
        let task = plain.task.take();
        drop(plain);
        if turn.is_err() {
            self.panicked();
        }
        task.into_iter().for_each(Waker::wake);
        turn.ok()
    }

    fn panicked(&self) {
        error!(session = %self.setting.key, "a turn panicked; the polling session is given up");
        let mut plain = self.lock();
        plain.link = Link::Gone;
        plain.phase = Phase::Gone;
    }

    fn lock(&self) -> MutexGuard<'_, Plain> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plain {
    fn poll(&mut self, poll: &http_polling::Poll, of: &PlainStream) -> Result<Bytes, PollError> {
        if self.phase == Phase::Gone {
            return Err(PollError::Unknown);
        }
        self.keys.verify(poll)?;
        if self.phase == Phase::Unreachable {
            self.phase = Phase::Gone;
            return Err(PollError::Server);
        }
        #[expect(clippy::disallowed_methods, reason = "where a poll's time begins")]
        let now = Instant::now();
        self.polled = now;
        Ok(self.exchange(&poll.octets, of))
    }

    /// Takes what the client says, gives what the server has said.
    fn exchange(&mut self, octets: &[u8], of: &PlainStream) -> Bytes {
        self.input.extend_from_slice(octets);
        while matches!(self.phase, Phase::Fresh | Phase::Open) {
            match self.client.next(&mut self.input) {
                Ok(Some(event)) => self.client_says(event, of),
                Ok(None) => break,
                Err(error) => self.fail(translate::stream_condition(error), &of.setting),
            }
        }
        if self.link.unsent() > UNSENT {
            self.fail("resource-constraint", &of.setting);
        }
        if self.phase == Phase::Over {
            // fetched with this answer
            self.phase = Phase::Gone;
        }
        if self.input.is_empty() || self.phase == Phase::Gone {
            self.input = BytesMut::new();
        }
        let said = std::mem::take(&mut self.output).freeze();
        self.account();
        said
    }

    fn client_says(&mut self, event: StreamEvent, of: &PlainStream) {
        match event {
            StreamEvent::Opened(header) => self.open(header, of),
            StreamEvent::Payload(payload) | StreamEvent::Managed(_, payload) if !is_stream_level(&payload) => {
                self.login.client_says(&payload);
                match features::refusal(&payload) {
                    Some(answer) => self.say(&answer),
                    None => self.link.send(&payload),
                }
            }
            StreamEvent::Closed => {
                self.end(&of.setting);
            }
            // what only a server says, and what would change the link beneath the stream (S08)
            _ => self.fail("unsupported-stanza-type", &of.setting),
        }
    }

    /// The client begins its stream, or begins it anew, to the same domain.
    fn open(&mut self, header: StreamHeader, of: &PlainStream) {
        let domain = header.to.as_deref().and_then(Domain::parse);
        let condition = match (&self.domain, domain) {
            (Some(first), Some(domain)) if *first == domain => return self.link.restart(&passed_on(header)),
            (None, Some(domain)) if of.connector.is_gone(&domain) => "host-gone",
            (None, Some(domain)) if of.connector.serves(&domain) => {
                info!(%domain, session = %of.setting.key, "polling session reaches out");
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
                self.phase = Phase::Unreachable;
            }
        }
    }

    /// Reads and writes what the server gives and takes.
    fn work(&mut self, cx: &mut Context<'_>, setting: &Setting) {
        while self.output.len() < OUTPUT {
            self.account();
            if !self.share.may_grow(false) {
                self.share.wait(cx);
                break;
            }
            let Link::Connected(stream) = &mut self.link else { return };
            match stream.poll_event(cx) {
                Poll::Ready(Ok(event)) => self.server_says(event, setting),
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

    /// Says what waits here now.
    fn account(&mut self) {
        self.share.set(self.input.len() + self.output.len() + self.link.waiting());
    }

    fn server_says(&mut self, event: StreamEvent, setting: &Setting) {
        if self.login.server_says(&event) {
            setting.logged_in();
        }
        match event {
            StreamEvent::Opened(header) => self.greet(&header),
            StreamEvent::Features(payload) | StreamEvent::Payload(payload) | StreamEvent::Managed(_, payload) => {
                self.say(&payload)
            }
            StreamEvent::Authenticated(success) => {
                self.say(&success);
                // the client begins its stream anew
                self.client.restart();
            }
            StreamEvent::Error(error) => {
                self.say(&error.element);
                self.end(setting);
            }
            StreamEvent::Closed => self.end(setting),
        }
    }

    fn say(&mut self, payload: &Payload) {
        self.output.extend_from_slice(payload.bytes());
    }

    fn greet(&mut self, header: &StreamHeader) {
        outbound::header(header, &mut self.output);
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
        self.greet_first();
        outbound::error("remote-connection-failed", &mut self.output);
        self.end(setting);
    }

    /// The client broke the rules of a stream.
    fn fail(&mut self, condition: &str, setting: &Setting) {
        self.greet_first();
        outbound::error(condition, &mut self.output);
        self.end(setting);
    }

    fn end(&mut self, setting: &Setting) {
        self.greet_first();
        self.link.close(Close::Clean, setting);
        self.output.extend_from_slice(outbound::CLOSING);
        self.phase = Phase::Over;
    }

    fn expire(&mut self, cx: &mut Context<'_>, sleep: &mut Pin<Box<Sleep>>, setting: &Setting) {
        while self.phase != Phase::Gone && sleep.as_mut().poll(cx).is_ready() {
            // AU10
            let late = setting.login_timeout.map(|time| setting.opened + time);
            let late = late.filter(|_| matches!(self.phase, Phase::Fresh | Phase::Open) && !self.login.is_done());
            if late.is_some_and(|late| sleep.deadline() >= late) {
                self.fail("policy-violation", setting);
                continue;
            }
            let patience = if self.phase == Phase::Fresh { FRESH } else { IDLE };
            let expires = self.polled + patience;
            if sleep.deadline() >= expires {
                self.link.close(Close::Clean, setting);
                self.phase = Phase::Gone;
            } else {
                sleep.as_mut().reset(late.map_or(expires, |late| late.min(expires)));
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
