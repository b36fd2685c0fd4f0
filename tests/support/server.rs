//! What the XMPP servers behind boshd have in common: the domain `example.test` with its group chat service
//! `rooms.example.test`, the passwords of its accounts, and what a test can choose.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::path::PathBuf;

use super::process::Process;

pub const DOMAIN: &str = "example.test";

pub fn password_of(user: &str) -> String {
    format!("{user}'s secret")
}

/// A server that has started; it is killed when dropped.
pub trait Server {
    /// Settings of its stream management with which it keeps what comes back.
    const KEEPS_FOR_LATER: &'static str;

    /// What it logs when a client's session is over.
    const PARTED: &'static str;

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
