//! The seam behind which servers and addresses are found: DNS, or a fixed table.

use std::collections::HashMap;
use std::error::Error;
use std::future::{Future, ready};
use std::net::IpAddr;
use std::pin::Pin;

use super::target::Target;
use crate::xmpp::Domain;

pub type Resolving<'a, T> = Pin<Box<dyn Future<Output = Result<T, ResolveError>> + Send + 'a>>;

/// Names -> targets, within a bounded time.
pub trait Resolve: Send + Sync {
    /// Where the servers of a domain are, by DNS: unordered, at least one.
    fn servers(&self, domain: &Domain) -> Resolving<'_, Vec<Target>>;

    /// The addresses of a host, IPv6 and IPv4: at least one.
    fn addresses(&self, host: &str) -> Resolving<'_, Vec<IpAddr>>;
}

/// Nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("the domain says in DNS that it offers no service to XMPP clients")]
    NotOffered,
    #[error("the name is none that DNS could know")]
    Name(#[source] Box<dyn Error + Send + Sync>),
    #[error("the host has no address")]
    NoAddress,
    #[error("DNS gave no answer in time")]
    TimedOut,
    #[error("DNS cannot tell")]
    Lookup(#[source] Box<dyn Error + Send + Sync>),
}

/// What is known beforehand.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub servers: HashMap<Domain, Vec<Target>>,
    pub addresses: HashMap<String, Vec<IpAddr>>,
}

impl Resolve for Table {
    fn servers(&self, domain: &Domain) -> Resolving<'_, Vec<Target>> {
        let found = self.servers.get(domain).cloned();
        Box::pin(ready(found.ok_or(ResolveError::NotOffered)))
    }

    fn addresses(&self, host: &str) -> Resolving<'_, Vec<IpAddr>> {
        let found = match host.parse() {
            Ok(address) => Some(vec![address]),
            Err(_) => self.addresses.get(host).cloned(),
        };
        Box::pin(ready(found.ok_or(ResolveError::NoAddress)))
    }
}
