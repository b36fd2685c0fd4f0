//! `Session`: one input at a time, then its outputs, then the next deadline. The only coordinator of the parts.

use std::collections::VecDeque;
use std::sync::Arc;

use super::ending::{Cause, EndReason, Farewell, Login, Phase};
use super::held::{Held, HeldRequests, Hold};
use super::keys::KeyChain;
use super::outbox::Outbox;
use super::pacing::{Newcomer, Pacing};
use super::replay::{Known, ReplayCache, Report};
use super::script::Script;
use super::streams::Streams;
use super::timer::{Timer, Timers};
use super::window::{Admission, Arrival, RequestWindow};
use super::{Condition, Limits, Request, RequestId, Response, Restart, ServerCommand, ServerEvent, Sid, StreamId, Terms, Time};
use crate::xml::Payload;

/// Milliseconds that a pause lasts longer than was said: its client counts from when it heard of it, and needs a connection to come back.
const PAUSE_SLACK: u64 = 1000;

/// A silence that was announced.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Pause {
    /// Milliseconds, from when the last answer has left.
    For(u64),
    Until(Time),
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    Request {
        id: RequestId,
        request: Box<Request>,
    },
    /// The answer to this request has left in full.
    Written {
        id: RequestId,
    },
    /// The connection of this request died, before or after its answer was handed over.
    HungUp {
        id: RequestId,
    },
    Server(StreamId, ServerEvent),
    /// Answer this one now.
    Release {
        id: RequestId,
    },
    /// The connection manager is shutting down.
    Drain,
    /// A deadline has come.
    Timeout,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Output {
    Respond {
        to: RequestId,
        response: Response,
    },
    ToServer(StreamId, ServerCommand),
    /// The client has the next `n` payloads of this stream that were not confirmed before.
    Confirmed(StreamId, usize),
    /// The client has logged in; once.
    LoggedIn,
    /// How long a request was held, where that says something about the way to the client.
    Observed(Hold),
    /// The session is over and the client may never have got these.
    Undelivered(StreamId, Vec<Payload>),
    /// The value may be dropped.
    Ended(EndReason),
}

/// What the connection manager gives a new session.
#[derive(Clone, Debug)]
pub struct Admitted {
    pub id: RequestId,
    pub sid: Sid,
    pub limits: Arc<Limits>,
}

/// One BOSH session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Session {
    pub(super) sid: Sid,
    pub(super) terms: Terms,
    pub(super) limits: Arc<Limits>,
    pub(super) phase: Phase,
    pub(super) window: RequestWindow,
    pub(super) held: HeldRequests,
    pub(super) outbox: Outbox,
    pub(super) replay: ReplayCache,
    pub(super) streams: Streams,
    pub(super) keys: Option<Box<KeyChain>>,
    pub(super) pacing: Pacing,
    pub(super) script: Option<Box<Script>>,
    pub(super) login: Login,
    /// Milliseconds that the way to the client is known to bear, if it bears less than `wait`.
    pub(super) most_held: Option<u64>,
    /// The age in milliseconds at which it is known to cut.
    pub(super) cut_from: Option<u64>,
    /// The client has said that it would be silent (section 10).
    pub(super) pause: Option<Pause>,
    /// To be told with the next answer.
    pub(super) report: Option<Report>,
    pub(super) timers: Timers,
    pub(super) outputs: VecDeque<Output>,
}

impl Session {
    /// Begins a session with its creation request, which [`super::admit`] has passed.
    pub fn open(creation: Box<Request>, admitted: Admitted, now: Time) -> Self {
        let Admitted { id, sid, limits } = admitted;
        let terms = Terms::agree(&creation.offer, &limits);
        let mut session = Self {
            window: RequestWindow::new(creation.rid, terms.requests),
            keys: KeyChain::begin(&creation).map(Box::new),
            pacing: Pacing::default(),
            script: None,
            login: Login::Awaited,
            most_held: None,
            cut_from: None,
            pause: None,
            report: None,
            replay: ReplayCache::new(terms.requests),
            held: HeldRequests::default(),
            outbox: Outbox::default(),
            streams: Streams::first(&sid, limits.streams, creation.opening.clone()),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            phase: Phase::Opening,
            sid,
            terms,
            limits,
        };
        let deadline = now.after(session.terms.creation_patience());
        session.held.push(Held {
            id: Some(id),
            deadline,
            ..Held::dead(creation.rid, now)
        });
        session.await_login(now);
        session.watch(now);
        session.order(StreamId::FIRST, ServerCommand::Open(creation.opening.clone()));
        match session.joined(creation) {
            Ok(creation) if creation.payloads.is_empty() => {}
            Ok(creation) => session.order(StreamId::FIRST, ServerCommand::Send(creation.payloads)),
            Err(condition) => {
                session.close(Farewell::because(Cause::Client, condition), now);
                session.settle(now);
            }
        }
        session
    }

    /// One thing happened. Take all outputs before the next one.
    pub fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::Request { id, request } => self.request(id, request, now),
            Input::Written { id } => self.written(id, now),
            Input::HungUp { id } => self.hung_up(id, now),
            Input::Server(stream, event) => self.server(stream, event, now),
            Input::Release { id } => self.release(id, now),
            Input::Drain => self.close(Farewell::because(Cause::Shutdown, Condition::SystemShutdown), now),
            Input::Timeout => self.timeout(now),
        }
        self.settle(now);
        self.watch(now);
        self.check();
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Session::handle`] with [`Input::Timeout`]; `None` only when ended.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// May the server be read? False while too much waits for the client (DL04).
    pub fn wants(&self, stream: StreamId) -> bool {
        let living = self.streams.get(stream).is_some_and(|stream| !stream.is_gone());
        living && self.outbox.memory() < self.limits.session_memory
    }

    /// Requests are held for so many milliseconds at most, those that are already held included; the way to the client is known to cut what is
    /// silent for longer.
    pub fn hold_at_most(&mut self, milliseconds: Option<u64>) {
        self.most_held = milliseconds;
        if let (Some(most), Phase::Open) = (milliseconds, &self.phase) {
            self.held.hold_at_most(most);
            self.timers.set(Timer::Wait, self.held.next_deadline());
        }
    }

    /// A request that dies at this age in milliseconds, or later, was cut on its way rather than aborted by its client.
    pub fn cut_from(&mut self, milliseconds: Option<u64>) {
        self.cut_from = milliseconds;
    }

    /// How long a request is held, in milliseconds.
    fn patience(&self) -> u64 {
        let agreed = self.terms.patience();
        self.most_held.map_or(agreed, |most| most.min(agreed))
    }

    fn request(&mut self, id: RequestId, request: Box<Request>, now: Time) {
        self.timers.set(Timer::Inactivity, None);
        self.timers.set(Timer::Leave, None);
        if matches!(self.phase, Phase::Told(_) | Phase::Ended) {
            return self.after_the_end(id, &request, now);
        }
        let admission = self.window.judge(request.rid, request.leaves());
        let fresh = match admission {
            Admission::Next => true,
            Admission::Early => !self.window.is_early(request.rid),
            Admission::Repeat | Admission::Outside => false,
        };
        if fresh && !self.is_in_pace(&request, now) {
            return self.offend(Some(id), Condition::PolicyViolation, now);
        }
        let arrival = Arrival {
            id: Some(id),
            request,
            at: now,
            released: false,
        };
        match admission {
            Admission::Next => {
                self.carry_out(arrival, now);
                // what follows a terminate or a fault is not carried out
                while matches!(self.phase, Phase::Opening | Phase::Open)
                    && let Some(next) = self.window.take_next()
                {
                    self.carry_out(next, now);
                }
            }
            Admission::Early => {
                if let Some(older) = self.window.defer(arrival) {
                    self.respond(older, Response::superseded());
                }
            }
            Admission::Repeat => self.repeat(id, &arrival.request, now),
            Admission::Outside => self.offend(Some(id), Condition::ItemNotFound, now),
        }
    }

    /// Does a new request keep to what was agreed? Judged when it comes, before anybody is answered for it (E09).
    fn is_in_pace(&mut self, request: &Request, at: Time) -> bool {
        let requests = usize::from(self.terms.requests);
        // what is open because an answer leaves slowly is not the client's fault
        let excused = if self.replay.any_leaving() { requests } else { 0 };
        let adds = self.streams.are_several() && request.adds_stream();
        let says = request.has_content() || request.restart != Restart::No || adds;
        let newcomer = Newcomer {
            polls: !says && !request.leaves() && self.streams.are_introduced(),
            leaves: request.leaves(),
            open: (self.held.live() + self.window.live_below(request.rid) + 1).saturating_sub(excused),
            at,
        };
        !matches!(self.phase, Phase::Opening | Phase::Open) || self.pacing.admits(&newcomer, &self.terms)
    }

    /// A request whose turn it is: its words go to the server, it joins the held.
    fn carry_out(&mut self, arrival: Arrival, now: Time) {
        let Arrival {
            id,
            request,
            at,
            released,
        } = arrival;
        self.window.advance(request.rid);
        self.timers.set(Timer::Gap, None);
        self.pause = None;
        let accepted = self.accept(&request).and_then(|()| self.joined(request));
        let request = match accepted {
            Ok(request) => request,
            Err(condition) => return self.offend(id, condition, now),
        };
        // who comes back to a session that is over hears of it
        let pauses = self.pause_of(&request).filter(|_| matches!(self.phase, Phase::Open));
        self.acknowledged(&request, at);
        let at_once = released || pauses.is_some() || self.report.is_some();
        self.held.push(Held {
            rid: request.rid,
            id,
            since: at,
            died: None,
            deadline: if at_once { now } else { at.after(self.patience()) },
            pauses: pauses.is_some(),
        });
        self.pause = pauses.map(|seconds| Pause::For(u64::from(seconds) * 1000 + PAUSE_SLACK));
        let goodbye = request.terminate.then(|| request.stream.clone());
        self.pass_on(request);
        match goodbye {
            Some(Some(name)) if self.streams.are_several() => self.close_named(&name, now),
            Some(_) => self.close(Farewell::asked(), now),
            None => {}
        }
    }

    /// # Errors
    /// What a request that is carried out may not say.
    fn accept(&mut self, request: &Request) -> Result<(), Condition> {
        // behind a gap that was given up the chain is broken
        if let Some(keys) = self.keys.as_mut().filter(|_| !self.window.has_skipped()) {
            if !keys.verify(request) {
                return Err(Condition::ItemNotFound);
            }
            self.replay.oldest().into_iter().for_each(|oldest| keys.forget_before(oldest));
        }
        match (request.fault, self.pause_of(request)) {
            (Some(fault), _) => Err(fault),
            _ if self.names_nothing(request) => Err(Condition::ItemNotFound),
            (None, Some(0)) => Err(Condition::BadRequest),
            (None, Some(pause)) if pause > self.terms.max_pause => Err(Condition::PolicyViolation),
            (None, _) => Ok(()),
        }
    }

    /// Seconds of silence that it announces, where that was agreed (C07).
    fn pause_of(&self, request: &Request) -> Option<u16> {
        request.pause.filter(|_| self.terms.max_pause > 0)
    }

    /// In script syntax: the elements that end in this request.
    fn joined(&mut self, mut request: Box<Request>) -> Result<Box<Request>, Condition> {
        if !request.octets.is_empty() {
            request.payloads = self.script.get_or_insert_default().join(&request.octets)?;
        }
        Ok(request)
    }

    /// What a request tells of the answers before it.
    fn acknowledged(&mut self, request: &Request, arrived: Time) {
        // who says goodbye does not wait for what is under way
        let polls = !request.has_content() && !request.terminate && self.terms.hold == 1;
        let known = match request.ack {
            ack if self.terms.acks => Known::acked(ack),
            _ if polls => Known::All,
            _ => Known::Nothing,
        };
        if let Known::Through(acked) = known {
            self.report = self.replay.missing(acked, arrived);
        }
        let confirmed = self.replay.confirm(request.rid, self.terms.requests, known);
        self.confirmed(confirmed);
    }

    /// A rid that came before: held (D11), answered (D09), or too old (D13).
    fn repeat(&mut self, id: RequestId, request: &Request, now: Time) {
        if self.keys.as_ref().is_some_and(|keys| !keys.knows(request)) {
            return self.offend(Some(id), Condition::ItemNotFound, now);
        }
        if !self.pacing.admits_repeat(request.rid, now) {
            return self.offend(Some(id), Condition::PolicyViolation, now);
        }
        let patience = self.patience();
        if let Some(held) = self.held.take_over(request.rid, id, now, patience) {
            match held.id {
                Some(older) => self.respond(older, Response::superseded()),
                None => self.observed(held.cut()),
            }
        } else if let Some(response) = self.replay.replay(request.rid, id, now) {
            self.respond(id, response);
        } else {
            self.offend(Some(id), Condition::ItemNotFound, now);
        }
    }

    /// Inactivity runs from here (section 10).
    fn written(&mut self, id: RequestId, now: Time) {
        if self.replay.written(id, now) {
            self.timers.set(Timer::Inactivity, None);
        }
    }

    /// Unknown ids belong to answers that need no memory: superseded copies and farewells.
    fn hung_up(&mut self, id: RequestId, now: Time) {
        if let Some(age) = self.held.hung_up(id, now) {
            self.timers.set(Timer::Inactivity, None);
            self.aborted(age, now);
        } else if self.window.hung_up(id) || self.replay.hung_up(id) {
            self.timers.set(Timer::Inactivity, None);
        }
    }

    fn release(&mut self, id: RequestId, now: Time) {
        if matches!(self.phase, Phase::Opening) || self.window.release(id) {
            return;
        }
        self.held.release(id, now);
    }

    /// The invariants of this type.
    fn check(&self) {
        let ended = matches!(self.phase, Phase::Ended);
        debug_assert_eq!(self.timers.next().is_none(), ended, "{self:?}");
        if matches!(self.phase, Phase::Open) && self.held.any_live() && !self.replay.any_leaving() {
            debug_assert!(self.held.len() <= usize::from(self.terms.hold), "{self:?}");
            debug_assert!(self.outbox.is_empty(), "{self:?}");
        }
    }

    pub(super) fn respond(&mut self, to: RequestId, mut response: Response) {
        response.content = self.terms.content.clone();
        self.outputs.push_back(Output::Respond { to, response });
    }

    pub(super) fn observed(&mut self, hold: Option<Hold>) {
        self.outputs.extend(hold.map(Output::Observed));
    }

    pub(super) fn confirmed(&mut self, counts: Vec<(StreamId, usize)>) {
        let confirmed = |(stream, count)| Output::Confirmed(stream, count);
        self.outputs.extend(counts.into_iter().map(confirmed));
    }

    pub(super) fn order(&mut self, stream: StreamId, command: ServerCommand) {
        self.outputs.push_back(Output::ToServer(stream, command));
    }
}
