//! Reaching one of a domain's servers within a bounded time (B08).

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::route::Route;
use super::{Call, Connect, ConnectError, Connected, Connecting, Stage};
use crate::net;
use crate::xmpp::Domain;

/// Connects over TCP to the servers that the configuration names, and to no others (C14, P06).
#[derive(Debug)]
pub struct Connector {
    route: Route,
    /// For one attempt at one server, all its addresses together.
    timeout: Duration,
}

impl Connector {
    pub fn new(route: Route, timeout: Duration) -> Self {
        Self { route, timeout }
    }

    async fn dial(&self, servers: &[String], call: &Call) -> Result<Connected, ConnectError> {
        let mut last = ConnectError::tcp("", io::Error::other("no server is configured"));
        for server in servers {
            match timeout(self.timeout, net::connect(server)).await {
                Ok(Ok(stream)) => return Ok(Connected::fresh(stream, &call.header)),
                Ok(Err(source)) => last = ConnectError::tcp(server, source),
                Err(_) => last = ConnectError::tcp(server, io::ErrorKind::TimedOut.into()),
            }
        }
        Err(last)
    }
}

impl Connect for Connector {
    fn serves(&self, domain: &Domain) -> bool {
        self.route.find(domain).is_some()
    }

    fn is_gone(&self, domain: &Domain) -> bool {
        self.route.is_gone(domain)
    }

    fn connect(&self, call: Call) -> Connecting<'_> {
        let entry = self.route.find(&call.domain);
        let servers = entry.map(|entry| entry.servers.as_slice()).unwrap_or_default();
        Box::pin(async move { self.dial(servers, &call).await })
    }
}

impl ConnectError {
    fn tcp(target: &str, source: io::Error) -> Self {
        Self {
            target: target.to_owned(),
            stage: Stage::Tcp,
            source,
        }
    }
}
