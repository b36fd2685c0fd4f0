//! Random sequences of inputs: of a client that keeps to the rules, and of one that knows none.

use boshd::bosh::{Limits, Rid};
use proptest::prelude::*;

use super::book::Way;
use super::wire::Form;
use super::world::{Word, World};

/// One thing that happens; numbers choose among what is there.
#[derive(Clone, Copy, Debug)]
pub enum Happening {
    /// A new request, of a client that keeps to the rules.
    Fresh(Form),
    /// One that is lost on its way.
    Lost(Form),
    /// Another copy of an earlier one.
    Repeat(u8),
    /// Any rid, counted from the highest in order; but nobody guesses a sid.
    Wild(i8, Form),
    Arrive(u8),
    Vanish(u8),
    Break(u8),
    Release(u8),
    Server(Word),
    Drain,
    Learn(Way),
    /// Milliseconds, with every deadline on the way kept.
    Pass(u64),
    Deadline,
    /// Milliseconds, and whatever comes next comes before the deadlines do.
    Oversleep(u64),
    Timeout,
}

pub fn limits() -> impl Strategy<Value = Limits> {
    let small_or_large = || prop_oneof![Just(1), 100..300_usize, Just(1_000_000)];
    let none_or = || prop_oneof![2 => Just(0), 1 => 1..60_u16];
    let times = (prop_oneof![Just(0), 1..60_u16], 1..60_u16, none_or(), none_or());
    (0..4_u8, times, small_or_large(), small_or_large()).prop_map(|(max_hold, times, session_memory, response_bytes)| Limits {
        max_hold,
        max_wait: times.0,
        inactivity: times.1,
        login_timeout: times.2,
        leave_after: times.3,
        session_memory,
        response_bytes,
        ..Limits::default()
    })
}

/// The first rid, the last ones included.
pub fn first() -> impl Strategy<Value = u64> {
    prop_oneof![Just(1), Just(1000), Rid::MAX.get() - 6..=Rid::MAX.get()]
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        10 => Just(Form::Empty),
        10 => Just(Form::Payload),
        2 => Just(Form::Restart),
        1 => any::<bool>().prop_map(|payload| Form::Terminate { payload }),
        1 => (1..=120_u16).prop_map(Form::Pause),
    ]
}

fn milliseconds() -> impl Strategy<Value = u64> {
    prop_oneof![Just(1), 0..2000_u64, 0..70_000_u64]
}

fn way() -> impl Strategy<Value = Way> {
    let age = || prop::option::of(1_000..60_000_u64);
    (age(), age()).prop_map(|(bears, cuts)| Way { bears, cuts })
}

/// What happens whoever the client is.
fn common() -> impl Strategy<Value = Happening> {
    let word = prop_oneof![
        3 => Just(Word::Opened),
        4 => Just(Word::Features),
        2 => Just(Word::Success),
        20 => prop_oneof![Just(0), any::<u8>()].prop_map(Word::Payload),
        1 => Just(Word::Resumable),
        1 => prop::sample::select(vec![Word::Closed, Word::Unreachable, Word::Error]),
    ];
    prop_oneof![
        20 => any::<u8>().prop_map(Happening::Arrive),
        4 => any::<u8>().prop_map(Happening::Vanish),
        5 => any::<u8>().prop_map(Happening::Break),
        2 => any::<u8>().prop_map(Happening::Release),
        15 => word.prop_map(Happening::Server),
        2 => way().prop_map(Happening::Learn),
        1 => milliseconds().prop_map(Happening::Pass),
        2 => Just(Happening::Deadline),
        1 => milliseconds().prop_map(Happening::Oversleep),
        1 => Just(Happening::Timeout),
    ]
}

/// A client that keeps to the rules.
pub fn lawful() -> impl Strategy<Value = Vec<Happening>> {
    let happening = prop_oneof![
        20 => form().prop_map(Happening::Fresh),
        4 => form().prop_map(Happening::Lost),
        10 => any::<u8>().prop_map(Happening::Repeat),
        60 => common(),
    ];
    begun(prop::collection::vec(happening, 0..120))
}

/// A client that may do anything.
pub fn lawless() -> impl Strategy<Value = Vec<Happening>> {
    let wild = (
        prop_oneof![8 => Just(1_i8), 4 => Just(0), 4 => Just(2), 2 => -5..6_i8],
        prop_oneof![20 => form(), 1 => Just(Form::Fault), 1 => prop_oneof![Just(0), Just(121)].prop_map(Form::Pause)],
    );
    let happening = prop_oneof![
        30 => wild.prop_map(|(offset, form)| Happening::Wild(offset, form)),
        60 => common(),
        1 => Just(Happening::Drain),
    ];
    begun(prop::collection::vec(happening, 0..80))
}

/// Mostly the server speaks first, and the client hears that it has a session.
fn begun(rest: impl Strategy<Value = Vec<Happening>>) -> impl Strategy<Value = Vec<Happening>> {
    let usual = vec![
        Happening::Server(Word::Opened),
        Happening::Server(Word::Features),
        Happening::Arrive(0),
    ];
    (prop_oneof![Just(usual), Just(Vec::new())], rest).prop_map(|(begin, rest)| [begin, rest].concat())
}

impl World {
    pub fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Fresh(form) if self.may_send() => self.send(self.client.fresh(), form),
            Happening::Lost(form) if self.may_send() => {
                self.say(self.client.fresh(), form);
            }
            Happening::Wild(offset, form) if self.book.told => {
                let rid = self.book.last.saturating_add_signed(offset.into()).max(1);
                let form = self.client.form(rid, form);
                self.request(rid, form);
            }
            Happening::Fresh(_) | Happening::Lost(_) | Happening::Wild(..) => {}
            Happening::Repeat(n) => {
                let sent = self.client.lowest().saturating_sub(1)..self.client.fresh();
                let sent = sent.filter(|rid| self.client.knows_sid && self.may_repeat(*rid));
                if let Some(rid) = pick(sent, n) {
                    self.send(rid, Form::Empty);
                }
            }
            Happening::Arrive(n) => self.pick_answered(n).into_iter().for_each(|id| self.written(id, true)),
            Happening::Vanish(n) => self.pick_answered(n).into_iter().for_each(|id| self.written(id, false)),
            Happening::Break(n) => pick(self.connections.keys().copied(), n)
                .into_iter()
                .for_each(|id| self.hung_up(id)),
            Happening::Release(n) => pick(self.connections.keys().copied(), n)
                .into_iter()
                .for_each(|id| self.release(id)),
            Happening::Server(word) => self.server(word),
            Happening::Drain => self.drain(),
            Happening::Learn(way) => self.learn(way),
            Happening::Pass(milliseconds) => self.pass(milliseconds),
            Happening::Deadline => self.deadline(),
            Happening::Oversleep(milliseconds) => self.now += milliseconds,
            Happening::Timeout => self.timeout(),
        }
    }

    fn pick_answered(&self, n: u8) -> Option<u64> {
        let answered = self.connections.iter().filter(|(_, connection)| connection.answer.is_some());
        pick(answered.map(|(id, _)| *id), n)
    }
}

fn pick(from: impl Iterator<Item = u64>, n: u8) -> Option<u64> {
    let from: Vec<_> = from.collect();
    from.get(usize::from(n).checked_rem(from.len())?).copied()
}
