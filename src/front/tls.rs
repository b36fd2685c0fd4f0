//! TLS of our own listeners (RFC 8446, RFC 5246): from a connection's first byte to the end of its handshake. Early data is never taken
//! (O05): who replays it would repeat a request. What a client gets to see is chosen in [`certificates`].

pub mod acme;
mod cache;
pub mod certificates;
mod validity;
mod watched;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::{Acceptor, NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ProtocolVersion, RootCertStore, ServerConfig, ServerConnection};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

use self::acme::Acme;
use self::certificates::{Certificates, Pair};
use self::watched::Watched;
use crate::manager::{PeerSecurity, TlsVersion};

/// What is spoken inside, the preferred first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Inside it is shown that a name is ours; nothing else is (RFC 8737).
const ACME_TLS: &[u8] = b"acme-tls/1";

/// Bytes that a connection holds for a client that does not take them; what is more waits before TLS.
const BUFFER_BYTES: usize = 16 * 1024;

/// How often files are looked at. A change is believed when it is seen twice, so it is in force within two of these, and five seconds in any case.
pub const LOOK: Duration = Duration::from_secs(1);

/// Where certificates come from.
pub enum Source {
    Files(Vec<Pair>),
    /// Listeners may share it.
    Acme(Arc<Acme>),
}

/// One listener's TLS. Its settings are exchanged while it serves; a handshake keeps those that it began with.
pub struct Tls {
    config: ArcSwap<ServerConfig>,
    certificates: Arc<Certificates>,
    /// Empty where certificates come by ACME.
    pairs: Vec<Pair>,
    pair_files: Watched,
    /// Whose certificates clients may show.
    authorities: Option<PathBuf>,
    authority_file: Watched,
    /// Who may compute a key: half of the processors at a time, as a handshake costs as much as ten requests, and after a restart all clients
    /// come at once. Nobody waits for the network in here.
    computing: Semaphore,
}

/// Why files are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    Time,
    /// The operator wants it (SIGHUP).
    Asked,
}

/// A client whose handshake is done.
pub struct Secured<I> {
    pub io: Box<TlsStream<I>>,
    pub security: PeerSecurity,
}

/// A handshake that led to nothing.
pub struct Failed<I> {
    /// The client was told why, if it was there in time; the connection is to be ended.
    pub io: Option<I>,
    pub cause: io::Error,
}

/// A file, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", .file.display())]
pub struct FileError {
    pub file: PathBuf,
    pub problem: String,
}

impl Tls {
    /// TLS with these certificates; with `authorities`, clients may show one that they vouch for.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn new(source: Source, authorities: Option<PathBuf>) -> Result<Self, FileError> {
        let mut protocols: Vec<_> = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        let pairs = match &source {
            Source::Files(pairs) => pairs.clone(),
            Source::Acme(_) => Vec::new(),
        };
        // looked at before they are read
        let files = pairs.iter().flat_map(|pair| [pair.certificate.clone(), pair.key.clone()]);
        let pair_files = Watched::new(files.collect());
        let authority_file = Watched::new(authorities.iter().cloned().collect());
        let certificates = match source {
            Source::Files(pairs) => Arc::new(Certificates::read(&pairs)?),
            Source::Acme(acme) => {
                protocols.push(ACME_TLS.to_vec());
                acme.certificates()
            }
        };
        let mut config = config(&certificates, authorities.as_deref())?;
        config.alpn_protocols = protocols;
        Ok(Self {
            config: ArcSwap::from_pointee(config),
            certificates,
            pairs,
            pair_files,
            authorities,
            authority_file,
            computing: Semaphore::new(available_parallelism().map_or(1, |processors| processors.get().div_ceil(2))),
        })
    }

    /// The handshake of a client, which has so long for it.
    ///
    /// # Errors
    /// It speaks no TLS, or none that is safe, or wants what we do not have; or it was too slow.
    pub async fn accept<I>(&self, io: I, patience: Duration) -> Result<Secured<I>, Failed<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let late = |_| Failed {
            io: None,
            cause: io::ErrorKind::TimedOut.into(),
        };
        let stream = timeout(patience, self.handshake(io)).await.map_err(late)??;
        let connection = stream.get_ref().1;
        if connection.alpn_protocol() == Some(ACME_TLS) {
            let cause = io::Error::other("an authority has seen that the name is ours");
            return Err(Failed {
                io: Some(stream.into_inner().0),
                cause,
            });
        }
        let security = security(connection);
        let io = Box::new(stream);
        Ok(Secured { io, security })
    }

    async fn handshake<I>(&self, io: I) -> Result<TlsStream<I>, Failed<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let mut acceptor = LazyConfigAcceptor::new(Acceptor::default(), io);
        let hello = match (&mut acceptor).await {
            Ok(hello) => hello,
            Err(cause) => {
                let io = acceptor.take_io();
                return Err(Failed { io, cause });
            }
        };
        // nobody closes it
        let turn = self.computing.acquire().await;
        let limit = |connection: &mut ServerConnection| connection.set_buffer_limit(Some(BUFFER_BYTES));
        let accept = hello.into_stream_with(self.config.load_full(), limit);
        drop(turn);
        accept
            .into_fallible()
            .await
            .map_err(|(cause, io)| Failed { io: Some(io), cause })
    }

    /// Does one of our certificates say that this host is ours?
    pub fn proves(&self, host: &str) -> bool {
        self.certificates.name(host)
    }

    /// Reads the files again, if there is cause to. What cannot be used leaves everything as it is.
    pub fn look(&self, cause: Cause) {
        if self.pair_files.has_changed(cause) {
            let read = self.certificates.read_again(&self.pairs);
            told("certificates", &self.pairs[0].certificate, read);
        }
        if self.authority_file.has_changed(cause)
            && let Some(file) = &self.authorities
        {
            // with new keys for tickets: those that are out tell of certificates of before
            let read = config(&self.certificates, Some(file)).map(|mut config| {
                config.alpn_protocols.clone_from(&self.config.load().alpn_protocols);
                self.config.store(Arc::new(config));
            });
            told("authorities of clients", file, read);
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Looks after the files of several listeners for as long as it runs.
pub async fn watch(all: Arc<[Arc<Tls>]>, interval: Duration) {
    loop {
        sleep(interval).await;
        look(&all, Cause::Time).await;
    }
}

/// Looks after them now. Folders may lie on a network.
pub async fn look(all: &Arc<[Arc<Tls>]>, cause: Cause) {
    let all = Arc::clone(all);
    // a panic has been told by itself
    let _ = tokio::task::spawn_blocking(move || all.iter().for_each(|tls| tls.look(cause))).await;
}

fn told(what: &'static str, file: &Path, read: Result<(), FileError>) {
    match read {
        Ok(()) => info!(what, file = %file.display(), "read again"),
        Err(cause) => warn!(what, %cause, "cannot be read again; what was read before stays in force"),
    }
}

fn config(certificates: &Arc<Certificates>, authorities: Option<&Path>) -> Result<ServerConfig, FileError> {
    let provider = Arc::new(default_provider());
    let nowhere = |error: rustls::Error| FileError::new(Path::new("TLS"), error);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(nowhere)?;
    let builder = match authorities {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(file)?), provider).allow_unauthenticated();
            builder.with_client_cert_verifier(verifier.build().map_err(|error| FileError::new(file, error))?)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::clone(certificates) as _);
    config.ticketer = Ticketer::new().map_err(nowhere)?;
    // the client keeps what is needed to resume
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(config)
}

fn roots(file: &Path) -> Result<RootCertStore, FileError> {
    let mut roots = RootCertStore::empty();
    let wrong = |error: &dyn fmt::Display| FileError::new(file, error);
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))? {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() {
        return Err(wrong(&"holds no certificate"));
    }
    Ok(roots)
}

fn security(connection: &ServerConnection) -> PeerSecurity {
    let shown = connection.peer_certificates().and_then(<[_]>::first);
    PeerSecurity::Tls {
        version: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
            _ => TlsVersion::V1_2,
        },
        certificate: shown.map(|certificate| Sha256::digest(certificate).into()),
    }
}

impl FileError {
    fn new(file: &Path, problem: impl fmt::Display) -> Self {
        Self {
            file: file.to_owned(),
            problem: problem.to_string(),
        }
    }
}
