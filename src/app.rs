//! Wires the parts, and says in which order they start and stop. A stop: grace (the outside is told to look elsewhere), drain (sessions are
//! told), listeners close, and at the deadline at the latest the process ends.

mod files;
mod https;
mod listeners;
mod options;
mod servers;
mod service;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Level, info, warn};

use self::files::Room;
use self::https::Https;
use crate::config::{self, Config};
use crate::front::door::Door;
use crate::front::{Front, Tryout};
use crate::manager::ConnectionManager;
use crate::net::Listener;
use crate::sandbox::Sandbox;
use crate::telemetry;
use crate::upstream::Connect;

/// Everything that runs, built and bound, not yet serving.
pub struct App {
    listeners: Vec<(Listener, Arc<Door>)>,
    https: Https,
    /// SIGHUP.
    hangup: Signal,
    manager: Arc<ConnectionManager>,
    front: Arc<Front>,
    shutdown: config::Shutdown,
    /// Cancelled when listeners shall close.
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl App {
    /// Binds every address and makes every part; a failure leaves nothing behind. Without a domain to serve it is the sandbox.
    ///
    /// # Errors
    /// An address cannot be had, or a certificate not be used.
    pub fn build(config: &Config) -> anyhow::Result<Self> {
        let tasks = TaskTracker::new();
        let (connector, tryout): (Arc<dyn Connect>, _) = if config.domains.is_empty() {
            (Arc::new(Sandbox::new(tasks.clone())), Tryout::On)
        } else {
            (Arc::new(servers::connector(config)?), Tryout::Off)
        };
        let hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
        let mut https = Https::default();
        let opened = config.listen.iter().map(|listen| listeners::open(listen, &mut https));
        let opened = opened.collect::<anyhow::Result<Vec<_>>>()?;
        let room = Room::make(config.limits.sessions);
        let manager = Arc::new(ConnectionManager::new(connector, options::manager(config, room)?));
        let front = Arc::new(Front::new(options::front(config, room, tryout)?, Arc::clone(&manager)));
        Ok(Self {
            listeners: opened.into_iter().flatten().collect(),
            https,
            hangup,
            manager,
            front,
            shutdown: config.shutdown.clone(),
            closing: CancellationToken::new(),
            tasks,
        })
    }

    /// Where it really listens: a port 0 has become a number.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().filter_map(|(listener, _)| listener.address().ok())
    }

    /// Serves until `stop` resolves, then stops in order.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        self.https.tend(self.hangup, &self.tasks, &self.closing);
        for (listener, door) in self.listeners {
            info!(address = %listener, tls = door.tls.is_some(), "listening");
            self.tasks
                .spawn(Arc::clone(&self.front).serve(listener, door, self.closing.clone()));
        }
        service::ready(&self.tasks, &self.closing);
        stop.await;
        service::stopping();
        let config::Shutdown { grace, deadline } = self.shutdown;
        info!(?grace, ?deadline, "stopping");
        #[expect(clippy::disallowed_methods, reason = "where the time of a shutdown begins")]
        let deadline = Instant::now() + deadline;
        tokio::time::sleep(grace).await;
        let drained = timeout_at(deadline, self.manager.drain()).await;
        self.closing.cancel();
        self.tasks.close();
        if drained.is_err() || timeout_at(deadline, self.tasks.wait()).await.is_err() {
            warn!(sessions = self.manager.sessions(), "the deadline came first");
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
