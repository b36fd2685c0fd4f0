//! Logging in through boshd with each mechanism that Prosody offers here, and after a failure in the same session (AU09).

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::prosody::Prosody;
use crate::support::server::password_of;

async fn log_in(mechanism: &str) {
    let prosody = Prosody::start(&["alice"]);
    let boshd = Boshd::start(prosody.address);
    let mut alice = Bosh::login(boshd.address, "alice", mechanism).await;
    let pong = alice.iq("get", "example.test", "<ping xmlns='urn:xmpp:ping'/>").await;
    assert_eq!(pong.attribute("type"), Some("result"), "{pong:?}");
}

#[tokio::test]
async fn with_scram_sha_1() {
    log_in("SCRAM-SHA-1").await;
}

#[tokio::test]
async fn with_scram_sha_256() {
    log_in("SCRAM-SHA-256").await;
}

#[tokio::test]
async fn with_plain() {
    log_in("PLAIN").await;
}

#[tokio::test]
async fn with_the_right_password_after_a_wrong_one() {
    let prosody = Prosody::start(&["alice"]);
    let boshd = Boshd::start(prosody.address);
    let mut alice = Bosh::open(boshd.address).await;
    for mechanism in ["SCRAM-SHA-256", "PLAIN"] {
        let refused = alice.authenticate(mechanism, "alice", "a guess").await;
        assert_eq!(refused.name, "failure");
        assert!(refused.child("not-authorized").is_some(), "{refused:?}");
    }
    let accepted = alice.authenticate("SCRAM-SHA-1", "alice", &password_of("alice")).await;
    assert_eq!(accepted.name, "success", "{accepted:?}");
    alice.bind().await;
    assert_eq!(alice.end, None);
}
