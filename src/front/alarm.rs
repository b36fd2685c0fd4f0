//! A waker that lets be who is awake.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// How often in a row a poll is taken up again; whoever rings on may wait for other tasks to run (tokio's budget).
const AGAIN: usize = 2;

const ASLEEP: u8 = 0;
const AWAKE: u8 = 1;
const RUNG: u8 = 2;

/// Between hyper and a connection's task. To let its handler have a body, hyper wakes its own task, which is running: it would run once more
/// for nothing, later, when its memory has left the cache. Two of seven runs for a message were such.
#[derive(Default)]
pub struct Alarm {
    state: AtomicU8,
    task: Mutex<Option<Waker>>,
}

impl Alarm {
    /// Polls, and polls again if it was rung meanwhile; once this is pending, a ring wakes the task. What has become ready must be polled
    /// no more with this waker.
    pub fn poll<T>(self: &Arc<Self>, cx: &mut Context<'_>, mut act: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let waker = Waker::from(Arc::clone(self));
        let mut inner = Context::from_waker(&waker);
        for _ in 0..AGAIN {
            // whoever rang before is heard
            self.state.swap(AWAKE, Ordering::SeqCst);
            if let Poll::Ready(result) = act(&mut inner) {
                return Poll::Ready(result);
            }
            self.watch(cx.waker());
            let quiet = self.state.compare_exchange(AWAKE, ASLEEP, Ordering::SeqCst, Ordering::SeqCst);
            if quiet.is_ok() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn watch(&self, task: &Waker) {
        let mut watched = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.as_ref().is_some_and(|watched| watched.will_wake(task)) {
            *watched = Some(task.clone());
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(RUNG, Ordering::SeqCst) == ASLEEP
            && let Some(task) = &*self.task.lock().unwrap_or_else(PoisonError::into_inner)
        {
            task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_awake_is_not_woken_and_who_sleeps_is() {
        let (alarm, task) = (Arc::new(Alarm::default()), Arc::new(Alarm::default()));
        let waker = Waker::from(Arc::clone(&task));
        let mut cx = Context::from_waker(&waker);
        let was_woken = || task.state.swap(ASLEEP, Ordering::SeqCst) == RUNG;
        let mut kept = None;
        let mut rings = [true, false].into_iter();
        let pending: Poll<()> = alarm.poll(&mut cx, |cx| {
            kept = Some(cx.waker().clone());
            if rings.next().expect("two turns") {
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        });
        assert!(pending.is_pending() && !was_woken(), "it took it up again by itself");
        kept.expect("a waker").wake();
        assert!(was_woken(), "from its sleep");
        // it never rests: then others have their turn, and this one again after them
        let pending: Poll<()> = alarm.poll(&mut cx, |cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        assert!(pending.is_pending() && was_woken());
    }
}
