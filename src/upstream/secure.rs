//! TLS towards a server: which certificates are believed, for which name, and who we say that we are (RFC 6120 section 13.7, XEP-0368).

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, InvalidMessage, OtherError, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsConnector;

use super::BoxStream;

/// The protocol that a server on a shared port is told (XEP-0368 section 4).
const ALPN: &[u8] = b"xmpp-client";

/// Bytes that a TLS connection holds for a server that does not take them; more waits in the session, where it is counted.
const BUFFER: usize = 16 * 1024;

/// The SHA-256 of a certificate.
pub type Fingerprint = [u8; 32];

/// Whom an operator trusts to say who a server is.
#[derive(Debug)]
pub enum Trust {
    /// Authorities, to certify the domain.
    Roots(RootCertStore),
    /// Authorities, to certify this name, whatever the domain.
    Named(RootCertStore, ServerName<'static>),
    /// These very certificates, whoever signed them and whatever name or date they bear.
    Pinned(Vec<Fingerprint>),
}

/// Who we say that we are.
#[derive(Debug)]
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

/// How to secure the ways to a domain's servers. Sessions are resumed among those that share it.
#[derive(Clone)]
pub struct Secure {
    direct: Arc<ClientConfig>,
    starttls: Arc<ClientConfig>,
}

impl Secure {
    /// # Errors
    /// There is nobody to trust, or our key does not fit our certificate.
    pub fn new(trust: Trust, identity: Option<Identity>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let authorities = |roots| authorities(roots, &provider);
        let belief = match trust {
            Trust::Roots(roots) => Belief::Certified(authorities(roots)?, None),
            Trust::Named(roots, name) => Belief::Certified(authorities(roots)?, Some(name)),
            Trust::Pinned(pins) => Belief::Pinned(pins),
        };
        let verifier = Arc::new(Verifier {
            belief,
            algorithms: provider.signature_verification_algorithms,
        });
        let mut starttls = config(provider, verifier, identity)?;
        let mut direct = starttls.clone();
        direct.alpn_protocols = vec![ALPN.to_vec()];
        // tickets of one kind are none of the other
        starttls.resumption = rustls::client::Resumption::default();
        Ok(Self {
            direct: Arc::new(direct),
            starttls: Arc::new(starttls),
        })
    }

    /// TLS from the first byte on.
    ///
    /// # Errors
    /// The server's certificate is not believed, or there is no TLS.
    pub async fn direct(&self, io: BoxStream, domain: ServerName<'static>) -> io::Result<BoxStream> {
        handshake(&self.direct, io, domain).await
    }

    /// TLS after the server's consent.
    ///
    /// # Errors
    /// The server's certificate is not believed, or there is no TLS.
    pub async fn upgrade(&self, io: BoxStream, domain: ServerName<'static>) -> io::Result<BoxStream> {
        handshake(&self.starttls, io, domain).await
    }
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secure").finish_non_exhaustive()
    }
}

fn config(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<Identity>,
) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match identity {
        Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key),
        None => Ok(builder.with_no_client_auth()),
    }
}

fn authorities(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
    let builder = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
    builder.build().map_err(|error| rustls::Error::General(error.to_string()))
}

/// The server is told the domain (SNI, XEP-0368 section 3), even if its certificate has to prove another name: it may refuse what it does not
/// serve.
async fn handshake(config: &Arc<ClientConfig>, io: BoxStream, domain: ServerName<'static>) -> io::Result<BoxStream> {
    let connector = TlsConnector::from(Arc::clone(config));
    let limit = |connection: &mut rustls::ClientConnection| connection.set_buffer_limit(Some(BUFFER));
    let connected = connector.connect_with(domain, io, limit).await;
    Ok(Box::new(connected.map_err(explained)?))
}

/// Why TLS failed, in the words of whoever can mend it.
fn explained(error: io::Error) -> io::Error {
    let text = match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "the server does not speak TLS there".to_owned()
        }
        // the other is of an authority that has a name which is trusted, and not the key
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            "no authority that is trusted has signed the server's certificate".to_owned()
        }
        Some(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { time, not_after })) => {
            let days = time.as_secs().saturating_sub(not_after.as_secs()) / (24 * 60 * 60);
            format!("the server's certificate expired {days} days ago")
        }
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(reason))) => {
            format!("the server's certificate is not believed: {reason}")
        }
        Some(rustls::Error::InvalidCertificate(reason)) => format!("the server's certificate is not believed: {reason}"),
        _ => return error,
    };
    io::Error::new(error.kind(), text)
}

/// Judges what a server shows.
#[derive(Debug)]
struct Verifier {
    belief: Belief,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Belief {
    /// What authorities say of the domain, or of a name instead.
    Certified(Arc<WebPkiServerVerifier>, Option<ServerName<'static>>),
    Pinned(Vec<Fingerprint>),
}

/// A certificate that is not the one.
#[derive(Debug, thiserror::Error)]
#[error("its SHA-256 is {}, which is not among the pins", hexadecimal(.0))]
struct NotPinned(Fingerprint);

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        domain: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.belief {
            Belief::Certified(authorities, name) => {
                let name = name.as_ref().unwrap_or(domain);
                authorities.verify_server_cert(certificate, chain, name, ocsp, now)
            }
            Belief::Pinned(pins) => {
                let fingerprint: Fingerprint = Sha256::digest(certificate).into();
                if pins.contains(&fingerprint) {
                    Ok(ServerCertVerified::assertion())
                } else {
                    Err(CertificateError::Other(OtherError(Arc::new(NotPinned(fingerprint)))).into())
                }
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
