//! Some clients put a request behind one that is held, on the same connection (gloox, old libpurple): boshd has to see it at once.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::deployment::Deployment;
use super::leave::SOON;
use crate::support::bosh::Bosh;
use crate::support::prosody::Prosody;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _};

// the others read it when they have an answer for the first
behind_each_proxy!(haproxy HAPROXY: a_request_behind_a_held_one_passes);

async fn a_request_behind_a_held_one_passes(recipe: &Recipe) {
    let prosody = Prosody::with(&["alice"], &Options::default());
    let deployment = Deployment::of(recipe, prosody.address, "").await;
    let endpoint = deployment.endpoint();
    let client = Bosh::open(endpoint.clone()).await;
    let mut connection = endpoint.leave_open(&client.body("")).await.expect("a connection");
    let next = endpoint.request(&client.body_behind());
    connection.write_all(next.as_bytes()).await.expect("a second request");
    connection.flush().await.expect("a second request");
    let mut answer = [0; 12];
    let read = timeout(SOON, connection.read_exact(&mut answer)).await;
    assert!(read.is_ok(), "{} {read:?}", recipe.file);
    assert_eq!(answer, *b"HTTP/1.1 200");
}
