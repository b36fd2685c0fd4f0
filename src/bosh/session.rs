//! `Session`: one input at a time, then its outputs, then the next deadline. The only coordinator of the parts.

use std::collections::VecDeque;

use super::held::{Held, HeldRequests};
use super::outbox::Outbox;
use super::replay::ReplayCache;
use super::streams::{Introduction, Stream, StreamPhase};
use super::timer::{Timer, Timers};
use super::window::{Admission, Arrival, RequestWindow};
use super::{
    Close, Condition, Limits, Request, RequestId, Response, Restart, Rid, ServerCommand, ServerEvent, ServerFailure, Sid,
    StreamId, Terms, Time,
};
use crate::xml::Payload;

/// What happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    Request {
        id: RequestId,
        request: Request,
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
    /// The session is over and the client may never have got these.
    Undelivered(StreamId, Vec<Payload>),
    /// The value may be dropped.
    Ended(EndReason),
}

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EndReason {
    /// The client said so.
    Terminated,
    /// The client was silent for too long.
    Inactive,
    /// The client was, or would have been, told this.
    Condition(Condition),
}

/// What the connection manager gives a new session.
#[derive(Clone, Debug)]
pub struct Admitted {
    pub id: RequestId,
    pub sid: Sid,
    pub limits: Limits,
}

/// Counters for those who watch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Snapshot {
    pub held: usize,
    pub early: usize,
    pub outbox_bytes: usize,
    pub replay_bytes: usize,
}

/// How a session says goodbye.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Farewell {
    /// `None`: the client asked for the end.
    pub condition: Option<Condition>,
    /// Content of the terminal body (ER02).
    pub error: Option<Payload>,
    /// Whose fault it was that got no place among the held: it is told the condition, the held ones just get their answers.
    pub offender: Option<RequestId>,
    /// Was the sid told? If not, nobody can come back to ask.
    pub sid_known: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Phase {
    /// The creation request has not been answered.
    Opening,
    Open,
    /// What is left is handed to requests as they come, the last one with the farewell (J17).
    Closing(Farewell),
    /// Everything was told. The farewell can still be repeated, as its answer may have been lost.
    Told(EndReason),
    Ended,
}

/// One BOSH session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Session {
    pub(super) sid: Sid,
    pub(super) terms: Terms,
    pub(super) limits: Limits,
    pub(super) phase: Phase,
    pub(super) window: RequestWindow,
    pub(super) held: HeldRequests,
    pub(super) outbox: Outbox,
    pub(super) replay: ReplayCache,
    pub(super) stream: Stream,
    pub(super) timers: Timers,
    pub(super) outputs: VecDeque<Output>,
}

impl Session {
    /// Begins a session with its creation request, which [`super::admit`] has passed.
    pub fn open(creation: Request, admitted: Admitted, now: Time) -> Self {
        let Admitted { id, sid, limits } = admitted;
        let terms = Terms::agree(&creation.offer, &limits);
        let mut session = Self {
            window: RequestWindow::new(creation.rid, terms.requests),
            replay: ReplayCache::new(terms.requests),
            held: HeldRequests::default(),
            outbox: Outbox::default(),
            stream: Stream::new(creation.opening.clone()),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            phase: Phase::Opening,
            sid,
            terms,
            limits,
        };
        let deadline = now.after(session.terms.creation_patience());
        session.held.push(Held {
            rid: creation.rid,
            id: Some(id),
            deadline,
        });
        session.watch(now);
        session.order(ServerCommand::Open(creation.opening));
        session
    }

    /// One thing happened. Take all outputs before the next one.
    pub fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::Request { id, request } => self.request(id, request, now),
            Input::Written { id } => self.written(id),
            Input::HungUp { id } => self.hung_up(id),
            Input::Server(stream, event) => self.server(stream, event, now),
            Input::Release { id } => self.release(id, now),
            Input::Drain => self.close(Farewell::because(Condition::SystemShutdown), now),
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
        stream == StreamId::FIRST && !self.stream.is_gone() && self.outbox.bytes() < self.limits.session_memory
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            held: self.held.len(),
            early: self.window.len(),
            outbox_bytes: self.outbox.bytes(),
            replay_bytes: self.replay.bytes(),
        }
    }

    fn request(&mut self, id: RequestId, request: Request, now: Time) {
        self.timers.set(Timer::Inactivity, None);
        if matches!(self.phase, Phase::Told(_) | Phase::Ended) {
            return self.after_the_end(id, &request);
        }
        let arrival = Arrival {
            id: Some(id),
            request,
            at: now,
            released: false,
        };
        match self.window.judge(arrival.request.rid) {
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
            Admission::Repeat => self.repeat(id, arrival.request.rid, now),
            Admission::Outside => self.offend(Some(id), Condition::ItemNotFound, now),
        }
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
        if let Some(fault) = request.fault {
            return self.offend(id, fault, now);
        }
        let empty = request.payloads.is_empty();
        // who says goodbye does not wait for what is under way
        let polls = empty && !request.terminate && self.terms.hold == 1;
        let confirmed = self.replay.confirm(request.rid, self.terms.requests, polls);
        self.confirmed(confirmed);
        let deadline = if released { now } else { at.after(self.terms.patience()) };
        self.held.push(Held {
            rid: request.rid,
            id,
            deadline,
        });
        let loose = self.stream.phase == StreamPhase::Authenticated;
        if request.restart == Restart::Yes || (request.restart == Restart::WrongNamespace && loose) {
            if !self.stream.is_gone() {
                let opening = self.stream.restart(request.opening);
                self.order(ServerCommand::Restart(opening));
            }
        } else if !empty && !self.stream.is_gone() {
            self.order(ServerCommand::Send(request.payloads));
        }
        if request.terminate {
            self.close(Farewell::default(), now);
        }
    }

    /// A rid that came before: held (D11), answered (D09), or too old (D13).
    fn repeat(&mut self, id: RequestId, rid: Rid, now: Time) {
        let creation = matches!(self.phase, Phase::Opening);
        let patience = if creation {
            self.terms.creation_patience()
        } else {
            self.terms.patience()
        };
        if let Some(older) = self.held.take_over(rid, id, now.after(patience)) {
            older
                .into_iter()
                .for_each(|older| self.respond(older, Response::superseded()));
        } else if let Some(response) = self.replay.replay(rid, id) {
            self.respond(id, response);
        } else {
            self.offend(Some(id), Condition::ItemNotFound, now);
        }
    }

    /// The session is over; only a lost farewell can be fetched again (D19).
    fn after_the_end(&mut self, id: RequestId, request: &Request) {
        let again = self.replay.replay(request.rid, id);
        self.respond(id, again.unwrap_or_else(|| self.fatal(Condition::ItemNotFound)));
    }

    /// Inactivity runs from here (section 10).
    fn written(&mut self, id: RequestId) {
        if self.replay.written(id) {
            self.timers.set(Timer::Inactivity, None);
        }
    }

    /// Unknown ids belong to answers that need no memory: superseded copies and farewells.
    fn hung_up(&mut self, id: RequestId) {
        if self.held.hung_up(id) || self.window.hung_up(id) || self.replay.hung_up(id) {
            self.timers.set(Timer::Inactivity, None);
        }
    }

    fn release(&mut self, id: RequestId, now: Time) {
        if matches!(self.phase, Phase::Opening) || self.window.release(id) {
            return;
        }
        self.held.release(id, now);
    }

    fn server(&mut self, stream: StreamId, event: ServerEvent, now: Time) {
        if stream != StreamId::FIRST || self.stream.is_gone() {
            return;
        }
        match event {
            ServerEvent::Opened { version, from, id } => self.stream.opened(Introduction { version, from, id }),
            ServerEvent::Features(features) => {
                self.stream.phase = StreamPhase::Ready;
                self.outbox.push(stream, features.detached());
            }
            ServerEvent::Authenticated(success) => {
                self.stream.phase = StreamPhase::Authenticated;
                self.outbox.push(stream, success.detached());
            }
            ServerEvent::Payload(payload) => self.outbox.push(stream, payload.detached()),
            ServerEvent::Resumable => self.stream.resumable = true,
            ServerEvent::Closed | ServerEvent::Failed(ServerFailure::Unreachable) => {
                self.close(Farewell::because(Condition::RemoteConnectionFailed), now);
            }
            ServerEvent::Failed(ServerFailure::StreamError(error)) => {
                let farewell = Farewell {
                    error: Some(error),
                    ..Farewell::because(Condition::RemoteStreamError)
                };
                self.close(farewell, now);
            }
        }
    }

    fn timeout(&mut self, now: Time) {
        while let Some(timer) = self.timers.expired(now) {
            match timer {
                // `settle` finds who it was
                Timer::Wait => {}
                Timer::Gap => return self.offend(None, Condition::ItemNotFound, now),
                Timer::Inactivity => return self.expire(),
                Timer::Linger => return self.end_of_linger(),
            }
        }
    }

    /// Silence for too long: nobody is there to be told (G01).
    fn expire(&mut self) {
        let close = if self.stream.resumable { Close::Abandon } else { Close::Clean };
        self.end(EndReason::Inactive, close);
    }

    fn end_of_linger(&mut self) {
        let reason = match &self.phase {
            Phase::Told(reason) => *reason,
            Phase::Closing(farewell) => farewell.reason(),
            Phase::Opening | Phase::Open | Phase::Ended => EndReason::Inactive,
        };
        self.end(reason, Close::Clean);
    }

    /// The client broke the rules: the offender is told why, the others get their answers, and the session is over.
    fn offend(&mut self, id: Option<RequestId>, condition: Condition, now: Time) {
        match &self.phase {
            Phase::Closing(farewell) => {
                let reason = farewell.reason();
                id.into_iter().for_each(|id| self.respond(id, self.fatal(condition)));
                self.end(reason, Close::Clean);
            }
            _ => self.close(
                Farewell {
                    offender: id,
                    ..Farewell::because(condition)
                },
                now,
            ),
        }
    }

    /// The end has begun. The first reason counts.
    fn close(&mut self, farewell: Farewell, now: Time) {
        match &self.phase {
            Phase::Opening | Phase::Open => {
                self.close_stream(Close::Clean);
                let sid_known = matches!(self.phase, Phase::Open);
                self.phase = Phase::Closing(Farewell { sid_known, ..farewell });
                self.timers.clear();
                self.timers.set(Timer::Linger, Some(now.after(self.terms.inactivity_ms())));
            }
            Phase::Told(reason) if farewell.condition == Some(Condition::SystemShutdown) => self.end(*reason, Close::Clean),
            Phase::Closing(_) | Phase::Told(_) | Phase::Ended => {}
        }
    }

    pub(super) fn close_stream(&mut self, how: Close) {
        if !self.stream.is_gone() {
            self.stream.phase = StreamPhase::Gone;
            self.order(ServerCommand::Close(how));
        }
    }

    /// Everything is over: what nobody fetched is handed back, and nothing wakes us any more.
    pub(super) fn end(&mut self, reason: EndReason, how: Close) {
        self.close_stream(how);
        self.abandon_early();
        let mut left = self.replay.take_unconfirmed();
        left.extend(self.outbox.take(usize::MAX));
        if !left.is_empty() {
            let payloads = left.into_iter().map(|(_, payload)| payload).collect();
            self.outputs.push_back(Output::Undelivered(StreamId::FIRST, payloads));
        }
        self.phase = Phase::Ended;
        self.timers.clear();
        self.outputs.push_back(Output::Ended(reason));
    }

    /// Requests that never got their turn (D08).
    pub(super) fn abandon_early(&mut self) {
        for (_, id) in self.window.abandon() {
            self.respond(id, self.fatal(Condition::ItemNotFound));
        }
    }

    /// Sets the deadlines that follow from what is pending now.
    fn watch(&mut self, now: Time) {
        if !matches!(self.phase, Phase::Opening | Phase::Open) {
            return;
        }
        self.timers.set(Timer::Wait, self.held.next_deadline());
        let inactivity = self.terms.inactivity_ms();
        if !self.window.has_gap() {
            self.timers.set(Timer::Gap, None);
        } else if !self.timers.is_set(Timer::Gap) {
            self.timers.set(Timer::Gap, Some(now.after(inactivity)));
        }
        if self.held.any_live() || self.window.has_gap() {
            self.timers.set(Timer::Inactivity, None);
        } else if !self.timers.is_set(Timer::Inactivity) {
            // an answer that has not left after twice the time will never leave
            let leaving = if self.replay.any_leaving() { inactivity } else { 0 };
            self.timers.set(Timer::Inactivity, Some(now.after(inactivity + leaving)));
        }
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

    pub(super) fn respond(&mut self, to: RequestId, response: Response) {
        self.outputs.push_back(Output::Respond { to, response });
    }

    pub(super) fn confirmed(&mut self, counts: Vec<(StreamId, usize)>) {
        let confirmed = |(stream, count)| Output::Confirmed(stream, count);
        self.outputs.extend(counts.into_iter().map(confirmed));
    }

    pub(super) fn order(&mut self, command: ServerCommand) {
        self.outputs.push_back(Output::ToServer(StreamId::FIRST, command));
    }
}
