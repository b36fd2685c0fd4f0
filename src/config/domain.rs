//! `[[domain]]`: which domains are served, where their servers are, and how the way there is secured.

use std::net::IpAddr;
use std::time::Duration;

use super::reader::Section;
use super::tls::{CertificateFiles, filled};
use super::upstream::{Reach, Upstream};
use super::value::{Raw, Value, any, choice, entries, name, seconds_or_none};
use crate::xmpp;

/// One `[[domain]]`; the first that matches counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Domain {
    /// A domain, `*` for any, or `*.example.org` for any below that one.
    pub name: String,
    /// Empty: by DNS.
    pub servers: Vec<Server>,
    pub tls: Option<Tls>,
    /// The name that a certificate must prove; absent: the domain.
    pub server_name: Option<String>,
    /// Whom to trust; absent: the system's roots.
    pub ca_file: Option<String>,
    /// Certificates to trust instead, by their SHA-256.
    pub pins: Vec<[u8; 32]>,
    pub client_certificate: Option<CertificateFiles>,
    pub proxy_protocol: ProxyProtocol,
    pub delivery: bool,
    /// Zero: an aborted request means nothing.
    pub leave_after: Duration,
    pub reach: Reach,
}

/// One of `domain.servers`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Server {
    /// A name, or an address without brackets.
    pub host: String,
    pub port: u16,
    pub priority: u16,
    pub weight: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tls {
    Direct,
    StartTls,
    None,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyProtocol {
    Off,
    V1,
    V2,
}

/// A certificate's SHA-256, as `openssl x509 -fingerprint -sha256` prints it, with colons or without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pin([u8; 32]);

const TLS: [(&str, Tls); 3] = [("direct", Tls::Direct), ("starttls", Tls::StartTls), ("none", Tls::None)];

const PROXY_PROTOCOL: [(&str, ProxyProtocol); 3] = [
    ("off", ProxyProtocol::Off),
    ("v1", ProxyProtocol::V1),
    ("v2", ProxyProtocol::V2),
];

impl Domain {
    /// What a domain does not say itself is as `[upstream]` says, which is read later.
    pub(super) fn read(section: &mut Section<'_>) -> impl FnOnce(&Upstream) -> Self + use<> {
        let name = section.need("name", |name: &String| pattern(name)).unwrap_or_default();
        let servers = section.get("servers", Vec::new(), any::<Vec<Server>>);
        let tls = section.optional("tls", any);
        if tls.is_none() {
            section.shown("tls", if servers.is_empty() { "as DNS says" } else { "\"starttls\"" });
        }
        let server_name = section.optional("server_name", |name: &String| {
            let domain = xmpp::Domain::parse(name).map(drop);
            domain.ok_or_else(|| format!("{name:?} is not a name that a certificate can have"))
        });
        let ca_file = section.optional("ca_file", |file: &String| filled(file));
        let pins = section.optional("pins", any::<Vec<Pin>>).unwrap_or_default();
        let client_certificate = section.optional("client_certificate", any);
        let proxy_protocol = section.get("proxy_protocol", ProxyProtocol::Off, any);
        let delivery = section.get("delivery", true, any);
        let leave_after = section.get("leave_after", Duration::ZERO, seconds_or_none);
        let own = Reach::own(section);
        move |upstream| Self {
            name,
            servers,
            tls,
            server_name,
            ca_file,
            pins: pins.into_iter().map(|Pin(pin)| pin).collect(),
            client_certificate,
            proxy_protocol,
            delivery,
            leave_after,
            reach: own(&upstream.reach),
        }
    }

    /// Does this entry match everything that another one matches?
    pub(super) fn covers(&self, other: &Self) -> bool {
        match self.name.strip_prefix('*') {
            Some(tail) => other.name.ends_with(tail),
            None => self.name.eq_ignore_ascii_case(&other.name),
        }
    }

    /// Servers that can only be reached across the public network, without protection.
    pub(super) fn exposed_servers(&self) -> impl Iterator<Item = String> {
        let exposed = |server: &&Server| self.tls == Some(Tls::None) && server.host.parse().is_ok_and(is_public);
        self.servers.iter().filter(exposed).map(Value::show)
    }
}

impl Value for Server {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let Raw::Text(text) = raw else {
            let [address, priority, weight] = entries(raw, ["address", "priority", "weight"])?;
            let number = |raw: Option<&Raw>, default| match raw.map(usize::parse).transpose()? {
                None => Ok(default),
                Some(number) => u16::try_from(number).map_err(|_| format!("{number} is above 65535")),
            };
            return Ok(Self {
                priority: number(priority, 0)?,
                weight: number(weight, 1)?,
                ..Self::parse(address.ok_or("a server needs an address")?)?
            });
        };
        let bad = || {
            format!("{text:?} is not a host with a port, such as \"10.0.0.5:5222\", \"[fd00::5]:5222\", \"xmpp.internal:5222\"")
        };
        match xmpp::host_and_port(text) {
            // an address without brackets could as well end in a port
            Some((host, Some(port))) if text.starts_with('[') || xmpp::Domain::parse(&host).is_some() => Ok(Self {
                host,
                port,
                priority: 0,
                weight: 1,
            }),
            _ => Err(bad()),
        }
    }

    fn show(&self) -> String {
        let Self {
            host,
            port,
            priority,
            weight,
        } = self;
        let address = match host.contains(':') {
            true => format!("\"[{host}]:{port}\""),
            false => format!("\"{host}:{port}\""),
        };
        match (priority, weight) {
            (0, 1) => address,
            _ => format!("{{ address = {address}, priority = {priority}, weight = {weight} }}"),
        }
    }
}

impl Value for Tls {
    fn parse(raw: &Raw) -> Result<Self, String> {
        choice(raw, &TLS)
    }

    fn show(&self) -> String {
        name(*self, &TLS)
    }
}

impl Value for ProxyProtocol {
    fn parse(raw: &Raw) -> Result<Self, String> {
        choice(raw, &PROXY_PROTOCOL)
    }

    fn show(&self) -> String {
        name(*self, &PROXY_PROTOCOL)
    }
}

impl Value for Pin {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let text = String::parse(raw)?;
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let bytes: Option<Vec<u8>> = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let fingerprint = bytes.filter(|_| digits.len() == 64).and_then(|bytes| bytes.try_into().ok());
        fingerprint
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a SHA-256 as \"openssl x509 -fingerprint -sha256\" prints it"))
    }

    fn show(&self) -> String {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{digits:?}")
    }
}

pub(super) fn pattern(name: &str) -> Result<(), String> {
    let domain = name.strip_prefix("*.").unwrap_or(name);
    if name == "*" || (!domain.contains('*') && xmpp::Domain::parse(domain).is_some()) {
        return Ok(());
    }
    Err(format!(
        "{name:?} is neither a domain nor \"*\" nor \"*.\" with a domain behind it"
    ))
}

pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Result<Server, String> {
        Server::parse(&Raw::from_variable(text))
    }

    #[test]
    fn hosts_with_ports() {
        let parts = |text: &str| server(text).map(|server| (server.host, server.port));
        assert_eq!(parts("10.0.0.5:5222"), Ok(("10.0.0.5".to_owned(), 5222)));
        assert_eq!(parts("[fd00::5]:5222"), Ok(("fd00::5".to_owned(), 5222)));
        assert_eq!(parts("xmpp.internal:5222"), Ok(("xmpp.internal".to_owned(), 5222)));
        for bad in [
            "example.org",
            "example.org:0",
            ":5222",
            "fd00::5:5222",
            "[fd00::5:5222",
            "a b:1",
            "a:99999",
        ] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn servers_have_priorities_and_weights() {
        let written = r#"{ address = "[fd00::5]:5222", priority = 1, weight = 0 }"#;
        let parsed = server(written).expect("a server");
        assert_eq!((parsed.priority, parsed.weight), (1, 0));
        assert_eq!(parsed.show(), written);
        assert_eq!(
            server(r#"{ address = "a:1" }"#).map(|server| server.show()),
            Ok("\"a:1\"".to_owned())
        );
        for bad in [
            "{}",
            "{ address = 'a:1', wieght = 1 }",
            "{ address = 'a:1', weight = 65536 }",
            "7",
        ] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pins_are_fingerprints() {
        let pin = |text: &str| Pin::parse(&Raw::Text(text.to_owned()));
        let colons = ["AB"; 32].join(":");
        assert_eq!(pin(&colons), Ok(Pin([0xab; 32])));
        assert_eq!(pin(&"ab".repeat(32)), pin(&colons));
        for bad in ["", "ab", &"xy".repeat(32), &"ab".repeat(33)] {
            assert!(pin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns() {
        assert!(["*", "*.example.org", "example.org"].iter().all(|name| pattern(name).is_ok()));
        assert!(["", "*.", "a.*", "**", "a@b"].iter().all(|name| pattern(name).is_err()));
    }

    #[test]
    fn what_is_never_reached() {
        let domain = |name: &str| Domain {
            name: name.to_owned(),
            servers: Vec::new(),
            tls: None,
            server_name: None,
            ca_file: None,
            pins: Vec::new(),
            client_certificate: None,
            proxy_protocol: ProxyProtocol::Off,
            delivery: true,
            leave_after: Duration::ZERO,
            reach: Reach::default(),
        };
        assert!(domain("*").covers(&domain("example.org")));
        assert!(domain("*.example.org").covers(&domain("a.example.org")));
        assert!(!domain("*.example.org").covers(&domain("example.org")));
        assert!(domain("Example.org").covers(&domain("example.org")));
    }
}
