//! Wires the parts, and says in which order they start and stop. A stop: grace (the outside is told to look elsewhere), drain (sessions are
//! told), listeners close, and at the deadline at the latest the process ends.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Level, info, warn};

use crate::config::{self, Config};
use crate::telemetry;

/// Everything that runs, built and bound, not yet serving.
pub struct App {
    addresses: Vec<SocketAddr>,
    shutdown: config::Shutdown,
    /// Cancelled when listeners shall close.
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl App {
    /// Binds every address and makes every part; a failure leaves nothing behind.
    ///
    /// # Errors
    /// An address cannot be had.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        Ok(Self {
            addresses: config.listen.iter().map(|listen| listen.address).collect(),
            shutdown: config.shutdown,
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// Where it really listens: a port 0 has become a number.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `stop` resolves, then stops in order.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        for address in &self.addresses {
            info!(%address, "listening");
        }
        stop.await;
        self.drain().await;
    }

    async fn drain(self) {
        let config::Shutdown { grace, deadline } = self.shutdown;
        info!(?grace, ?deadline, "stopping");
        tokio::time::sleep(grace).await;
        self.closing.cancel();
        self.tasks.close();
        if tokio::time::timeout(deadline.saturating_sub(grace), self.tasks.wait())
            .await
            .is_err()
        {
            warn!(unfinished = self.tasks.len(), "the deadline came first");
        }
        info!("stopped");
    }
}

/// Resolves at SIGTERM or SIGINT. To be called before the first listener is bound, so that no signal is lost.
///
/// # Errors
/// The process may not have signal handlers.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The logging that a configuration asks for.
pub fn log_options(log: &config::Log) -> telemetry::Options {
    let level = match log.level {
        config::Level::Error => Level::ERROR,
        config::Level::Warn => Level::WARN,
        config::Level::Info => Level::INFO,
        config::Level::Debug => Level::DEBUG,
        config::Level::Trace => Level::TRACE,
    };
    telemetry::Options {
        level,
        json: log.format == config::Format::Json,
    }
}
