//! The naive reference: what came, what must follow from it, and what is due when, kept without any of the session's cleverness.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use boshd::bosh::{ClientAck, Limits, Request, Response, Restart, Rid, Terms};
use boshd::xml::Payload;

/// One request on its connection, from its arrival until its answer has left or the connection has died.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Connection {
    pub rid: u64,
    pub at: u64,
    pub released: bool,
    /// Milliseconds that its way is known to bear.
    pub most: Option<u64>,
    /// Its client goes away for a while.
    pub pauses: bool,
    /// `None`: it waits.
    pub answer: Option<Response>,
}

/// What must become of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is new, and so are its words.
    New,
    /// It takes the place of an earlier copy that waits.
    TakesOver,
    /// It gets the answer that the first copy got.
    Replayed,
    /// It ends the session.
    Refused,
    /// The session is over; whatever it gets, it gets it at once.
    Late,
}

/// Why a session must end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cause {
    Terminate,
    Offence,
    Gap,
    Idle,
    Left,
    Login,
    Server,
    Drain,
}

impl Cause {
    /// Does the end wait for a client that is not there to hear of it (J17)?
    pub fn lingers(self) -> bool {
        matches!(self, Self::Server | Self::Login | Self::Drain)
    }
}

/// What must be said to the server.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Said {
    Payloads(Vec<Payload>),
    Restart,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Book {
    first: u64,
    pub terms: Terms,
    /// The highest rid in order.
    pub last: u64,
    /// Those that wait for a lower rid.
    pub early: BTreeMap<u64, (Request, u64)>,
    /// All up to this rid have their answers, or their client has gone on without them (FX04).
    pub settled: u64,
    /// The first answer to each rid.
    pub answers: BTreeMap<u64, Response>,
    /// When each rid was settled, and its answer left.
    pub settled_at: BTreeMap<u64, u64>,
    /// The last rid that was reported as missing, and whether that is still to be told (F06).
    reported: u64,
    pub reports: bool,
    /// Requests that are answered at once, to tell of a loss.
    hastened: BTreeSet<u64>,
    /// Answers on their way: rid -> the newest connection.
    pub leaving: BTreeMap<u64, u64>,
    /// Not yet said to the server.
    pub unsaid: VecDeque<Said>,
    /// Was the sid told?
    pub told: bool,
    pub closing: Option<Cause>,
    /// Has the client what the server offers?
    pub introduced: bool,
    /// Has it let the client in, and nothing came since?
    pub authenticated: bool,
    /// Does the server take back what its client never had?
    pub managed: bool,
    /// When the last new request came, and whether it polled and got nothing.
    pub last_new: Option<u64>,
    pub in_vain: bool,
    /// The rid that was repeated last, since when, and how often.
    repeated: Option<(u64, u64, u8)>,
    gap: Option<u64>,
    /// Until when the client has to log in, and to come back after it has aborted a request.
    pub login: Option<u64>,
    /// What the way to the client bears, and at what age it cuts.
    pub way: Way,
    leave: Option<u64>,
    leave_after: u64,
    idle: Option<u64>,
    pause: Option<Pause>,
}

/// In milliseconds, as far as is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Way {
    pub bears: Option<u64>,
    pub cuts: Option<u64>,
}

/// A silence that the client has announced: so many milliseconds from the last answer's end, then until a moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Pause {
    For(u64),
    Until(u64),
}

/// D17: as many repeats of one rid within a minute.
const REPEATS: u8 = 50;

impl Book {
    pub fn new(first: u64, terms: Terms, limits: &Limits) -> Self {
        let milliseconds = |seconds: u16| u64::from(seconds) * 1000;
        Self {
            first,
            terms,
            last: first,
            early: BTreeMap::new(),
            settled: first - 1,
            answers: BTreeMap::new(),
            settled_at: BTreeMap::new(),
            reported: 0,
            reports: false,
            hastened: BTreeSet::new(),
            leaving: BTreeMap::new(),
            unsaid: VecDeque::new(),
            told: false,
            closing: None,
            introduced: false,
            authenticated: false,
            managed: false,
            last_new: None,
            in_vain: false,
            repeated: None,
            gap: None,
            login: Some(milliseconds(limits.login_timeout)).filter(|time| *time > 0),
            way: Way::default(),
            leave: None,
            leave_after: milliseconds(limits.leave_after),
            idle: None,
            pause: None,
        }
    }

    /// As many answers can be had again.
    pub fn memory(&self) -> u64 {
        (u64::from(self.terms.requests) + 1).max(3)
    }

    /// How many are carried out and not answered, those on dead connections included.
    pub fn held(&self) -> u64 {
        self.last - self.settled
    }

    /// D04, D05, D09, D11, D13; who leaves has one rid more (D06).
    pub fn judge(&self, rid: u64, leaves: bool) -> Verdict {
        if self.closing.is_some() {
            Verdict::Late
        } else if rid > Rid::MAX.get() || rid > self.last + u64::from(self.terms.requests) + u64::from(leaves) || rid < self.first
        {
            Verdict::Refused
        } else if rid > self.last {
            Verdict::New
        } else if rid > self.settled {
            Verdict::TakesOver
        } else if rid + self.memory() > self.settled {
            Verdict::Replayed
        } else {
            Verdict::Refused
        }
    }

    /// Is it too much of a good thing? `open`: how many wait for an answer, up to this one (E08, E11, D17).
    pub fn is_too_much(&mut self, request: &Request, open: u64, now: u64) -> bool {
        let rid = request.rid.get();
        let leaves = request.leaves();
        match self.judge(rid, leaves) {
            Verdict::New if self.early.contains_key(&rid) => false,
            Verdict::New => {
                let excused = if self.leaving.is_empty() {
                    0
                } else {
                    self.terms.requests.into()
                };
                let open = open.saturating_sub(excused);
                let polls = self.introduced && !leaves && request.restart != Restart::Yes && request.payloads.is_empty();
                let soon = |interval| {
                    self.last_new
                        .is_some_and(|last| (now - last) * 2 < u64::from(interval) * 1000)
                };
                let often = polls && self.in_vain && open == 1 && self.terms.is_polling() && self.terms.polling.is_some_and(soon);
                self.last_new = Some(now);
                self.in_vain = polls;
                often || (open > self.terms.requests.into() && !leaves)
            }
            Verdict::TakesOver | Verdict::Replayed => {
                let left = self.repeats_left(rid, now);
                let (since, count) = match self.repeated {
                    Some((same, since, count)) if same == rid && now < since + 60_000 => (since, count),
                    _ => (now, 0),
                };
                self.repeated = Some((rid, since, count + 1));
                left == 0
            }
            Verdict::Refused | Verdict::Late => false,
        }
    }

    pub fn repeats_left(&self, rid: u64, now: u64) -> u8 {
        match self.repeated {
            Some((same, since, count)) if same == rid && now < since + 60_000 => REPEATS.saturating_sub(count),
            _ => REPEATS,
        }
    }

    /// A request has come whole.
    pub fn arrived(&mut self, request: &Request, verdict: Verdict, now: u64) {
        self.idle = None;
        self.leave = None;
        match verdict {
            Verdict::New => {
                self.early.insert(request.rid.get(), (request.clone(), now));
                self.carry_out();
            }
            Verdict::Refused => self.closing = Some(Cause::Offence),
            // its wait begins anew (D12)
            Verdict::TakesOver => _ = self.hastened.remove(&request.rid.get()),
            Verdict::Replayed | Verdict::Late => {}
        }
    }

    /// In the order of rids, and nothing behind an end (D02, R03, J01).
    fn carry_out(&mut self) {
        while let Some((request, arrived)) = self.early.remove(&(self.last + 1)) {
            self.last += 1;
            self.gap = None;
            self.pause = None;
            let pauses = request.pause.is_none_or(|pause| (1..=self.terms.max_pause).contains(&pause));
            if request.fault.is_some() || !pauses {
                self.closing = Some(Cause::Offence);
            } else if request.restart == Restart::Yes {
                self.restarts();
            } else if !request.payloads.is_empty() {
                // R06: for a client that forgets to
                if self.authenticated {
                    self.restarts();
                }
                self.unsaid.push_back(Said::Payloads(request.payloads));
            }
            if request.terminate {
                self.closing = Some(Cause::Terminate);
            }
            if self.closing.is_some() {
                return;
            }
            if let (ClientAck::Through(acked), true) = (request.ack, self.terms.acks) {
                self.reports = self.is_missing(acked.get() + 1, arrived);
            }
            if self.reports {
                self.hastened.insert(self.last);
            }
            self.pause = request.pause.map(|pause| Pause::For(u64::from(pause) * 1000 + 1000));
        }
    }

    fn restarts(&mut self) {
        self.unsaid.push_back(Said::Restart);
        self.introduced = false;
        self.authenticated = false;
    }

    /// Is the answer to this rid remembered, and left so long ago that it will not come? Told once (F06).
    fn is_missing(&mut self, rid: u64, arrived: u64) -> bool {
        let remembered = rid <= self.settled && rid + self.memory() > self.settled;
        let long_ago = self.settled_at.get(&rid).is_some_and(|at| at + 4000 <= arrived);
        let missing = remembered && long_ago && !self.leaving.contains_key(&rid) && rid > self.reported;
        if missing {
            self.reported = rid;
        }
        missing
    }

    /// A timeout ends the session if what it was set for has not come.
    pub fn timeout(&mut self, now: u64) {
        let due = |deadline: Option<u64>| deadline.is_some_and(|at| at <= now);
        if self.closing.is_none() && due(self.gap) {
            self.closing = Some(Cause::Gap);
        } else if self.closing.is_none() && due(self.idle) {
            self.closing = Some(Cause::Idle);
        } else if self.closing.is_none() && due(self.login) {
            self.closing = Some(Cause::Login);
        } else if self.closing.is_none() && due(self.leave) {
            self.closing = Some(Cause::Left);
        }
    }

    /// A request was aborted that was carried out and not answered; `alone`: no other one is.
    pub fn aborted(&mut self, request: &Connection, alone: bool, now: u64) {
        let meant = self.way.cuts.is_none_or(|cut| now - request.at < cut);
        if meant && alone && self.told && self.closing.is_none() && self.early.is_empty() && self.leave_after > 0 {
            self.leave = Some(now + self.leave_after);
        }
    }

    /// An answer has left, or a connection has died: the client's time runs from here (G02, G03).
    pub fn gone(&mut self, id: u64, connection: &Connection, written: Option<u64>) {
        let tracked = self.leaving.get(&connection.rid) == Some(&id);
        if tracked {
            self.leaving.remove(&connection.rid);
            written.map(|now| self.settled_at.insert(connection.rid, now));
        }
        if tracked || connection.answer.is_none() {
            self.idle = None;
        }
    }

    /// All up to this rid have their answers, and the oldest of these are forgotten.
    pub fn settle(&mut self, rid: u64, now: u64) {
        for rid in self.settled + 1..=rid {
            self.settled_at.insert(rid, now);
        }
        self.settled = self.settled.max(rid);
        let forgotten = self.settled.saturating_sub(self.memory());
        self.leaving.retain(|rid, _| *rid > forgotten);
    }

    /// When its answer is due, come what may (E01, FX17).
    pub fn due(&self, connection: &Connection) -> u64 {
        let patience = if connection.rid == self.first {
            self.terms.creation_patience()
        } else {
            let agreed = self.terms.patience();
            connection.most.map_or(agreed, |most| most.min(agreed))
        };
        if connection.released || connection.pauses || self.hastened.contains(&connection.rid) {
            0
        } else {
            connection.at + patience
        }
    }

    /// What is pending after this turn: the next deadline follows. `held`: when each of the held requests is due.
    pub fn watch(&mut self, held: &[u64], now: u64) -> Option<u64> {
        let inactivity = self.terms.inactivity_ms();
        self.gap = match self.gap {
            _ if self.early.is_empty() => None,
            None => Some(now + inactivity),
            running => running,
        };
        let leaving = if self.leaving.is_empty() { 0 } else { inactivity };
        let silence_ends = match self.pause {
            Some(Pause::Until(end)) => end,
            Some(Pause::For(time)) => now + time,
            None => now + inactivity,
        };
        self.idle = match self.idle {
            _ if !held.is_empty() || !self.early.is_empty() => None,
            None => {
                if leaving == 0 && self.pause.is_some() {
                    self.pause = Some(Pause::Until(silence_ends));
                }
                Some(silence_ends + leaving)
            }
            running => running,
        };
        let waits = held.iter().copied().chain(self.gap).chain(self.idle);
        waits.chain(self.login).chain(self.leave).min()
    }
}
