//! One listener as its operator wants it, and what happens between a connection's first byte and its first request.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use super::peer::{self, X_FORWARDED};
use super::redirect::Redirect;
use super::tls::Tls;
use crate::manager::Peer;
use crate::network::Network;
use crate::proxy_protocol::{self, Decoded, Introduction};

static RFC_7239: [HeaderName; 1] = [FORWARDED];

/// What an operator decides about one listener.
#[derive(Clone, Debug, Default)]
pub struct Door {
    pub client_address: ClientAddress,
    /// Networks whose word about it counts. Who has no address came by a Unix socket, whose file says who may.
    pub trusted: Vec<Network>,
    /// `None`: plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Where everybody is sent instead of being served.
    pub redirect: Option<Redirect>,
}

/// The one source of a client's address; the others are not looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientAddress {
    #[default]
    Socket,
    /// A header ahead of each connection.
    ProxyProtocol,
    /// RFC 7239, with each request.
    Forwarded,
    /// With `X-Forwarded-Proto`.
    XForwardedFor,
}

impl Door {
    /// The headers of a request that say who it is from.
    pub fn heeded(&self) -> &'static [HeaderName] {
        match self.client_address {
            ClientAddress::Socket | ClientAddress::ProxyProtocol => &[],
            ClientAddress::Forwarded => &RFC_7239,
            ClientAddress::XForwardedFor => &X_FORWARDED,
        }
    }

    /// Who a request with these headers is from, on a connection of this peer.
    pub fn client(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        let believed = |address: IpAddr| self.trusts(address);
        match self.client_address {
            ClientAddress::Socket | ClientAddress::ProxyProtocol => peer,
            _ if !self.believes(&peer) => peer,
            ClientAddress::Forwarded => peer::forwarded(peer, headers, believed),
            ClientAddress::XForwardedFor => peer::x_forwarded_for(peer, headers, believed),
        }
    }

    /// Who a connection is from, once the PROXY header ahead of it is read, if there has to be one. Not a byte more is read.
    ///
    /// # Errors
    /// A trusted proxy sends no such header, or not in time.
    pub async fn introduced<I>(&self, io: &mut I, peer: Peer, patience: Duration) -> io::Result<Peer>
    where
        I: AsyncRead + Unpin,
    {
        if self.client_address != ClientAddress::ProxyProtocol || !self.believes(&peer) {
            return Ok(peer);
        }
        let introduction = timeout(patience, introduction(io)).await??;
        Ok(peer::introduced(peer, &introduction))
    }

    /// May a connection of this peer carry the requests of many clients? A proxy's may, unless its header said whose it is.
    pub fn is_shared(&self, peer: &Peer) -> bool {
        self.client_address != ClientAddress::ProxyProtocol && self.believes(peer)
    }

    /// Is this peer a proxy that says for whom it asks?
    pub fn hears_of_clients(&self, peer: &Peer) -> bool {
        self.client_address != ClientAddress::Socket && self.believes(peer)
    }

    fn believes(&self, peer: &Peer) -> bool {
        !peer.has_address() || self.trusts(peer.address.ip())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }
}

/// Reads no more at a time than the header still has to have.
async fn introduction<I: AsyncRead + Unpin>(io: &mut I) -> io::Result<Introduction> {
    let mut header = Vec::new();
    loop {
        match proxy_protocol::decode(&header) {
            Ok(Decoded::Whole(introduction, _)) => return Ok(introduction),
            Ok(Decoded::Lacks(least)) => {
                let begun = header.len();
                header.resize(begun + least, 0);
                io.read_exact(&mut header[begun..]).await?;
            }
            Err(malformed) => return Err(io::Error::new(io::ErrorKind::InvalidData, malformed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::PeerSecurity;

    fn door(client_address: ClientAddress) -> Door {
        Door {
            client_address,
            trusted: vec![Network::parse("10.0.0.0/8").expect("a network")],
            ..Door::default()
        }
    }

    fn peer(address: &str) -> Peer {
        Peer {
            address: address.parse().expect("an address"),
            ..Peer::unknown()
        }
    }

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED, "for=192.0.2.1;proto=https".parse().expect("a value"));
        headers.insert(&X_FORWARDED[0], "192.0.2.2".parse().expect("a value"));
        headers
    }

    // O06: one source a listener, and only from who is trusted
    #[test]
    fn one_source() {
        let told = |client_address, from: &str| door(client_address).client(peer(from), &headers()).address.to_string();
        let proxy = "10.0.0.1:4711";
        assert_eq!(told(ClientAddress::Socket, proxy), proxy);
        assert_eq!(told(ClientAddress::ProxyProtocol, proxy), proxy);
        assert_eq!(told(ClientAddress::Forwarded, proxy), "192.0.2.1:0");
        assert_eq!(told(ClientAddress::XForwardedFor, proxy), "192.0.2.2:0");
        let stranger = "192.0.2.9:4711";
        assert_eq!(told(ClientAddress::Forwarded, stranger), stranger);
        assert_eq!(told(ClientAddress::XForwardedFor, stranger), stranger);
        // a Unix socket
        assert_eq!(told(ClientAddress::Forwarded, "0.0.0.0:0"), "192.0.2.1:0");
    }

    // O06: what comes behind the header stays where it is
    #[tokio::test(start_paused = true)]
    async fn a_header_is_read_to_its_last_byte() {
        let door = door(ClientAddress::ProxyProtocol);
        let mut bytes = &b"PROXY TCP4 192.0.2.1 10.0.0.9 4711 443\r\nGET"[..];
        let told = door.introduced(&mut bytes, peer("10.0.0.1:1"), Duration::from_secs(1)).await;
        let told = told.expect("a header");
        assert_eq!(
            (told.address.to_string(), told.listener.to_string()),
            ("192.0.2.1:4711".to_owned(), "10.0.0.9:443".to_owned())
        );
        assert_eq!(told.security, PeerSecurity::Plain);
        assert_eq!(bytes, b"GET");
        // nobody else is asked for one
        let stranger = peer("192.0.2.9:1");
        let told = door.introduced(&mut bytes, stranger, Duration::from_secs(1)).await;
        assert_eq!((told.expect("no header"), bytes), (stranger, &b"GET"[..]));
    }

    // O06: no header, half of one, none in time
    #[tokio::test(start_paused = true)]
    async fn a_proxy_that_says_nothing() {
        let door = door(ClientAddress::ProxyProtocol);
        let introduced = async |mut bytes: &[u8]| {
            let told = door.introduced(&mut bytes, peer("10.0.0.1:1"), Duration::from_secs(1)).await;
            told.expect_err("an error").kind()
        };
        assert_eq!(
            introduced(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await,
            io::ErrorKind::InvalidData
        );
        assert_eq!(introduced(b"PROXY TCP4 192").await, io::ErrorKind::UnexpectedEof);
        let (mut near, _far) = tokio::io::duplex(64);
        let late = door.introduced(&mut near, peer("10.0.0.1:1"), Duration::from_secs(1)).await;
        assert_eq!(late.expect_err("an error").kind(), io::ErrorKind::TimedOut);
    }
}
