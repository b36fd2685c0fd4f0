//! The largest that both sides are made for: a request with a megabyte, and an answer with the same.

use super::deployment::Deployment;
use crate::support::prosody::Prosody;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _, jid};

behind_each_proxy!(a_megabyte_goes_up_and_down);

const BYTES: usize = 1_000_000;

async fn a_megabyte_goes_up_and_down(recipe: &Recipe) {
    let prosody = Prosody::with(&["alice", "bob"], &Options::default());
    let deployment = Deployment::of(recipe, prosody.address, "").await;
    let (mut alice, mut bob) = (deployment.login("alice").await, deployment.login("bob").await);
    // no two pieces of it are the same
    let text: String = (0u32..)
        .flat_map(|number| format!("{number} ").into_bytes())
        .map(char::from)
        .take(BYTES)
        .collect();
    let head = format!("<message xmlns='jabber:client' type='chat' to='{}'>", jid("bob"));
    alice.send(&format!("{head}<body>{text}</body></message>")).await;
    let message = bob.expect("the megabyte", |stanza| stanza.name == "message").await;
    assert!(message.text_of("body") == Some(&*text), "it has changed on its way");
    alice.settle().await;
    assert_eq!(alice.repeats() + bob.repeats(), 0);
}
