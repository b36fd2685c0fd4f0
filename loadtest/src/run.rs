//! `loadtest run`: every scenario on every subject in turn, round by round, then the table.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use tokio::time::timeout;

use crate::client::Service;
use crate::process::{self, Core};
use crate::report::{self, Results};
use crate::scenario::{self, Measure, Scale, Scenario};
use crate::subject::{Bench, Subject};

/// A measurement takes at most its duration and this.
const HANG: Duration = Duration::from_secs(120);

#[derive(Args)]
pub struct Options {
    /// The boshd to start and measure
    #[arg(long, conflicts_with = "target")]
    boshd: Option<PathBuf>,
    /// A BOSH endpoint that already runs: http://host:port/path
    #[arg(long, requires = "domain")]
    target: Option<String>,
    /// The target's domain, which must offer SASL ANONYMOUS
    #[arg(long)]
    domain: Option<String>,
    /// The target's process, if it runs on this machine, for CPU time and memory
    #[arg(long, requires = "target")]
    pid: Option<u32>,
    /// Sessions for logins, saturated pushes and renewals
    #[arg(long, default_value_t = 500)]
    sessions: usize,
    /// Sessions that only hold a request; lowered to what the limit of open files allows
    #[arg(long, default_value_t = 9000)]
    idle: usize,
    /// Length of each measurement
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Measurements of each subject, of which the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Messages a second in the open loop
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Idle sessions in the same server while messages are measured
    #[arg(long, default_value_t = 0)]
    beside: usize,
    /// Only scenarios whose names contain one of these
    #[arg(long)]
    only: Vec<String>,
    /// A small run of a few seconds that only verifies
    #[arg(long)]
    smoke: bool,
}

pub async fn run(mut options: Options) -> Result<ExitCode> {
    if options.smoke {
        options = Options {
            sessions: 20,
            idle: 50,
            seconds: 0.3,
            rounds: 1,
            ..options
        };
    }
    let machine = process::machine();
    let pinned = process::can_pin();
    if pinned {
        process::pin_self(Core::Others)?;
    }
    let bench = Bench::new(pinned)?;
    let subjects = subjects(&options).await?;
    let mut all = Vec::new();
    for scenario in scenarios(&options) {
        all.push(measure(scenario, &subjects, &bench, &options).await);
    }
    let names: Vec<&str> = subjects.iter().map(Subject::name).collect();
    let pinning = if pinned {
        "server and the rest pinned to one core each"
    } else {
        "not pinned"
    };
    println!("{}\n{machine}; {pinning}", report::table(&names, &all));
    let clean = all.iter().all(Results::clean);
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn subjects(options: &Options) -> Result<Vec<Subject>> {
    let mut subjects = vec![Subject::Floor, Subject::Null];
    if let Some(binary) = &options.boshd {
        subjects.push(Subject::Boshd(binary.clone()));
    }
    if let (Some(url), Some(domain)) = (&options.target, &options.domain) {
        let service = Arc::new(Service::resolve(url, domain).await?);
        subjects.push(Subject::Target {
            service,
            process: options.pid,
        });
    }
    Ok(subjects)
}

fn scenarios(options: &Options) -> Vec<Scenario> {
    // An idle session is two files in boshd, and some are left for everything else.
    let idle = options.idle.min(process::open_files().saturating_sub(500) / 2);
    if idle < options.idle {
        eprintln!("the limit of open files allows only {idle} idle sessions");
    }
    let scale = Scale {
        sessions: options.sessions,
        idle,
        rate: options.rate,
        beside: options.beside,
    };
    let mut scenarios = scenario::all(&scale);
    let only = &options.only;
    scenarios.retain(|scenario| only.is_empty() || only.iter().any(|part| scenario.name.contains(part.as_str())));
    scenarios
}

/// The subjects take turns, so that a machine that is slower for a while is so for all of them.
async fn measure(scenario: Scenario, subjects: &[Subject], bench: &Bench, options: &Options) -> Results {
    let kind = scenario.kind;
    let mut results = Results {
        scenario,
        subjects: subjects.iter().map(|_| Vec::new()).collect(),
        failures: 0,
    };
    for round in 1..=options.rounds {
        for (subject, measures) in subjects.iter().zip(&mut results.subjects) {
            if !kind.concerns(subject) {
                continue;
            }
            let name = format!("{} of {}, round {round}", results.scenario.name, subject.name());
            match once(&results.scenario, subject, bench, options.seconds).await {
                Ok(measure) => {
                    eprintln!("{name}: {}", report::line(kind, &measure));
                    measures.push(measure);
                }
                Err(error) => {
                    eprintln!("{name} failed: {error:#}");
                    if let Subject::Boshd(_) = subject {
                        eprint!("{}", bench.last_words());
                    }
                    results.failures += 1;
                }
            }
        }
    }
    results
}

async fn once(scenario: &Scenario, subject: &Subject, bench: &Bench, seconds: f64) -> Result<Measure> {
    let duration = Duration::try_from_secs_f64(seconds)?;
    let running = subject.start(bench).await?;
    let measuring = scenario.kind.measure(&running, duration);
    timeout(duration + HANG, measuring).await.context("the server hangs")?
}
