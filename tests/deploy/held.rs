//! More clients than a web server is commonly set up for are held at once, and the next one gets its turn.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::deployment::Deployment;
use super::leave::until;
use crate::support::bosh::Bosh;
use crate::support::prosody::Prosody;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _};

behind_each_proxy!(two_hundred_are_held_and_another_comes);

/// Debian's Apache has 150 threads.
const CLIENTS: usize = 200;
/// Their requests are held for 30 s, and would be answered then one after the other.
const TURN: Duration = Duration::from_secs(20);

async fn two_hundred_are_held_and_another_comes(recipe: &Recipe) {
    let prosody = Prosody::with(&["alice"], &Options::default());
    let deployment = Deployment::of(recipe, prosody.address, "").await;
    let mut clients = open_all(&deployment).await;
    let polls = join_all(clients.iter_mut().map(|client| client.hear_nothing(TURN)));
    tokio::select! {
        _ = polls => panic!("{} of {CLIENTS} are held", deployment.counter.open()),
        () = until(|| deployment.counter.open() >= CLIENTS as u64) => {}
    }
    let login = timeout(TURN, deployment.login("alice"));
    login.await.expect("a turn").terminate().await;
}

/// So many clients that are about to be held.
pub async fn open_all(deployment: &Deployment) -> Vec<Bosh> {
    join_all((0..CLIENTS).map(|_| Bosh::open(deployment.endpoint()))).await
}
