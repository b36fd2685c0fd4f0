//! What happens to a session apart from messages: it logs in, idles on a held request, and renews that request.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use crate::client::{Client, Endpoint};

/// Seconds that a request may be held where no renewal shall be seen.
pub const LONG_WAIT: u32 = 60;
/// Seconds that a request may be held where renewals are measured.
pub const SHORT_WAIT: u32 = 2;
/// A renewal that came earlier than this would be no long poll.
const SHORTEST_HOLD: Duration = Duration::from_millis(500);
/// Logins under way at the same time.
const AT_ONCE: usize = 16;

/// Logs `count` clients in.
pub async fn swarm(endpoint: &Endpoint, count: usize, wait: u32) -> Result<Vec<Client>> {
    let mut tasks = JoinSet::new();
    for worker in 0..AT_ONCE.min(count) {
        let endpoint = endpoint.clone();
        let share = (worker..count).step_by(AT_ONCE).len();
        tasks.spawn(async move {
            let mut clients = Vec::with_capacity(share);
            for _ in 0..share {
                clients.push(endpoint.login(wait).await?);
            }
            Ok(clients)
        });
    }
    let shares: Result<Vec<Vec<Client>>> = tasks.join_all().await.into_iter().collect();
    Ok(shares?.into_iter().flatten().collect())
}

/// Logs `count` clients in, each with one request on hold.
pub async fn idle(endpoint: &Endpoint, count: usize, wait: u32) -> Result<Vec<Client>> {
    let mut clients = swarm(endpoint, count, wait).await?;
    for client in &mut clients {
        client.hold().await?;
    }
    Ok(clients)
}

/// Lets the clients renew their requests for a while, and says how often they did.
pub async fn renew(clients: &mut Vec<Client>, duration: Duration) -> Result<u64> {
    let end = Instant::now() + duration;
    let mut tasks = JoinSet::new();
    for mut client in clients.drain(..) {
        tasks.spawn(async move {
            let mut renewals = 0;
            let mut asked = None;
            while let Ok(payload) = timeout_at(end.into(), client.receive()).await {
                ensure!(payload?.is_empty(), "a renewal with payload");
                let now = Instant::now();
                let held = asked.replace(now).map(|asked| now - asked);
                ensure!(held.is_none_or(|held| held > SHORTEST_HOLD), "a request was not held");
                renewals += 1;
            }
            Ok((client, renewals))
        });
    }
    let mut total = 0;
    for outcome in tasks.join_all().await {
        let (client, renewals) = outcome?;
        clients.push(client);
        total += renewals;
    }
    Ok(total)
}

/// Ends the sessions of clients that are not needed any more.
pub async fn close(clients: impl IntoIterator<Item = Client>) -> Result<()> {
    for client in clients {
        client.close().await?;
    }
    Ok(())
}
