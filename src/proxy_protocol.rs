//! The PROXY protocol as a value (HAProxy's specification, versions 1 and 2): the header that tells the server who the client is, ahead of
//! everything else on a connection (DN11). Read in [`reader`], as a proxy before us writes it; written here.

mod reader;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::BufMut as _;

pub use reader::{Decoded, Introduction, Malformed, ToldTls, decode};

/// Begins every header of version 2: no line of any protocol in use.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Version 2, and a connection made for somebody else (`PROXY`).
const VERSION_AND_COMMAND: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

const PP2_TYPE_UNIQUE_ID: u8 = 0x05;
const PP2_TYPE_SSL: u8 = 0x20;
const PP2_SUBTYPE_SSL_VERSION: u8 = 0x21;
const PP2_CLIENT_SSL: u8 = 0x01;
/// The same with a certificate, in this connection and in its TLS session.
const PP2_CLIENT_CERT: u8 = 0x07;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// A line of text: the addresses and no more.
    V1,
    V2,
}

/// What a server is told about a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// The client.
    pub source: SocketAddr,
    /// What the client connected to.
    pub destination: SocketAddr,
    /// Names the connection in the logs of both sides.
    pub unique_id: Option<UniqueId>,
    /// `None`: the client came in plain text.
    pub tls: Option<Tls>,
}

/// At most 128 bytes (section 2.2.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UniqueId(Vec<u8>);

/// How the client's own connection was secured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tls {
    pub version: TlsVersion,
    /// The client has shown a certificate, and it was verified.
    pub certificate: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsVersion {
    V1_2,
    V1_3,
}

impl UniqueId {
    pub const LONGEST: usize = 128;

    /// `None`: too long.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= Self::LONGEST).then(|| Self(bytes.to_vec()))
    }
}

impl TlsVersion {
    /// As OpenSSL writes it, on which the specification leans.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
        }
    }
}

/// The bytes ahead of the stream.
pub fn encode(header: &Header, version: Version) -> Vec<u8> {
    match version {
        Version::V1 => line(header),
        Version::V2 => block(header),
    }
}

/// Both ends, of one family: a header has room for one.
enum Addresses {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Addresses {
    fn of(header: &Header) -> Self {
        // What a socket for both families calls ::ffff:192.0.2.1 is 192.0.2.1. Beside an IPv6 address it stays mapped, so that no
        // address is lost.
        match (header.source.ip().to_canonical(), header.destination.ip().to_canonical()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Self::V4(source, destination),
            (source, destination) => Self::V6(mapped(source), mapped(destination)),
        }
    }
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// Section 2.1.
fn line(header: &Header) -> Vec<u8> {
    let (family, source, destination) = match Addresses::of(header) {
        Addresses::V4(source, destination) => ("TCP4", source.to_string(), destination.to_string()),
        Addresses::V6(source, destination) => ("TCP6", groups(source), groups(destination)),
    };
    let (from, to) = (header.source.port(), header.destination.port());
    format!("PROXY {family} {source} {destination} {from} {to}\r\n").into_bytes()
}

/// A line knows IPv6 in hexadecimal groups only, not as `::ffff:192.0.2.1`.
fn groups(address: Ipv6Addr) -> String {
    let [.., high, low] = address.segments();
    match address.to_ipv4_mapped() {
        Some(_) => format!("::ffff:{high:x}:{low:x}"),
        None => address.to_string(),
    }
}

/// Section 2.2.
fn block(header: &Header) -> Vec<u8> {
    let mut rest = Vec::new();
    let family = match Addresses::of(header) {
        Addresses::V4(source, destination) => {
            rest.put_slice(&source.octets());
            rest.put_slice(&destination.octets());
            TCP_OVER_IPV4
        }
        Addresses::V6(source, destination) => {
            rest.put_slice(&source.octets());
            rest.put_slice(&destination.octets());
            TCP_OVER_IPV6
        }
    };
    rest.put_u16(header.source.port());
    rest.put_u16(header.destination.port());
    if let Some(UniqueId(id)) = &header.unique_id {
        put(PP2_TYPE_UNIQUE_ID, id, &mut rest);
    }
    if let Some(tls) = &header.tls {
        put(PP2_TYPE_SSL, &ssl(tls), &mut rest);
    }
    let mut block = SIGNATURE.to_vec();
    block.put_u8(VERSION_AND_COMMAND);
    put(family, &rest, &mut block);
    block
}

/// Section 2.2.6.
fn ssl(tls: &Tls) -> Vec<u8> {
    let client = if tls.certificate { PP2_CLIENT_CERT } else { PP2_CLIENT_SSL };
    let mut value = vec![client];
    // `verify` is zero only where a certificate was shown and verified
    value.put_u32(u32::from(!tls.certificate));
    put(PP2_SUBTYPE_SSL_VERSION, tls.version.as_str().as_bytes(), &mut value);
    value
}

/// A kind, a length and a value. The longest there is comes to 36 bytes of addresses, 131 of an id and 18 of TLS.
fn put(kind: u8, value: &[u8], out: &mut Vec<u8>) {
    out.put_u8(kind);
    out.put_u16(value.len() as u16);
    out.put_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(source: &str, destination: &str) -> Header {
        Header {
            source: source.parse().expect("an address"),
            destination: destination.parse().expect("an address"),
            unique_id: None,
            tls: None,
        }
    }

    fn lined(source: &str, destination: &str) -> String {
        String::from_utf8(encode(&header(source, destination), Version::V1)).expect("text")
    }

    // DN11: the specification's own example
    #[test]
    fn a_line() {
        let expected = "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n";
        assert_eq!(lined("192.168.0.1:56324", "192.168.0.11:443"), expected);
        let expected = "PROXY TCP6 2001:db8::1 fe80::2 1 65535\r\n";
        assert_eq!(lined("[2001:db8::1]:1", "[fe80::2]:65535"), expected);
    }

    // DN11: the longest lines of the specification
    #[test]
    fn the_longest_lines() {
        let all = "255.255.255.255:65535";
        let expected = "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n";
        assert_eq!(lined(all, all), expected);
        assert_eq!(expected.len(), 56);
        let all = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
        assert_eq!(lined(all, all).len(), 104);
    }

    // DN11: no address is lost where the families differ
    #[test]
    fn mapped_addresses() {
        let plain = lined("192.0.2.1:1", "192.0.2.2:2");
        assert_eq!(lined("[::ffff:192.0.2.1]:1", "192.0.2.2:2"), plain);
        assert_eq!(lined("192.0.2.1:1", "[::ffff:192.0.2.2]:2"), plain);
        assert_eq!(lined("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2"), plain);
        let expected = "PROXY TCP6 ::ffff:c000:201 2001:db8::1 1 2\r\n";
        assert_eq!(lined("192.0.2.1:1", "[2001:db8::1]:2"), expected);
        assert_eq!(lined("[::ffff:192.0.2.1]:1", "[2001:db8::1]:2"), expected);
        let expected = "PROXY TCP6 2001:db8::1 ::ffff:c000:201 1 2\r\n";
        assert_eq!(lined("[2001:db8::1]:1", "192.0.2.1:2"), expected);
    }

    // DN11: signature, version and command, family, length, addresses, ports
    #[test]
    fn a_block() {
        let v4 = encode(&header("192.0.2.1:4660", "198.51.100.2:5222"), Version::V2);
        assert_eq!(v4[..12], *b"\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A");
        assert_eq!(v4[12..16], [0x21, 0x11, 0, 12]);
        assert_eq!(v4[16..], [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0x14, 0x66]);
        let v6 = encode(&header("[2001:db8::1]:4660", "192.0.2.1:5222"), Version::V2);
        assert_eq!(v6[12..16], [0x21, 0x21, 0, 36]);
        assert_eq!(v6[16..32], [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(v6[32..48], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]);
        assert_eq!(v6[48..], [0x12, 0x34, 0x14, 0x66]);
    }

    // DN11: PP2_TYPE_UNIQUE_ID and PP2_TYPE_SSL
    #[test]
    fn what_else_a_block_says() {
        let mut header = header("192.0.2.1:1", "198.51.100.2:2");
        header.unique_id = UniqueId::new(b"abc");
        header.tls = Some(Tls {
            version: TlsVersion::V1_3,
            certificate: false,
        });
        let block = encode(&header, Version::V2);
        assert_eq!(block[14..16], [0, 12 + 6 + 18]);
        assert_eq!(block[28..34], *b"\x05\x00\x03abc");
        assert_eq!(block[34..], *b"\x20\x00\x0f\x01\x00\x00\x00\x01\x21\x00\x07TLSv1.3");
        header.tls = Some(Tls {
            version: TlsVersion::V1_2,
            certificate: true,
        });
        let block = encode(&header, Version::V2);
        assert_eq!(block[34..], *b"\x20\x00\x0f\x07\x00\x00\x00\x00\x21\x00\x07TLSv1.2");
        assert_eq!(encode(&header, Version::V1), b"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n");
    }

    // DN11
    #[test]
    fn an_id_is_as_long_as_the_specification_allows() {
        assert!(UniqueId::new(&[0; 128]).is_some());
        assert_eq!(UniqueId::new(&[0; 129]), None);
    }
}
