//! The process itself: how it stops, in `[shutdown]`, and what it says, in `[log]`.

use std::time::Duration;

use super::reader::Section;
use super::value::{Raw, Value, any, choice, name, within};

/// `[shutdown]`, after SIGTERM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shutdown {
    pub grace: Duration,
    pub deadline: Duration,
}

/// `[log]`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Log {
    pub level: Level,
    pub format: Format,
}

/// By who must care: error = someone must act; warn = degraded; info = something began or ended; debug = clients' mistakes; trace = each request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Level {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    #[default]
    Text,
    Json,
}

const LEVELS: [(&str, Level); 5] = [
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
];
const FORMATS: [(&str, Format); 2] = [("text", Format::Text), ("json", Format::Json)];

impl Shutdown {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        let bounds = || within(Duration::ZERO..=Duration::from_secs(3600));
        Self {
            grace: section.get("grace", default.grace, bounds()),
            deadline: section.get("deadline", default.deadline, bounds()),
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            // Long enough for a load balancer that asks every second to look elsewhere.
            grace: Duration::from_secs(1),
            // Well below the 30 s after which Kubernetes and the 90 s after which systemd kill.
            deadline: Duration::from_secs(10),
        }
    }
}

impl Log {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            level: section.get("level", default.level, any),
            format: section.get("format", default.format, any),
        }
    }
}

impl Value for Level {
    fn parse(raw: &Raw) -> Result<Self, String> {
        choice(raw, &LEVELS)
    }

    fn show(&self) -> String {
        name(*self, &LEVELS)
    }
}

impl Value for Format {
    fn parse(raw: &Raw) -> Result<Self, String> {
        choice(raw, &FORMATS)
    }

    fn show(&self) -> String {
        name(*self, &FORMATS)
    }
}
