//! What systemd is told of us (`Type=notify`): that we serve, that we stop, that we live. Without it, nothing is said.

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

/// How many signs of life go into the time that systemd gives us (sd_watchdog_enabled(3)).
const SIGNS: u32 = 2;

/// Every listener serves. From now on there are signs of life, if they are asked for, until `closing`.
pub(super) fn ready(tasks: &TaskTracker, closing: &CancellationToken) {
    say(NotifyState::Ready);
    if let Some(patience) = sd_notify::watchdog_enabled() {
        let closing = closing.clone();
        tasks.spawn(async move {
            let signs = async {
                loop {
                    say(NotifyState::Watchdog);
                    tokio::time::sleep(patience / SIGNS).await;
                }
            };
            closing.run_until_cancelled_owned(signs).await;
        });
    }
}

pub(super) fn stopping() {
    say(NotifyState::Stopping);
}

fn say(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(cause = %error, "systemd cannot be told how we are");
    }
}
