//! Several servers of one domain: which is tried first (RFC 2782), and which are out of service until they answer again.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::target::{Host, Security, Target};

/// Targets that can be out of service at once. Found ones come and go; beyond it one is merely tried in vain.
const EJECTED: usize = 1000;

/// When a target that is out of service is tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retry {
    /// For the first time after this.
    pub first: Duration,
    /// Twice as long after each failure, up to this.
    pub most: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            most: Duration::from_secs(60),
        }
    }
}

impl Retry {
    /// How long to wait after so long a time, in vain.
    pub fn after(&self, wait: Duration) -> Duration {
        (wait * 2).min(self.most)
    }
}

/// Which targets are out of service.
#[derive(Debug, Default)]
pub struct Pool {
    ejected: Mutex<HashSet<Place>>,
}

type Place = (Host, u16, Security);

impl Pool {
    /// The targets in the order in which to try them: those in service first, the lowest priority first, and among equals each as often as
    /// its weight says. `random` gives a number below its argument.
    pub fn order(&self, targets: Vec<Target>, mut random: impl FnMut(u32) -> u32) -> Vec<Target> {
        let mut ordered = shuffle(targets, &mut random);
        let ejected = self.lock();
        ordered.sort_by_key(|target| ejected.contains(&place(target)));
        ordered
    }

    /// Takes a target out of service; true if it was in service.
    pub fn eject(&self, target: &Target) -> bool {
        let mut ejected = self.lock();
        ejected.len() < EJECTED && ejected.insert(place(target))
    }

    /// The target answers: true if it was out of service.
    pub fn restore(&self, target: &Target) -> bool {
        self.lock().remove(&place(target))
    }

    pub fn is_ejected(&self, target: &Target) -> bool {
        self.lock().contains(&place(target))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Place>> {
        self.ejected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(target: &Target) -> Place {
    (target.host.clone(), target.port, target.security)
}

/// By priority; among equals at random by weight. Weight 0 is for those that are to be drained: they come last.
fn shuffle(mut targets: Vec<Target>, random: &mut impl FnMut(u32) -> u32) -> Vec<Target> {
    let mut ordered = Vec::with_capacity(targets.len());
    while let Some(priority) = targets.iter().map(|target| target.priority).min() {
        let sum: u32 = equals(&targets, priority).map(|(_, weight)| weight).sum();
        let mut at = if sum == 0 { 0 } else { random(sum) };
        let chosen = equals(&targets, priority).find(|(_, weight)| {
            let is_it = at < *weight || sum == 0;
            at = at.saturating_sub(*weight);
            is_it
        });
        let (index, _) = chosen.unwrap_or_default();
        ordered.push(targets.remove(index));
    }
    ordered
}

fn equals(targets: &[Target], priority: u16) -> impl Iterator<Item = (usize, u32)> {
    let with_weight = targets.iter().enumerate();
    with_weight
        .filter(move |(_, target)| target.priority == priority)
        .map(|(index, target)| (index, u32::from(target.weight)))
}

#[cfg(test)]
mod tests {
    use super::super::target::Source;
    use super::*;

    fn target(name: &str, priority: u16, weight: u16) -> Target {
        Target {
            host: Host::Name(name.to_owned()),
            port: 5222,
            security: Security::StartTls,
            priority,
            weight,
            source: Source::Written,
        }
    }

    fn names(targets: &[Target]) -> Vec<String> {
        targets.iter().map(|target| target.host.to_string()).collect()
    }

    // DN02
    #[test]
    fn weights_are_shares() {
        let pool = Pool::default();
        let mut firsts = [0; 3];
        let mut numbers = fastrand::Rng::with_seed(2);
        for _ in 0..10_000 {
            let targets = vec![
                target("0", 1, 10),
                target("1", 1, 30),
                target("2", 1, 60),
                target("3", 2, 1000),
            ];
            let ordered = pool.order(targets, |below| numbers.u32(..below));
            assert_eq!(ordered.len(), 4);
            assert_eq!(ordered[3].host.to_string(), "3", "a higher number is a lower priority");
            firsts[ordered[0].host.to_string().parse::<usize>().expect("a number")] += 1;
        }
        for (first, share) in firsts.into_iter().zip([1000, 3000, 6000]) {
            assert!((share - 250..share + 250).contains(&first), "{firsts:?}");
        }
    }

    #[test]
    fn weight_0_comes_last_among_equals() {
        let pool = Pool::default();
        for below in 0..3 {
            let targets = vec![
                target("drained", 0, 0),
                target("a", 0, 2),
                target("b", 0, 1),
                target("c", 1, 1),
            ];
            let ordered = pool.order(targets, |most| below.min(most - 1));
            assert_eq!(names(&ordered)[2..], ["drained", "c"]);
        }
        let all = vec![target("a", 0, 0), target("b", 0, 0)];
        assert_eq!(names(&pool.order(all, |_| 0)), ["a", "b"]);
    }

    #[test]
    fn who_is_out_of_service_is_tried_last() {
        let pool = Pool::default();
        let (a, b) = (target("a", 0, 1), target("b", 1, 1));
        assert!(pool.eject(&a) && !pool.eject(&a));
        let order = || names(&pool.order(vec![a.clone(), b.clone()], |_| 0));
        assert_eq!(order(), ["b", "a"]);
        assert!(pool.restore(&a) && !pool.restore(&a) && !pool.is_ejected(&a));
        assert_eq!(order(), ["a", "b"]);
    }

    #[test]
    fn patience_doubles_up_to_its_bound() {
        let retry = Retry::default();
        let waits: Vec<_> = std::iter::successors(Some(retry.first), |wait| Some(retry.after(*wait)))
            .take(8)
            .map(|wait| wait.as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
