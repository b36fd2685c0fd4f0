//! What the product logs on the thread of a test, line by line and field by field. Without other threads in a test's runtime this is all
//! that the test makes it log.
#![allow(dead_code, reason = "each test file uses its part")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::sync::Once;
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// Longer than anything takes that is expected to happen at all.
const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// One line: `message` is one of its fields.
#[derive(Clone, Debug)]
pub struct Line {
    pub level: Level,
    pub fields: BTreeMap<&'static str, String>,
}

impl Line {
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    /// Does it say just this in this field?
    pub fn says(&self, field: &str, text: impl Display) -> bool {
        self.get(field) == Some(&*text.to_string())
    }
}

/// From now on; a thread is one test's.
pub fn listen() {
    static ONCE: Once = Once::new();
    // one for the whole process: subscribers that come and go with threads race with each other
    ONCE.call_once(|| {
        let ours = Targets::new().with_target("boshd", Level::DEBUG);
        let subscriber = tracing_subscriber::registry().with(Ear.with_filter(ours));
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
    LINES.with_borrow_mut(Vec::clear);
}

/// The lines with this message.
pub fn lines(message: &str) -> Vec<Line> {
    let is_it = |line: &&Line| line.says("message", message);
    LINES.with_borrow(|lines| lines.iter().filter(is_it).cloned().collect())
}

/// The lines with this message, of which there have to be so many.
pub async fn hears(message: &str, count: usize) -> Vec<Line> {
    let began = Instant::now();
    loop {
        let found = lines(message);
        assert!(found.len() <= count, "{found:?}");
        if found.len() == count {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{message}: {found:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

struct Ear;

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        LINES.with_borrow_mut(|lines| lines.push(Line { level, fields: fields.0 }));
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
