//! TLS to real servers: whose certificates are believed, and what happens where they are not. There is never a way down to plain text
//! (P04, DN09).

use std::path::Path;

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::certificates::{Certificates, OTHER_NAME, fingerprint};
use crate::support::ejabberd::Ejabberd;
use crate::support::server::{Identity, Level, Options, Server, Tls, domain};

before_each_server!(; "it has no certificates of ours":
    with_and_without_tls,
    an_expired_certificate,
    a_certificate_for_another_name,
    a_certificate_that_nobody_trusts,
    a_server_without_starttls,
    a_server_that_requires_tls,
);

/// What a client says that does not wait for features: `alice`'s name and a password.
const CREDENTIALS: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAGEgZ3Vlc3M=</auth>";

/// A server that shows this, and writes all that it gets into its log.
fn serving<S: Server>(tls: Tls) -> S {
    let options = Options {
        tls,
        log: Level::Debug,
        ..Options::default()
    };
    S::with(&["alice", "bob"], &options)
}

/// boshd before that server.
fn reaching(server: &impl Server, keys: &str) -> Boshd {
    Boshd::reaching(&format!("servers = ['{}']\n{keys}", server.address()))
}

fn trusting(authority: &Path) -> String {
    format!("ca_file = '{}'", authority.display())
}

/// Two users log in, each in a way of their own, and write to one another.
async fn chat(server: &impl Server, keys: &str) {
    let boshd = reaching(server, keys);
    let mut alice = Bosh::login(boshd.address, "alice", "SCRAM-SHA-1").await;
    let mut bob = Bosh::login(boshd.address, "bob", "PLAIN").await;
    Bosh::converse(&mut alice, &mut bob).await;
}

/// The client is told, the operator is told why, and the server is told nothing.
async fn refusal(server: &impl Server, keys: &str, cause: &str) {
    let boshd = reaching(server, keys);
    let heard = server.process().wrote("<auth");
    let condition = Bosh::refused(boshd.address, CREDENTIALS).await;
    assert_eq!(condition, "remote-connection-failed");
    let log = boshd.log();
    println!("{log}");
    for event in ["server not reached", "server out of service"] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(event)).collect();
        let [line] = lines[..] else { panic!("{event}: {lines:?}") };
        for field in [domain(), &server.address().to_string(), "stage=Tls", cause] {
            assert!(line.contains(field), "{field}: {line}");
        }
    }
    assert_eq!(
        server.process().wrote("<auth"),
        heard,
        "in plain text or to nobody knows whom"
    );
}

// P04, DN01, DN04, DN08: the same in plain text, with STARTTLS where it is offered and where it is required, and with TLS from the first byte
async fn with_and_without_tls<S: Server>() {
    let certificates = Certificates::make(domain());
    let good = || certificates.good.clone();
    let trust = trusting(&certificates.authority);
    for (tls, keys) in [
        (Tls::None, "tls = 'none'".to_owned()),
        (Tls::Offered(good()), format!("tls = 'starttls'\n{trust}")),
        (Tls::Required(good()), trust.clone()),
        (Tls::Direct(good()), format!("tls = 'direct'\n{trust}")),
    ] {
        let server: S = serving(tls);
        chat(&server, &keys).await;
        assert!(server.process().wrote("<auth") > 0, "it does write what it gets");
    }
}

// DN09, and a pin, which asks for no date
async fn an_expired_certificate<S: Server>() {
    let certificates = Certificates::make(domain());
    let expired = certificates.expired.clone();
    let pin = format!("pins = ['{}']", fingerprint(&expired));
    let server: S = serving(Tls::Required(expired));
    refusal(
        &server,
        &trusting(&certificates.authority),
        "the server's certificate expired",
    )
    .await;
    chat(&server, &pin).await;
}

// DN09, and the name that the configuration expects instead
async fn a_certificate_for_another_name<S: Server>() {
    let certificates = Certificates::make(domain());
    let server: S = serving(Tls::Direct(certificates.wrong_name.clone()));
    let keys = format!("tls = 'direct'\n{}", trusting(&certificates.authority));
    refusal(&server, &keys, "certificate not valid for name").await;
    chat(&server, &format!("{keys}\nserver_name = '{OTHER_NAME}'")).await;
}

// DN09, and pins: the right one beside another, and another alone, which not even the authority outweighs
async fn a_certificate_that_nobody_trusts<S: Server>() {
    let certificates = Certificates::make(domain());
    let pin = |identity: &Identity| format!("'{}'", fingerprint(identity));
    let [unknown, other] = [&certificates.unknown, &certificates.good].map(pin);
    let server: S = serving(Tls::Required(certificates.unknown.clone()));
    let trust = trusting(&certificates.authority);
    refusal(
        &server,
        &trust,
        "no authority that is trusted has signed the server's certificate",
    )
    .await;
    refusal(&server, &format!("{trust}\npins = [{other}]"), &unknown.replace('\'', "")).await;
    chat(&server, &format!("pins = [{other}, {unknown}]")).await;
}

// DN09: no way down from STARTTLS, nor from TLS at once
async fn a_server_without_starttls<S: Server>() {
    let certificates = Certificates::make(domain());
    let trust = trusting(&certificates.authority);
    let server: S = serving(Tls::None);
    let keys = format!("tls = 'starttls'\n{trust}");
    refusal(&server, &keys, "the server does not offer STARTTLS").await;
    let keys = format!("tls = 'direct'\n{trust}");
    refusal(&server, &keys, "the server does not speak TLS").await;
}

// DN09: whoever configures plain text gets no TLS, and no login in plain text that the server would refuse
async fn a_server_that_requires_tls<S: Server>() {
    let certificates = Certificates::make(domain());
    let server: S = serving(Tls::Required(certificates.good.clone()));
    refusal(&server, "tls = 'none'", "the server requires TLS").await;
}

// S05: a server that knows us by our certificate takes it for our word about who the client is; the client does not get to hear that, and
// has nothing from asking for it
#[tokio::test]
async fn a_certificate_of_our_own() {
    const OFFER: &str = "<mechanism>EXTERNAL</mechanism>";
    let certificates = Certificates::make(domain());
    let options = Options {
        tls: Tls::Required(certificates.good.clone()),
        client_authority: Some(certificates.authority.clone()),
        log: Level::Debug,
        ..Options::default()
    };
    let ejabberd = Ejabberd::with(&["alice", "bob"], &options);
    let trust = trusting(&certificates.authority);
    let (certificate, key) = (certificates.client.certificate.display(), certificates.client.key.display());
    let ours = format!("{trust}\nclient_certificate = {{ certificate = '{certificate}', key = '{key}' }}");
    chat(&ejabberd, &ours).await;
    assert!(ejabberd.process().wrote(OFFER) > 0, "to us");
    let boshd = reaching(&ejabberd, &ours);
    let mut mallory = Bosh::open(boshd.address).await;
    let features = mallory.features.take().expect("features");
    let mechanisms = features.child("mechanisms").expect("mechanisms");
    let offered: Vec<&str> = mechanisms.children.iter().map(|mechanism| mechanism.text.as_str()).collect();
    assert!(offered.contains(&"PLAIN") && !offered.contains(&"EXTERNAL"), "{offered:?}");
    mallory
        .send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
        .await;
    let outcome = mallory.next().await.expect("an answer");
    assert!(outcome.child("invalid-mechanism").is_some(), "{outcome:?}");
}
