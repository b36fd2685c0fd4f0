//! An authority that certifies our own listener's names, through an intermediate one as real ones do, and clients that believe it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use boshd::front::door::Door;
use boshd::front::tls::certificates::Pair;
use boshd::front::tls::{Source, Tls};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm, date_time_ymd,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What a handshake leads to.
pub type Visit = TlsStream<TcpStream>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    Ecdsa,
    Rsa,
}

pub struct Authority {
    pub root: PathBuf,
    intermediate: Issuer<'static, KeyPair>,
    intermediate_pem: String,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let of_authority = |name: &str| {
            let mut params = params(&[]);
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            (params, KeyPair::generate().expect("key"))
        };
        let (params, key) = of_authority("boshd's tests: root");
        let root = folder.path().join("root.pem");
        std::fs::write(&root, params.self_signed(&key).expect("root").pem()).expect("root");
        let issuer = Issuer::new(params, key);
        let (params, key) = of_authority("boshd's tests: intermediate");
        let intermediate_pem = params.signed_by(&key, &issuer).expect("intermediate").pem();
        Self {
            root,
            intermediate: Issuer::new(params, key),
            intermediate_pem,
            folder,
        }
    }

    /// Files for a server of these names, written now.
    pub fn certifies(&self, file: &str, names: &[&str], algorithm: Algorithm) -> Pair {
        let mut params = params(names);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.write(file, params, algorithm)
    }

    /// The same, good from the first of these years to the second.
    pub fn certifies_between(&self, file: &str, names: &[&str], [from, until]: [i32; 2]) -> Pair {
        let mut params = params(names);
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.write(file, params, Algorithm::Ecdsa)
    }

    /// The same for a client.
    pub fn certifies_client(&self, file: &str) -> Pair {
        let mut params = params(&[file]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.write(file, params, Algorithm::Ecdsa)
    }

    fn write(&self, file: &str, mut params: CertificateParams, algorithm: Algorithm) -> Pair {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(algorithm.of_keys()).expect("key");
        let leaf = params.signed_by(&key, &self.intermediate).expect("certificate").pem();
        let path = |extension: &str| self.folder.path().join(format!("{file}.{extension}"));
        let pair = Pair {
            certificate: path("pem"),
            key: path("key"),
        };
        std::fs::write(&pair.certificate, [&leaf, &*self.intermediate_pem].concat()).expect("certificate");
        std::fs::write(&pair.key, key.serialize_pem()).expect("key");
        pair
    }

    /// A client that believes this authority, which may be changed further.
    pub fn client(&self) -> ClientConfig {
        self.client_with(aws_lc_rs::default_provider(), None)
    }

    pub fn client_with(&self, provider: CryptoProvider, identity: Option<&Pair>) -> ClientConfig {
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = builder.with_root_certificates(roots(&self.root));
        match identity {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let key = PrivateKeyDer::from_pem_file(&pair.key).expect("key");
                builder
                    .with_client_auth_cert(chain(&pair.certificate), key)
                    .expect("identity")
            }
        }
    }
}

impl Algorithm {
    fn of_keys(self) -> &'static SignatureAlgorithm {
        match self {
            Self::Ecdsa => &PKCS_ECDSA_P256_SHA256,
            Self::Rsa => &PKCS_RSA_SHA256,
        }
    }
}

/// A listener with these certificates.
pub fn door(pairs: &[&Pair]) -> Door {
    let pairs = pairs.iter().map(|pair| (*pair).clone()).collect();
    Door {
        tls: Some(Arc::new(Tls::new(Source::Files(pairs), None).expect("certificates"))),
        ..Door::default()
    }
}

/// Connects, and asks for this name.
pub async fn visit(address: SocketAddr, name: &str, config: &Arc<ClientConfig>) -> io::Result<Visit> {
    let io = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).expect("name");
    TlsConnector::from(Arc::clone(config)).connect(name, io).await
}

/// The server's certificate as it was shown.
pub fn shown(visit: &Visit) -> CertificateDer<'static> {
    visit.get_ref().1.peer_certificates().expect("certificates")[0]
        .clone()
        .into_owned()
}

/// The first certificate of a file.
pub fn first(pair: &Pair) -> CertificateDer<'static> {
    chain(&pair.certificate).swap_remove(0)
}

fn chain(file: &std::path::Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file)
        .expect("PEM")
        .map(|each| each.expect("certificate"))
        .collect()
}

fn roots(file: &std::path::Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    chain(file).into_iter().for_each(|each| roots.add(each).expect("root"));
    roots
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2050, 1, 1));
    params
}
