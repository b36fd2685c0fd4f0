//! Servers learn the client's own address ahead of the stream (PROXY protocol): ejabberd reads it itself, Prosody has HAProxy do it.

use std::net::Ipv4Addr;

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::certificates::Certificates;
use crate::support::ejabberd::Ejabberd;
use crate::support::haproxy::HaProxy;
use crate::support::http::Endpoint;
use crate::support::process::Process;
use crate::support::prosody::Prosody;
use crate::support::server::{Options, Server as _, Tls, domain, password_of};

const VERSIONS: [&str; 2] = ["v1", "v2"];

/// Where Alice is; Bob is where the tests are.
const ALICES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 5);

async fn log_in_from_afar(boshd: &Boshd) -> Bosh {
    let mut alice = Bosh::open(Endpoint::from(boshd.address).coming_from(ALICES)).await;
    let outcome = alice.authenticate("SCRAM-SHA-1", "alice", &password_of("alice")).await;
    assert_eq!(outcome.name, "success", "{outcome:?}");
    alice.bind().await;
    alice.appear().await;
    alice
}

/// Alice and Bob come, and whoever reads the headers writes where each of them is, in the words `about`.
async fn visit(keys: &str, reader: &Process, about: impl Fn(Ipv4Addr) -> String) {
    let [alices, bobs] = [ALICES, Ipv4Addr::LOCALHOST].map(about);
    let count = || [&alices, &bobs].map(|text| reader.wrote(text));
    let boshd = Boshd::reaching(keys);
    let before = count();
    let mut alice = log_in_from_afar(&boshd).await;
    assert_eq!(count(), [before[0] + 1, before[1]], "{keys}: {}", reader.log());
    let mut bob = Bosh::login(boshd.address, "bob", "SCRAM-SHA-1").await;
    assert_eq!(count(), [before[0] + 1, before[1] + 1], "{keys}: {}", reader.log());
    Bosh::converse(&mut alice, &mut bob).await;
}

fn options(tls: Tls) -> Options {
    Options {
        tls,
        proxied: true,
        ..Options::default()
    }
}

// DN11: in plain text, and before STARTTLS
#[tokio::test]
async fn ejabberd_knows_where_the_client_is() {
    let certificates = Certificates::make(domain());
    for (tls, keys) in certificates.plain_and_starttls() {
        let ejabberd = Ejabberd::with(&["alice", "bob"], &options(tls));
        let server = ejabberd.proxied.expect("a port for it");
        for version in VERSIONS {
            let keys = format!("servers = ['{server}']\n{keys}\nproxy_protocol = '{version}'");
            let about = |address| format!("Accepted proxied connection {address}:");
            visit(&keys, ejabberd.process(), about).await;
        }
    }
}

// DN11: in plain text, and before TLS that begins with the first byte
#[tokio::test]
async fn haproxy_knows_where_the_client_is() {
    let certificates = Certificates::make(domain());
    let trust = format!("tls = 'direct'\nca_file = '{}'", certificates.authority.display());
    for (tls, keys) in [
        (Tls::None, "tls = 'none'"),
        (Tls::Direct(certificates.good.clone()), trust.as_str()),
    ] {
        let options = Options {
            proxied: false,
            ..options(tls)
        };
        let prosody = Prosody::with(&["alice", "bob"], &options);
        let haproxy = HaProxy::before(prosody.address);
        for version in VERSIONS {
            let keys = format!("servers = ['{}']\n{keys}\nproxy_protocol = '{version}'", haproxy.address);
            visit(&keys, &haproxy.process, |address| format!("client={address}:")).await;
        }
    }
}
