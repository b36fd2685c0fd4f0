//! A client that keeps to the rules: at most `requests` rids above the lowest unanswered one, repeats byte by byte, answers processed by
//! rid.

use std::collections::BTreeMap;

use super::wire::{Answer, Form};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Client {
    first: u64,
    /// What was sent, though it may never have arrived; the creation request is not among them.
    forms: BTreeMap<u64, Form>,
    /// What each of them says of the answers before it (F05); nothing where that is all.
    acks: BTreeMap<u64, u64>,
    /// What each answer held.
    answers: BTreeMap<u64, Vec<String>>,
    /// Has it the answer to its creation request, and in it a session?
    pub knows_sid: bool,
    /// Told that the session is over.
    pub over: bool,
}

impl Client {
    pub fn new(first: u64) -> Self {
        Self {
            first,
            forms: BTreeMap::new(),
            acks: BTreeMap::new(),
            answers: BTreeMap::new(),
            knows_sid: false,
            over: false,
        }
    }

    /// What this rid says, whenever it is sent.
    pub fn form(&mut self, rid: u64, form: Form) -> Form {
        let has = self.lowest() - 1;
        if !self.forms.contains_key(&rid) && has + 1 < rid {
            self.acks.insert(rid, has);
        }
        *self.forms.entry(rid).or_insert(form)
    }

    pub fn ack(&self, rid: u64) -> Option<u64> {
        self.acks.get(&rid).copied()
    }

    pub fn was_sent(&self, rid: u64) -> bool {
        rid == self.first || self.forms.contains_key(&rid)
    }

    /// The rid that has not been sent yet.
    pub fn fresh(&self) -> u64 {
        self.forms.keys().last().unwrap_or(&self.first) + 1
    }

    /// The lowest rid without an answer.
    pub fn lowest(&self) -> u64 {
        (self.first..)
            .find(|rid| !self.answers.contains_key(rid))
            .expect("there is one")
    }

    /// Sent and not answered.
    pub fn unanswered(&self) -> impl Iterator<Item = u64> {
        (self.lowest()..self.fresh()).filter(|rid| !self.answers.contains_key(rid))
    }

    /// May a fresh request be made?
    pub fn may_send(&self, requests: u8) -> bool {
        !self.over && self.fresh() < self.lowest() + u64::from(requests)
    }

    pub fn receive(&mut self, rid: u64, answer: Answer) {
        if self.over {
            return;
        }
        self.over = answer.is_terminate();
        self.knows_sid |= answer.has_sid;
        let known = self.answers.entry(rid).or_insert_with(|| answer.elements.clone());
        assert_eq!(*known, answer.elements, "the answer to {rid} changed");
    }

    /// All that can be processed in the order of rids.
    pub fn processed(&self) -> Vec<&String> {
        (self.first..self.lowest()).flat_map(|rid| &self.answers[&rid]).collect()
    }
}
