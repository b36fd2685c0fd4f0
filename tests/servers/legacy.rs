//! Logging in as clients did before there was SASL (XEP-0078, jabber:iq:auth): without features, with the id of the server's stream, and without
//! a restart.

use sha1::{Digest as _, Sha1};

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::certificates::Certificates;
use crate::support::ejabberd::Ejabberd;
use crate::support::prosody::Prosody;
use crate::support::server::{Options, Server, Tls, domain, password_of};

const AUTH: &str = "jabber:iq:auth";

/// How a client proves that it knows the password.
#[derive(Clone, Copy)]
enum Proof {
    /// By the SHA-1 of the stream's id and the password.
    Digest,
    Plain,
}

impl Proof {
    fn of(self, bosh: &Bosh, user: &str) -> String {
        let password = password_of(user);
        match self {
            Self::Digest => {
                let authid = bosh.authid.as_deref().expect("authid");
                let digest = Sha1::digest([authid, &password].concat());
                let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("<digest>{digits}</digest>")
            }
            Self::Plain => format!("<password>{password}</password>"),
        }
    }
}

/// Asks what the server wants to know, and says it.
async fn log_in(bosh: &mut Bosh, user: &str, proof: Proof) {
    let name = format!("<username>{user}</username>");
    let fields = bosh
        .iq("get", domain(), &format!("<query xmlns='{AUTH}'>{name}</query>"))
        .await;
    let query = fields.child("query").expect("a query");
    let wanted = match proof {
        Proof::Digest => "digest",
        Proof::Plain => "password",
    };
    assert!(query.child(wanted).is_some(), "{fields:?}");
    let proof = proof.of(bosh, user);
    let login = format!("<query xmlns='{AUTH}'>{name}{proof}<resource>test</resource></query>");
    let outcome = bosh.iq("set", domain(), &login).await;
    assert_eq!(outcome.attribute("type"), Some("result"), "{outcome:?}");
    bosh.appear().await;
}

async fn logins(boshd: &Boshd, proof: Proof) {
    let mut alice = Bosh::open_without_version(boshd.address).await;
    log_in(&mut alice, "alice", proof).await;
    // one who has features uses the old way all the same
    let mut bob = Bosh::open(boshd.address).await;
    log_in(&mut bob, "bob", proof).await;
    Bosh::converse(&mut alice, &mut bob).await;
    assert_eq!((&alice.end, &bob.end), (&None, &None));
}

fn options(tls: Tls) -> Options {
    Options {
        tls,
        legacy_login: true,
        ..Options::default()
    }
}

// AU05, Q06, Q07: in plain text, and with STARTTLS, where authid is the id of the stream behind it
#[tokio::test]
async fn with_a_digest_of_the_streams_id() {
    let certificates = Certificates::make(domain());
    for (tls, keys) in certificates.plain_and_starttls() {
        let ejabberd = Ejabberd::with(&["alice", "bob"], &options(tls));
        let boshd = Boshd::reaching(&format!("servers = ['{}']\n{keys}", ejabberd.address()));
        logins(&boshd, Proof::Digest).await;
    }
}

// AU05, Q07
#[tokio::test]
async fn with_the_password() {
    let prosody = Prosody::with(&["alice", "bob"], &options(Tls::None));
    let boshd = Boshd::start(prosody.address);
    logins(&boshd, Proof::Plain).await;
}
