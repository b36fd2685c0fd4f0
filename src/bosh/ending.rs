//! How a session ends: its [`Phase`]s, why, and what is done about it (XEP-0124 sections 13 and 17).

use super::session::{Output, Session};
use super::streams::StreamPhase;
use super::timer::Timer;
use super::{Close, Condition, Request, RequestId, ServerCommand, StreamId, Time};
use crate::xml::Payload;

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

impl Farewell {
    pub fn because(condition: Condition) -> Self {
        Self {
            condition: Some(condition),
            ..Self::default()
        }
    }

    pub fn reason(&self) -> EndReason {
        self.condition.map_or(EndReason::Terminated, EndReason::Condition)
    }

    /// Does it wait for a client that has no request open? Only when the client is not the cause (J17).
    pub fn lingers(&self) -> bool {
        self.is_servers() || self.condition == Some(Condition::SystemShutdown)
    }

    /// Has a request brought it about?
    pub fn is_clients(&self) -> bool {
        self.condition.is_none() || self.offender.is_some()
    }

    /// Is it the server's end, which may carry the server's last words?
    pub fn is_servers(&self) -> bool {
        matches!(
            self.condition,
            Some(Condition::RemoteConnectionFailed | Condition::RemoteStreamError)
        )
    }
}

impl Session {
    /// Silence for too long: nobody is there to be told (G01).
    pub(super) fn expire(&mut self) {
        let close = if self.stream.resumable { Close::Abandon } else { Close::Clean };
        self.end(EndReason::Inactive, close);
    }

    pub(super) fn end_of_linger(&mut self) {
        let reason = match &self.phase {
            Phase::Told(reason) => *reason,
            Phase::Closing(farewell) => farewell.reason(),
            Phase::Opening | Phase::Open | Phase::Ended => EndReason::Inactive,
        };
        self.end(reason, Close::Clean);
    }

    /// The client broke the rules: the offender is told why, the others get their answers, and the session is over.
    pub(super) fn offend(&mut self, id: Option<RequestId>, condition: Condition, now: Time) {
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
    pub(super) fn close(&mut self, farewell: Farewell, now: Time) {
        match &self.phase {
            Phase::Opening | Phase::Open => {
                self.close_stream(Close::Clean);
                let sid_known = matches!(self.phase, Phase::Open);
                self.phase = Phase::Closing(Farewell { sid_known, ..farewell });
                self.timers.clear();
                self.timers.set(Timer::Linger, Some(self.silence_ends(now)));
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

    /// Requests that never got their turn, as another one ended the session (J10) or the one before them did not come (D08).
    pub(super) fn abandon_early(&mut self) {
        let other = matches!(&self.phase, Phase::Closing(farewell) if farewell.is_clients());
        let condition = if other {
            Condition::OtherRequest
        } else {
            Condition::ItemNotFound
        };
        for (_, id) in self.window.abandon() {
            self.respond(id, self.fatal(condition));
        }
    }

    /// The session is over; only a lost farewell can be fetched again (D19).
    pub(super) fn after_the_end(&mut self, id: RequestId, request: &Request) {
        let again = self.replay.replay(request.rid, id);
        self.respond(id, again.unwrap_or_else(|| self.fatal(Condition::ItemNotFound)));
    }
}
