//! How often something may happen: a rate as an operator writes it, and the bucket of tokens that holds somebody to it.

use std::time::{Duration, Instant};

/// So many events in a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    pub events: u32,
    pub period: Duration,
}

/// A rate, and how many events may come at once after a silence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    /// From one event to the next.
    interval: Duration,
    /// For which a bucket has to be left alone to be full.
    depth: Duration,
}

/// A bucket of tokens, as the moment at which it will be full again: one that has never been used, or not for long, is the default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bucket {
    full: Option<Instant>,
}

impl Rate {
    pub const fn per_second(events: u32) -> Self {
        let period = Duration::from_secs(1);
        Self { events, period }
    }

    /// With so many events at once, one at least.
    pub fn with_burst(self, burst: u32) -> Allowance {
        self.with_depth(self.interval().saturating_mul(burst))
    }

    /// With as many events at once as it allows in this time, one at least: 500 of `50/s`, or of `3000/m`, in ten seconds.
    pub fn with_depth(self, depth: Duration) -> Allowance {
        let interval = self.interval();
        Allowance {
            interval,
            depth: depth.max(interval),
        }
    }

    fn interval(self) -> Duration {
        self.period / self.events.max(1)
    }
}

impl Bucket {
    /// Takes a token; false: there is none.
    pub fn take(&mut self, allowance: Allowance, now: Instant) -> bool {
        let full = self.without_one(allowance, now);
        let has_one = full.duration_since(now) <= allowance.depth;
        if has_one {
            self.full = Some(full);
        }
        has_one
    }

    /// Takes a token, and says after what time it is there. It is owed for `longest` at most: what would come later is taken for nothing, so
    /// that who asks too often for long does not pay for it long afterwards.
    pub fn borrow(&mut self, allowance: Allowance, longest: Duration, now: Instant) -> Duration {
        let full = self.without_one(allowance, now);
        let wait = full.duration_since(now).saturating_sub(allowance.depth);
        if wait > longest {
            return longest;
        }
        self.full = Some(full);
        wait
    }

    /// For how long there will be no token.
    pub fn dry_for(&self, allowance: Allowance, now: Instant) -> Duration {
        let full = self.without_one(allowance, now);
        full.duration_since(now).saturating_sub(allowance.depth)
    }

    /// Does it say nothing about what came before?
    pub fn is_full(&self, now: Instant) -> bool {
        self.full.is_none_or(|full| full <= now)
    }

    fn without_one(&self, allowance: Allowance, now: Instant) -> Instant {
        self.full.map_or(now, |full| full.max(now)) + allowance.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Rate = Rate::per_second(10);

    fn after(began: Instant, millis: u64) -> Instant {
        began + Duration::from_millis(millis)
    }

    // DL01
    #[test]
    fn a_burst_and_then_the_rate() {
        let (began, allowance) = (Instant::now(), TEN.with_burst(5));
        let mut bucket = Bucket::default();
        let taken = |bucket: &mut Bucket, at| (0..100).take_while(|_| bucket.take(allowance, at)).count();
        assert_eq!(taken(&mut bucket, began), 5);
        assert_eq!(taken(&mut bucket, after(began, 99)), 0);
        assert_eq!(taken(&mut bucket, after(began, 100)), 1);
        assert_eq!(taken(&mut bucket, after(began, 350)), 2, "what is refused costs nothing");
        assert!(!bucket.is_full(after(began, 799)) && bucket.is_full(after(began, 800)));
        assert_eq!(taken(&mut bucket, after(began, 60_000)), 5, "and no more is saved up");
    }

    // DL01
    #[test]
    fn as_many_at_once_in_any_unit() {
        let rate = |events, seconds| Rate {
            events,
            period: Duration::from_secs(seconds),
        };
        for (rate, at_once) in [
            (rate(50, 1), 500),
            (rate(3000, 60), 500),
            (rate(100, 3600), 1),
            (rate(3600, 3600), 10),
        ] {
            let (now, mut bucket) = (Instant::now(), Bucket::default());
            let allowance = rate.with_depth(Duration::from_secs(10));
            let taken = (0..1000).take_while(|_| bucket.take(allowance, now)).count();
            assert_eq!(taken, at_once, "{rate:?}");
        }
    }

    // DL06
    #[test]
    fn what_is_borrowed_comes_later() {
        let (began, allowance, longest) = (Instant::now(), TEN.with_burst(2), Duration::from_millis(250));
        let mut bucket = Bucket::default();
        let mut wait = |at| bucket.borrow(allowance, longest, at).as_millis();
        assert_eq!([wait(began), wait(began), wait(began), wait(began)], [0, 0, 100, 200]);
        assert_eq!([wait(began), wait(began)], [250, 250], "never longer");
        assert_eq!(wait(after(began, 200)), 100, "what would have come later still was not owed");
        assert_eq!(wait(after(began, 60_000)), 0);
    }

    #[test]
    fn how_long_it_is_dry() {
        let (began, allowance) = (Instant::now(), TEN.with_burst(1));
        let mut bucket = Bucket::default();
        assert_eq!(bucket.dry_for(allowance, began), Duration::ZERO);
        assert!(bucket.take(allowance, began));
        assert_eq!(bucket.dry_for(allowance, after(began, 30)), Duration::from_millis(70));
    }

    #[test]
    fn rates_of_minutes() {
        let began = Instant::now();
        let mut bucket = Bucket::default();
        let slow = Rate {
            events: 1,
            period: Duration::from_secs(60),
        };
        assert!(bucket.take(slow.with_burst(0), began) && !bucket.take(slow.with_burst(0), after(began, 59_999)));
        assert!(bucket.take(slow.with_burst(0), after(began, 60_000)));
    }
}
