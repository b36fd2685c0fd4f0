//! The world: one session, the connections to it, a client and a server, in virtual time. After each input everything the session says
//! and the state that it shows are held against the reference.

use std::collections::BTreeMap;

use boshd::bosh::{
    Admitted, Close, EndReason, Hold, Input, Limits, Managed, Output, RequestId, Response, ServerCommand, ServerEvent,
    ServerFailure, Session, Sid, StreamId, Terms, Time,
};
use boshd::xml::Payload;

use super::book::{Book, Cause, Connection, Said, Verdict, Way};
use super::client::Client;
use super::wire::{self, Answer, Form};

/// The longest element of the server, with room for what surrounds a response's payloads.
pub const LONGEST: usize = 1000;

/// What a server can say.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Word {
    Opened,
    Features,
    Success,
    /// As long as this.
    Payload(u8),
    Resumable,
    Closed,
    Unreachable,
    Error,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct World {
    pub(super) limits: Limits,
    pub(super) session: Session,
    pub now: u64,
    pub connections: BTreeMap<u64, Connection>,
    pub client: Client,
    pub book: Book,
    /// What the server said for the client, and how much of it stands in answers.
    pub(super) given: Vec<String>,
    pub(super) handed: usize,
    pub(super) confirmed: usize,
    pub(super) undelivered: Vec<String>,
    pub(super) farewell: bool,
    pub(super) closed: bool,
    pub ended: Option<EndReason>,
}

impl World {
    /// A client that asks for more than it gets makes a session, with acknowledgements or without.
    pub fn new(first: u64, limits: Limits, acks: bool) -> Self {
        let creation = wire::creation(first, acks);
        let terms = Terms::agree(&creation.offer, &limits);
        let admitted = Admitted {
            id: RequestId(0),
            sid: Sid(wire::SID.into()),
            limits: limits.clone().into(),
        };
        let mut world = Self {
            session: Session::open(creation, admitted, Time(0)),
            now: 0,
            connections: BTreeMap::new(),
            client: Client::new(first),
            book: Book::new(first, terms, &limits),
            limits,
            given: Vec::new(),
            handed: 0,
            confirmed: 0,
            undelivered: Vec::new(),
            farewell: false,
            closed: false,
            ended: None,
        };
        world.connect(first, false);
        world.outputs();
        world.check();
        world
    }

    /// A request arrives.
    pub fn request(&mut self, rid: u64, form: Form) {
        if self.ended.is_some() {
            return;
        }
        let request = wire::request(rid, form, self.client.ack(rid));
        let waiting = self.connections.values().filter(|connection| connection.answer.is_none());
        let open = waiting.filter(|connection| connection.rid < rid).count() as u64 + 1;
        let judged = self.book.judge(rid, request.leaves());
        let too_much = self.book.is_too_much(&request, open, self.now);
        let verdict = if too_much { Verdict::Refused } else { judged };
        let id = self.connect(rid, request.pause.is_some());
        self.book.arrived(&request, verdict, self.now);
        self.handle(Input::Request {
            id: RequestId(id),
            request,
        });
        let waits = self
            .connections
            .get(&id)
            .is_some_and(|connection| connection.answer.is_none());
        match verdict {
            Verdict::Replayed | Verdict::Late => assert!(!waits, "{verdict:?} and not answered"),
            Verdict::Refused => assert!(!self.connections.contains_key(&id), "an offender must be refused"),
            Verdict::New | Verdict::TakesOver => {}
        }
    }

    /// The answer to this one has left; `received`: and has arrived.
    pub fn written(&mut self, id: u64, received: bool) {
        if let Some(connection) = self.connections.remove(&id) {
            self.book.gone(id, &connection, Some(self.now));
            if let Some(response) = connection.answer.filter(|_| received) {
                self.client.receive(connection.rid, Answer::read(&response));
            }
            self.handle(Input::Written { id: RequestId(id) });
        }
    }

    /// This connection dies.
    pub fn hung_up(&mut self, id: u64) {
        if let Some(connection) = self.connections.remove(&id) {
            self.book.gone(id, &connection, None);
            let waits = connection.answer.is_none();
            if waits && (self.book.settled + 1..=self.book.last).contains(&connection.rid) {
                self.book.aborted(&connection, self.held().is_empty(), self.now);
            }
            self.handle(Input::HungUp { id: RequestId(id) });
        }
    }

    /// More bytes came behind this request (O01).
    pub fn release(&mut self, id: u64) {
        let released = self
            .connections
            .get(&id)
            .filter(|_| self.book.told)
            .map(|connection| connection.rid);
        if let Some(rid) = released {
            let last = self.book.last;
            for (other, connection) in &mut self.connections {
                connection.released |= *other == id || connection.rid < rid && rid <= last;
            }
        }
        self.handle(Input::Release { id: RequestId(id) });
    }

    /// The server says something, if it is being read.
    pub fn server(&mut self, word: Word) {
        if !self.session.wants(StreamId::FIRST) && !self.closed {
            return;
        }
        let event = match word {
            Word::Opened => ServerEvent::Opened {
                version: Some("1.0".into()),
                from: Some("example.org".into()),
                id: Some("s1".into()),
            },
            Word::Features => ServerEvent::Features(self.give(wire::features())),
            Word::Success => ServerEvent::Authenticated(self.give(wire::message(self.given.len(), 0))),
            Word::Payload(padding) => ServerEvent::Payload(self.give(wire::message(self.given.len(), padding.into()))),
            Word::Resumable => ServerEvent::Managed(Managed::Resumable, self.give(wire::message(self.given.len(), 0))),
            Word::Closed => ServerEvent::Closed,
            Word::Unreachable => ServerEvent::Failed(ServerFailure::Unreachable),
            Word::Error => ServerEvent::Failed(ServerFailure::StreamError(wire::stream_error())),
        };
        match word {
            Word::Resumable if self.book.closing.is_none() => self.book.managed = true,
            Word::Features | Word::Success if self.book.closing.is_none() => self.book.introduced = true,
            Word::Opened => self.book.introduced = false,
            _ => {}
        }
        if word == Word::Success {
            self.book.login = None;
        }
        match word {
            Word::Opened | Word::Features => self.book.authenticated = false,
            Word::Success => self.book.authenticated = true,
            _ => {}
        }
        if matches!(word, Word::Closed | Word::Unreachable | Word::Error) {
            self.book.closing.get_or_insert(Cause::Server);
        }
        self.handle(Input::Server(StreamId::FIRST, event));
    }

    /// Something is learned of the way to the client: what is held is held no longer, what is not held yet counts anew.
    pub fn learn(&mut self, way: Way) {
        self.book.way = way;
        let (told, last) = (self.book.told && self.book.closing.is_none(), self.book.last);
        for connection in self.connections.values_mut().filter(|connection| connection.answer.is_none()) {
            if connection.rid > last {
                connection.most = way.bears;
            } else if told {
                connection.most = connection.most.into_iter().chain(way.bears).min();
            }
        }
        self.session.hold_at_most(way.bears);
        self.session.cut_from(way.cuts);
    }

    pub fn drain(&mut self) {
        self.book.closing.get_or_insert(Cause::Drain);
        self.handle(Input::Drain);
    }

    /// A timeout, due or not.
    pub fn timeout(&mut self) {
        self.book.timeout(self.now);
        self.handle(Input::Timeout);
    }

    /// The next deadline comes. Whoever acts on it gets further.
    pub fn deadline(&mut self) {
        if let Some(at) = self.session.poll_timeout() {
            self.now = self.now.max(at.0);
            self.timeout();
            let next = self.session.poll_timeout();
            assert!(next.is_none_or(|next| next.0 > self.now), "due again at once: {next:?}");
        }
    }

    /// Time passes, and every deadline on the way is kept.
    pub fn pass(&mut self, milliseconds: u64) {
        let until = self.now + milliseconds;
        while self.session.poll_timeout().is_some_and(|at| at.0 <= until) {
            self.deadline();
        }
        self.now = until;
    }

    /// Has the server said its features?
    pub fn has_stream(&self) -> bool {
        !self.given.is_empty()
    }

    /// Has the client all that the server said?
    pub fn has_all(&self) -> bool {
        self.client.processed().into_iter().take(self.given.len()).eq(&self.given)
    }

    fn give(&mut self, payload: Payload) -> Payload {
        if self.book.closing.is_none() {
            self.given.push(payload.as_str().to_owned());
        }
        payload
    }

    /// A new connection has the lowest number that is free, so that equal states are found equal.
    fn connect(&mut self, rid: u64, pauses: bool) -> u64 {
        let id = (0..).find(|id| !self.connections.contains_key(id)).expect("there is one");
        let connection = Connection {
            rid,
            at: self.now,
            released: false,
            most: self.book.way.bears,
            pauses,
            answer: None,
        };
        self.connections.insert(id, connection);
        id
    }

    fn handle(&mut self, input: Input) {
        if self.ended.is_none() {
            self.session.handle(input, Time(self.now));
            self.outputs();
            self.check();
        }
    }

    fn outputs(&mut self) {
        while let Some(output) = self.session.poll_output() {
            assert_eq!(self.ended, None, "nothing is said after the end");
            match output {
                Output::Respond { to, response } => self.respond(to.0, &response),
                Output::ToServer(StreamId::FIRST, command) => self.command(command),
                Output::Confirmed(StreamId::FIRST, count) => self.confirmed += count,
                Output::Undelivered(StreamId::FIRST, payloads) => {
                    self.undelivered = payloads.iter().map(|payload| payload.as_str().to_owned()).collect();
                }
                Output::LoggedIn => assert_eq!(self.book.login, None),
                // whoever came again has had no other connection
                Output::Observed(hold) => {
                    let (Hold::Answered(age) | Hold::Cut(age)) = hold;
                    assert!((5_000..=self.now).contains(&age), "{hold:?} tells nothing");
                }
                Output::Ended(reason) => self.ended = Some(reason),
                other => panic!("there is one stream only: {other:?}"),
            }
        }
    }

    /// D02, D10, R01, R08, J01: each once, in the order of rids, and nothing behind the end.
    fn command(&mut self, command: ServerCommand) {
        assert!(!self.closed, "the stream is closed: {command:?}");
        match command {
            ServerCommand::Open(_) => assert!(self.connections.len() == 1 && self.book.answers.is_empty()),
            ServerCommand::Send(payloads) => assert_eq!(self.book.unsaid.pop_front(), Some(Said::Payloads(payloads))),
            ServerCommand::Restart(_) => assert_eq!(self.book.unsaid.pop_front(), Some(Said::Restart)),
            ServerCommand::Close(how) => {
                let lost = matches!(self.book.closing, Some(Cause::Idle | Cause::Left | Cause::Gap));
                assert!(how == Close::Clean || lost);
                self.closed = true;
            }
        }
    }

    fn respond(&mut self, id: u64, response: &Response) {
        let answer = Answer::read(response);
        let connection = self.connections.get_mut(&id).expect("its connection lives");
        assert_eq!(connection.answer, None, "answered twice");
        let rid = connection.rid;
        if answer.kind.as_deref() == Some("error") {
            // L02
            self.connections.remove(&id);
            let newer = self
                .connections
                .values()
                .any(|other| other.rid == rid && other.answer.is_none());
            assert!(newer, "only a newer copy supersedes");
        } else if answer.is_refusal() {
            assert!(self.book.closing.is_some(), "refused without a reason");
            self.connections.remove(&id);
            self.client.over = true;
        } else {
            self.answer(rid, response, &answer);
            self.connections
                .entry(id)
                .and_modify(|connection| connection.answer = Some(response.clone()));
            self.book.leaving.insert(rid, id);
            self.book.settled_at.insert(rid, self.now);
        }
    }

    /// The first answer to a rid carries what is next; every further one is the same (D09).
    fn answer(&mut self, rid: u64, response: &Response, answer: &Answer) {
        if let Some(first) = self.book.answers.get(&rid) {
            assert_eq!(first, response, "another answer to {rid}");
            return;
        }
        if rid <= self.book.settled {
            assert!(
                answer.elements.is_empty() && answer.kind.is_none(),
                "{rid} was settled as empty"
            );
        } else {
            self.first_answer(rid, answer);
        }
        self.book.answers.insert(rid, response.clone());
    }

    fn first_answer(&mut self, rid: u64, answer: &Answer) {
        let held = self.held();
        assert_eq!(
            held.first().map(|held| held.0),
            Some(rid),
            "answers leave in the order of rids (D03)"
        );
        self.book.settle(rid - 1, self.now);
        let due = held.iter().any(|(_, due)| *due <= self.now);
        if self.book.closing.is_none() && self.book.told {
            assert!(
                due || self.book.leaving.is_empty(),
                "it could overtake the one before it (D03)"
            );
            let surplus = self.book.held() > self.book.terms.hold.into();
            let news = !answer.elements.is_empty() || answer.has_introduction;
            assert!(due || surplus || news, "{rid} could have been held (E01)");
        }
        assert!(
            self.book.told || answer.has_sid || answer.is_terminate(),
            "a creation without a sid"
        );
        assert!(!(self.book.told && answer.has_sid), "the sid is told once (B05)");
        if self.book.closing.is_none() {
            let tells = self.book.terms.acks && (answer.has_sid || self.book.last != rid);
            assert_eq!(answer.ack, tells.then_some(self.book.last), "F01 to F04");
        }
        self.book.reports = false;
        self.book.told |= answer.has_sid;
        self.book.in_vain &= answer.elements.is_empty() && !answer.has_introduction;
        self.book.settle(rid, self.now);
        self.carries(answer);
        self.farewell(answer);
    }

    /// The payloads that are next, each once and in order (E04, E06).
    fn carries(&mut self, answer: &Answer) {
        let is_error = |element: &&String| element.starts_with("<stream:error");
        let payloads: Vec<_> = answer.elements.iter().filter(|element| !is_error(element)).collect();
        let until = self.handed + payloads.len();
        assert!(until <= self.given.len(), "more than the server said");
        assert!(
            payloads.iter().copied().eq(&self.given[self.handed..until]),
            "each once, in order"
        );
        let size: usize = payloads.iter().map(|payload| payload.len()).sum();
        assert!(size <= self.limits.response_bytes || payloads.len() == 1, "E06");
        self.handed = until;
    }

    /// The end comes with the last of the payloads (J02, J17, J18, ER02).
    fn farewell(&mut self, answer: &Answer) {
        let Some(cause) = self.book.closing else {
            return assert!(!answer.is_terminate(), "an end without a reason");
        };
        if answer.is_terminate() && cause.lingers() && self.book.told {
            assert_eq!(self.handed, self.given.len(), "payload is left behind");
        }
        assert!(
            cause != Cause::Terminate || self.farewell || answer.is_terminate(),
            "the oldest hears of it"
        );
        let carries_error = answer
            .elements
            .last()
            .is_some_and(|element| element.starts_with("<stream:error"));
        assert_eq!(carries_error, answer.condition.as_deref() == Some("remote-stream-error"));
        self.farewell |= answer.is_terminate();
    }

    /// The requests that are carried out and wait for an answer, by rid, and when each is due.
    pub(super) fn held(&self) -> Vec<(u64, u64)> {
        let waiting = self.connections.values().filter(|connection| connection.answer.is_none());
        let lingers = self.book.closing.is_some_and(Cause::lingers);
        let mut held: Vec<_> = waiting
            .filter(|connection| connection.rid > self.book.settled && (connection.rid <= self.book.last || lingers))
            .map(|connection| (connection.rid, self.book.due(connection)))
            .collect();
        held.sort_unstable();
        held
    }
}
