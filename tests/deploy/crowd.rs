//! Many clients at once, half of them browsers that speak HTTP/2 where the proxy does, and how few connections the proxy makes for them.

use super::deployment::Deployment;
use crate::support::bosh::Bosh;
use crate::support::http::Endpoint;
use crate::support::prosody::Prosody;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _, jid};

behind_each_proxy!(twenty_clients_share_few_connections);

const CLIENTS: usize = 20;
/// Messages that each of them sends.
const ROUNDS: usize = 20;
/// Each client has up to two requests at once, so that there have to be 40 connections; and some 500 requests.
const REQUESTS_A_CONNECTION: u64 = 10;

async fn twenty_clients_share_few_connections(recipe: &Recipe) {
    let users: Vec<String> = (0..CLIENTS).map(|number| format!("user{number}")).collect();
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let prosody = Prosody::with(&names, &Options::default());
    let deployment = Deployment::of(recipe, prosody.address, "").await;
    let next = names.iter().cycle().skip(1);
    let mut chats = Vec::new();
    for (number, (user, neighbour)) in names.iter().zip(next).enumerate() {
        let endpoint = match number % 2 {
            0 => deployment.endpoint(),
            _ => deployment.endpoint_for_browsers().await,
        };
        assert_eq!(endpoint.speaks_http2(), number % 2 == 1 && recipe.speaks_http2);
        chats.push(chat(endpoint, user, neighbour));
    }
    // they stay until all have heard everything
    let clients = futures_util::future::join_all(chats).await;
    let requests: u64 = clients.iter().map(Bosh::requests).sum();
    let connections = deployment.counter.connections();
    println!("{}: {requests} requests on {connections} connections to boshd", recipe.file);
    assert!(
        connections * REQUESTS_A_CONNECTION <= requests,
        "{requests} requests on {connections} connections"
    );
}

/// Sends to the neighbour and hears from the one on the other side, who is another.
async fn chat(endpoint: Endpoint, user: &str, neighbour: &str) -> Bosh {
    let mut client = Bosh::login(endpoint, user, "PLAIN").await;
    for round in 0..ROUNDS {
        let head = format!("<message xmlns='jabber:client' type='chat' to='{}'>", jid(neighbour));
        client.send(&format!("{head}<body>{round}</body></message>")).await;
        let message = client.expect("a message", |stanza| stanza.name == "message").await;
        assert_eq!(message.text_of("body"), Some(&*round.to_string()), "{message:?}");
    }
    client
}
