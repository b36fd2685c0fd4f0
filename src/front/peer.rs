//! Who is the client: the socket's other end.

use std::net::SocketAddr;

use crate::manager::Peer;

/// The client of a connection; an IPv4 client of an IPv6 listener counts as what it is.
pub fn of(socket: SocketAddr) -> Peer {
    Peer {
        address: socket.ip().to_canonical(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_an_ipv4_address() {
        let mapped = SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0x0a00, 0x0001], 4711));
        assert_eq!(of(mapped).address.to_string(), "10.0.0.1");
    }
}
