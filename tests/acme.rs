//! Certificates by ACME, from a real authority for tests (Pebble): the first one, the next one, and none (RFC 8555, RFC 8737).

#[path = "support/authority.rs"]
mod authority;
#[path = "support/bench.rs"]
mod bench;
#[path = "support/dns.rs"]
mod dns;
#[path = "support/pebble.rs"]
mod pebble;
#[path = "support"]
mod support {
    pub mod boshd;
    pub mod packages;
    pub mod process;
    pub mod server;
}

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use authority::{Authority, first, shown, visit};
use bench::USUAL;
use bench::poster::creation;
use bench::upstream::Upstream;
use boshd::front::tls::certificates::Pair;
use pebble::Pebble;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use support::boshd::Boshd;
use support::process::free_port;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::sleep;

const NAMES: [&str; 2] = ["chat.example.test", "im.example.test"];

/// An order takes a second or two; a busy machine takes its time.
const ORDERED: Duration = Duration::from_secs(60);

fn keys(authority: &Authority, directory: &str, cache: &Path) -> String {
    format!(
        "tls = {{ acme = {{ domains = {NAMES:?}, contact = ['mailto:admin@example.test'], directory = {directory:?}, \
         cache = {cache:?}, ca_file = {:?} }} }}",
        authority.root
    )
}

fn believing(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(builder.unwrap().with_root_certificates(roots).with_no_client_auth())
}

/// Returns once a handshake for this name succeeds.
async fn certified(address: SocketAddr, name: &str, config: &Arc<ClientConfig>) -> authority::Visit {
    let began = Instant::now();
    loop {
        match visit(address, name, config).await {
            Ok(visit) => return visit,
            Err(error) => assert!(began.elapsed() < ORDERED, "{name}: {error}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// A session that comes about over this connection.
async fn speaks_bosh(client: &mut authority::Visit, upstream: &Upstream) {
    let body = creation(USUAL);
    let request = format!(
        "POST /http-bind HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    upstream.accept().await.opens().await;
    let mut answer = vec![0; 4096];
    let length = client.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.contains(" sid='"), "{answer}");
}

/// As if boshd had had it: two thirds of its time are over, the rest is not.
fn caches_an_old_one(authority: &Authority, cache: &Path) -> Pair {
    let old = authority.certifies_between("old", &NAMES, [1990, 2040]);
    let both = [&old.key, &old.certificate].map(|file| std::fs::read(file).unwrap()).concat();
    std::fs::write(folder(cache).join("certificate.pem"), both).unwrap();
    old
}

/// Where boshd keeps what it has from this directory.
fn folder(cache: &Path) -> std::path::PathBuf {
    std::fs::read_dir(cache).unwrap().next().expect("a folder").unwrap().path()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_from_nothing_but_names() {
    let authority = Authority::new();
    let cache = tempfile::tempdir().unwrap();
    let address = free_port();
    let pebble = Pebble::start(&authority, address, &NAMES).await;
    let upstream = Upstream::listen().await;
    let keys = keys(&authority, &pebble.directory, cache.path());
    let serve = || Boshd::at(address, &keys, upstream.address, "");
    let process = serve();
    let config = believing(pebble.root(&authority).await);
    let mut client = certified(address, NAMES[0], &config).await;
    speaks_bosh(&mut client, &upstream).await;
    let had = shown(&client);
    assert_eq!(shown(&certified(address, NAMES[1], &config).await), had, "one for all names");
    // nobody else may read the keys
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let folder = folder(cache.path());
    assert_eq!(mode(&folder), 0o700);
    for file in ["account.key", "certificate.pem"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
    // whom the authority did not send sees nothing, and is not served inside that protocol
    let mut curious = authority.client();
    curious.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    assert!(visit(address, NAMES[0], &Arc::new(curious)).await.is_err());
    // the next process has it at once, and orders no other
    drop(process);
    let process = serve();
    assert_eq!(shown(&visit(address, NAMES[0], &config).await.unwrap()), had);
    assert_eq!(process.wrote("ordering a certificate"), 0, "{}", process.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_takes_the_old_ones_place() {
    let authority = Authority::new();
    let cache = tempfile::tempdir().unwrap();
    let address = free_port();
    let pebble = Pebble::start(&authority, address, &NAMES).await;
    let upstream = Upstream::listen().await;
    let keys = keys(&authority, &pebble.directory, cache.path());
    // an account that is there already, from an order that failed: the names do not lead to us yet
    for name in NAMES {
        pebble.names.addresses(name, dns::LONG, &["127.0.0.9"]);
    }
    let process = Boshd::at(address, &keys, upstream.address, "");
    process.writes("no new certificate").await;
    process.writes("Failed to connect to 127.0.0.9").await;
    assert!(visit(address, NAMES[0], &Arc::new(authority.client())).await.is_err());
    drop(process);
    caches_an_old_one(&authority, cache.path());
    for name in NAMES {
        pebble.names.addresses(name, dns::LONG, &["127.0.0.1"]);
    }
    pebble.halt();
    let process = Boshd::at(address, &keys, upstream.address, "");
    // it is served from the first moment on
    let early = &mut visit(address, NAMES[0], &Arc::new(authority.client())).await.unwrap();
    pebble.go_on();
    let config = believing(pebble.root(&authority).await);
    speaks_bosh(&mut certified(address, NAMES[0], &config).await, &upstream).await;
    // who came with the old one stays
    speaks_bosh(early, &upstream).await;
    assert_eq!(process.wrote("no new certificate"), 0, "{}", process.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_away_changes_nothing() {
    let authority = Authority::new();
    let cache = tempfile::tempdir().unwrap();
    let upstream = Upstream::listen().await;
    let directory = format!("https://localhost:{}/dir", free_port().port());
    let keys = keys(&authority, &directory, cache.path());
    drop(Boshd::at(free_port(), &keys, upstream.address, ""));
    let old = caches_an_old_one(&authority, cache.path());
    let process = Boshd::at(free_port(), &keys, upstream.address, "");
    process.writes("no new certificate").await;
    process.writes("Connection refused").await;
    let mut client = visit(process.address, NAMES[0], &Arc::new(authority.client())).await.unwrap();
    assert_eq!(shown(&client), first(&old));
    speaks_bosh(&mut client, &upstream).await;
}
