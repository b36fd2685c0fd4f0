//! Our certificates, and which of them a client is shown: for the name that it asks for (SNI), the exact one before a wildcard, of those the
//! first whose signatures it can check. A client that names nobody, or somebody else, is shown the first of all, for it to judge.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::validity::Validity;
use super::{ACME_TLS, FileError};

/// A label that no certificate names, so that whoever proves a host of it has a wildcard.
const NOBODY: &str = "boshd-names-nobody";

/// Files in PEM: a chain of certificates, ours first, and the key. They may be the same file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// All certificates of a listener, or of several.
#[derive(Default)]
pub struct Certificates {
    current: ArcSwap<Vec<Arc<CertifiedKey>>>,
    /// For an authority that wants to see that a name is ours.
    challenges: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

/// How well a certificate fits a name; the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fit {
    Exact,
    Wildcard,
    Other,
}

impl Certificates {
    /// # Errors
    /// A file cannot be read, or a key is not its certificate's.
    pub fn read(pairs: &[Pair]) -> Result<Self, FileError> {
        let certificates = Self::default();
        certificates.read_again(pairs).map(|()| certificates)
    }

    /// All of them, or none.
    pub(super) fn read_again(&self, pairs: &[Pair]) -> Result<(), FileError> {
        let read = pairs.iter().map(Pair::read).collect::<Result<_, _>>()?;
        self.current.store(Arc::new(read));
        Ok(())
    }

    /// From now on there is this one alone.
    pub(super) fn put(&self, certificate: CertifiedKey) {
        self.current.store(Arc::new(vec![Arc::new(certificate)]));
    }

    /// Of the first one.
    pub(super) fn validity(&self) -> Option<Validity> {
        Validity::of(self.current.load().first()?.end_entity_cert().ok()?)
    }

    /// Is it proven by the first one that these names are ours?
    pub(super) fn prove(&self, names: &[String]) -> bool {
        let current = self.current.load();
        let proves = |first: &Arc<CertifiedKey>| names.iter().all(|name| fit(first, name) != Fit::Other);
        current.first().is_some_and(proves)
    }

    /// Does any of them name this host?
    pub(super) fn name(&self, host: &str) -> bool {
        self.current.load().iter().any(|one| fit(one, host) != Fit::Other)
    }

    /// What an authority is to see that asks for this name.
    pub(super) fn challenge(&self, name: &str, certificate: CertifiedKey) {
        self.challenges().insert(name.to_owned(), Arc::new(certificate));
    }

    pub(super) fn no_more_challenges(&self) {
        self.challenges().clear();
    }

    fn challenges(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<CertifiedKey>>> {
        self.challenges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        if hello.alpn().is_some_and(|offered| offered.eq([ACME_TLS])) {
            return self.challenges().get(name?).cloned();
        }
        let current = self.current.load();
        let readable = current
            .iter()
            .filter(|one| one.key.choose_scheme(hello.signature_schemes()).is_some());
        readable
            .min_by_key(|one| name.map_or(Fit::Other, |name| fit(one, name)))
            .cloned()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

fn fit(certificate: &CertifiedKey, name: &str) -> Fit {
    let parsed = certificate.end_entity_cert().and_then(ParsedCertificate::try_from);
    let Ok(parsed) = parsed else { return Fit::Other };
    let proves = |name: &str| ServerName::try_from(name).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok());
    if !proves(name) {
        return Fit::Other;
    }
    match name.split_once('.') {
        Some((_, parent)) if proves(&format!("{NOBODY}.{parent}")) => Fit::Wildcard,
        _ => Fit::Exact,
    }
}

impl Pair {
    fn read(&self) -> Result<Arc<CertifiedKey>, FileError> {
        let chain = bytes(&self.certificate)?;
        let key = bytes(&self.key)?;
        certified(&chain, &key).map(Arc::new).map_err(|problem| match problem {
            Problem::Certificate(problem) => FileError::new(&self.certificate, problem),
            Problem::Key(problem) => FileError::new(&self.key, problem),
        })
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(file).map_err(|error| FileError::new(file, error))
}

/// Which of the two cannot be used, and why.
#[derive(Debug)]
pub(super) enum Problem {
    Certificate(String),
    Key(String),
}

/// A chain of certificates and its key, both in PEM.
pub(super) fn certified(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, Problem> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|error| Problem::Certificate(error.to_string()))?;
    let first = chain
        .first()
        .ok_or_else(|| Problem::Certificate("holds no certificate".to_owned()))?;
    ParsedCertificate::try_from(first).map_err(|error| Problem::Certificate(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| Problem::Key(format!("no private key: {error}")))?;
    CertifiedKey::from_der(chain, key, &default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => Problem::Key("is not the key of the certificate".to_owned()),
        error => Problem::Key(error.to_string()),
    })
}
