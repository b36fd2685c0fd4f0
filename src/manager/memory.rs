//! The bytes that wait in all sessions together: a budget at which less is read, from servers and from clients. Nobody is ended for it (DL04).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What someone may hold even when the budget is used up, if it moves: so the slow cannot starve the live.
const RESERVE: usize = 64 * 1024;

/// Room that must be free for each of those that are woken.
const STEP: usize = 64 * 1024;

/// The budget.
#[derive(Debug)]
pub struct Memory {
    most: usize,
    used: AtomicUsize,
    /// How many stand in the queue. This and `used` are written before the other is read, in one order for all (`SeqCst`): nobody sleeps over room.
    waiting: AtomicUsize,
    queue: Mutex<Queue>,
}

/// Who waits for room, in order. Places are numbered.
#[derive(Debug, Default)]
struct Queue {
    /// `None`: has left.
    wakers: VecDeque<Option<Waker>>,
    /// The number of the first place.
    first: u64,
}

/// What one session, or one body that is being read, has of it; given back when dropped.
#[derive(Debug)]
pub struct Share {
    memory: Arc<Memory>,
    bytes: usize,
    /// Its place in the queue, or one that it had.
    place: Option<u64>,
}

impl Memory {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            used: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            queue: Mutex::default(),
        })
    }

    pub fn share(self: &Arc<Self>) -> Share {
        Share {
            memory: Arc::clone(self),
            bytes: 0,
            place: None,
        }
    }

    fn is_full(&self) -> bool {
        self.used.load(Ordering::SeqCst) >= self.most
    }

    /// Wakes as many as there is room for.
    fn wake(&self) {
        let mut queue = self.lock();
        let room = self.most.saturating_sub(self.used.load(Ordering::SeqCst));
        let mut wakers = Vec::new();
        while wakers.len() < room.div_ceil(STEP)
            && let Some(waker) = queue.wakers.pop_front()
        {
            queue.first += 1;
            wakers.extend(waker);
        }
        self.waiting.store(queue.wakers.len(), Ordering::SeqCst);
        drop(queue);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    #[cfg(test)]
    pub fn unlimited() -> Self {
        Memory::new(usize::MAX).share()
    }

    /// So many bytes wait now.
    pub fn set(&mut self, bytes: usize) {
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes > before {
            self.memory.used.fetch_add(bytes - before, Ordering::SeqCst);
        } else if bytes < before {
            self.memory.used.fetch_sub(before - bytes, Ordering::SeqCst);
            if self.memory.waiting.load(Ordering::SeqCst) > 0 {
                self.memory.wake();
            }
        }
    }

    /// May more be read? `moves`: what is read goes on at once.
    pub fn may_grow(&self, moves: bool) -> bool {
        !self.memory.is_full() || (moves && self.bytes < RESERVE)
    }

    /// Is woken when there is room.
    pub fn wait(&mut self, cx: &mut Context<'_>) {
        let mut queue = self.memory.lock();
        if self.place.is_none_or(|place| place < queue.first) {
            self.place = Some(queue.first + queue.wakers.len() as u64);
            queue.wakers.push_back(Some(cx.waker().clone()));
            self.memory.waiting.store(queue.wakers.len(), Ordering::SeqCst);
        }
        drop(queue);
        // it may have come just now
        if !self.memory.is_full() {
            self.memory.wake();
        }
    }

    /// Returns when there is room.
    pub async fn room(&mut self) {
        poll_fn(|cx| {
            if self.may_grow(true) {
                return Poll::Ready(());
            }
            self.wait(cx);
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let mut queue = self.memory.lock();
            let ahead = place.checked_sub(queue.first).and_then(|ahead| usize::try_from(ahead).ok());
            if let Some(waker) = ahead.and_then(|ahead| queue.wakers.get_mut(ahead)) {
                *waker = None;
            }
            drop(queue);
            // its turn may have come, and is somebody else's now
            self.memory.wake();
        }
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU64);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn at_the_budget_only_what_moves_goes_on() {
        let memory = Memory::new(1 << 20);
        let (mut slow, mut live) = (memory.share(), memory.share());
        slow.set(1 << 20);
        assert!(!slow.may_grow(false) && !slow.may_grow(true));
        assert!(!live.may_grow(false) && live.may_grow(true));
        live.set(RESERVE);
        assert!(!live.may_grow(true));
        drop(slow);
        assert!(live.may_grow(false));
        drop(live);
        assert_eq!(memory.used.load(Ordering::Relaxed), 0);
    }

    // DL04
    #[test]
    fn who_waits_is_woken_once_for_each_bit_of_room() {
        let memory = Memory::new(1 << 20);
        let mut full = memory.share();
        full.set(1 << 20);
        let counts: Vec<Arc<Count>> = (0..3).map(|_| Arc::default()).collect();
        let mut waiting: Vec<Share> = (0..3).map(|_| memory.share()).collect();
        for _ in 0..2 {
            for (share, count) in waiting.iter_mut().zip(&counts) {
                share.wait(&mut Context::from_waker(&Waker::from(count.clone())));
            }
        }
        let woken = || counts.iter().map(|count| count.0.load(Ordering::Relaxed)).collect::<Vec<_>>();
        assert_eq!(woken(), [0, 0, 0]);
        full.set((1 << 20) - STEP);
        assert_eq!(woken(), [1, 0, 0], "in order, as many as there is room for");
        full.set(0);
        assert_eq!(woken(), [1, 1, 1]);
        assert!(memory.lock().wakers.is_empty());
        assert_eq!(memory.waiting.load(Ordering::SeqCst), 0);
        waiting[0].wait(&mut Context::from_waker(&Waker::from(counts[0].clone())));
        assert_eq!(woken(), [2, 1, 1], "there is room");
    }

    // DL04
    #[test]
    fn room_that_comes_bit_by_bit_wakes_everybody() {
        let memory = Memory::new(1 << 20);
        let mut full = memory.share();
        full.set(1 << 20);
        let count = Arc::<Count>::default();
        let mut waiting: Vec<Share> = (0..16).map(|_| memory.share()).collect();
        for share in &mut waiting {
            share.wait(&mut Context::from_waker(&Waker::from(count.clone())));
        }
        waiting.truncate(12);
        assert_eq!(Arc::strong_count(&count), 13, "who has left is forgotten");
        for left in (0..16).rev() {
            full.set(left * STEP / 2);
        }
        assert_eq!(
            count.0.load(Ordering::Relaxed),
            12,
            "though those that were woken took nothing"
        );
    }
}
