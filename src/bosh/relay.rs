//! Between requests and streams: what a request says to the servers, and what a server says (XEP-0124 section 16.4, XEP-0206 sections 3 to 6).

use super::ending::Phase;
use super::session::Session;
use super::streams::{Introduction, Stream, StreamEnd, StreamPhase};
use super::{Condition, Opening, Request, Restart, ServerCommand, ServerEvent, StreamId, Time};
use crate::xml::Payload;

impl Session {
    /// Does it speak to a stream that there never was? (I06)
    pub(super) fn names_nothing(&self, request: &Request) -> bool {
        let speaks = request.has_content() || request.restart != Restart::No || request.terminate;
        let named = request.stream.as_ref().filter(|_| self.streams.are_several() && speaks);
        named.is_some_and(|name| self.streams.named(name).is_none())
    }

    /// What a request says to the server, or to all of them where it names none (section 16.4).
    pub(super) fn pass_on(&mut self, request: Box<Request>) {
        if self.streams.are_several() && request.adds_stream() && request.stream.is_none() {
            if matches!(self.phase, Phase::Open) {
                self.add_stream(request);
            }
            return;
        }
        if request.payloads.is_empty() && request.restart == Restart::No {
            return;
        }
        let name = request.stream.as_ref().filter(|_| self.streams.are_several());
        let addressed = self
            .streams
            .living()
            .filter(|stream| name.is_none() || stream.name.as_ref() == name);
        let mut addressed: Vec<_> = addressed.map(|stream| stream.id).collect();
        if request.restart != Restart::No && self.restart(&addressed, &request) {
            return;
        }
        if let Some(last) = addressed.pop().filter(|_| !request.payloads.is_empty()) {
            // a word to all may have crossed the success of one
            let restarts = !self.streams.are_several() || request.stream.is_some();
            for id in addressed {
                self.send(id, request.payloads.clone(), restarts);
            }
            self.send(last, request.payloads, restarts);
        }
    }

    /// After `<success/>` no server takes payload on the old stream: for a client that does not restart it, it is restarted here.
    fn send(&mut self, id: StreamId, payloads: Vec<Payload>, restarts: bool) {
        let stream = self.streams.get(id);
        if restarts && stream.is_some_and(|stream| stream.phase == StreamPhase::Authenticated) {
            self.reopen(id, Opening::default());
        }
        self.order(id, ServerCommand::Send(payloads));
    }

    /// Restarts the streams that have just logged in, or all addressed where the client insists. False: it was no restart.
    fn restart(&mut self, addressed: &[StreamId], request: &Request) -> bool {
        let fresh = |id: &StreamId| {
            let stream = self.streams.get(*id);
            stream.is_some_and(|stream| stream.phase == StreamPhase::Authenticated)
        };
        let mut restarted: Vec<_> = addressed.iter().copied().filter(fresh).collect();
        if restarted.is_empty() {
            if request.restart == Restart::WrongNamespace {
                return false;
            }
            restarted.extend(addressed);
        }
        for id in restarted {
            self.reopen(id, request.opening.clone());
        }
        true
    }

    /// The server gets another header: what the first one said, and what is said now.
    fn reopen(&mut self, id: StreamId, opening: Opening) {
        if let Some(stream) = self.streams.get_mut(id) {
            let opening = stream.restart(opening);
            self.order(id, ServerCommand::Restart(opening));
        }
    }

    /// Does a client that named no version of anything poll behind a success? Such are older than stream restarts.
    pub(super) fn waits_behind_success(&self) -> bool {
        self.terms.ver.is_none() && self.held.any_live() && self.streams.all().any(Stream::lacks_restart)
    }

    pub(super) fn restart_for_the_client(&mut self) {
        let lacking = self.streams.all().filter(|stream| stream.lacks_restart());
        for id in lacking.map(|stream| stream.id).collect::<Vec<_>>() {
            self.reopen(id, Opening::default());
        }
    }

    /// One more stream; where there is room for none its client is told (I03).
    fn add_stream(&mut self, request: Box<Request>) {
        let opening = Opening {
            to: request.to,
            ..request.opening
        };
        if let Some(id) = self.streams.open(&self.sid, opening.clone()) {
            self.order(id, ServerCommand::Open(opening));
        }
    }

    pub(super) fn server(&mut self, id: StreamId, event: ServerEvent, now: Time) {
        let living = self.streams.get(id).is_some_and(|stream| !stream.is_gone());
        if living && matches!(event, ServerEvent::LoggedIn | ServerEvent::Authenticated(_)) {
            self.logged_in();
        }
        let Some(stream) = self.streams.get_mut(id).filter(|_| living) else {
            return;
        };
        let payload = match event {
            ServerEvent::LoggedIn => return,
            ServerEvent::Opened { version, from, id } => return stream.opened(Introduction { version, from, id }),
            ServerEvent::Features(features) => {
                stream.phase = StreamPhase::Ready;
                features
            }
            ServerEvent::Authenticated(success) => {
                stream.phase = StreamPhase::Authenticated;
                success
            }
            ServerEvent::Managed(managed, payload) => {
                stream.managed = Some(managed);
                payload
            }
            ServerEvent::Payload(payload) => payload,
            ServerEvent::Closed => return self.stream_ended(id, StreamEnd::because(Condition::RemoteConnectionFailed), now),
            ServerEvent::Failed(failure) => return self.stream_ended(id, failure.into(), now),
        };
        self.outbox.push(id, payload.detached());
    }
}
