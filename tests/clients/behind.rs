//! What a client says while a request of it is held: boshd must see it at once, also on the very connection where the held one is.

use std::time::Duration;

use crate::stage::{Client, Stage};
use crate::support::backend::Kind;
use crate::support::network::Entrance;
use crate::tap::Tap;

/// How a client says something while it waits for news.
pub struct Manner {
    /// Requests that its message is behind on one connection.
    pub behind: usize,
    /// How long it takes at most until it waits for news again.
    pub quiet: Duration,
    /// For which it has its requests held. Were a message seen only behind the held request's answer, it would take most of that.
    pub wait: Duration,
}

/// Each into silence.
const MESSAGES: usize = 5;

impl Client {
    /// Both users wait for news; then one says something. Counted from when its request passes: what a client does before is its own.
    pub async fn speaks_while_held(&self, manner: Manner) {
        let mut stage = Stage::with(Kind::all()[0], &["alice", "bob"]).await;
        let taps = [Tap::new(), Tap::new()];
        let boshd = stage.address;
        let ways = [
            Entrance::to(taps[0].clone(), boshd).await,
            Entrance::to(taps[1].clone(), boshd).await,
        ];
        stage.address = ways[0].address;
        let mut alice = stage.visitor(self, "alice").await;
        stage.address = ways[1].address;
        let mut bob = stage.visitor(self, "bob").await;
        let mut delays = Vec::new();
        for number in 0..MESSAGES {
            for tap in &taps {
                tap.is_held_for(manner.quiet).await;
            }
            let text = format!("message {number}.");
            alice.does(&format!("say {} {text}", bob.jid));
            let heard = bob.hears(&alice.jid, &text).await;
            let request = taps[0].request(&text);
            assert_eq!(request.behind, manner.behind, "{} {:?}", self.name, self.options);
            delays.push(heard - request.at);
        }
        delays.sort_unstable();
        let (median, slowest) = (delays[MESSAGES / 2], delays[MESSAGES - 1]);
        println!(
            "{} {:?}, behind {} held: heard after {median:.1?} (median), {slowest:.1?} (slowest)",
            self.name, self.options, manner.behind
        );
        assert!(slowest < manner.wait / 2, "held for the wait: {delays:?}");
        stage.record(&alice, "message while a request is held");
        alice.leaves().await;
        bob.leaves().await;
    }
}
