//! What boshd says about itself. Never a body, a key, a password or a whole session id
//! (`manager/sid` shows three bytes of one).

use std::io::{self, IsTerminal as _};

use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    pub level: Level,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: Level::INFO,
            json: false,
        }
    }
}

/// Starts logging to stderr. Does nothing if something else in the process logs already.
pub fn start(options: Options) {
    // The libraries below us may write heads and bodies at their lower levels.
    let filter = Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), options.level)
        // any stranger can make it warn of what he does wrong
        .with_target("rustls", Level::ERROR)
        .with_default(options.level.min(Level::WARN));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let layer = if options.json {
        lines.json().flatten_event(true).boxed()
    } else {
        lines.boxed()
    };
    // An error means that a subscriber is set, which is the case promised above.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}
