//! Certificates by ACME (RFC 8555): an authority connects to us under each name, with a protocol of its own inside TLS (RFC 8737), and so
//! no other port or program is needed. One order at a time; until it succeeds, what there was before stays.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use instant_acme::{Account, AuthorizationStatus, ChallengeType, Identifier, Key, NewOrder, Order, OrderStatus, RetryPolicy};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::CertifiedKey;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::FileError;
use super::cache::Cache;
use super::certificates::{Certificates, Problem, certified};

/// Files in the cache.
const ACCOUNT: &str = "account.key";
const CERTIFICATE: &str = "certificate.pem";

/// An authority gives up within this, or never.
const ORDER: Duration = Duration::from_secs(300);

/// Behind a failure; then twice as long, up to the most. Let's Encrypt allows five failures an hour.
const RETRY: Duration = Duration::from_secs(120);
const RETRY_MOST: Duration = Duration::from_secs(3600);

/// The wall clock is looked at again at least so often: it may have been set, or the machine have slept.
const NAP: Duration = Duration::from_secs(3600);

/// What an operator decides about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// All in one certificate.
    pub domains: Vec<String>,
    /// URIs by which the authority reaches the operator.
    pub contact: Vec<String>,
    /// The authority's URL.
    pub directory: String,
    /// A folder.
    pub cache: PathBuf,
    /// The authority's own authority; `None`: the system's.
    pub ca_file: Option<PathBuf>,
}

/// One certificate, and how it is renewed.
pub struct Acme {
    options: Options,
    cache: Cache,
    certificates: Arc<Certificates>,
}

/// Why an order came to nothing.
#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error(transparent)]
    Acme(#[from] instant_acme::Error),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Key(#[from] rcgen::Error),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    #[error("the authority offers no tls-alpn-01 for {0}")]
    NotOffered(String),
    #[error("the authority has not seen that {0}")]
    NotShown(String),
    #[error("the certificate cannot be used: {0:?}")]
    Unusable(Problem),
    #[error("the authority took too long")]
    Late,
}

impl Acme {
    /// With the certificate of the last time, if there is one.
    ///
    /// # Errors
    /// The cache cannot be used.
    pub fn new(options: Options) -> Result<Self, FileError> {
        let cache = Cache::open(&options.cache, &options.directory)?;
        let certificates = Arc::new(Certificates::default());
        if let Some(pem) = cache.read(CERTIFICATE)? {
            match certified(&pem, &pem) {
                Ok(certificate) => certificates.put(certificate),
                Err(problem) => warn!(file = %cache.path(CERTIFICATE).display(), ?problem, "no certificate; another is ordered"),
            }
        }
        Ok(Self {
            options,
            cache,
            certificates,
        })
    }

    pub(super) fn certificates(&self) -> Arc<Certificates> {
        Arc::clone(&self.certificates)
    }

    /// Keeps the certificate fresh for as long as it runs.
    pub async fn run(&self) {
        let mut retry = RETRY;
        loop {
            self.until_due().await;
            info!(domains = ?self.options.domains, directory = self.options.directory, "ordering a certificate");
            let ordered = timeout(ORDER, self.order()).await.unwrap_or(Err(OrderError::Late));
            self.certificates.no_more_challenges();
            match ordered {
                Ok(()) => {
                    let until = self
                        .certificates
                        .validity()
                        .map(|validity| httpdate::fmt_http_date(validity.until));
                    info!(domains = ?self.options.domains, until, "a new certificate is in force");
                    retry = RETRY;
                }
                Err(error) => {
                    let cause = told(&error);
                    warn!(domains = ?self.options.domains, cause, again_in = ?retry, "no new certificate");
                    sleep(retry).await;
                    retry = (retry * 2).min(RETRY_MOST);
                }
            }
        }
    }

    /// Returns when another certificate is to be had: at once, if there is none for these names.
    async fn until_due(&self) {
        while let Some(validity) = self
            .certificates
            .validity()
            .filter(|_| self.certificates.prove(&self.options.domains))
        {
            #[expect(clippy::disallowed_methods, reason = "certificates are about the wall clock")]
            let left = validity.renewal().duration_since(SystemTime::now());
            match left {
                Ok(left) if !left.is_zero() => sleep(left.min(NAP)).await,
                _ => return,
            }
        }
    }

    async fn order(&self) -> Result<(), OrderError> {
        let account = self.account().await?;
        let names: Vec<_> = self.options.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        self.show(&mut order).await?;
        if order.poll_ready(&RetryPolicy::default()).await? != OrderStatus::Ready {
            return Err(OrderError::NotShown(refusal(&mut order).await?));
        }
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&RetryPolicy::default()).await?;
        let certificate = certified(chain.as_bytes(), key.as_bytes()).map_err(OrderError::Unusable)?;
        self.cache.write(CERTIFICATE, &[key, chain].concat())?;
        self.certificates.put(certificate);
        Ok(())
    }

    /// Ours at this authority, which makes one for a key that it does not know.
    async fn account(&self) -> Result<Account, OrderError> {
        let pem = match self.cache.read(ACCOUNT)? {
            Some(pem) => pem,
            None => {
                let pem = KeyPair::generate()?.serialize_pem();
                self.cache.write(ACCOUNT, &pem)?;
                pem.into_bytes()
            }
        };
        let wrong = |problem: &str| FileError::new(&self.cache.path(ACCOUNT), problem);
        let Ok(PrivateKeyDer::Pkcs8(der)) = PrivateKeyDer::from_pem_slice(&pem) else {
            return Err(wrong("holds no key").into());
        };
        let key = Key::from_pkcs8_der(der.clone_key()).map_err(|_| wrong("holds no key for ECDSA with P-256"))?;
        let builder = match &self.options.ca_file {
            Some(file) => Account::builder_with_root(file)?,
            None => Account::builder()?,
        };
        let key = (key, PrivateKeyDer::Pkcs8(der));
        let (account, _) = builder.create_from_key(key, self.options.directory.clone()).await?;
        if !self.options.contact.is_empty() {
            let contact: Vec<_> = self.options.contact.iter().map(String::as_str).collect();
            account.update_contacts(&contact).await?;
        }
        Ok(account)
    }

    /// Prepares for the authority's visits, and invites it.
    async fn show(&self, order: &mut Order) -> Result<(), OrderError> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            // it remembers visits for a while
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let name = authorization.identifier().to_string();
            let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
            let mut challenge = challenge.ok_or_else(|| OrderError::NotOffered(name.clone()))?;
            let answer = answer(&name, challenge.key_authorization().digest().as_ref())?;
            self.certificates.challenge(&name, answer);
            challenge.set_ready().await?;
        }
        Ok(())
    }
}

/// The certificate that the authority is to see: nobody else would believe it.
fn answer(name: &str, digest: &[u8]) -> Result<CertifiedKey, OrderError> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.der().clone();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    // that the two fit is not checked: the extension is critical, and rustls knows no such
    let key = default_provider().key_provider.load_private_key(key)?;
    Ok(CertifiedKey::new(vec![certificate], key))
}

/// What the authority has to say about an order that it refuses.
async fn refusal(order: &mut Order) -> Result<String, OrderError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        authorization.refresh().await?;
        let error = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(error) = error {
            return Ok(format!("{} is ours: {error}", authorization.identifier()));
        }
    }
    Ok("the names are ours".to_owned())
}

/// An error with what is behind it: that nobody listens is told at the bottom only.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let is_io = error.downcast_ref::<io::Error>().is_some();
        let text = error.to_string();
        if is_io || !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        cause = error.source();
    }
    said
}
