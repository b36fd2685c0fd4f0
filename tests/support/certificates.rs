//! A certificate authority for one test, with server certificates to accept and to refuse and a client's own, as PEM files
//! in a folder that goes away with it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::server::{Identity, Tls};

/// The name on the certificate that was made for somebody else.
pub const OTHER_NAME: &str = "elsewhere.test";

/// `id-on-xmppAddr` (RFC 6120 section 13.7.1.4).
const XMPP_ADDR: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 5];

/// From the first year to the second. ejabberd sets a timer for the end, which must not be more than some centuries away.
const CURRENT: [i32; 2] = [2020, 2050];
const LONG_AGO: [i32; 2] = [2001, 2002];

pub struct Certificates {
    /// Whom to trust.
    pub authority: PathBuf,
    /// In order: current, for the right name, signed by the authority.
    pub good: Identity,
    pub expired: Identity,
    pub wrong_name: Identity,
    /// Signed by an authority of the same name that nobody trusts.
    pub unknown: Identity,
    /// What a client shows to a server that asks: it has the name, and is `alice` there.
    pub client: Identity,
    _folder: TempDir,
}

impl Certificates {
    /// For a server (and a client) of this DNS name.
    pub fn make(name: &str) -> Self {
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let path = folder.path();
        let authority = path.join("authority.pem");
        let (known, text) = issuer();
        std::fs::write(&authority, text).expect("the authority's certificate");
        let (stranger, _) = issuer();
        let server = |name: &str| params(name, ExtendedKeyUsagePurpose::ServerAuth);
        let mut old = server(name);
        limit(&mut old, LONG_AGO);
        let mut client = params(name, ExtendedKeyUsagePurpose::ClientAuth);
        client
            .subject_alt_names
            .push(SanType::OtherName((XMPP_ADDR.to_vec(), format!("alice@{name}").into())));
        Self {
            authority,
            good: sign(path, "good", &server(name), &known),
            expired: sign(path, "expired", &old, &known),
            wrong_name: sign(path, "wrong-name", &server(OTHER_NAME), &known),
            unknown: sign(path, "unknown", &server(name), &stranger),
            client: sign(path, "client", &client, &known),
            _folder: folder,
        }
    }

    /// What a server may ask for that is reached in plain text, with the keys of a `[[domain]]` that reach it so; and the same with STARTTLS.
    pub fn plain_and_starttls(&self) -> [(Tls, String); 2] {
        let trust = format!("ca_file = '{}'", self.authority.display());
        [
            (Tls::None, "tls = 'none'".to_owned()),
            (Tls::Required(self.good.clone()), trust),
        ]
    }
}

/// The SHA-256 of its certificate, in hexadecimal digits.
pub fn fingerprint(identity: &Identity) -> String {
    let certificate = CertificateDer::from_pem_file(&identity.certificate).expect("certificate");
    Sha256::digest(&certificate)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn limit(params: &mut CertificateParams, [from, to]: [i32; 2]) {
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
}

/// An authority, and its certificate as PEM.
fn issuer() -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::default();
    limit(&mut params, CURRENT);
    params.distinguished_name.push(DnType::CommonName, "boshd's tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().expect("key");
    let certificate = params.self_signed(&key).expect("certificate").pem();
    (Issuer::new(params, key), certificate)
}

fn params(name: &str, purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).expect("DNS name");
    limit(&mut params, CURRENT);
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    params
}

fn sign(folder: &Path, file: &str, params: &CertificateParams, issuer: &Issuer<'static, KeyPair>) -> Identity {
    let key = KeyPair::generate().expect("key");
    let identity = Identity {
        certificate: folder.join(format!("{file}.pem")),
        key: folder.join(format!("{file}.key")),
    };
    let certificate = params.signed_by(&key, issuer).expect("certificate");
    std::fs::write(&identity.certificate, certificate.pem()).expect("certificate");
    std::fs::write(&identity.key, key.serialize_pem()).expect("key");
    identity
}
