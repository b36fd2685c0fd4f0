//! Two people chat, and the server knows where each of them is, whatever they claim.

use std::net::Ipv4Addr;

use super::deployment::Deployment;
use crate::support::bosh::Bosh;
use crate::support::ejabberd::Ejabberd;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _, Tls};

behind_each_proxy!(the_server_knows_where_the_client_is);

const ALICES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 5);
const BOBS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 6);

/// Where nobody is.
const CLAIM: &str = "203.0.113.9";
const CLAIMS: &str = "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9;proto=http\r\nX-Real-IP: 203.0.113.9\r\n";

async fn the_server_knows_where_the_client_is(recipe: &Recipe) {
    let options = Options {
        tls: Tls::None,
        proxied: true,
        ..Options::default()
    };
    let ejabberd = Ejabberd::with(&["alice", "bob"], &options);
    let server = ejabberd.proxied.expect("a port for it");
    let deployment = Deployment::of(recipe, server, "proxy_protocol = 'v2'").await;
    let log = ejabberd.process();
    let came = |from: Ipv4Addr| log.wrote(&format!("Accepted proxied connection {from}:"));

    let mut alice = Bosh::login(deployment.endpoint_from(ALICES).saying(CLAIMS), "alice", "SCRAM-SHA-1").await;
    assert_eq!((came(ALICES), came(BOBS)), (1, 0), "{}", log.log());
    let mut bob = Bosh::login(deployment.endpoint_from(BOBS), "bob", "SCRAM-SHA-1").await;
    assert_eq!((came(ALICES), came(BOBS)), (1, 1), "{}", log.log());
    assert_eq!(log.wrote(CLAIM), 0, "{}", log.log());
    Bosh::converse(&mut alice, &mut bob).await;
}
