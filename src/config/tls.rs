//! HTTPS at a `[[listen]]`: our certificates, from files or by ACME, those of clients, and where a listener sends everybody on.

use std::net::IpAddr;

use super::reader::Section;
use super::value::{Raw, Value, any, entries};
use crate::xmpp;

/// Let's Encrypt, whose certificates every browser believes.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// What a `[[listen]]` says about HTTPS.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Https {
    /// `listen.tls`; absent: plain HTTP.
    pub certificates: Option<Certificates>,
    /// Whose certificates clients may show.
    pub client_ca_file: Option<String>,
    /// `https://`, a host and perhaps a port, where clients are sent instead of being served.
    pub redirect: Option<String>,
}

/// Where certificates come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Certificates {
    /// At least one.
    Files(Vec<CertificateFiles>),
    Acme(Acme),
}

/// Files in PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateFiles {
    pub certificate: String,
    pub key: String,
}

/// A certificate that an authority gives to whoever shows that the names are his (RFC 8555, RFC 8737).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acme {
    /// All in one certificate.
    pub domains: Vec<String>,
    /// URIs, such as `mailto:admin@example.org`.
    pub contact: Vec<String>,
    pub directory: String,
    /// A folder for keys and certificates.
    pub cache: String,
    /// Whom to trust to be the directory; absent: the system's authorities.
    pub ca_file: Option<String>,
}

impl Https {
    pub(super) const OFF: Self = Self {
        certificates: None,
        client_ca_file: None,
        redirect: None,
    };

    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let certificates = section.optional("tls", any);
        let encrypted = certificates.is_some();
        let client_ca_file = section.optional("client_ca_file", |file: &String| match encrypted {
            true => filled(file),
            false => Err("clients show certificates in TLS only: set tls, too".to_owned()),
        });
        Self {
            certificates,
            client_ca_file,
            redirect: section.optional("redirect", |base: &String| origin(base)),
        }
    }
}

impl Value for Certificates {
    fn parse(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Table(table) if table.iter().any(|(key, _)| key == "acme") => {
                let [acme] = entries(raw, ["acme"])?;
                Acme::parse(acme.unwrap_or(raw)).map(Self::Acme)
            }
            Raw::List(list) if !list.is_empty() => Vec::parse(raw).map(Self::Files),
            Raw::List(_) => Err("names no certificate".to_owned()),
            _ => Ok(Self::Files(vec![CertificateFiles::parse(raw)?])),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Files(files) if files.len() == 1 => files[0].show(),
            Self::Files(files) => files.show(),
            Self::Acme(acme) => format!("{{ acme = {} }}", acme.show()),
        }
    }
}

impl Value for CertificateFiles {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let [certificate, key] = entries(raw, ["certificate", "key"])?;
        let file = |raw: Option<&Raw>| {
            let file = String::parse(raw.ok_or("a certificate and its key are needed")?)?;
            filled(&file).map(|()| file)
        };
        Ok(Self {
            certificate: file(certificate)?,
            key: file(key)?,
        })
    }

    fn show(&self) -> String {
        let Self { certificate, key } = self;
        format!("{{ certificate = {certificate:?}, key = {key:?} }}")
    }
}

impl Value for Acme {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let [domains, contact, directory, cache, ca_file] =
            entries(raw, ["domains", "contact", "directory", "cache", "ca_file"])?;
        let acme = Self {
            domains: Vec::parse(domains.ok_or("acme needs domains")?)?,
            contact: contact.map(Vec::parse).transpose()?.unwrap_or_default(),
            directory: directory.map_or_else(|| Ok(DIRECTORY.to_owned()), String::parse)?,
            cache: String::parse(cache.ok_or("acme needs cache, a folder for keys and certificates")?)?,
            ca_file: ca_file.map(String::parse).transpose()?,
        };
        acme.check().map(|()| acme)
    }

    fn show(&self) -> String {
        let Self {
            domains,
            contact,
            directory,
            cache,
            ca_file,
        } = self;
        let ca_file = ca_file.iter().map(|file| format!(", ca_file = {file:?}")).collect::<String>();
        format!(
            "{{ domains = {}, contact = {}, directory = {directory:?}, cache = {cache:?}{ca_file} }}",
            domains.show(),
            contact.show()
        )
    }
}

impl Acme {
    fn check(&self) -> Result<(), String> {
        if self.domains.is_empty() {
            return Err("acme needs domains".to_owned());
        }
        // whoever shows a certificate shows it for one name at a time
        let is_name = |name: &str| xmpp::Domain::parse(name).is_some() && !name.contains('*') && name.parse::<IpAddr>().is_err();
        if let Some(name) = self.domains.iter().find(|name| !is_name(name)) {
            return Err(format!(
                "{name:?} is not a name that can be proven by TLS-ALPN-01; wildcards cannot"
            ));
        }
        if let Some(contact) = self.contact.iter().find(|contact| !contact.contains(':')) {
            return Err(format!("{contact:?} is not a URI, such as \"mailto:{contact}\""));
        }
        if !self.directory.starts_with("https://") {
            return Err(format!("{:?} does not begin with https://", self.directory));
        }
        let files = [Some(&self.cache), self.ca_file.as_ref()];
        files.into_iter().flatten().try_for_each(|file| filled(file))
    }
}

pub(super) fn filled(file: &str) -> Result<(), String> {
    if file.is_empty() {
        Err("names no file".to_owned())
    } else {
        Ok(())
    }
}

/// What a path is put behind.
fn origin(base: &str) -> Result<(), String> {
    let is_name = |host: &str| host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    match base.strip_prefix("https://").and_then(xmpp::host_and_port) {
        Some((host, _)) if is_name(&host) || base.contains('[') => Ok(()),
        _ => Err(format!("{base:?} is not \"https://\" and a host, without a path")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificates(text: &str) -> Result<Certificates, String> {
        Certificates::parse(&Raw::from_variable(text))
    }

    #[test]
    fn one_certificate_or_several() {
        let pair = |name: &str| CertificateFiles {
            certificate: format!("{name}.pem"),
            key: format!("{name}.key"),
        };
        let one = "{ certificate = \"a.pem\", key = \"a.key\" }";
        let two = "{ certificate = \"b.pem\", key = \"b.key\" }";
        assert_eq!(certificates(one), Ok(Certificates::Files(vec![pair("a")])));
        let both = format!("[{one}, {two}]");
        let read = certificates(&both).unwrap();
        assert_eq!(read, Certificates::Files(vec![pair("a"), pair("b")]));
        assert_eq!(read.show(), both);
        for bad in [
            "[]",
            "{ certificate = 'a' }",
            "{ certificate = 'a', key = '' }",
            "{ cert = 'a', key = 'b' }",
            "7",
        ] {
            assert!(certificates(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_certificate_by_acme() {
        let short = "{ acme = { domains = ['a.example'], cache = '/c' } }";
        let Ok(Certificates::Acme(acme)) = certificates(short) else {
            panic!("{:?}", certificates(short));
        };
        assert_eq!((acme.directory.as_str(), acme.contact.len()), (DIRECTORY, 0));
        let shown = Certificates::Acme(acme.clone()).show();
        assert_eq!(certificates(&shown), Ok(Certificates::Acme(acme)));
        for bad in [
            "{ acme = { cache = '/c' } }",
            "{ acme = { domains = ['a.example'] } }",
            "{ acme = { domains = [], cache = '/c' } }",
            "{ acme = { domains = ['*.a.example'], cache = '/c' } }",
            "{ acme = { domains = ['192.0.2.1'], cache = '/c' } }",
            "{ acme = { domains = ['a.example'], cache = '/c', contact = ['me@a.example'] } }",
            "{ acme = { domains = ['a.example'], cache = '/c', directory = 'http://d' } }",
            "{ acme = { domains = ['a.example'], cache = '/c' }, key = 'k' }",
        ] {
            assert!(certificates(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn redirects_lead_to_a_host() {
        for good in ["https://a.example", "https://a.example:8443", "https://[2001:db8::1]:8443"] {
            assert_eq!(origin(good), Ok(()));
        }
        for bad in [
            "http://a.example",
            "a.example",
            "https://",
            "https://a.example/",
            "https://a.example/x",
            "https://a b",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
