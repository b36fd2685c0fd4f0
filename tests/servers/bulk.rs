//! Megabytes of stanzas each way at once: all of them arrive, in order, unchanged.

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::prosody::Prosody;

/// 2560 stanzas of 2 KiB are 5 MiB each way.
const STANZAS: usize = 2560;
const TEXT_BYTES: usize = 2048;

/// Differs from number to number, so that a mix-up inside would be seen.
fn text(from: &str, number: usize) -> String {
    let piece = format!("{from} {number} ");
    piece.repeat(TEXT_BYTES.div_ceil(piece.len()))
}

fn queue_all(client: &mut Bosh, from: &str, to: &str) {
    for number in 0..STANZAS {
        let body = text(from, number);
        let head = format!("<message xmlns='jabber:client' type='chat' to='{to}@example.test'>");
        client.send(&format!("{head}<body>{body}</body></message>"));
    }
}

/// Goes on sending until its own stanzas have left, too.
async fn receive_all(client: &mut Bosh, from: &str) {
    for number in 0..STANZAS {
        let message = client.next().await.unwrap_or_else(|| panic!("over before {from}'s stanza {number}"));
        assert_eq!(message.text_of("body"), Some(text(from, number).as_str()), "{from}'s stanza {number}");
    }
    client.flush().await;
}

#[tokio::test]
async fn five_megabytes_each_way() {
    let prosody = Prosody::start(&["alice", "bob"]);
    let boshd = Boshd::start(prosody.address);
    let mut alice = Bosh::login(boshd.address, "alice", "SCRAM-SHA-1").await;
    let mut bob = Bosh::login(boshd.address, "bob", "SCRAM-SHA-1").await;
    queue_all(&mut alice, "alice", "bob");
    queue_all(&mut bob, "bob", "alice");
    tokio::join!(receive_all(&mut alice, "bob"), receive_all(&mut bob, "alice"));
    assert_eq!((alice.end, bob.end), (None, None));
}
