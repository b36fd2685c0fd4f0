//! Real clients on real sockets: alice and bob send each other numbered messages, with silences between them, through boshd and Prosody.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::support::npm;

/// Sent by each, with a silence before each third.
#[derive(Clone, Copy)]
pub struct Size {
    pub messages: usize,
    pub silence: Duration,
}

/// Of all that is neither silence nor message: browsers start slowly on a busy machine, and clients wait longer after each failure in a row.
const PATIENCE: Duration = Duration::from_secs(240);

impl Size {
    /// Two silences of each are enough where every test runs; a soak has half an hour of them.
    pub fn with(silence: Duration) -> Self {
        Self::of(silence, silence)
    }

    /// The same where a soak has other silences.
    pub fn of(short: Duration, long: Duration) -> Self {
        match std::env::var_os("BOSHD_SOAK") {
            None => Self {
                messages: 4,
                silence: short,
            },
            Some(_) => Self {
                messages: 3 * (super::conversation::HALF_AN_HOUR.as_secs() / (2 * long.as_secs().max(1))) as usize,
                silence: long,
            },
        }
    }

    fn duration(self) -> Duration {
        2 * self.silence * self.messages.div_ceil(3) as u32
    }
}

/// stanza.js in Node.
pub async fn stanza(node: Command, endpoint: SocketAddr, size: Size) -> Value {
    let arguments = [
        url("http", endpoint),
        size.messages.to_string(),
        size.silence.as_millis().to_string(),
    ];
    run(node, "stanza.mjs", arguments.to_vec(), size).await
}

/// Strophe.js in two pages of Chromium, which may have to go through a proxy.
pub async fn strophe(endpoint: String, proxy: Option<SocketAddr>, size: Size) -> Value {
    let mut arguments = vec![endpoint, size.messages.to_string(), size.silence.as_millis().to_string()];
    arguments.extend(proxy.map(|proxy| format!("http://{proxy}")));
    run(Command::new("node"), "strophe.mjs", arguments, size).await
}

/// Each message arrived once and in order; what the script says besides.
async fn run(node: Command, script: &'static str, arguments: Vec<String>, size: Size) -> Value {
    // each message takes its time, too
    let patience = PATIENCE + 2 * size.duration();
    let run = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        npm::run_by(node, script, &arguments, patience)
    };
    let result = spawn_blocking(run).await.expect("the script");
    for (reader, writer) in [("alice", "bob"), ("bob", "alice")] {
        let sent: Vec<String> = (0..size.messages).map(|number| format!("{writer} {number}")).collect();
        let received: Vec<&str> = result[reader]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(received, sent, "{result}");
    }
    let mut delays: Vec<u64> = result["delays"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    delays.sort_unstable();
    let percentile = |percent: usize| delays[(delays.len() - 1) * percent / 100];
    println!(
        "{}, {script}: {} messages, none lost; heard after {} ms, {} ms (99 %), {} ms (latest)",
        std::thread::current().name().unwrap_or_default(),
        delays.len(),
        percentile(50),
        percentile(99),
        percentile(100)
    );
    result
}

pub fn url(scheme: &str, boshd: SocketAddr) -> String {
    format!("{scheme}://{boshd}/http-bind")
}
