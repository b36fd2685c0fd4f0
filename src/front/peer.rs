//! Who is the client: the socket's other end.

use std::net::SocketAddr;

use crate::manager::{Peer, PeerSecurity};

/// The client of a connection; an IPv4 client of an IPv6 listener counts as what it is.
pub fn of(socket: SocketAddr, listener: SocketAddr) -> Peer {
    let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    Peer {
        address: canonical(socket),
        listener: canonical(listener),
        security: PeerSecurity::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_an_ipv4_address() {
        let mapped = |port| SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0x0a00, 0x0001], port));
        let peer = of(mapped(4711), mapped(443));
        assert_eq!(peer.address.to_string(), "10.0.0.1:4711");
        assert_eq!(peer.listener.to_string(), "10.0.0.1:443");
    }
}
