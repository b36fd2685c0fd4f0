//! Towards the XMPP server: which domains are served, and a connected byte stream for each.

pub mod dial;
pub mod route;
pub mod stream;

use std::future::Future;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::xmpp::Domain;

/// A connected byte stream, of whatever kind.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for T {}

pub type BoxStream = Box<dyn ByteStream>;

pub type Connecting<'a> = Pin<Box<dyn Future<Output = Result<BoxStream, ConnectError>> + Send + 'a>>;

/// Domain -> byte stream. Implemented by the network connector, the sandbox and scripted servers in tests.
pub trait Connect: Send + Sync {
    /// Is this domain served here? Asked before a session is made (XEP-0124 section 17.2, `host-unknown`).
    fn serves(&self, domain: &Domain) -> bool;

    /// Was it, and is no more? (`host-gone`)
    fn is_gone(&self, _domain: &Domain) -> bool {
        false
    }

    /// Connects within a bounded time.
    fn connect(&self, domain: &Domain) -> Connecting<'_>;
}

/// How far an attempt came before it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    Tcp,
}

/// An attempt to reach an XMPP server failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {target}")]
pub struct ConnectError {
    pub target: String,
    pub stage: Stage,
    #[source]
    pub source: std::io::Error,
}
