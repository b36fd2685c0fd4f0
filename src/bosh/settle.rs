//! Settle: who is answered now, and with what. The only place where a request that was carried out gets its response.

use super::answer::{Answer, Kind};
use super::held::Held;
use super::session::{EndReason, Farewell, Output, Phase, Session};
use super::timer::Timer;
use super::{Close, Condition, Response, Time};
use crate::xml::Payload;

/// How long a farewell can be fetched again when its answer was lost, in milliseconds.
const TOMBSTONE: u64 = 10_000;

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
    fn lingers(&self) -> bool {
        self.is_servers() || self.condition == Some(Condition::SystemShutdown)
    }

    /// Is it the server's end, which may carry the server's last words?
    fn is_servers(&self) -> bool {
        matches!(
            self.condition,
            Some(Condition::RemoteConnectionFailed | Condition::RemoteStreamError)
        )
    }
}

impl Session {
    /// Answers whoever is due, in rid order (D03).
    pub(super) fn settle(&mut self, now: Time) {
        match &self.phase {
            Phase::Opening | Phase::Open => self.settle_open(now),
            Phase::Closing(farewell) => {
                let farewell = farewell.clone();
                self.settle_closing(&farewell, now);
            }
            Phase::Told(_) | Phase::Ended => {}
        }
    }

    fn settle_open(&mut self, now: Time) {
        while self.next_live().is_some() && self.is_due(now) {
            self.answer(Kind::Normal, None);
        }
    }

    /// Is the oldest held request to be answered: payloads waiting, more held than agreed, or some wait over? (Who waits above it
    /// cannot be answered before it.)
    fn is_due(&self, now: Time) -> bool {
        if self.held.next_deadline().is_some_and(|deadline| deadline <= now) {
            return true;
        }
        if matches!(self.phase, Phase::Opening) {
            return self.stream.is_introduced();
        }
        // on another connection it could overtake the answer before it, and not every client puts them in order (D03)
        if self.replay.any_leaving() {
            return false;
        }
        let news = !self.outbox.is_empty() || (self.stream.is_introduced() && self.stream.introduction.is_some());
        news || self.held.len() > usize::from(self.terms.hold)
    }

    /// What is left goes to the oldest, with the last of it the farewell; who is still held then gets an empty answer (J02, J18). The
    /// offender, whose rid is above theirs, hears of it last.
    fn settle_closing(&mut self, farewell: &Farewell, now: Time) {
        let mut told = false;
        if farewell.lingers() {
            self.hold_early(now);
        }
        while self.next_live().is_some() {
            // what does not fit waits for the next request, unless none can come
            let comes_back = farewell.lingers() && farewell.sid_known;
            let last = !comes_back || self.outbox.bytes() <= self.limits.response_bytes;
            let ours = farewell.offender.is_none() && last && (!told || farewell.condition == Some(Condition::SystemShutdown));
            let kind = if ours {
                Kind::Terminate(farewell.condition)
            } else {
                Kind::Normal
            };
            self.answer(kind, farewell.error.as_ref().filter(|_| ours));
            told |= ours;
        }
        if let (Some(offender), Some(condition)) = (farewell.offender, farewell.condition) {
            let response = self.fatal(condition);
            self.respond(offender, response);
            told = true;
        }
        if told && farewell.is_servers() && farewell.sid_known {
            self.abandon_early();
            self.phase = Phase::Told(farewell.reason());
            self.timers.set(Timer::Linger, Some(now.after(TOMBSTONE)));
        } else if told || !farewell.sid_known || !farewell.lingers() {
            self.end(farewell.reason(), Close::Clean);
        }
    }

    /// Requests that wait for a lower rid hear of the end now: as nothing is carried out any more, no gap is worth waiting for (J18).
    fn hold_early(&mut self, now: Time) {
        for (rid, id) in self.window.abandon() {
            self.window.advance(rid);
            self.held.push(Held {
                rid,
                id: Some(id),
                deadline: now,
            });
        }
    }

    /// The oldest held request that has a connection. Dead ones before it are settled with an empty answer, kept for their
    /// repetition: their client has gone on (FX04).
    fn next_live(&mut self) -> Option<Held> {
        while self.held.front()?.id.is_none() && self.held.any_live() {
            self.settle_dead();
        }
        self.held.front().filter(|held| held.id.is_some()).copied()
    }

    fn settle_dead(&mut self) {
        if let Some(dead) = self.held.pop() {
            let (response, _) = Answer::empty().encode();
            let confirmed = self.replay.keep(dead.rid, response, None, Vec::new());
            self.confirmed(confirmed);
        }
    }

    /// The one place where a response is born: to the oldest held request, with the payloads that are next.
    fn answer(&mut self, kind: Kind, error: Option<&Payload>) {
        let Some(Held { rid, id: Some(id), .. }) = self.held.pop() else {
            return;
        };
        let batch = self.outbox.take(self.limits.response_bytes);
        let creation = matches!(self.phase, Phase::Opening).then_some((&self.sid, &self.terms, &self.limits));
        let introduction = self.stream.introduction.take();
        let (payloads, streams): (Vec<_>, Vec<_>) = batch.into_iter().map(|(stream, payload)| (payload, stream)).unzip();
        let answer = Answer {
            creation,
            introduction: introduction.as_ref(),
            kind,
            payloads: &payloads,
            error,
        };
        let (mut response, carried) = answer.encode();
        if let Kind::Terminate(Some(condition)) = kind {
            response.legacy = condition.legacy(self.terms.ver);
        }
        if matches!(self.phase, Phase::Opening) {
            self.phase = Phase::Open;
        }
        let payloads = streams.into_iter().zip(carried).collect();
        let confirmed = self.replay.keep(rid, response.clone(), Some(id), payloads);
        self.outputs.push_back(Output::Respond { to: id, response });
        self.confirmed(confirmed);
    }

    pub(super) fn fatal(&self, condition: Condition) -> Response {
        Response::fatal_for(self.terms.ver, condition)
    }
}
