//! A client that is held goes away: through most proxies boshd learns of it at once.

use std::time::{Duration, Instant};

use super::deployment::Deployment;
use crate::support::bosh::Bosh;
use crate::support::http::Stream;
use crate::support::prosody::Prosody;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _};

// Apache looks at its client only when it has an answer for it
behind_each_proxy!(nginx NGINX: boshd_hears_that_a_client_has_gone);
behind_each_proxy!(haproxy HAPROXY: boshd_hears_that_a_client_has_gone);
behind_each_proxy!(haproxy_http HAPROXY_HTTP: boshd_hears_that_a_client_has_gone);
behind_each_proxy!(caddy CADDY: boshd_hears_that_a_client_has_gone);

/// Below the 30 s after which the request would be answered in any case.
pub const SOON: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

async fn boshd_hears_that_a_client_has_gone(recipe: &Recipe) {
    let prosody = Prosody::with(&["alice"], &Options::default());
    let deployment = Deployment::of(recipe, prosody.address, "").await;
    drop(hold(&deployment).await);
    until(|| deployment.counter.open() == 0).await;
}

/// A client's only connection, on which boshd holds a request; and boshd's, which is its only one, too.
pub async fn hold(deployment: &Deployment) -> Box<dyn Stream> {
    let endpoint = deployment.endpoint();
    let client = Bosh::open(endpoint.clone()).await;
    let before = deployment.counter.bytes();
    let body = client.body("");
    let held = endpoint.leave_open(&body).await.expect("a connection");
    until(|| deployment.counter.bytes() > before + body.len() as u64).await;
    assert_eq!(deployment.counter.open(), 1);
    held
}

pub async fn until(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < SOON, "nothing happens");
        tokio::time::sleep(POLL).await;
    }
}
