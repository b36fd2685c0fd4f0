//! A client that keeps to the rules, in its world: what it may send, and how it gets all that it missed.

use super::book::{Cause, Verdict};
use super::wire::Form;
use super::world::World;

/// Turns until a client has all.
const ENOUGH: usize = 200;

impl World {
    /// Has a request with this rid arrived?
    pub fn has_come(&self, rid: u64) -> bool {
        rid <= self.book.last || self.book.early.contains_key(&rid) || self.book.answers.contains_key(&rid)
    }

    /// A copy of what was sent may still be under way, but not for ever.
    pub fn may_repeat(&self, rid: u64) -> bool {
        let acceptable = self.book.judge(rid, false) != Verdict::Refused && self.book.repeats_left(rid, self.now) > 0;
        self.client.was_sent(rid) && acceptable
    }

    /// May a new request be made?
    pub fn may_send(&self) -> bool {
        self.client.knows_sid && self.client.may_send(self.book.terms.requests)
    }

    /// This rid arrives.
    pub fn send(&mut self, rid: u64, form: Form) {
        let form = self.say(rid, form);
        self.request(rid, form);
    }

    /// This rid is sent, and so were those below it. The client polls only when it has no other request open, and no sooner than it may:
    /// any other one says something. It does not go away while something of it is under way.
    pub fn say(&mut self, rid: u64, form: Form) -> Form {
        while self.client.fresh() <= rid {
            let fresh = self.client.fresh();
            let form = match form {
                form @ Form::Terminate { .. } if fresh == rid => form,
                Form::Empty if fresh == self.client.lowest() && self.may_poll() => form,
                Form::Restart | Form::Pause(_) if fresh == self.client.lowest() => form,
                _ => Form::Payload,
            };
            self.client.form(fresh, form);
        }
        self.client.form(rid, form)
    }

    /// Polling sessions keep an interval.
    fn may_poll(&self) -> bool {
        let since = |interval: u16| {
            self.book
                .last_new
                .is_none_or(|last| self.now >= last + u64::from(interval) * 1000)
        };
        !self.book.terms.is_polling() || self.book.terms.polling.is_none_or(since)
    }

    /// All that is under way arrives, and the client asks for what it misses: then it has everything the server said, or has heard of
    /// the end for a reason.
    pub fn quiesce(mut self) {
        let was_open = self.book.closing.is_none();
        for _ in 0..ENOUGH {
            while let Some(id) = self
                .connections
                .iter()
                .find_map(|(id, connection)| connection.answer.as_ref().map(|_| *id))
            {
                self.written(id, true);
                self.check_client();
            }
            let orphaned = !self.client.knows_sid && self.connections.is_empty();
            if orphaned || self.ended.is_some() || self.client.over || (was_open && self.has_all()) {
                break;
            }
            let waits = |rid: &u64| self.connections.values().any(|connection| connection.rid == *rid);
            let missing = self.client.unanswered().find(|rid| !waits(rid));
            let fresh = self.connections.is_empty().then(|| self.client.fresh());
            match missing.or(fresh) {
                Some(rid) if self.client.knows_sid => self.send(rid, Form::Empty),
                _ => self.deadline(),
            }
        }
        if self.client.knows_sid {
            let heard_all = self.client.over && self.client.unanswered().next().is_none();
            let promised = match self.book.closing {
                None => true,
                Some(cause) => cause.lingers() && heard_all,
            };
            assert!(self.has_all() || !promised, "the client misses something");
            assert_eq!(self.ended.is_some() || self.client.over, self.book.closing.is_some());
            assert!(
                !was_open || matches!(self.book.closing, None | Some(Cause::Terminate)),
                "an end without a reason"
            );
        }
    }
}
