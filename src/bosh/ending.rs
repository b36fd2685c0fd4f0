//! How a session ends: its [`Phase`]s, why, and what is done about it (XEP-0124 sections 13 and 17).

use super::session::{Output, Session};
use super::streams::{StreamEnd, StreamPhase};
use super::timer::Timer;
use super::{Close, Condition, Managed, Request, RequestId, ServerCommand, StreamId, Time};
use crate::xml::{Payload, Text};

/// How long one who has not logged in has to come and hear of the end, in milliseconds: longer than between two polls, and no longer lives on
/// what was to end.
const LAST_CALL: u64 = 10_000;

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EndReason {
    /// The client said so.
    Terminated,
    /// The client was silent for too long.
    Inactive,
    /// The client aborted a request, and did not come back.
    Left,
    /// The client did not log in in time.
    NotLoggedIn,
    /// The client was, or would have been, told this.
    Condition(Condition),
}

/// Who brings a session to its end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Cause {
    /// The client, by a goodbye or by breaking a rule.
    Client,
    /// The client is lost: it was silent, or something that it sent never came.
    Loss,
    Server,
    /// The client has not logged in in time (AU10).
    Login,
    /// The connection manager is shutting down.
    Shutdown,
}

/// Is the client somebody whom a server knows?
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Login {
    Awaited,
    Done,
}

/// How a session says goodbye.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Farewell {
    pub cause: Cause,
    /// `None`: the client asked for the end.
    pub condition: Option<Condition>,
    /// Content of the terminal body (ER02, J16).
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

impl Farewell {
    pub fn because(cause: Cause, condition: Condition) -> Self {
        Self {
            condition: Some(condition),
            cause,
            ..Self::asked()
        }
    }

    /// The client says goodbye.
    pub fn asked() -> Self {
        Self {
            cause: Cause::Client,
            condition: None,
            error: None,
            offender: None,
            sid_known: false,
        }
    }

    pub fn reason(&self) -> EndReason {
        match (self.cause, self.condition) {
            (Cause::Login, _) => EndReason::NotLoggedIn,
            (_, Some(condition)) => EndReason::Condition(condition),
            (_, None) => EndReason::Terminated,
        }
    }

    /// Does it wait for a client that has no request open? Only when the client is not the cause (J17).
    pub fn lingers(&self) -> bool {
        matches!(self.cause, Cause::Server | Cause::Login | Cause::Shutdown)
    }
}

impl Session {
    /// From now on the client has time to log in.
    pub(super) fn await_login(&mut self, now: Time) {
        let seconds = Some(u64::from(self.limits.login_timeout)).filter(|seconds| *seconds > 0);
        self.timers
            .set(Timer::Login, seconds.map(|seconds| now.after(seconds * 1000)));
    }

    /// A server has let the client in, on one of its streams.
    pub(super) fn logged_in(&mut self) {
        if std::mem::replace(&mut self.login, Login::Done) == Login::Awaited {
            self.timers.set(Timer::Login, None);
            self.outputs.push_back(Output::LoggedIn);
        }
    }

    /// A held request was aborted at this age. Unless its client comes back it has left; but who is on a way that cuts at this age has not meant
    /// it, and who has another request open is there.
    pub(super) fn aborted(&mut self, age: u64, now: Time) {
        let meant = self.cut_from.is_none_or(|cut| age < cut);
        let alone = !self.held.any_live() && !self.window.has_gap();
        if self.limits.leave_after > 0 && meant && alone && matches!(self.phase, Phase::Open) {
            let end = now.after(u64::from(self.limits.leave_after) * 1000);
            self.timers.set(Timer::Leave, Some(end));
        }
    }

    pub(super) fn end_of_linger(&mut self) {
        let reason = match &self.phase {
            Phase::Told(reason) => *reason,
            Phase::Closing(farewell) => farewell.reason(),
            Phase::Opening | Phase::Open | Phase::Ended => EndReason::Inactive,
        };
        self.end(reason);
    }

    /// The client broke the rules: the offender, if its connection lives, is told why, the others get their answers, and the session is
    /// over.
    pub(super) fn offend(&mut self, id: Option<RequestId>, condition: Condition, now: Time) {
        match &self.phase {
            Phase::Closing(farewell) => {
                let reason = farewell.reason();
                id.into_iter().for_each(|id| self.respond(id, self.fatal(condition)));
                self.end(reason);
            }
            _ => self.close(
                Farewell {
                    offender: id,
                    ..Farewell::because(Cause::Client, condition)
                },
                now,
            ),
        }
    }

    /// The end has begun. The first reason counts.
    pub(super) fn close(&mut self, farewell: Farewell, now: Time) {
        match &self.phase {
            Phase::Opening | Phase::Open => {
                // what a client's own end leaves behind is returned on the stream before it closes
                if farewell.lingers() {
                    self.close_streams(farewell.cause);
                }
                let sid_known = matches!(self.phase, Phase::Open);
                self.phase = Phase::Closing(Farewell { sid_known, ..farewell });
                self.timers.clear();
                let end = match farewell.cause {
                    Cause::Login => now.after(LAST_CALL),
                    _ => self.silence_ends(now),
                };
                self.timers.set(Timer::Linger, Some(end));
            }
            // nothing but a shutdown is left to come
            Phase::Told(reason) => self.end(*reason),
            Phase::Closing(_) | Phase::Ended => {}
        }
    }

    /// A stream is over on the server's side; with the last one the session is (I08).
    pub(super) fn stream_ended(&mut self, id: StreamId, end: StreamEnd, now: Time) {
        if self.streams.living().count() > 1 {
            self.close_stream(id, Close::Clean);
            if let Some(stream) = self.streams.get_mut(id) {
                stream.end = Some(Box::new(end));
            }
            return;
        }
        let farewell = Farewell {
            cause: Cause::Server,
            condition: end.condition,
            error: end.error,
            ..Farewell::asked()
        };
        self.close(farewell, now);
    }

    /// The client closes one of its streams; with the last one it ends the session (I07). One that is closed already stays so (FX21).
    pub(super) fn close_named(&mut self, name: &Text, now: Time) {
        let Some(id) = self
            .streams
            .named(name)
            .filter(|stream| !stream.is_gone())
            .map(|stream| stream.id)
        else {
            return;
        };
        if self.streams.living().count() == 1 {
            return self.close(Farewell::asked(), now);
        }
        self.close_stream(id, Close::Clean);
        if let Some(stream) = self.streams.get_mut(id) {
            stream.end = Some(Box::default());
        }
    }

    /// Those of a client that is lost may go on in another session (AU07), if the server says so.
    fn close_streams(&mut self, cause: Cause) {
        let how = |managed| match (cause, managed) {
            (Cause::Loss, Some(Managed::Resumable)) => Close::Abandon,
            _ => Close::Clean,
        };
        let living: Vec<_> = self.streams.living().map(|stream| (stream.id, how(stream.managed))).collect();
        living.into_iter().for_each(|(id, how)| self.close_stream(id, how));
    }

    fn close_stream(&mut self, id: StreamId, how: Close) {
        if let Some(stream) = self.streams.get_mut(id).filter(|stream| !stream.is_gone()) {
            stream.phase = StreamPhase::Gone;
            self.order(id, ServerCommand::Close(how));
        }
    }

    /// Everything is over: what nobody fetched is handed back, and nothing wakes us any more.
    pub(super) fn end(&mut self, reason: EndReason) {
        let cause = match &self.phase {
            Phase::Closing(farewell) => farewell.cause,
            _ => Cause::Loss,
        };
        self.abandon_early(cause);
        self.give_back(cause);
        self.close_streams(cause);
        self.phase = Phase::Ended;
        self.timers.clear();
        self.outputs.push_back(Output::Ended(reason));
    }

    /// What the client never got, stream by stream; where the server keeps it, it has it (ER08).
    fn give_back(&mut self, cause: Cause) {
        // a client that is there has what it was given, unless it was seen not to
        let mut left = self.replay.take_unconfirmed(cause == Cause::Client);
        left.extend(std::iter::from_fn(|| self.outbox.take(usize::MAX)));
        for stream in self.streams.all().filter(|stream| stream.managed.is_none()) {
            let of = left.iter_mut().filter(|(of, _)| *of == stream.id);
            let payloads: Vec<_> = of.flat_map(|(_, payloads)| payloads.drain(..)).collect();
            if !payloads.is_empty() {
                self.outputs.push_back(Output::Undelivered(stream.id, payloads));
            }
        }
    }

    /// Requests that never got their turn, as another one ended the session (J10) or the one before them did not come (D08).
    pub(super) fn abandon_early(&mut self, cause: Cause) {
        let condition = match cause {
            Cause::Client => Condition::OtherRequest,
            Cause::Loss | Cause::Server | Cause::Login | Cause::Shutdown => Condition::ItemNotFound,
        };
        for (_, id) in self.window.abandon() {
            self.respond(id, self.fatal(condition));
        }
    }

    /// The session is over; only a lost farewell can be fetched again (D19).
    pub(super) fn after_the_end(&mut self, id: RequestId, request: &Request, now: Time) {
        let known = self.keys.as_ref().is_none_or(|keys| keys.knows(request));
        let again = known.then(|| self.replay.replay(request.rid, id, now)).flatten();
        self.respond(id, again.unwrap_or_else(|| self.fatal(Condition::ItemNotFound)));
    }
}
