//! XMPP over WebSocket passes, too.

use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::deployment::Deployment;
use crate::support::http::{Endpoint, Stream};
use crate::support::prosody::Prosody;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _, domain, password_of};
use crate::support::websocket::Client;

behind_each_proxy!(a_websocket_passes);

const ALICES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 5);

async fn a_websocket_passes(recipe: &Recipe) {
    let prosody = Prosody::with(&["alice"], &Options::default());
    let deployment = Deployment::of(recipe, prosody.address, "").await;
    let mut alice = open(&deployment.endpoint_from(ALICES)).await;
    log_in(&mut alice, "alice").await;
    let log = deployment.boshd();
    assert_eq!(log.wrote(&format!("client={ALICES}")), 1, "{}", log.log());
}

/// A stream that has got as far as its features.
pub async fn open(endpoint: &Endpoint) -> Client<Box<dyn Stream>> {
    let io = endpoint.connect().await.expect("a connection");
    let (mut client, _) = Client::on(io, &[]).await.expect("a WebSocket");
    begin_stream(&mut client).await;
    client
}

/// Also behind the login, where it begins anew.
pub async fn begin_stream(client: &mut Client<Box<dyn Stream>>) {
    let to = domain();
    let open = format!("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{to}' version='1.0'/>");
    client.say(&open).await;
    client.hears("<open ").await;
    client.hears("<stream:features").await;
}

pub async fn log_in(client: &mut Client<Box<dyn Stream>>, user: &str) {
    let secret = STANDARD.encode(format!("\0{user}\0{}", password_of(user)));
    let head = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>";
    client.say(&format!("{head}{secret}</auth>")).await;
    client.hears("<success").await;
}
