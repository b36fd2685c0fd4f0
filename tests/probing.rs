//! What our TLS lets a stranger have, asked byte by byte and with OpenSSL's own client, as the well-known scanners do: nothing that is old
//! or weak, and all that clients need. Prints what was tried (spec.md O05, P01).

#[path = "support/authority.rs"]
mod authority;
#[path = "support/packages.rs"]
mod packages;
#[path = "support/stack.rs"]
mod stack;
#[path = "support/wire.rs"]
mod wire;

#[path = "probing/hello.rs"]
mod hello;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use authority::Algorithm::{Ecdsa, Rsa};
use authority::{Authority, door};
use boshd::front::Options;
use hello::{Answer, Hello};
use stack::Stack;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

const NAME: &str = "chat.example.org";

/// Longer than any attempt takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection without a request is closed after this.
const IDLE: Duration = Duration::from_secs(3);

/// What a client sends inside, and which answer it waits for.
const GET: &str = "GET /http-bind HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const ANSWERED: &str = "HTTP/1.1 200 OK";

const SSL_3: u16 = 0x0300;
const TLS_1_0: u16 = 0x0301;
const TLS_1_1: u16 = 0x0302;
const TLS_1_2: u16 = 0x0303;

/// Suites of TLS 1.2 that are as they should be: with ECDSA, with RSA.
const GOOD: [u16; 2] = [0xc02b, 0xc02f];

/// Whoever took one of them would be wrong to feel safe.
const WEAK: [(&str, &[u16]); 11] = [
    ("no encryption (NULL)", &[0x0001, 0x0002, 0x003b, 0xc006, 0xc010]),
    ("no certificate (anonymous)", &[0x0018, 0x001b, 0x0034, 0x00a6, 0xc018]),
    ("EXPORT", &[0x0003, 0x0006, 0x0008, 0x0014, 0x0062]),
    ("RC4", &[0x0004, 0x0005, 0xc007, 0xc011]),
    ("DES", &[0x0009, 0x0015]),
    ("3DES", &[0x000a, 0x0016, 0xc008, 0xc012]),
    ("IDEA, SEED", &[0x0007, 0x0096, 0x009a]),
    ("CBC", &[0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028]),
    ("RSA key exchange", &[0x002f, 0x0035, 0x003c, 0x009c, 0x009d]),
    ("finite-field DH", &[0x0033, 0x0039, 0x0067, 0x009e, 0x009f]),
    ("PSK, SRP", &[0x008c, 0x00a8, 0xc01d, 0xc020]),
];

/// A listener with a certificate of each kind.
fn listen() -> (Authority, SocketAddr) {
    let authority = Authority::new();
    let pairs = [
        authority.certifies("ecdsa", &[NAME], Ecdsa),
        authority.certifies("rsa", &[NAME], Rsa),
    ];
    let address = Stack::new(Options {
        idle_timeout: IDLE,
        ..Options::default()
    })
    .listen_with(door(&[&pairs[0], &pairs[1]]));
    (authority, address)
}

fn row(what: &str, outcome: &str) {
    println!("{what:<58} {outcome}");
}

#[tokio::test]
async fn nothing_old_or_weak() {
    let (_authority, address) = listen();
    let good = Hello {
        name: NAME,
        version: TLS_1_2,
        suites: &GOOD,
        compressions: &[0],
    };
    // the same client gets what is good, so it is not for its manners that the rest is refused
    for suite in GOOD {
        let hello = Hello {
            suites: &[suite],
            ..good
        };
        assert_eq!(hello.say(address).await, Answer::Taken { suite, compression: 0 });
        row(&format!("TLS 1.2, suite {suite:04x}"), "taken");
    }
    for (what, version) in [("SSL 3.0", SSL_3), ("TLS 1.0", TLS_1_0), ("TLS 1.1", TLS_1_1)] {
        let answer = Hello { version, ..good }.say(address).await;
        assert_eq!(answer, Answer::Refused, "{what}");
        row(what, "refused");
    }
    assert_eq!(hello::say(address, &hello::ssl_2()).await, Answer::Refused);
    row("SSL 2.0", "refused");
    for (what, suites) in WEAK {
        for suite in suites {
            let answer = Hello {
                suites: &[*suite],
                ..good
            }
            .say(address)
            .await;
            assert_eq!(answer, Answer::Refused, "{what} {suite:04x}");
        }
        row(&format!("TLS 1.2, {what}: {} suites", suites.len()), "refused");
        // and it is no way down from what is good
        let both = [suites, &GOOD].concat();
        let answer = Hello { suites: &both, ..good }.say(address).await;
        assert!(
            matches!(answer, Answer::Taken { suite, .. } if GOOD.contains(&suite)),
            "{what}: {answer:?}"
        );
    }
    let packed = Hello {
        compressions: &[1],
        ..good
    }
    .say(address)
    .await;
    assert_eq!(packed, Answer::Refused);
    row("TLS 1.2, DEFLATE alone (CRIME)", "refused");
    let perhaps = Hello {
        compressions: &[1, 0],
        ..good
    }
    .say(address)
    .await;
    assert!(matches!(perhaps, Answer::Taken { compression: 0, .. }), "{perhaps:?}");
    row("TLS 1.2, DEFLATE or nothing", "nothing");
}

/// What has to work, with OpenSSL's arguments, and what it says of it.
const TAKEN: [(&str, &[&str], &[&str]); 10] = [
    (
        "TLS 1.3",
        &["-tls1_3"],
        &["Protocol  : TLSv1.3", "Verify return code: 0 (ok)"],
    ),
    (
        "TLS 1.2",
        &["-tls1_2"],
        &[
            "Protocol  : TLSv1.2",
            "Compression: NONE",
            "Secure Renegotiation IS supported",
        ],
    ),
    (
        "TLS 1.2, ECDSA only",
        &["-tls1_2", "-cipher", "aECDSA"],
        &["Peer signature type: ECDSA"],
    ),
    (
        "TLS 1.2, RSA only",
        &["-tls1_2", "-cipher", "aRSA"],
        &["Peer signature type: RSA"],
    ),
    (
        "TLS 1.3, ECDSA only",
        &["-tls1_3", "-sigalgs", "ECDSA+SHA256"],
        &["Peer signature type: ECDSA"],
    ),
    (
        "TLS 1.3, RSA only",
        &["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256:ECDSA+SHA224"],
        &["Peer signature type: RSA"],
    ),
    (
        "TLS 1.3, ChaCha20",
        &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
        &["TLS_CHACHA20"],
    ),
    (
        "TLS 1.3, X25519",
        &["-tls1_3", "-groups", "X25519"],
        &["Server Temp Key: X25519"],
    ),
    ("TLS 1.3, P-256", &["-tls1_3", "-groups", "P-256"], &["Server Temp Key: ECDH"]),
    ("ALPN http/1.1", &["-alpn", "http/1.1,spdy/3"], &["ALPN protocol: http/1.1"]),
];

/// What must not.
const REFUSED: [(&str, &[&str]); 5] = [
    ("TLS 1.0", &["-tls1", "-cipher", "ALL:@SECLEVEL=0"]),
    ("TLS 1.1", &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]),
    (
        "TLS 1.2, CBC",
        &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA:AES128-SHA:@SECLEVEL=0"],
    ),
    ("TLS 1.2, no encryption", &["-tls1_2", "-cipher", "NULL:aNULL:@SECLEVEL=0"]),
    ("ALPN of other protocols", &["-alpn", "spdy/3,xmpp-client"]),
];

/// What OpenSSL's client has to say, with these arguments and this to say inside.
async fn s_client(address: SocketAddr, root: &Path, arguments: &[&str], inside: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address.to_string(), "-servername", NAME]);
    command
        .args(["-verify_hostname", NAME, "-verify_return_error", "-CAfile"])
        .arg(root);
    command
        .arg("-ign_eof")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().expect("openssl");
    let mut stdin = child.stdin.take().expect("stdin");
    // it may be gone before it has read that
    let _ = stdin.write_all(inside.as_bytes()).await;
    let output = timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("an end")
        .expect("openssl");
    drop(stdin);
    [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat()
}

#[tokio::test]
async fn openssl_gets_what_it_should_and_nothing_else() {
    packages::ensure(&["openssl"]);
    let (authority, address) = listen();
    // with -verify_return_error the chain is complete up to the root, which is all that the client has
    for (what, arguments, expected) in TAKEN {
        let said = s_client(address, &authority.root, arguments, GET).await;
        for text in expected.iter().chain(&[ANSWERED]) {
            assert!(said.contains(text), "{what}: {text}\n{said}");
        }
        row(&format!("OpenSSL, {what}"), "taken");
    }
    for (what, arguments) in REFUSED {
        let said = s_client(address, &authority.root, arguments, GET).await;
        assert!(!said.contains(ANSWERED) && said.contains("alert"), "{what}\n{said}");
        row(&format!("OpenSSL, {what}"), "refused");
    }
    // nobody makes us compute again on the same connection: the client waits for it until we close
    let said = s_client(address, &authority.root, &["-tls1_2", "-no_ign_eof"], "R\n").await;
    assert!(said.contains("RENEGOTIATING"), "{said}");
    assert_eq!(said.matches("depth=0").count(), 1, "a second handshake\n{said}");
    row("OpenSSL, TLS 1.2, renegotiation", "refused");
}

// O05
#[tokio::test]
async fn openssl_resumes_and_sends_nothing_early() {
    packages::ensure(&["openssl"]);
    let (authority, address) = listen();
    let folder = tempfile::tempdir().unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let (session, early) = (folder.path().join(version), folder.path().join("early"));
        std::fs::write(&early, GET).unwrap();
        let [session, early] = [&session, &early].map(|path| path.to_str().unwrap());
        let first = s_client(address, &authority.root, &[version, "-sess_out", session], GET).await;
        assert!(first.contains("New, TLSv1.") && first.contains(ANSWERED), "{first}");
        let second = s_client(address, &authority.root, &[version, "-sess_in", session], GET).await;
        assert!(second.contains("Reused, TLSv1.") && second.contains(ANSWERED), "{second}");
        row(&format!("OpenSSL, {version}, a ticket"), "resumed");
        if version == "-tls1_3" {
            let arguments = [version, "-sess_in", session, "-early_data", early];
            let third = s_client(address, &authority.root, &arguments, GET).await;
            assert!(
                third.contains("Early data was not sent") && third.contains("Max Early Data: 0"),
                "{third}"
            );
            assert_eq!(third.matches(ANSWERED).count(), 1, "{third}");
            row("OpenSSL, -tls1_3, early data with the ticket", "not allowed");
        }
    }
}
