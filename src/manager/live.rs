//! What stands behind a live session's lock: the value, its legs to servers, and who waits for an answer.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;
use tokio::time::Sleep;
use tracing::{error, info};

use super::bosh::Setting;
use super::deferred::Deferred;
use super::link::{Leg, Link};
use super::memory::Share;
use super::middlebox::WayBack;
use super::translate;
use crate::bosh::{
    Condition, EndReason, Hold, Input, Output, Request, RequestId, Response, ServerCommand, ServerEvent, ServerFailure, Session,
    StreamId, Time,
};
use crate::upstream::stream::StreamFailure;
use crate::upstream::{Call, ConnectError, Connected, Peer};
use crate::xml::Payload;
use crate::xmpp::{Domain, undeliverable};

/// While more bytes than this wait to be written to the server, requests wait, too.
const WRITE_MARK: usize = 256 * 1024;

/// The same while the server is not read, as too much waits for the client: it may wait for us, and only requests make room.
const WRITE_LIMIT: usize = 4 * 1024 * 1024;

/// Milliseconds of silence towards servers after which something is said: some end streams that are idle for ten minutes (DN12).
const KEEPALIVE: u64 = 300_000;

/// The same while servers are not read: ejabberd ends a stream after 60 s in which nobody says what was received (`ack_timeout`).
const KEEPALIVE_UNREAD: u64 = 20_000;

/// Events taken from one server before other sessions have their turn.
const BUDGET: usize = 64;

/// A session's value and what it holds in the world. Whoever drives it calls [`Live::flush`] afterwards.
pub(super) struct Live {
    session: Session,
    /// Of the first stream.
    domain: Domain,
    /// One for each stream.
    legs: Vec<Leg>,
    /// Streams on whose way to the server nobody is yet.
    unconnected: Vec<(StreamId, Option<Call>)>,
    requests: u64,
    waiting: Vec<(RequestId, oneshot::Sender<Response>)>,
    deferred: Deferred,
    reading: Reading,
    share: Share,
    way_back: WayBack,
    /// When the last turn began.
    now: Time,
    /// When something was said to a server last.
    spoke: Time,
    /// What the task sleeps towards.
    armed: Option<Time>,
    /// The session's task, while it sleeps.
    pub task: Option<Waker>,
    /// What clients get to hear from us instead of their servers.
    refused: Vec<(StreamId, Payload)>,
    ended: bool,
}

/// Is the server being read?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Active,
    /// Too much waits for the client; the task is woken when that has changed.
    Paused,
}

impl Live {
    pub fn new(domain: Domain, session: Session, setting: &Setting) -> Self {
        Self {
            session,
            domain,
            legs: Vec::with_capacity(1),
            unconnected: Vec::new(),
            requests: 0,
            waiting: Vec::new(),
            deferred: Deferred::default(),
            reading: Reading::Active,
            share: setting.memory.share(),
            way_back: WayBack::new(setting.key, setting.peer.site()),
            now: Time::default(),
            spoke: Time::default(),
            armed: None,
            task: None,
            refused: Vec::new(),
            ended: false,
        }
    }

    /// The creation request, which is already inside the value.
    pub fn created(&mut self, id: RequestId, setting: &Setting) -> oneshot::Receiver<Response> {
        let answer = self.expect(id);
        self.take_outputs(setting);
        answer
    }

    /// One request with a place for its answer.
    pub fn exchange(
        &mut self,
        request: Box<Request>,
        peer: &Peer,
        setting: &Setting,
    ) -> (RequestId, oneshot::Receiver<Response>) {
        self.requests += 1;
        let id = RequestId(self.requests);
        let receiver = self.expect(id);
        if self.ended {
            self.respond(id, Response::fatal(Condition::ItemNotFound));
        } else if self.deferred.is_full() {
            self.flooded(setting);
        } else {
            self.comes_from(peer, setting);
            self.request(Input::Request { id, request }, setting);
        }
        (id, receiver)
    }

    /// Something happened to a request.
    pub fn tell(&mut self, input: Input, setting: &Setting) {
        if let Input::HungUp { id } = input {
            self.waiting.retain(|(waiting, _)| *waiting != id);
        }
        self.request(input, setting);
    }

    /// We are shutting down. Requests that wait for the server to take bytes have waited long enough.
    pub fn drain(&mut self, setting: &Setting) {
        while let Some(input) = self.deferred.pop() {
            self.handle(input, setting);
        }
        self.handle(Input::Drain, setting);
    }

    /// How many requests have no answer.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The streams that have appeared since it was asked last, with the call to be made if they name a domain.
    pub fn take_unconnected(&mut self) -> Vec<(StreamId, Option<Call>)> {
        std::mem::take(&mut self.unconnected)
    }

    /// Nobody serves this stream's domain.
    pub fn unserved(&mut self, stream: StreamId, why: ServerFailure, setting: &Setting) {
        self.server(stream, ServerEvent::Failed(why), setting);
    }

    /// A request comes this way, which may be known to cut.
    fn comes_from(&mut self, peer: &Peer, setting: &Setting) {
        if let Some(all) = &setting.middleboxes
            && self.way_back.comes_from(peer.site(), setting.at(self.now), all)
        {
            self.hold_as_known();
        }
    }

    fn observed(&mut self, hold: Hold, setting: &Setting) {
        if let Some(all) = &setting.middleboxes
            && self.way_back.observed(hold, setting.at(self.now), all)
        {
            self.hold_as_known();
        }
    }

    fn hold_as_known(&mut self) {
        self.session.hold_at_most(self.way_back.bears());
        self.session.cut_from(self.way_back.cuts_from());
    }

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
            Input::Written { id } | Input::HungUp { id } | Input::Release { id } => self.deferred.holds(*id),
            Input::Server(..) | Input::Drain | Input::Timeout => false,
        };
        if waits {
            self.deferred.push(input);
        } else {
            self.handle(input, setting);
        }
    }

    fn is_clogged(&self) -> bool {
        self.legs.iter().any(|leg| {
            let mark = if self.session.wants(leg.stream) {
                WRITE_MARK
            } else {
                WRITE_LIMIT
            };
            leg.link.unsent() > mark
        })
    }

    /// The driving rule of [`crate::bosh`]: one input, all outputs; whoever called reads the next deadline.
    fn handle(&mut self, input: Input, setting: &Setting) {
        if self.ended {
            return;
        }
        self.now = setting.now();
        self.session.handle(input, self.now);
        self.take_outputs(setting);
    }

    fn take_outputs(&mut self, setting: &Setting) {
        loop {
            while let Some(output) = self.session.poll_output() {
                self.take_output(output, setting);
            }
            let Some((stream, answer)) = self.refused.pop() else { return };
            let event = Input::Server(stream, ServerEvent::Payload(answer));
            self.session.handle(event, self.now);
        }
    }

    fn take_output(&mut self, output: Output, setting: &Setting) {
        match output {
            Output::Respond { to, response } => self.respond(to, response),
            Output::ToServer(stream, command) => self.order(stream, command, setting),
            Output::Confirmed(stream, payloads) => {
                if let Some(leg) = self.leg(stream) {
                    leg.confirmed(payloads);
                }
            }
            Output::Undelivered(stream, payloads) => {
                // a server that keeps them has them back with the end of the stream (ER08)
                if !self.leg(stream).is_some_and(|leg| leg.takes_back()) {
                    let returned = payloads.iter().filter_map(undeliverable::returned).collect();
                    self.order(stream, ServerCommand::Send(returned), setting);
                }
            }
            Output::LoggedIn => setting.logged_in(),
            Output::Observed(hold) => self.observed(hold, setting),
            Output::Ended(reason) => self.end(reason, setting),
        }
    }

    fn respond(&mut self, to: RequestId, response: Response) {
        if let Some(place) = self.waiting.iter().position(|(id, _)| *id == to) {
            let (_, sender) = self.waiting.swap_remove(place);
            // a receiver that is gone will say `HungUp`
            let _ = sender.send(response);
        }
    }

    fn order(&mut self, stream: StreamId, command: ServerCommand, setting: &Setting) {
        if let ServerCommand::Open(opening) = &command {
            let domain = match &opening.to {
                Some(to) => Domain::parse(to),
                None => Some(self.domain.clone()),
            };
            let header = |domain: &Domain| translate::header(domain, opening.clone());
            let route = opening.route.as_deref().and_then(translate::route);
            let call = domain.as_ref().map(|domain| Call {
                route: route.clone(),
                ..setting.call(domain.clone(), header(domain))
            });
            self.unconnected.push((stream, call));
            self.legs.extend(domain.map(|domain| Leg::new(stream, domain)));
        }
        self.spoke = self.now;
        if let Some(leg) = self.leg(stream) {
            let refused = leg.carry_out(command, setting);
            self.refused.extend(refused.into_iter().rev().map(|answer| (stream, answer)));
        }
    }

    fn leg(&mut self, stream: StreamId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.stream == stream)
    }

    pub fn connected(&mut self, stream: StreamId, result: Result<Connected, ConnectError>, setting: &Setting) {
        let Some(leg) = self.leg(stream) else { return };
        match result {
            Ok(connected) => leg.connected(connected, setting),
            Err(error) => {
                let ConnectError { target, stage, source } = error;
                info!(domain = %leg.domain, session = %setting.key, target, ?stage, cause = %source, "server not reached");
                leg.link = Link::Gone;
                self.server(stream, ServerEvent::Failed(ServerFailure::Unreachable), setting);
            }
        }
    }

    /// Reads what the servers say.
    pub fn read(&mut self, cx: &mut Context<'_>, setting: &Setting) {
        self.legs.retain(|leg| !matches!(leg.link, Link::Gone));
        self.reading = Reading::Active;
        let mut nth = 0;
        while let Some(leg) = self.legs.get(nth) {
            self.read_from(leg.stream, cx, setting);
            nth += 1;
        }
    }

    fn read_from(&mut self, id: StreamId, cx: &mut Context<'_>, setting: &Setting) {
        for _ in 0..BUDGET {
            if !self.may_read(id) {
                self.reading = Reading::Paused;
                if self.session.wants(id) {
                    self.share.wait(cx);
                }
                return;
            }
            let Some(leg) = self.leg(id) else { return };
            let Link::Connected(stream) = &mut leg.link else { return };
            match stream.poll_event(cx) {
                Poll::Ready(Ok(event)) => {
                    setting.hears(&event);
                    let logged_in = leg.logs_in(&event);
                    let passes = leg.server_says(&event);
                    if logged_in {
                        self.server(id, ServerEvent::LoggedIn, setting);
                    }
                    if passes {
                        self.server(id, translate::event(event), setting);
                        self.account();
                    }
                }
                Poll::Ready(Err(failure)) => return self.broken(id, &failure, setting),
                Poll::Pending => return,
            }
        }
        cx.waker().wake_by_ref();
    }

    /// The server is gone or talks nonsense; nonsense is told to it (ER10).
    fn broken(&mut self, id: StreamId, failure: &StreamFailure, setting: &Setting) {
        if let Some(leg) = self.leg(id) {
            let untaken = leg.untaken();
            let (target, stage, cause) = (&leg.target, leg.stage(), failure.cause());
            info!(domain = %leg.domain, session = %setting.key, %target, ?stage, cause, untaken, "server stream broke");
            leg.link.break_off(failure, setting);
        }
        self.server(id, translate::failure(failure), setting);
    }

    fn server(&mut self, stream: StreamId, event: ServerEvent, setting: &Setting) {
        self.handle(Input::Server(stream, event), setting);
    }

    /// Writes what the servers take, and lets in the requests that waited for that.
    pub fn flush(&mut self, cx: &mut Context<'_>, setting: &Setting) {
        loop {
            let mut nth = 0;
            while let Some(leg) = self.legs.get_mut(nth) {
                leg.speak();
                if let Link::Connected(stream) = &mut leg.link
                    && let Poll::Ready(Err(error)) = stream.poll_flush(cx)
                {
                    let id = leg.stream;
                    self.broken(id, &StreamFailure::Io(error), setting);
                }
                nth += 1;
            }
            if self.is_clogged() {
                return;
            }
            match self.deferred.pop() {
                Some(input) => self.handle(input, setting),
                None => return,
            }
        }
    }

    pub fn keep_time(&mut self, cx: &mut Context<'_>, sleep: &mut Pin<Box<Sleep>>, setting: &Setting) {
        while !self.ended {
            if self.is_due_before_armed()
                && let Some(next) = self.next_deadline()
            {
                self.armed = Some(next);
                sleep.as_mut().reset(setting.at(next));
            }
            if self.armed.is_none() || sleep.as_mut().poll(cx).is_pending() {
                return;
            }
            self.armed = None;
            self.handle(Input::Timeout, setting);
            self.keep_alive();
            self.flush(cx, setting);
        }
    }

    /// The task is needed when it would sleep too long, when the server takes bytes slowly or may be read again, or when all is over.
    pub fn wake_task(&mut self) {
        let unsent = self
            .legs
            .iter()
            .any(|leg| matches!(leg.link, Link::Connected(_)) && leg.link.unsent() > 0);
        if (self.is_due_before_armed() || unsent || self.sets_out() || self.may_read_again() || self.ended)
            && let Some(task) = self.task.take()
        {
            task.wake();
        }
    }

    /// Of the session, or of the silence towards its servers.
    fn next_deadline(&self) -> Option<Time> {
        self.session.poll_timeout().map(|next| next.min(self.silence_ends()))
    }

    /// When the servers are to hear something, if the clients say nothing.
    fn silence_ends(&self) -> Time {
        let unread = self.reading == Reading::Paused && self.legs.iter().any(Leg::takes_back);
        self.spoke.after(if unread { KEEPALIVE_UNREAD } else { KEEPALIVE })
    }

    fn keep_alive(&mut self) {
        if self.now >= self.silence_ends() {
            self.spoke = self.now;
            self.legs.iter_mut().for_each(Leg::keep_alive);
        }
    }

    /// Is there a stream whose server nobody has set out to?
    pub fn sets_out(&self) -> bool {
        !self.unconnected.is_empty()
    }

    /// Would the task sleep too long? A deadline that has moved away is left to come early once, which is cheaper than to follow it.
    fn is_due_before_armed(&self) -> bool {
        let next = self.next_deadline();
        next.is_some_and(|next| self.armed.is_none_or(|armed| next < armed))
    }

    /// Has the client made room since reading stopped?
    pub fn may_read_again(&self) -> bool {
        self.reading == Reading::Paused && self.legs.iter().any(|leg| self.may_read(leg.stream))
    }

    /// Neither too much waits in this session nor in all of them.
    fn may_read(&self, stream: StreamId) -> bool {
        self.session.wants(stream) && self.share.may_grow(self.session.snapshot().held > 0)
    }

    /// Says what waits here now.
    pub fn account(&mut self) {
        let snapshot = self.session.snapshot();
        let deferred = self.deferred.bytes();
        let waiting: usize = self.legs.iter().map(|leg| leg.link.waiting()).sum();
        self.share
            .set(snapshot.outbox_bytes + snapshot.replay_bytes + snapshot.early_bytes + deferred + waiting);
    }

    fn end(&mut self, reason: EndReason, setting: &Setting) {
        info!(domain = %self.domain, session = %setting.key, reason = ?reason, "session ended");
        self.give_up(Condition::ItemNotFound);
    }

    /// The client goes on sending while the server takes nothing.
    fn flooded(&mut self, setting: &Setting) {
        info!(domain = %self.domain, session = %setting.key, "too much waits for the server; the session is given up");
        self.give_up(Condition::PolicyViolation);
    }

    /// This session is lost, and only this one.
    pub fn panicked(&mut self, setting: &Setting) {
        error!(domain = %self.domain, session = %setting.key, "a turn panicked; the session is given up");
        self.give_up(Condition::InternalServerError);
    }

    fn give_up(&mut self, condition: Condition) {
        self.ended = true;
        self.legs.clear();
        self.deferred.clear();
        for (_, sender) in self.waiting.drain(..) {
            let _ = sender.send(Response::fatal(condition));
        }
    }
}
