//! Every interleaving of a few requests with losses, repeats, server events and deadlines, breadth first.

use std::collections::HashSet;
use std::hash::BuildHasher as _;
use std::rc::Rc;

use boshd::bosh::Limits;
use foldhash::fast::FixedState;

use super::wire::Form;
use super::world::{Word, World};

const FIRST: u64 = 1;

/// How much of each may happen on one way through.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Budget {
    /// Requests of the client, the creation request not counted.
    pub requests: u8,
    /// Copies of requests that came before.
    pub repeats: u8,
    /// Answers that never arrive, connections that die.
    pub losses: u8,
    pub payloads: u8,
    /// The server's end, or ours.
    pub ends: u8,
    pub deadlines: u8,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Request(u64, Form),
    Arrive(u64),
    Vanish(u64),
    Break(u64),
    Server(Word),
    Drain,
    Deadline,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    world: World,
    left: Budget,
}

/// The way to a state, for the one who must understand a failure.
struct Way {
    action: Action,
    before: Option<Rc<Way>>,
}

/// Says the way when a check fails.
struct Guide<'a>(&'a Option<Rc<Way>>, Action);

impl Drop for Guide<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let before = std::iter::successors(self.0.as_ref(), |way| way.before.as_ref());
            let mut actions: Vec<_> = before.map(|way| way.action).collect();
            actions.reverse();
            eprintln!("the way there: {actions:?}, then {:?}", self.1);
        }
    }
}

/// Visits all states; how many there are.
pub fn visit(hold: u8, acks: bool, budget: Budget) -> usize {
    let limits = Limits {
        max_hold: hold,
        ..Limits::default()
    };
    let mut world = World::new(FIRST, limits, acks);
    world.server(Word::Opened);
    let start = State { world, left: budget };
    let hasher = FixedState::with_seed(0);
    let mut seen = HashSet::from([hasher.hash_one(&start)]);
    let mut frontier = vec![(start, None)];
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for (state, way) in &frontier {
            for action in state.actions() {
                let _guide = Guide(way, action);
                let state = state.after(action);
                if seen.insert(hasher.hash_one(&state)) {
                    state.world.clone().quiesce();
                    let before = way.clone();
                    next.push((state, Some(Rc::new(Way { action, before }))));
                }
            }
        }
        frontier = next;
    }
    seen.len()
}

impl State {
    fn actions(&self) -> Vec<Action> {
        let (world, left) = (&self.world, &self.left);
        let mut actions = Vec::new();
        if world.ended.is_some() {
            return actions;
        }
        actions.extend(self.requests());
        for (id, connection) in &world.connections {
            if connection.answer.is_some() {
                actions.push(Action::Arrive(*id));
            }
            if left.losses > 0 {
                actions.push(Action::Break(*id));
                actions.extend(connection.answer.as_ref().map(|_| Action::Vanish(*id)));
            }
        }
        if world.book.closing.is_none() && !world.has_stream() {
            actions.push(Action::Server(Word::Features));
        } else if world.book.closing.is_none() {
            actions.extend((left.payloads > 0).then_some(Action::Server(Word::Payload(0))));
        }
        if left.ends > 0 && world.book.closing.is_none() {
            actions.extend([Action::Server(Word::Error), Action::Drain]);
        }
        actions.extend((left.deadlines > 0).then_some(Action::Deadline));
        actions
    }

    /// What may arrive from the client now: whatever is missing, whether it comes for the first time, again, or past the ones before
    /// it; a stale copy; a goodbye.
    fn requests(&self) -> Vec<Action> {
        let (world, left) = (&self.world, &self.left);
        let (client, book) = (&world.client, &world.book);
        if client.over || !client.knows_sid {
            return Vec::new();
        }
        let lowest = client.lowest();
        let beyond = lowest + u64::from(book.terms.requests);
        let mut actions = Vec::new();
        for rid in (lowest - 1..beyond).filter(|rid| left.repeats > 0 && world.has_come(*rid) && world.may_repeat(*rid)) {
            actions.push(Action::Request(rid, Form::Empty));
        }
        for rid in (lowest..beyond).filter(|rid| !world.has_come(*rid) && self.is_in_budget(*rid)) {
            let form = if rid % 2 == 0 { Form::Empty } else { Form::Payload };
            actions.push(Action::Request(rid, form));
            let goodbye = left.ends > 0 && !client.was_sent(rid);
            actions.extend(goodbye.then_some(Action::Request(rid, Form::Terminate { payload: false })));
        }
        actions
    }

    fn is_in_budget(&self, rid: u64) -> bool {
        rid <= FIRST + u64::from(self.left.requests)
    }

    fn after(&self, action: Action) -> Self {
        let mut state = self.clone();
        let (world, left) = (&mut state.world, &mut state.left);
        match action {
            Action::Request(rid, form) => {
                left.repeats -= u8::from(world.has_come(rid));
                left.ends -= u8::from(matches!(form, Form::Terminate { .. }));
                world.send(rid, form);
            }
            Action::Arrive(id) => world.written(id, true),
            Action::Vanish(id) => {
                left.losses -= 1;
                world.written(id, false);
            }
            Action::Break(id) => {
                left.losses -= 1;
                world.hung_up(id);
            }
            Action::Server(word) => {
                left.payloads -= u8::from(matches!(word, Word::Payload(_)));
                left.ends -= u8::from(word == Word::Error);
                world.server(word);
            }
            Action::Drain => {
                left.ends -= 1;
                world.drain();
            }
            Action::Deadline => {
                left.deadlines -= 1;
                world.deadline();
            }
        }
        state.world.check_client();
        state
    }
}
