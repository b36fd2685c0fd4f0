//! Keys, which prove that whoever sends a request has sent the one before it, too.

use std::fmt::Write as _;

use sha1::{Digest as _, Sha1};

use super::caller::{Caller, Server, WHILE};
use super::client::{self, Client};
use crate::bench::poster::Reply;
use crate::desk::Desk;

/// A client's chains, each of so many keys, shown from its end.
struct Keys {
    length: usize,
    made: u32,
    left: Vec<String>,
}

impl Keys {
    fn of(length: usize) -> Self {
        Self {
            length,
            made: 0,
            left: Vec::new(),
        }
    }

    /// The end of a new chain, which is announced.
    fn announced(&mut self) -> String {
        self.made += 1;
        let seed = format!("{:x}", 0x0bad_5eed_u32.wrapping_mul(self.made));
        let next = |key: &String| Some(hashed(key));
        self.left = std::iter::successors(Some(hashed(&seed)), next).take(self.length).collect();
        self.left.pop().expect("a chain")
    }

    /// What the next request shows; with the last key of a chain the end of the next one.
    fn shown(&mut self) -> String {
        let key = self.left.pop().expect("a key");
        match self.left.is_empty() {
            false => format!("key='{key}'"),
            true => format!("key='{key}' newkey='{}'", self.announced()),
        }
    }
}

fn hashed(key: &str) -> String {
    Sha1::digest(key.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all");
        hex
    })
}

async fn enters<'a>(desk: &'a Desk, kind: Client, keys: &mut Keys) -> (Caller<'a>, Server, Reply) {
    Caller::enters_with(desk, kind, &format!("newkey='{}'", keys.announced())).await
}

fn says(number: usize) -> String {
    format!("<message xmlns='jabber:client' id='{number}'/>")
}

/// Keys from chain to chain, while one request releases the other, and the last request again.
async fn goes_through_chains(kind: Client, length: usize, requests: usize) {
    let desk = Desk::new();
    let mut keys = Keys::of(length);
    let (mut client, mut server, _) = enters(&desk, kind, &mut keys).await;
    let mut held = client.next_with(&keys.shown(), "").await;
    for number in 0..requests {
        let newer = client.next_with(&keys.shown(), &says(number)).await;
        let reply = held.reply().await;
        assert!(reply.is_empty(), "{}, {number}: {}", kind.name, reply.text);
        held = newer;
    }
    assert!(held.is_held_for(WHILE).await, "{}", kind.name);
    server.sees(&format!("id='{}'", requests - 1)).await;
    let shown = keys.shown();
    let mut last = client.next_with(&shown, "").await;
    held.reply().await;
    server.says(&says(requests)).await;
    let reply = last.reply().await;
    assert_eq!(reply.payloads().len(), 1, "{}", reply.text);
    // a request that is sent again shows its own key
    let again = client.sends_with(client.rid, &shown, "").await.reply().await;
    assert_eq!(again.text, reply.text, "{}", kind.name);
    assert!(client.next_with(&keys.shown(), "").await.is_held_for(WHILE).await);
}

/// A request whose key is none, another's, or the one before it.
async fn is_over_without_the_right_key(kind: Client, length: usize) {
    for wrong in 0..4 {
        let desk = Desk::new();
        let mut keys = Keys::of(length);
        let (mut client, mut server, _) = enters(&desk, kind, &mut keys).await;
        let first = keys.shown();
        let mut held = client.next_with(&first, "").await;
        let shown = match wrong {
            0 => String::new(),
            1 => format!("key='{}'", hashed("somebody")),
            2 => first,
            // the chain, upside down
            _ => format!("newkey='{}'", keys.left[0]),
        };
        let reply = client.next_with(&shown, &says(1)).await.reply().await;
        assert!(reply.is_terminate("item-not-found"), "{}, {shown}: {}", kind.name, reply.text);
        assert_eq!(held.reply().await.status(), 200);
        server.says_goodbye().await;
        assert!(!server.seen().contains("<message"), "{}", server.seen());
        assert!(
            client
                .next_with(&keys.shown(), "")
                .await
                .reply()
                .await
                .is_terminate("item-not-found")
        );
    }
}

// contract L11: JSJaC makes 16 keys at a time, nbxmpp 10, agsXMPP some thousand, and Babbler as many as it is told. Who announces a chain keeps to it;
// Punjab's suite wants the same end for keys that were never announced, which XEP-0124 does not: they mean nothing
#[tokio::test(start_paused = true)]
async fn chains_of_keys_are_followed() {
    for (kind, length, requests) in [
        (client::JSJAC, 16, 50),
        (client::NBXMPP, 10, 50),
        (client::AGSXMPP, 1000, 1010),
        (client::BABBLER, 256, 20),
    ] {
        goes_through_chains(kind, length, requests).await;
        is_over_without_the_right_key(kind, length).await;
    }
    let desk = Desk::new();
    let (mut client, _server, _) = Caller::enters(&desk, client::STROPHE).await;
    let mut held = client.next_with(&format!("key='{}'", hashed("never announced")), "").await;
    assert!(held.is_held_for(WHILE).await);
}
