//! What boshd says about itself. Never a body, a key, a password or a whole session id.

use std::fmt;
use std::hash::BuildHasher as _;

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
        .with_default(options.level.min(Level::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = if options.json {
        lines.json().flatten_event(true).boxed()
    } else {
        lines.boxed()
    };
    // An error means that a subscriber is set, which is the case promised above.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}

/// A secret name, such as a session id, as logs may show it: the same secret gives the same eight digits, from which it cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Short(u32);

impl Short {
    pub fn of(secret: &str) -> Self {
        // 32 bits of a hash: a session id keeps at least 96 of its 128.
        let hash = foldhash::quality::FixedState::default().hash_one(secret);
        Self((hash >> 32) as u32)
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show() {
        let secret = "sVT5cDnHsZ1aPvq2mSpZ5g";
        let shown = format!("{} {:?}", Short::of(secret), Short::of(secret));
        assert_eq!(shown.len(), 17);
        assert!(
            !secret
                .as_bytes()
                .windows(3)
                .any(|part| shown.as_bytes().windows(3).any(|shown| shown == part))
        );
        assert_eq!(Short::of(secret), Short::of(secret));
        assert_ne!(Short::of(secret), Short::of("another"));
    }
}
