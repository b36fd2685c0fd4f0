//! Where clients come in, and who says which client it is: `[[listen]]`.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use super::address::{Address, tcp};
use super::domain::is_public;
use super::problem::Severity;
use super::reader::{Notes, Section};
use super::tls::Https;
use super::value::{Raw, Value, any, choice, name};
use crate::network::{LOOPBACK, Network};

/// One `[[listen]]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listen {
    pub address: Address,
    /// May another process listen there beside us?
    pub reuse_port: bool,
    pub client_address: ClientAddress,
    /// Networks whose word about it counts, besides whoever may open a Unix socket; `None`: [`LOOPBACK`], a proxy on the same machine.
    pub trusted_proxies: Option<Vec<String>>,
    pub https: Https,
}

/// The one source of a client's address that is believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientAddress {
    Socket,
    ProxyProtocol,
    Forwarded,
    XForwardedFor,
}

const CLIENT_ADDRESS: [(&str, ClientAddress); 4] = [
    ("socket", ClientAddress::Socket),
    ("proxy_protocol", ClientAddress::ProxyProtocol),
    ("forwarded", ClientAddress::Forwarded),
    ("x_forwarded_for", ClientAddress::XForwardedFor),
];

impl Listen {
    /// Where the sandbox listens: nobody else can reach it there.
    pub const SANDBOX: Self = Self::on(Address::Tcp(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5280))));

    /// With the default of each key.
    pub const fn on(address: Address) -> Self {
        Self {
            address,
            // Two processes on one port share its connections, and those that one has not accepted die with it.
            reuse_port: false,
            // Whoever connects is the client, unless the operator knows of a proxy.
            client_address: ClientAddress::Socket,
            trusted_proxies: None,
            https: Https::OFF,
        }
    }

    /// Another place for the sandbox, which anybody may use who can reach it.
    ///
    /// # Errors
    /// Not an address with a port, or others could reach it.
    pub fn loopback(text: &str) -> Result<Self, String> {
        let address = tcp(text)?;
        if !address.ip().is_loopback() {
            return Err(format!(
                "{address} can be reached by others; the sandbox, open to everybody, listens on loopback only"
            ));
        }
        Ok(Self::on(Address::Tcp(address)))
    }

    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::SANDBOX;
        let listen = Self {
            address: section.need("address", any).unwrap_or(default.address),
            reuse_port: section.get("reuse_port", default.reuse_port, any),
            client_address: section.get("client_address", default.client_address, any),
            trusted_proxies: section.optional("trusted_proxies", |networks: &Vec<String>| {
                networks.iter().try_for_each(|text| network(text))
            }),
            https: Https::read(section),
        };
        if listen.trusted_proxies.is_none() {
            section.shown("trusted_proxies", &LOOPBACK.map(str::to_owned).to_vec().show());
        }
        listen
    }

    /// What is wrong or unwise about one of them by itself: the key, and why.
    fn problems(&self) -> Vec<(Severity, &'static str, &'static str)> {
        use Severity::{Unwise, Wrong};
        let mut problems = Vec::new();
        let mut note = |holds: bool, severity, key, text| {
            if holds {
                problems.push((severity, key, text));
            }
        };
        let is_tcp = matches!(self.address, Address::Tcp(_));
        note(
            self.reuse_port && !is_tcp,
            Wrong,
            "reuse_port",
            "only TCP ports that we open ourselves can be shared",
        );
        let by_socket = self.client_address == ClientAddress::Socket;
        note(
            by_socket && matches!(self.address, Address::Unix(_)),
            Unwise,
            "client_address",
            "who comes by a Unix socket has no address: say how the proxy names its clients, or all count as one",
        );
        let trusted = self.trusted_proxies.as_deref().unwrap_or_default();
        note(
            by_socket && self.trusted_proxies.is_some() && trusted != LOOPBACK,
            Unwise,
            "trusted_proxies",
            "is not used: client_address = \"socket\" believes nobody's word",
        );
        let is_exposed = |address: &SocketAddr| address.ip().is_unspecified() || is_public(address.ip());
        let is_plain = self.https.certificates.is_none() && self.https.redirect.is_none();
        note(
            is_plain && by_socket && matches!(&self.address, Address::Tcp(address) if is_exposed(address)),
            Unwise,
            "address",
            "passwords may come in plain text from anywhere: set tls or redirect, or say by client_address that a proxy does HTTPS",
        );
        note(
            !by_socket && trusted.iter().any(|network| network.ends_with("/0")),
            Unwise,
            "trusted_proxies",
            "trusts everybody: any client can say that it is another",
        );
        problems
    }
}

/// Problems of each, and of several together.
pub(super) fn judge(listeners: &[Listen], notes: &mut Notes) {
    for (index, listen) in listeners.iter().enumerate() {
        let path = if listeners.len() > 1 {
            format!("listen[{}]", index + 1)
        } else {
            "listen".to_owned()
        };
        if listeners[..index]
            .iter()
            .any(|earlier| earlier.address.clashes(&listen.address))
        {
            let text = "another [[listen]] has that place already (\"[::]\" takes IPv4, too)".to_owned();
            notes.about(Severity::Wrong, &format!("{path}.address"), text);
        }
        for (severity, key, text) in listen.problems() {
            notes.about(severity, &format!("{path}.{key}"), text.to_owned());
        }
    }
}

impl Value for ClientAddress {
    fn parse(raw: &Raw) -> Result<Self, String> {
        choice(raw, &CLIENT_ADDRESS)
    }

    fn show(&self) -> String {
        name(*self, &CLIENT_ADDRESS)
    }
}

fn network(text: &str) -> Result<(), String> {
    match Network::parse(text) {
        Some(_) => Ok(()),
        None => Err(format!("{text:?} is not a network such as \"10.0.0.0/8\" or \"2001:db8::1\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_stays_on_loopback() {
        assert_eq!(Listen::loopback("127.0.0.1:5280"), Ok(Listen::SANDBOX));
        assert!(Listen::loopback("[::1]:0").is_ok());
        assert!(Listen::loopback("0.0.0.0:5280").is_err_and(|text| text.contains("loopback only")));
        assert!(Listen::loopback("5280").is_err_and(|text| text.contains("not an address")));
    }

    fn keys(listen: &Listen) -> Vec<(Severity, &'static str)> {
        listen
            .problems()
            .into_iter()
            .map(|(severity, key, _)| (severity, key))
            .collect()
    }

    #[test]
    fn what_does_not_fit_together() {
        let trusting = |networks: &[&str], client_address| Listen {
            client_address,
            trusted_proxies: Some(networks.iter().map(ToString::to_string).collect()),
            ..Listen::SANDBOX
        };
        assert_eq!(keys(&Listen::SANDBOX), []);
        assert_eq!(keys(&trusting(&LOOPBACK, ClientAddress::Socket)), []);
        assert_eq!(keys(&trusting(&["10.0.0.0/8"], ClientAddress::Forwarded)), []);
        let unwise = [(Severity::Unwise, "trusted_proxies")];
        assert_eq!(keys(&trusting(&["10.0.0.0/8"], ClientAddress::Socket)), unwise);
        assert_eq!(keys(&trusting(&["::/0"], ClientAddress::ProxyProtocol)), unwise);
        // P01
        let place = |text: &str| Listen::on(Address::Tcp(text.parse().unwrap()));
        for exposed in ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "[2001:db8::1]:80"] {
            assert_eq!(keys(&place(exposed)), [(Severity::Unwise, "address")], "{exposed}");
            let mut proxied = place(exposed);
            proxied.client_address = ClientAddress::XForwardedFor;
            let mut redirecting = place(exposed);
            redirecting.https.redirect = Some("https://a.example".to_owned());
            assert_eq!((keys(&proxied), keys(&redirecting)), (Vec::new(), Vec::new()));
        }
        assert_eq!(keys(&place("10.0.0.1:80")), []);
        let unix = Listen::on(Address::Unix("/run/boshd.sock".into()));
        assert_eq!(keys(&unix), [(Severity::Unwise, "client_address")]);
        let shared = Listen {
            reuse_port: true,
            ..Listen::on(Address::Systemd)
        };
        assert_eq!(keys(&shared), [(Severity::Wrong, "reuse_port")]);
    }

    #[test]
    fn problems_have_their_lines() {
        let text = "[[listen]]\naddress = '[::]:5280'\n[[listen]]\naddress = '0.0.0.0:5280'\nclient_address = 'x_forwarded'\n\
                    trusted_proxies = ['10.0.0.0/33']\n[[domain]]\nname = '*'\n";
        let said = |text: &str| {
            super::super::Config::parse("boshd.toml", text, [])
                .expect_err("problems")
                .to_string()
        };
        let found = said(text);
        assert!(
            found.contains("boshd.toml:5: listen[2].client_address: \"x_forwarded\" is not one of socket, "),
            "{found}"
        );
        assert!(
            found.contains("boshd.toml:6: listen[2].trusted_proxies: \"10.0.0.0/33\" is not a network"),
            "{found}"
        );
        assert!(
            found.contains("boshd.toml:4: listen[2].address: another [[listen]] has that place already"),
            "{found}"
        );
        let found = said("[[listen]]\naddress = 'systemd'\nreuse_port = true\n[[domain]]\nname = '*'\n");
        assert!(found.starts_with("boshd.toml:3: listen.reuse_port: "), "{found}");
    }
}
