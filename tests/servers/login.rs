//! Logging in through boshd with mechanisms that both servers offer, and after a failure in the same session (AU09).

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::server::{AnyServer, domain, password_of};

before_each_server!(
    with_scram_sha_1,
    with_plain,
    with_the_right_password_after_a_wrong_one;
    "not every server offers it": with_scram_sha_256,
);

async fn log_in<S: AnyServer>(mechanism: &str) {
    let server = S::start(&["alice"]);
    let boshd = Boshd::start(server.address());
    let mut alice = Bosh::login(boshd.address, "alice", mechanism).await;
    let pong = alice.iq("get", domain(), "<ping xmlns='urn:xmpp:ping'/>").await;
    assert_eq!(pong.attribute("type"), Some("result"), "{pong:?}");
}

async fn with_scram_sha_1<S: AnyServer>() {
    log_in::<S>("SCRAM-SHA-1").await;
}

async fn with_scram_sha_256<S: AnyServer>() {
    log_in::<S>("SCRAM-SHA-256").await;
}

async fn with_plain<S: AnyServer>() {
    log_in::<S>("PLAIN").await;
}

async fn with_the_right_password_after_a_wrong_one<S: AnyServer>() {
    let server = S::start(&["alice"]);
    let boshd = Boshd::start(server.address());
    let mut alice = Bosh::open(boshd.address).await;
    for mechanism in ["SCRAM-SHA-1", "PLAIN"] {
        let refused = alice.authenticate(mechanism, "alice", "a guess").await;
        assert_eq!(refused.name, "failure");
        assert!(refused.child("not-authorized").is_some(), "{refused:?}");
    }
    let accepted = alice.authenticate("PLAIN", "alice", &password_of("alice")).await;
    assert_eq!(accepted.name, "success", "{accepted:?}");
    alice.bind().await;
    assert_eq!(alice.end, None);
}
