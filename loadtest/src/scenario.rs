//! The scenarios, and how each is measured on a running subject.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::lifecycle::{self, LONG_WAIT, SHORT_WAIT};
use crate::message::Faults;
use crate::process;
use crate::push::{self, Plan, Traffic};
use crate::stats::percentile;
use crate::subject::{Running, Subject};

/// Sessions that a server has seen before its memory or its logins are measured.
const WARM_UP: usize = 32;
/// Time for a server to come to rest before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);

/// In which every client renews at least once.
const ONE_RENEWAL: Duration = Duration::from_millis(SHORT_WAIT as u64 * 1000 + 500);

pub struct Scenario {
    pub name: String,
    pub kind: Kind,
}

#[derive(Clone, Copy)]
pub enum Kind {
    Login { sessions: usize },
    Push(Plan),
    Idle { sessions: usize },
    Renewal { sessions: usize },
}

/// What one measurement found: a value for each of `Kind::figures`, absent where the subject has none.
pub struct Measure {
    pub figures: Vec<Option<f64>>,
    pub per_second: f64,
    pub faults: Faults,
}

/// How large the scenarios are.
pub struct Scale {
    pub sessions: usize,
    pub idle: usize,
    /// Messages a second in the open loop.
    pub rate: f64,
    /// Idle sessions in the same server while messages are measured.
    pub beside: usize,
}

pub fn all(scale: &Scale) -> Vec<Scenario> {
    let Scale {
        sessions,
        idle,
        rate,
        beside,
    } = *scale;
    let pairs = (sessions / 2).max(1);
    let few = pairs.min(16);
    let plan = Plan {
        pairs: few,
        window: 1,
        batch: 1,
        size: 100,
        beside,
        traffic: Traffic::Closed,
    };
    let scenario = |name: &str, kind| Scenario {
        name: name.to_owned(),
        kind,
    };
    let push = |name, plan| scenario(name, Kind::Push(plan));
    vec![
        scenario("login", Kind::Login { sessions }),
        push("push saturated", Plan { pairs, ..plan }),
        push("push 16 in flight", plan),
        push("push 16 ahead", Plan { window: 16, ..plan }),
        push(
            "push batches of 16",
            Plan {
                window: 16,
                batch: 16,
                ..plan
            },
        ),
        push(
            &format!("push at {rate}/s"),
            Plan {
                window: 4096,
                traffic: Traffic::Paced(rate),
                ..plan
            },
        ),
        push(
            "ping-pong",
            Plan {
                pairs: 1,
                traffic: Traffic::PingPong,
                ..plan
            },
        ),
        push("push 64 KiB", Plan { size: 65536, ..plan }),
        scenario("idle", Kind::Idle { sessions: idle }),
        scenario("renewal", Kind::Renewal { sessions }),
    ]
}

impl Kind {
    pub fn figures(self) -> &'static [&'static str] {
        match self {
            Kind::Login { .. } => &["CPU ms/login"],
            Kind::Push(Plan {
                traffic: Traffic::Paced(_),
                ..
            }) => &["CPU ms/message", "p50 ms", "p99 ms"],
            Kind::Push(_) => &["CPU ms/message"],
            Kind::Idle { .. } => &["KiB/session"],
            Kind::Renewal { .. } => &["CPU ms/renewal"],
        }
    }

    /// Only where there are requests can they be renewed.
    pub fn concerns(self, subject: &Subject) -> bool {
        !matches!((self, subject), (Kind::Renewal { .. }, Subject::Null))
    }

    pub async fn measure(self, running: &Running, duration: Duration) -> Result<Measure> {
        match self {
            Kind::Login { sessions } => login(running, sessions).await,
            Kind::Push(plan) => messages(running, plan, duration).await,
            Kind::Idle { sessions } => idle(running, sessions, duration).await,
            Kind::Renewal { sessions } => renewal(running, sessions, duration).await,
        }
    }
}

/// CPU time and wall time since it was started.
struct Meter<'a> {
    running: &'a Running,
    cpu: Option<Duration>,
    start: Instant,
}

impl Meter<'_> {
    fn start(running: &Running) -> Result<Meter<'_>> {
        let cpu = running.process.map(process::cpu).transpose()?;
        Ok(Meter {
            running,
            cpu,
            start: Instant::now(),
        })
    }

    /// Divides by what was done.
    fn stop(self, count: u64) -> Result<Measure> {
        ensure!(count > 0, "nothing was done");
        let elapsed = self.start.elapsed().as_secs_f64();
        let now = self.running.process.map(process::cpu).transpose()?;
        let used = now.zip(self.cpu).map(|(now, before)| now.saturating_sub(before));
        let each = used.map(|used| used.as_secs_f64() * 1000.0 / count as f64);
        Ok(Measure {
            figures: vec![each],
            per_second: count as f64 / elapsed,
            faults: Faults::default(),
        })
    }
}

async fn login(running: &Running, sessions: usize) -> Result<Measure> {
    let warm = lifecycle::swarm(&running.endpoint, WARM_UP, LONG_WAIT).await?;
    let meter = Meter::start(running)?;
    let clients = lifecycle::swarm(&running.endpoint, sessions, LONG_WAIT).await?;
    let measure = meter.stop(sessions as u64)?;
    lifecycle::close(warm.into_iter().chain(clients)).await?;
    Ok(measure)
}

async fn messages(running: &Running, plan: Plan, duration: Duration) -> Result<Measure> {
    let idle = lifecycle::idle(&running.endpoint, plan.beside, LONG_WAIT).await?;
    let mut pairs = push::pairs(&running.endpoint, plan.pairs).await?;
    push::run(&mut pairs, plan, duration / 5).await?;
    let sent: u64 = pairs.iter().map(|pair| pair.sent()).sum();
    pairs.iter_mut().for_each(|pair| drop(pair.take_latencies()));
    let meter = Meter::start(running)?;
    push::run(&mut pairs, plan, duration).await?;
    let total: u64 = pairs.iter().map(|pair| pair.sent()).sum();
    let mut measure = meter.stop(total - sent)?;
    let mut latencies: Vec<u64> = pairs.iter_mut().flat_map(|pair| pair.take_latencies()).collect();
    latencies.sort_unstable();
    for percent in [50.0, 99.0] {
        let micros = percentile(&latencies, percent);
        measure.figures.push(micros.map(|micros| micros as f64 / 1000.0));
    }
    pairs.iter().for_each(|pair| measure.faults += pair.faults());
    let clients = pairs.into_iter().flat_map(|pair| pair.into_clients());
    lifecycle::close(clients.chain(idle)).await?;
    Ok(measure)
}

async fn idle(running: &Running, sessions: usize, duration: Duration) -> Result<Measure> {
    let warm = lifecycle::idle(&running.endpoint, WARM_UP, LONG_WAIT).await?;
    tokio::time::sleep(duration.min(SETTLE)).await;
    let before = running.process.map(process::memory).transpose()?;
    let start = Instant::now();
    let clients = lifecycle::idle(&running.endpoint, sessions, LONG_WAIT).await?;
    let elapsed = start.elapsed().as_secs_f64();
    tokio::time::sleep(duration.min(SETTLE)).await;
    let after = running.process.map(process::memory).transpose()?;
    let grown = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    lifecycle::close(warm.into_iter().chain(clients)).await?;
    Ok(Measure {
        figures: vec![grown.map(|grown| grown as f64 / sessions as f64)],
        per_second: sessions as f64 / elapsed,
        faults: Faults::default(),
    })
}

async fn renewal(running: &Running, sessions: usize, duration: Duration) -> Result<Measure> {
    let mut clients = lifecycle::idle(&running.endpoint, sessions, SHORT_WAIT).await?;
    let meter = Meter::start(running)?;
    let renewals = lifecycle::renew(&mut clients, duration.max(ONE_RENEWAL)).await?;
    let measure = meter.stop(renewals)?;
    lifecycle::close(clients).await?;
    Ok(measure)
}
