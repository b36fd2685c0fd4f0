//! TLS as the scripted server speaks it: what the connection manager asks for, and the stream inside.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io;
use std::path::Path;
use std::sync::Arc;

use boshd::upstream::secure::Fingerprint;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, SupportedProtocolVersion};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::bench::PATIENCE;
use crate::bench::upstream::Link;
use crate::certificates::Certificates;
use crate::server::Identity;

pub type SecureLink = Link<TlsStream<TcpStream>>;

/// What a ClientHello says in plain text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    pub server_name: Option<String>,
    pub protocols: Vec<String>,
}

/// One server's certificate, and its memory of sessions.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    pub fn showing(identity: &Identity) -> Self {
        Self::speaking(identity, rustls::ALL_VERSIONS)
    }

    pub fn speaking(identity: &Identity, versions: &[&'static SupportedProtocolVersion]) -> Self {
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_protocol_versions(versions).unwrap().with_no_client_auth();
        Self::of(builder.with_single_cert(chain(&identity.certificate), key(identity)).unwrap())
    }

    /// Wants a certificate in return, which these vouch for.
    pub fn mutual(certificates: &Certificates) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(roots(&certificates.authority));
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap());
        let identity = &certificates.good;
        Self::of(builder.with_single_cert(chain(&identity.certificate), key(identity)).unwrap())
    }

    fn of(mut config: ServerConfig) -> Self {
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        Self(Arc::new(config))
    }

    /// The handshake that now begins on this connection, and what becomes of it.
    pub async fn accept(&self, link: Link) -> (Hello, io::Result<SecureLink>) {
        let begun = timeout(PATIENCE, LazyConfigAcceptor::new(Default::default(), link.io));
        let begun = begun.await.expect("a handshake in time").expect("a ClientHello");
        let hello = begun.client_hello();
        let protocols = hello.alpn().into_iter().flatten();
        let hello = Hello {
            server_name: hello.server_name().map(str::to_owned),
            protocols: protocols.map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
        };
        let done = timeout(PATIENCE, begun.into_stream(self.0.clone()));
        (hello, done.await.expect("a handshake in time").map(Link::on))
    }
}

impl SecureLink {
    pub fn is_resumed(&self) -> bool {
        self.io.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// What the connection manager has shown.
    pub fn certificate(&self) -> Option<CertificateDer<'static>> {
        Some(self.io.get_ref().1.peer_certificates()?.first()?.clone().into_owned())
    }
}

pub fn roots(authority: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    chain(authority).into_iter().for_each(|each| roots.add(each).unwrap());
    roots
}

pub fn chain(file: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file).unwrap().map(Result::unwrap).collect()
}

pub fn key(identity: &Identity) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(&identity.key).unwrap()
}

pub fn fingerprint(identity: &Identity) -> Fingerprint {
    Sha256::digest(&chain(&identity.certificate)[0]).into()
}
