//! A Unix socket between the proxy and boshd, so that nobody else can claim to be the proxy.

use std::net::Ipv4Addr;

use super::deployment::Deployment;
use crate::support::bosh::Bosh;
use crate::support::prosody::Prosody;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _};

behind_each_proxy!(boshd_has_a_unix_socket);

const ALICES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 5);

async fn boshd_has_a_unix_socket(recipe: &Recipe) {
    let prosody = Prosody::with(&["alice", "bob"], &Options::default());
    let deployment = Deployment::of(recipe, prosody.address, "").await.over_unix_socket(recipe);
    let mut alice = Bosh::login(deployment.endpoint_from(ALICES), "alice", "PLAIN").await;
    let mut bob = deployment.login("bob").await;
    Bosh::converse(&mut alice, &mut bob).await;
    assert_eq!(
        deployment.boshd().wrote(&format!("client={ALICES}")),
        1,
        "{}",
        deployment.boshd().log()
    );
}
