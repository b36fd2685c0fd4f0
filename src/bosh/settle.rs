//! Settle: who is answered now, and with what. The only place where a request that was carried out gets its response.

use super::answer::{Answer, Kind};
use super::ending::{Cause, Farewell, Phase};
use super::held::Held;
use super::session::Session;
use super::streams::{Introduction, StreamEnd};
use super::timer::Timer;
use super::{Condition, Response, Rid, StreamId, Time};
use crate::xml::{Payload, Text};

/// How long a farewell can be fetched again when its answer was lost, in milliseconds.
const TOMBSTONE: u64 = 10_000;

/// What one answer says of one stream.
#[derive(Default)]
struct Share {
    stream: StreamId,
    /// Where streams have names and this one has something to say.
    name: Option<Text>,
    introduction: Option<Box<Introduction>>,
    payloads: Vec<Payload>,
    end: Option<Box<StreamEnd>>,
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
        while self.next_live(now).is_some() && self.is_due(now) {
            self.answer(Kind::Normal, None, now);
        }
    }

    /// Is the oldest held request to be answered: payloads waiting, more held than agreed, or some wait over? (Who waits above it
    /// cannot be answered before it.)
    fn is_due(&self, now: Time) -> bool {
        if self.held.next_deadline().is_some_and(|deadline| deadline <= now) {
            return true;
        }
        if matches!(self.phase, Phase::Opening) {
            return self.streams.are_introduced();
        }
        // on another connection it could overtake the answer before it, and not every client puts them in order (D03)
        if self.replay.any_leaving() {
            return false;
        }
        let news = !self.outbox.is_empty() || self.streams.with_news().is_some();
        news || self.held.len() > usize::from(self.terms.hold)
    }

    /// What is left goes to the oldest, with the last of it the farewell; who is still held then gets an empty answer (J02, J18). The
    /// offender, whose rid is above theirs, hears of it last; the others, that it was another request (J10).
    fn settle_closing(&mut self, farewell: &Farewell, now: Time) {
        let mut told = false;
        if farewell.lingers() {
            self.hold_early(now);
        }
        while self.next_live(now).is_some() {
            // what does not fit waits for the next request, unless none can come
            let comes_back = farewell.lingers() && farewell.sid_known;
            let fits = self.outbox.bytes() <= self.limits.response_bytes && self.outbox.is_of_the_first();
            let last = !comes_back || fits;
            let ours = farewell.offender.is_none() && last && (!told || farewell.cause == Cause::Shutdown);
            let kind = if ours {
                Kind::Terminate(farewell.condition)
            } else if farewell.offender.is_some() && self.outbox.is_empty() {
                Kind::Terminate(Some(Condition::OtherRequest))
            } else {
                Kind::Normal
            };
            self.answer(kind, farewell.error.as_ref().filter(|_| ours), now);
            if !ours {
                // who fetches the rest in parts has time for each
                self.timers.set(Timer::Linger, Some(now.after(self.terms.inactivity_ms())));
            }
            told |= ours;
        }
        if let (Some(offender), Some(condition)) = (farewell.offender, farewell.condition) {
            let response = self.fatal(condition);
            self.respond(offender, response);
            told = true;
        }
        if told && matches!(farewell.cause, Cause::Server | Cause::Login) && farewell.sid_known {
            self.abandon_early(farewell.cause);
            self.phase = Phase::Told(farewell.reason());
            self.timers.set(Timer::Linger, Some(now.after(TOMBSTONE)));
        } else if told || !farewell.sid_known || !farewell.lingers() {
            self.end(farewell.reason());
        }
    }

    /// Requests that wait for a lower rid hear of the end now: as nothing is carried out any more, no gap is worth waiting for (J18). What
    /// is merely late gets an empty answer then, and what is left goes to those behind it.
    fn hold_early(&mut self, now: Time) {
        for (rid, id) in self.window.abandon() {
            for skipped in self.window.skip_to(rid) {
                self.held.push(Held::dead(skipped, now));
            }
            self.held.push(Held {
                id: Some(id),
                ..Held::dead(rid, now)
            });
        }
    }

    /// The oldest held request that has a connection. Dead ones before it are settled with an empty answer, kept for their
    /// repetition: their client has gone on (FX04).
    fn next_live(&mut self, now: Time) -> Option<Held> {
        while self.held.front()?.id.is_none() && self.held.any_live() {
            self.settle_dead(now);
        }
        self.held.front().filter(|held| held.id.is_some()).copied()
    }

    fn settle_dead(&mut self, now: Time) {
        if let Some(dead) = self.held.pop() {
            let answer = Answer {
                ack: self.ack(dead.rid),
                ..Answer::empty()
            };
            let (response, _) = answer.encode();
            let confirmed = self.replay.keep(&dead, response, (StreamId::FIRST, Vec::new()), now);
            self.confirmed(confirmed);
        }
    }

    /// The one place where a response is born: to the oldest held request, with the payloads that are next.
    fn answer(&mut self, kind: Kind, error: Option<&Payload>, now: Time) {
        let Some(held @ Held { id: Some(id), .. }) = self.held.pop() else {
            return;
        };
        self.observed(held.answered(now));
        let opening = matches!(self.phase, Phase::Opening);
        let report = self
            .report
            .take()
            .map(|report| (report.rid, now.0.saturating_sub(report.at.0)));
        let ack = self.ack(held.rid);
        let share = self.share(&held, kind);
        let legacy = match kind {
            Kind::Terminate(Some(condition)) => condition.legacy(self.terms.ver),
            _ => None,
        };
        let (kind, error) = match &share.end {
            Some(end) => (Kind::Terminate(end.condition), end.error.as_ref()),
            None => (kind, error),
        };
        let answer = Answer {
            creation: opening.then_some((&self.sid, &self.terms, &self.limits)),
            introduction: share.introduction.as_deref(),
            kind,
            stream: share.name.as_ref(),
            ack,
            report,
            payloads: &share.payloads,
            error,
        };
        let (mut response, carried) = answer.encode();
        // the end of one stream is none of the session's
        response.legacy = legacy;
        if opening {
            self.phase = Phase::Open;
        }
        if !share.payloads.is_empty() || share.introduction.is_some() {
            self.pacing.rewarded();
        }
        let confirmed = self.replay.keep(&held, response.clone(), (share.stream, carried), now);
        self.respond(id, response);
        self.confirmed(confirmed);
    }

    /// What is next to be said, of one stream; the end of the session is not the end of one stream, so it names none (J04).
    fn share(&mut self, held: &Held, kind: Kind) -> Share {
        // but who comes back to a session that is over hears all
        if held.pauses && matches!(self.phase, Phase::Open) {
            return Share::default();
        }
        let ends = kind != Kind::Normal;
        let ended = self.streams.ended().find(|ended| !self.outbox.has(*ended));
        let batch = if ended.is_some() && !ends || (ends && self.streams.are_several() && !self.outbox.is_of_the_first()) {
            None
        } else {
            self.outbox.take(self.limits.response_bytes)
        };
        let news = || ended.or_else(|| self.streams.with_news()).unwrap_or_default();
        let (stream, payloads) = batch.unwrap_or_else(|| (news(), Vec::new()));
        let mut share = Share {
            stream,
            payloads,
            ..Share::default()
        };
        let more = self.outbox.has(stream);
        if let Some(stream) = self.streams.get_mut(stream) {
            share.introduction = stream.introduction.take();
            share.end = stream.end.take_if(|_| !more && !ends);
            let speaks = !share.payloads.is_empty() || share.introduction.is_some() || share.end.is_some();
            let names = !ends && (speaks || matches!(self.phase, Phase::Opening));
            share.name = stream.name.clone().filter(|_| names);
        }
        share
    }

    /// What the answer to this rid acknowledges: the creation request always (F01), later only what its own rid does not say (F02).
    fn ack(&self, answered: Rid) -> Option<Rid> {
        let last = self.window.contiguous();
        let told = matches!(self.phase, Phase::Opening) || last != answered;
        (self.terms.acks && told).then_some(last)
    }

    pub(super) fn fatal(&self, condition: Condition) -> Response {
        Response::fatal_for(self.terms.ver, condition)
    }
}
