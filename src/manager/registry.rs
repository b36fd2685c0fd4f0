//! sid -> live session, and how many there may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;

use super::sid::Key;

/// The live sessions of this process.
pub(super) struct Registry<S> {
    sessions: DashMap<Key, Arc<S>, foldhash::fast::RandomState>,
    /// Of all registries that share it.
    count: Arc<AtomicUsize>,
    capacity: usize,
}

impl<S> Registry<S> {
    pub fn new(count: Arc<AtomicUsize>, capacity: usize) -> Self {
        Self {
            sessions: DashMap::default(),
            count,
            capacity,
        }
    }

    pub fn find(&self, key: Key) -> Option<Arc<S>> {
        self.sessions.get(&key).map(|session| session.clone())
    }

    pub fn contains(&self, key: Key) -> bool {
        self.sessions.contains_key(&key)
    }

    /// Takes a place for one more session; give it back with [`Registry::remove`]. False: all are taken.
    pub fn admit(&self) -> bool {
        let admitted = self
            .count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < self.capacity).then_some(n + 1));
        admitted.is_ok()
    }

    pub fn insert(&self, key: Key, session: Arc<S>) {
        self.sessions.insert(key, session);
    }

    pub fn remove(&self, key: Key) {
        if self.sessions.remove(&key).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How many there are, in all registries that share the count.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// All of them, for a drain; not for the path of a request.
    pub fn all(&self) -> Vec<Arc<S>> {
        self.sessions.iter().map(|entry| entry.value().clone()).collect()
    }
}
