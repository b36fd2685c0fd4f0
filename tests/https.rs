//! TLS of our own listeners: sessions over it, which certificate is shown to whom, tickets, clients' certificates, and who speaks another
//! protocol than the port does (spec.md O05, P01 to P03, J14).

#[path = "support/authority.rs"]
mod authority;
#[path = "support/stack.rs"]
mod stack;
#[path = "support/websocket.rs"]
mod websocket_client;
#[path = "support/wire.rs"]
mod wire;

#[path = "https/discovery.rs"]
mod discovery;
#[path = "https/http2.rs"]
mod http2;
#[path = "https/redirect.rs"]
mod redirect;
#[path = "https/safety.rs"]
mod safety;
#[path = "https/websocket.rs"]
mod websocket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use authority::Algorithm::{Ecdsa, Rsa};
use authority::{Algorithm, Authority, Visit, door, first, shown, visit};
use boshd::front::Options;
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, SignatureScheme, SupportedProtocolVersion};
use stack::{Session, Stack, creation, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::Wire;

const NAME: &str = "chat.example.org";

/// What happens at once happens within this, on a busy machine, too.
const SOON: Duration = Duration::from_secs(20);

async fn wire(address: SocketAddr, config: &Arc<ClientConfig>) -> Wire<Visit> {
    Wire::new(visit(address, NAME, config).await.unwrap())
}

fn speaking(authority: &Authority, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut provider = aws_lc_rs::default_provider();
    // a version without a suite of its own is not spoken
    provider.cipher_suites.retain(|suite| versions.contains(&suite.version()));
    Arc::new(authority.client_with(provider, None))
}

/// A new session that has its features, so that its next request is held.
async fn session<I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(client: &mut Wire<I>) -> Session {
    let mut reply = client.ask(&post(&creation(60))).await;
    let mut session = Session::of(&reply);
    while !reply.text().contains("<stream:features") {
        reply = client.ask(&post(&session.body(""))).await;
    }
    session
}

// P01
#[tokio::test]
async fn a_session_over_tls() {
    let authority = Authority::new();
    let stack = Stack::new(Options::default());
    let address = stack.listen_with(door(&[&authority.certifies("chat", &[NAME], Ecdsa)]));
    for (nth, version) in [&TLS12, &TLS13].into_iter().enumerate() {
        let config = speaking(&authority, &[version]);
        let mut client = wire(address, &config).await;
        assert_eq!(client.io.get_ref().1.protocol_version(), Some(version.version));
        let mut session = session(&mut client).await;
        client
            .send(&post(
                &session.body("<message xmlns='jabber:client'><body>over</body></message>"),
            ))
            .await;
        stack.server.sees("over").await;
        stack
            .server
            .push(nth, "<message xmlns='jabber:client'><body>and out</body></message>");
        assert!(client.reply().await.text().contains("and out"));
        // the whole of a large answer comes, and behind the last one a proper end
        let large = format!(
            "<message xmlns='jabber:client'><body>{}</body></message>",
            "x".repeat(200_000)
        );
        stack.server.push(nth, &large);
        assert!(client.ask(&post(&session.body(""))).await.text().len() > 200_000);
        let last = post(&session.terminate("")).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        assert!(client.ask(&last).await.text().contains("terminate"));
        assert_eq!(client.io.read(&mut [0]).await.unwrap(), 0, "closed without a word of it");
    }
}

/// The certificate that is shown to whoever asks for this name; without one nobody is named, and `NAME` has to be proven.
async fn shown_to(address: SocketAddr, authority: &Authority, name: Option<&str>) -> Vec<u8> {
    let mut config = authority.client();
    config.enable_sni = name.is_some();
    let visit = visit(address, name.unwrap_or(NAME), &Arc::new(config)).await.unwrap();
    shown(&visit).to_vec()
}

#[tokio::test]
async fn the_name_chooses() {
    let authority = Authority::new();
    let chat = authority.certifies("chat", &[NAME], Ecdsa);
    let wild = authority.certifies("wild", &["*.example.org", "example.org"], Ecdsa);
    let exact = authority.certifies("exact", &["im.example.org", "im.example.net"], Ecdsa);
    let address = Stack::new(Options::default()).listen_with(door(&[&chat, &wild, &exact]));
    for (name, pair) in [
        (Some(NAME), &chat),
        (Some("other.example.org"), &wild),
        (Some("example.org"), &wild),
        (Some("IM.example.org"), &exact),
        (Some("im.example.net"), &exact),
        (None, &chat),
    ] {
        assert_eq!(shown_to(address, &authority, name).await, *first(pair), "{name:?}");
    }
    // who asks for somebody else sees whom there is
    let error = visit(address, "a.b.example.org", &Arc::new(authority.client()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains(NAME), "{error}");
}

/// A client that can check only such signatures in a handshake.
fn reading(authority: &Authority, algorithm: Algorithm) -> ClientConfig {
    let mut provider = aws_lc_rs::default_provider();
    let is_read = |scheme: SignatureScheme| {
        let rsa = [SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PKCS1_SHA256];
        let ecdsa = [SignatureScheme::ECDSA_NISTP256_SHA256];
        if algorithm == Rsa {
            rsa.contains(&scheme)
        } else {
            ecdsa.contains(&scheme)
        }
    };
    let known = provider.signature_verification_algorithms;
    let mapping: Vec<_> = known.mapping.iter().filter(|(scheme, _)| is_read(*scheme)).copied().collect();
    provider.signature_verification_algorithms = WebPkiSupportedAlgorithms {
        all: known.all,
        mapping: mapping.leak(),
    };
    authority.client_with(provider, None)
}

#[tokio::test]
async fn who_cannot_check_one_signature_is_shown_another() {
    let authority = Authority::new();
    let ecdsa = authority.certifies("ecdsa", &[NAME], Ecdsa);
    let rsa = authority.certifies("rsa", &[NAME], Rsa);
    let both = Stack::new(Options::default()).listen_with(door(&[&ecdsa, &rsa]));
    let reversed = Stack::new(Options::default()).listen_with(door(&[&rsa, &ecdsa]));
    for address in [both, reversed] {
        for (algorithm, pair) in [(Ecdsa, &ecdsa), (Rsa, &rsa)] {
            let config = Arc::new(reading(&authority, algorithm));
            assert_eq!(
                shown(&visit(address, NAME, &config).await.unwrap()),
                first(pair),
                "{algorithm:?}"
            );
        }
    }
    // who can check both is shown what the operator put first
    assert_eq!(shown_to(both, &authority, Some(NAME)).await, *first(&ecdsa));
    assert_eq!(shown_to(reversed, &authority, Some(NAME)).await, *first(&rsa));
}

// O05: there is no early data, resumed or not, so nothing that was sent in it can be replayed
#[tokio::test]
async fn tickets_resume_and_bring_nothing_early() {
    let authority = Authority::new();
    let stack = Stack::new(Options::default());
    let address = stack.listen_with(door(&[&authority.certifies("chat", &[NAME], Ecdsa)]));
    for version in [&TLS12, &TLS13] {
        let mut config = Arc::unwrap_or_clone(speaking(&authority, &[version]));
        config.enable_early_data = true;
        let config = Arc::new(config);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let mut client = wire(address, &config).await;
            // the tickets come in front of the answer
            client.ask(&post(&creation(60))).await;
            let connection = client.io.get_ref().1;
            kinds.push(connection.handshake_kind().unwrap());
            assert!(!connection.is_early_data_accepted());
        }
        assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed], "{version:?}");
        let name = rustls::pki_types::ServerName::try_from(NAME).unwrap();
        let mut third = rustls::ClientConnection::new(config, name).unwrap();
        assert!(third.early_data().is_none(), "the ticket allows early data");
    }
}

/// All that comes until the end, which has to be one.
async fn all(mut io: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    timeout(SOON, io.read_to_end(&mut bytes))
        .await
        .expect("an end")
        .expect("no reset");
    bytes
}

#[tokio::test]
async fn who_speaks_the_other_protocol_is_left() {
    let authority = Authority::new();
    let stack = Stack::new(Options::default());
    let secure = stack.listen_with(door(&[&authority.certifies("chat", &[NAME], Ecdsa)]));
    for request in [&*post(&creation(60)), "GET / HTTP/1.0\r\n\r\n", "\r\n\r\n", "SSH-2.0-x\r\n"] {
        let mut plain = TcpStream::connect(secure).await.unwrap();
        plain.write_all(request.as_bytes()).await.unwrap();
        let answer = all(plain).await;
        // an alert of TLS, level fatal
        assert!(answer.is_empty() || (answer[0] == 0x15 && answer[5] == 2), "{answer:?}");
    }
    let plain = stack.listen();
    let config = Arc::new(authority.client());
    let visited = timeout(SOON, visit(plain, NAME, &config)).await.expect("an end");
    assert!(visited.is_err());
    // and neither port minds
    assert_eq!(wire(secure, &config).await.ask(&post(&creation(60))).await.status(), 200);
    let mut plain = Wire::new(TcpStream::connect(plain).await.unwrap());
    assert_eq!(plain.ask(&post(&creation(60))).await.status(), 200);
}

#[tokio::test]
async fn a_handshake_has_its_time() {
    let authority = Authority::new();
    let stack = Stack::new(Options {
        head_timeout: Duration::from_millis(500),
        ..Options::default()
    });
    let address = stack.listen_with(door(&[&authority.certifies("chat", &[NAME], Ecdsa)]));
    // more than can compute at a time, some of them in the middle of it
    let config = Arc::new(authority.client());
    let name = rustls::pki_types::ServerName::try_from(NAME).unwrap();
    let mut hello = Vec::new();
    let mut begun = rustls::ClientConnection::new(config.clone(), name).unwrap();
    begun.write_tls(&mut hello).unwrap();
    let mut slow = Vec::new();
    for length in (0..40).map(|nth| if nth % 2 == 0 { hello.len() } else { nth }) {
        let mut io = TcpStream::connect(address).await.unwrap();
        io.write_all(&hello[..length]).await.unwrap();
        slow.push(io);
    }
    assert_eq!(wire(address, &config).await.ask(&post(&creation(60))).await.status(), 200);
    for mut io in slow {
        // its flight, if the hello was whole, and then the end
        let read = timeout(SOON, io.read_to_end(&mut Vec::new())).await;
        assert!(read.is_ok(), "a client that does nothing is still there");
    }
    // who was in time may take it
    let mut client = wire(address, &config).await;
    let mut session = session(&mut client).await;
    client.send(&post(&session.body(""))).await;
    assert!(client.is_silent_for(Duration::from_millis(700)).await);
    assert_eq!(client.io.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
}
