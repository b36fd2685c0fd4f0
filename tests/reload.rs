//! Certificates that change while boshd runs: every handshake gets the old one or the new, whole, and nobody who is in notices.

#[path = "support/authority.rs"]
mod authority;
#[path = "support/bench.rs"]
mod bench;
#[path = "support"]
mod support {
    pub mod boshd;
    pub mod process;
    pub mod server;
}

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use authority::Algorithm::Ecdsa;
use authority::{Authority, first, shown, visit};
use bench::upstream::Upstream;
use bench::{PATIENCE, USUAL};
use boshd::front::tls::certificates::Pair;
use rustls::ClientConfig;
use support::boshd::Boshd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::sleep;

const NAME: &str = "example.org";

/// A change is in force within this (design: 5 s), and a busy machine takes its time.
const SEEN: Duration = Duration::from_secs(15);

/// How often the certificate changes.
const SWAPS: usize = 20;

/// Where boshd looks for its certificate: links, as certbot makes them.
struct Live {
    folder: tempfile::TempDir,
}

impl Live {
    fn new(pair: &Pair) -> Self {
        let live = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        live.lead_to(pair);
        live
    }

    fn pair(&self) -> Pair {
        Pair {
            certificate: self.folder.path().join("fullchain.pem"),
            key: self.folder.path().join("privkey.pem"),
        }
    }

    /// One link after the other: for a moment they do not fit.
    fn lead_to(&self, pair: &Pair) {
        for (link, file) in [(self.pair().certificate, &pair.certificate), (self.pair().key, &pair.key)] {
            let new = self.folder.path().join("new");
            std::os::unix::fs::symlink(file, &new).unwrap();
            std::fs::rename(&new, link).unwrap();
        }
    }

    /// boshd with it, before a server that takes everybody.
    fn serve(&self, upstream: &Upstream) -> Boshd {
        let Pair { certificate, key } = self.pair();
        Boshd::listening(
            &format!("tls = {{ certificate = {certificate:?}, key = {key:?} }}"),
            upstream.address,
        )
    }
}

/// A client that comes again and again until it is told to stop: how often it came, and to which certificates.
async fn comes(process: &Boshd, config: &Arc<ClientConfig>, swaps: &AtomicUsize) -> (usize, HashSet<Vec<u8>>) {
    let (mut visits, mut seen) = (0, HashSet::new());
    // nobody is there to ask for, so the answer is complete at once
    let body = bench::poster::creation(&USUAL.replace(NAME, "nobody.example"));
    let request = format!(
        "POST /http-bind HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    while swaps.load(Ordering::Relaxed) < SWAPS {
        let mut client = visit(process.address, NAME, config).await.expect("a handshake");
        seen.insert(shown(&client).to_vec());
        for _ in 0..3 {
            client.write_all(request.as_bytes()).await.unwrap();
            let mut answer = [0; 4096];
            let length = client.read(&mut answer).await.expect("an answer");
            assert!(
                answer[..length].starts_with(b"HTTP/1.1 200"),
                "{}",
                String::from_utf8_lossy(&answer[..length])
            );
        }
        visits += 1;
    }
    (visits, seen)
}

/// The certificate that is shown now, to a client that has not been there.
async fn current(process: &Boshd, authority: &Authority) -> Vec<u8> {
    let visit = visit(process.address, NAME, &Arc::new(authority.client())).await;
    shown(&visit.expect("a handshake")).to_vec()
}

async fn becomes(process: &Boshd, authority: &Authority, pair: &Pair) {
    let began = Instant::now();
    while current(process, authority).await != *first(pair) {
        assert!(began.elapsed() < SEEN, "the new certificate is not shown");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn under_load_nothing_is_dropped() {
    let authority = Authority::new();
    let pairs = ["a", "b", "c"].map(|file| authority.certifies(file, &[NAME], Ecdsa));
    let live = Live::new(&pairs[0]);
    let upstream = Upstream::listen().await;
    let process = live.serve(&upstream);
    let config = Arc::new(authority.client());
    let swaps = AtomicUsize::new(0);
    // who is in before the first change
    let mut early = visit(process.address, NAME, &config).await.unwrap();
    let swapping = async {
        for pair in pairs.iter().cycle().skip(1).take(SWAPS) {
            live.lead_to(pair);
            becomes(&process, &authority, pair).await;
            swaps.fetch_add(1, Ordering::Relaxed);
        }
    };
    let ((), one, two) = tokio::join!(swapping, comes(&process, &config, &swaps), comes(&process, &config, &swaps));
    let known: HashSet<Vec<u8>> = pairs.iter().map(|pair| first(pair).to_vec()).collect();
    for (visits, seen) in [&one, &two] {
        assert!(*visits > SWAPS && seen.is_subset(&known), "{visits} visits");
    }
    println!("{SWAPS} changes, {} visits, none lost", one.0 + two.0);
    early.write_all(b"GET /http-bind HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    assert_eq!(early.read_u8().await.unwrap(), b'H', "who was in is in");
    assert_eq!(process.wrote("cannot be read again"), 0, "{}", process.log());
}

#[tokio::test]
async fn what_cannot_be_used_changes_nothing_and_is_told_once() {
    let authority = Authority::new();
    let pairs = ["a", "b"].map(|file| authority.certifies(file, &[NAME], Ecdsa));
    let live = Live::new(&pairs[0]);
    let upstream = Upstream::listen().await;
    let process = live.serve(&upstream);
    let misfit = Pair {
        key: pairs[1].key.clone(),
        ..pairs[0].clone()
    };
    live.lead_to(&misfit);
    process.writes("is not the key of the certificate").await;
    let nowhere = Pair {
        certificate: Path::new("/nonexistent/chain.pem").to_owned(),
        ..pairs[0].clone()
    };
    live.lead_to(&nowhere);
    process.writes("No such file").await;
    // as long as several looks
    sleep(Duration::from_secs(3)).await;
    assert_eq!(process.wrote("cannot be read again"), 2, "{}", process.log());
    assert_eq!(current(&process, &authority).await, *first(&pairs[0]));
    live.lead_to(&pairs[1]);
    becomes(&process, &authority, &pairs[1]).await;
}

#[tokio::test]
async fn sighup_reads_at_once_and_ends_nothing() {
    let authority = Authority::new();
    let live = Live::new(&authority.certifies("a", &[NAME], Ecdsa));
    let upstream = Upstream::listen().await;
    let process = live.serve(&upstream);
    let before = current(&process, &authority).await;
    let hangs_up = || {
        let pid = process.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    };
    hangs_up();
    process.writes("SIGHUP").await;
    process.writes("read again").await;
    assert_eq!(current(&process, &authority).await, before);
    let next = authority.certifies("b", &[NAME], Ecdsa);
    live.lead_to(&next);
    hangs_up();
    becomes(&process, &authority, &next).await;
}

#[tokio::test]
async fn without_a_usable_certificate_boshd_does_not_start() {
    let authority = Authority::new();
    let pair = authority.certifies("a", &[NAME], Ecdsa);
    let other = authority.certifies("b", &[NAME], Ecdsa);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("boshd.toml");
    let domain = "[[domain]]\nname = '*'\nservers = ['127.0.0.1:1']\ntls = 'none'\n";
    let tls = format!("tls = {{ certificate = {:?}, key = {:?} }}", pair.certificate, other.key);
    std::fs::write(&file, format!("[[listen]]\naddress = '127.0.0.1:0'\n{tls}\n{domain}")).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_boshd"))
        .arg("run")
        .arg("--config")
        .arg(&file)
        .output();
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(3), "{said}");
    assert!(said.contains("b.key: is not the key of the certificate"), "{said}");
}

// DN11: the server hears how its client came
#[tokio::test]
async fn the_server_is_told_of_the_clients_tls() {
    const TLS_1_3: &[u8] = b"\x21\x00\x07TLSv1.3";
    let authority = Authority::new();
    let live = Live::new(&authority.certifies("a", &[NAME], Ecdsa));
    let Pair { certificate, key } = live.pair();
    let upstream = Upstream::listen().await;
    let keys = format!(
        "tls = {{ certificate = {certificate:?}, key = {key:?} }}\nclient_ca_file = {:?}",
        authority.root
    );
    let process = Boshd::listening_with(&keys, upstream.address, "proxy_protocol = 'v2'\n");
    let alice = authority.certifies_client("alice");
    for (identity, client, verified) in [(None, 1, 1), (Some(&alice), 7, 0)] {
        let config = authority.client_with(rustls::crypto::aws_lc_rs::default_provider(), identity);
        let mut visitor = visit(process.address, NAME, &Arc::new(config)).await.unwrap();
        let body = bench::poster::creation(USUAL);
        let request = format!(
            "POST /http-bind HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        visitor.write_all(request.as_bytes()).await.unwrap();
        let mut link = tokio::time::timeout(PATIENCE, upstream.accept()).await.unwrap();
        let head = link.takes(16).await;
        let length = usize::from(u16::from_be_bytes([head[14], head[15]]));
        let told = link.takes(length).await;
        let place = told
            .windows(TLS_1_3.len())
            .position(|bytes| bytes == TLS_1_3)
            .expect("a version");
        // what there was of TLS, and 0 if a certificate was shown that is in order (HAProxy's specification, section 2.2.6)
        assert_eq!(told[place - 5..place], [client, 0, 0, 0, verified]);
    }
}
