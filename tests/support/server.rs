//! What the XMPP servers behind boshd have in common: the domain `example.test` with its group chat service
//! `rooms.example.test`, the passwords of its accounts, and what a test can choose.
//! The environment may name a server that runs already (`Place`), and then these are as it has them.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;

use super::process::Process;

/// The domain of the accounts.
pub fn domain() -> &'static str {
    Place::named().map_or("example.test", |place| &place.domain)
}

/// Its group chat service.
pub fn rooms() -> &'static str {
    Place::named().map_or("rooms.example.test", |place| &place.rooms)
}

/// The bare address of an account.
pub fn jid(user: &str) -> String {
    format!("{user}@{}", domain())
}

pub fn password_of(user: &str) -> String {
    let told = Place::named().and_then(|place| place.accounts.get(user));
    told.cloned().unwrap_or_else(|| format!("{user}'s secret"))
}

/// A server that runs already, as the environment describes it:
///
/// | variable | what it says | without it |
/// | --- | --- | --- |
/// | `BOSHD_TEST_SERVER` | where its clients connect, in plain text: `127.0.0.1:5222` | there is no such server |
/// | `BOSHD_TEST_SERVER_NAME` | its name and version: `Openfire 5.1.1` | its address |
/// | `BOSHD_TEST_DOMAIN` | its domain | `example.test` |
/// | `BOSHD_TEST_ROOMS` | its group chat service | `rooms.` and the domain |
/// | `BOSHD_TEST_ACCOUNTS` | names and passwords without spaces: `alice:secret bob:secret` | `alice's secret` is the password of alice, and so on |
pub struct Place {
    /// With its version.
    pub name: String,
    pub address: SocketAddr,
    pub domain: String,
    pub rooms: String,
    /// Passwords by name.
    pub accounts: HashMap<String, String>,
}

impl Place {
    /// What the environment names, if it names one.
    pub fn named() -> Option<&'static Self> {
        static NAMED: LazyLock<Option<Place>> = LazyLock::new(|| Place::read(|variable| std::env::var(variable).ok()));
        NAMED.as_ref()
    }

    /// From what the variables say.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let address = variable("BOSHD_TEST_SERVER")?;
        let domain = variable("BOSHD_TEST_DOMAIN").unwrap_or_else(|| "example.test".to_owned());
        let account = |account: &str| {
            let (name, password) = account
                .split_once(':')
                .unwrap_or_else(|| panic!("BOSHD_TEST_ACCOUNTS: {account:?} is not NAME:PASSWORD"));
            (name.to_owned(), password.to_owned())
        };
        Some(Self {
            name: variable("BOSHD_TEST_SERVER_NAME").unwrap_or_else(|| address.clone()),
            address: address
                .parse()
                .unwrap_or_else(|error| panic!("BOSHD_TEST_SERVER: {address:?}: {error}")),
            rooms: variable("BOSHD_TEST_ROOMS").unwrap_or_else(|| format!("rooms.{domain}")),
            domain,
            accounts: variable("BOSHD_TEST_ACCOUNTS")
                .unwrap_or_default()
                .split_whitespace()
                .map(account)
                .collect(),
        })
    }
}

/// A server with accounts whose password is `password_of` their name, whoever started it. What a test wants of it beyond that is in `Server`.
pub trait AnyServer {
    fn start(users: &[&str]) -> Self;

    /// Where its clients connect.
    fn address(&self) -> SocketAddr;
}

/// As `docs/operations.md` wants them: what comes back is kept for later.
impl<S: Server> AnyServer for S {
    fn start(users: &[&str]) -> Self {
        let options = Options {
            stream_management_settings: S::KEEPS_FOR_LATER,
            ..Options::default()
        };
        Self::with(users, &options)
    }

    fn address(&self) -> SocketAddr {
        Server::address(self)
    }
}

/// A server that the test has started, with options, a log and an end; it is killed when dropped.
pub trait Server {
    /// Settings of its stream management with which it keeps what comes back.
    const KEEPS_FOR_LATER: &'static str;

    /// With accounts whose password is `password_of` their name.
    fn with(users: &[&str], options: &Options) -> Self;

    /// Where its clients connect.
    fn address(&self) -> SocketAddr;

    /// Where its own connection manager is.
    fn bosh(&self) -> Option<SocketAddr>;

    /// While it runs: for its log.
    fn process(&self) -> &Process;

    /// It is gone at once, without a farewell (SIGKILL).
    fn kill(&mut self);

    /// Starts it in its folder and on its ports, where it has run before.
    fn launch(&mut self);
}

#[derive(Clone)]
pub struct Options {
    pub tls: Tls,
    /// With TLS, ask clients for a certificate that this authority has signed.
    pub client_authority: Option<PathBuf>,
    /// XEP-0198.
    pub stream_management: bool,
    /// Lines in the server's own language: Lua at the top level for Prosody, `mod_stream_mgmt`'s YAML for ejabberd.
    pub stream_management_settings: &'static str,
    /// XEP-0078, jabber:iq:auth.
    pub legacy_login: bool,
    /// The server's own connection manager, beside the other port.
    pub bosh: bool,
    /// Another port, where each connection has to begin with a PROXY header.
    pub proxied: bool,
    pub log: Level,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tls: Tls::None,
            client_authority: None,
            stream_management: true,
            stream_management_settings: "",
            legacy_login: false,
            bosh: false,
            proxied: false,
            log: Level::Info,
        }
    }
}

/// How a client's connection is secured.
#[derive(Clone)]
pub enum Tls {
    None,
    /// STARTTLS is there for who wants it.
    Offered(Identity),
    /// Nothing goes before STARTTLS.
    Required(Identity),
    /// From the first byte (XEP-0368).
    Direct(Identity),
}

impl Tls {
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Self::None => None,
            Self::Offered(identity) | Self::Required(identity) | Self::Direct(identity) => Some(identity),
        }
    }
}

/// A certificate and its private key, as PEM files.
#[derive(Clone)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Copy)]
pub enum Level {
    Info,
    Debug,
}

impl Level {
    /// What both servers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}
