//! Towards the XMPP server: which domains are served, and a stream that has been begun for each.

pub mod connector;
mod dial;
pub mod dns;
pub mod name_servers;
mod negotiation;
pub mod permit;
pub mod pool;
pub mod resolve;
pub mod route;
pub mod secure;
mod services;
pub mod stream;
pub mod target;
pub mod way;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::network::Prefix;
pub use crate::proxy_protocol::TlsVersion;
use crate::xml::XmlLimits;
use crate::xmpp::{Domain, StreamHeader, outbound};

/// A connected byte stream, of whatever kind.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for T {}

pub type BoxStream = Box<dyn ByteStream>;

/// A client, and how it came to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its true address.
    pub address: SocketAddr,
    /// The address that it came to.
    pub listener: SocketAddr,
    pub security: PeerSecurity,
}

/// How a client's own way to us is secured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerSecurity {
    Plain,
    /// Our own listener speaks TLS.
    Tls {
        version: TlsVersion,
        /// The SHA-256 of what it has shown, if we asked for a certificate and trust it.
        certificate: Option<[u8; 32]>,
    },
    /// A proxy that we trust says so.
    Vouched,
}

impl Peer {
    /// Of a connection that has no addresses.
    pub const fn unknown() -> Self {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        Self {
            address,
            listener: address,
            security: PeerSecurity::Plain,
        }
    }

    /// Who comes by a Unix socket has none, unless a proxy names one.
    pub fn has_address(&self) -> bool {
        !self.address.ip().is_unspecified()
    }

    /// The network that it shares with its neighbours. `None`: its address is not known.
    pub fn site(&self) -> Option<Prefix> {
        self.has_address().then(|| Prefix::of_site(self.address.ip()))
    }

    /// Has nobody listened on its way, as far as is known?
    pub fn is_secure(&self) -> bool {
        self.security != PeerSecurity::Plain
    }
}

impl PeerSecurity {
    /// May a session that came about in this way go on in that one? Not without TLS, and not without the certificate that was shown
    /// (XEP-0124 section 19.1).
    pub fn admits(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::Plain, _) => true,
            (_, Self::Plain) => false,
            (
                Self::Tls {
                    certificate: Some(shown),
                    ..
                },
                later,
            ) => matches!(later, Self::Tls { certificate: Some(now), .. } if now == shown),
            _ => true,
        }
    }
}

/// What a session asks for: a stream to one of a domain's servers.
#[derive(Clone, Debug)]
pub struct Call {
    pub domain: Domain,
    /// What begins the stream.
    pub header: StreamHeader,
    /// Where the client says that the server is (C14).
    pub route: Option<(String, u16)>,
    /// Whose stream it is.
    pub peer: Peer,
    /// What the logs call the session.
    pub session: String,
    /// Of what the server says.
    pub xml: XmlLimits,
}

impl Call {
    /// Of nobody: to see whether a server is there.
    pub fn of_ours(domain: Domain) -> Self {
        let header = StreamHeader {
            to: Some(domain.as_str().into()),
            version: Some("1.0".into()),
            ..StreamHeader::default()
        };
        Self {
            domain,
            header,
            route: None,
            peer: Peer::unknown(),
            session: String::new(),
            xml: XmlLimits::default(),
        }
    }
}

/// A connection on which the stream has been begun.
pub struct Connected {
    pub io: BoxStream,
    /// Who is at the other end.
    pub target: String,
    /// What the server has said in it already.
    pub read: BytesMut,
    /// What is to be written before all else.
    pub unwritten: BytesMut,
    /// Is what the client does not get to go back to the server (XEP-0198)?
    pub delivery: bool,
}

impl Connected {
    /// A connection on which nobody has said anything.
    pub fn fresh(io: impl ByteStream + 'static, header: &StreamHeader) -> Self {
        let mut unwritten = BytesMut::new();
        outbound::header(header, &mut unwritten);
        Self {
            io: Box::new(io),
            target: header.to.as_deref().unwrap_or_default().to_owned(),
            read: BytesMut::new(),
            unwritten,
            delivery: false,
        }
    }
}

pub type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Connected, ConnectError>> + Send + 'a>>;

/// Domain -> stream that has been begun. Implemented by the network connector, the sandbox and scripted servers in tests.
pub trait Connect: Send + Sync {
    /// Is this domain served here? Asked before a session is made (XEP-0124 section 17.2, `host-unknown`).
    fn serves(&self, domain: &Domain) -> bool;

    /// Was it, and is no more? (`host-gone`)
    fn is_gone(&self, _domain: &Domain) -> bool {
        false
    }

    /// How long after an aborted request the client of a session with this domain has left, if the request meant that.
    fn leave_after(&self, _domain: &Domain) -> Option<Duration> {
        None
    }

    /// Connects within a bounded time.
    fn connect(&self, call: Call) -> Connecting<'_>;
}

/// How far it came before it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// No address is known yet.
    Resolve,
    Tcp,
    Tls,
    /// The server has not begun its stream.
    Header,
    /// It has, but without features.
    Features,
    /// The stream stands, and the client logs in.
    Login,
    /// It has logged in.
    Steady,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(certificate: Option<u8>) -> PeerSecurity {
        PeerSecurity::Tls {
            version: TlsVersion::V1_3,
            certificate: certificate.map(|byte| [byte; 32]),
        }
    }

    // P02, P03
    #[test]
    fn a_session_never_goes_on_less_safely() {
        use PeerSecurity::{Plain, Vouched};
        let ways = [Plain, Vouched, tls(None), tls(Some(1)), tls(Some(2))];
        let admitted = |first: PeerSecurity| ways.map(|later| first.admits(&later));
        assert_eq!(admitted(Plain), [true; 5]);
        assert_eq!(admitted(Vouched), [false, true, true, true, true]);
        assert_eq!(admitted(tls(None)), [false, true, true, true, true]);
        assert_eq!(admitted(tls(Some(1))), [false, false, false, true, false]);
        let resumed = PeerSecurity::Tls {
            version: TlsVersion::V1_2,
            certificate: Some([1; 32]),
        };
        assert!(tls(Some(1)).admits(&resumed), "the version does not matter");
    }
}
