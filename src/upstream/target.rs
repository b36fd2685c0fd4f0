//! `Target`: one place where a server of a domain may be, and what protects the way there.

use std::fmt;
use std::net::IpAddr;

/// What protects the way to a target.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Security {
    /// TLS from the first byte on (XEP-0368).
    Direct,
    /// TLS within the stream (RFC 6120 section 5).
    StartTls,
    /// Nothing: the operator trusts the network.
    Plain,
}

/// Where a host is, or by which name to find that out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Host {
    Address(IpAddr),
    /// In A-labels, without a trailing dot.
    Name(String),
}

/// Who says that the target is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// The configuration.
    Written,
    /// DNS: the address is judged (P06).
    Found,
    /// A server that sends us on, or a client: the port is judged, too.
    Named,
}

/// One place where a server may be.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Target {
    pub host: Host,
    pub port: u16,
    pub security: Security,
    /// The lowest is tried first (RFC 2782).
    pub priority: u16,
    /// Its share among those of the same priority.
    pub weight: u16,
    pub source: Source,
}

impl Host {
    /// A literal address, or a name.
    pub fn of(text: &str) -> Self {
        match text.parse() {
            Ok(address) => Self::Address(address),
            Err(_) => Self::Name(text.trim_end_matches('.').to_ascii_lowercase()),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
