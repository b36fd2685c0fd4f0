//! Megabytes of stanzas each way at once: all of them arrive, in order, unchanged.

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::server::{AnyServer, jid};

before_each_server!(five_megabytes_each_way);

/// 2560 stanzas of 2 KiB are 5 MiB each way.
const STANZAS: usize = 2560;
const TEXT_BYTES: usize = 2048;
/// Stanzas in one request.
const BATCH: usize = 20;

/// Differs from number to number, so that a mix-up inside would be seen.
fn text(from: &str, number: usize) -> String {
    let piece = format!("{from} {number} ");
    piece.repeat(TEXT_BYTES.div_ceil(piece.len()))
}

async fn exchange(client: &mut Bosh, own: &str, other: &str) {
    let numbers: Vec<usize> = (0..STANZAS).collect();
    for batch in numbers.chunks(BATCH) {
        let head = format!("<message xmlns='jabber:client' type='chat' to='{}'>", jid(other));
        let stanza = |number: &usize| format!("{head}<body>{}</body></message>", text(own, *number));
        client.send(&batch.iter().map(stanza).collect::<String>()).await;
    }
    for number in numbers {
        // a server may have a question of its own in between
        let message = client.expect("a message", |stanza| stanza.name == "message").await;
        assert_eq!(
            message.text_of("body"),
            Some(text(other, number).as_str()),
            "{other} {number}"
        );
    }
}

async fn five_megabytes_each_way<S: AnyServer>() {
    let server = S::start(&["alice", "bob"]);
    let boshd = Boshd::start(server.address());
    let mut alice = Bosh::login(boshd.address, "alice", "SCRAM-SHA-1").await;
    let mut bob = Bosh::login(boshd.address, "bob", "SCRAM-SHA-1").await;
    tokio::join!(exchange(&mut alice, "alice", "bob"), exchange(&mut bob, "bob", "alice"));
    assert_eq!((alice.end, bob.end), (None, None));
}
