//! A header that a proxy sends us: whose connection it is. Read byte by byte as it comes, strictly: who sends anything else is not the
//! proxy that it was taken for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{
    PP2_CLIENT_SSL, PP2_SUBTYPE_SSL_VERSION, PP2_TYPE_SSL, SIGNATURE, TCP_OVER_IPV4, TCP_OVER_IPV6, TlsVersion,
    VERSION_AND_COMMAND,
};

/// What a proxy says of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Introduction {
    /// The client, and what it connected to. `None`: the connection is the proxy's own (`LOCAL`), or it does not know (`UNKNOWN`).
    pub ends: Option<(SocketAddr, SocketAddr)>,
    pub tls: ToldTls,
}

/// How the client came to the proxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ToldTls {
    /// In plain text, or nothing is said about it.
    None,
    /// Over TLS of a version that is not told, or not ours.
    Some,
    Version(TlsVersion),
}

/// How far a header has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// It takes so many bytes.
    Whole(Introduction, usize),
    /// At least so many bytes are yet to come.
    Lacks(usize),
}

/// Not such a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    #[error("no PROXY header where one has to be")]
    NoHeader,
    #[error("a PROXY line that is none")]
    Line,
    #[error("a PROXY header of another version, command or family")]
    Kind,
    #[error("a PROXY header with more than {LONGEST} bytes")]
    TooLong,
    #[error("a PROXY header whose length does not hold what it must")]
    Length,
    #[error("a PROXY header with a wrong checksum")]
    Checksum,
}

/// The longest line of version 1 with its end (section 2.1).
const LONGEST_LINE: usize = 107;
/// The shortest: `PROXY UNKNOWN`.
const SHORTEST_LINE: usize = 15;
const LINE: &[u8] = b"PROXY ";

/// Signature, version and command, family, length.
const FIXED: usize = 16;
/// What follows is 216 bytes of addresses at most, and what proxies have to tell: some hundred bytes, with names of certificates in it.
const LONGEST: usize = 4096;

/// `LOCAL`: a proxy's own connection, such as a check of our health.
const VERSION_AND_LOCAL: u8 = 0x20;
const UNSPECIFIED: u8 = 0x00;
const UDP_OVER_IPV4: u8 = 0x12;
const UDP_OVER_IPV6: u8 = 0x22;
const UNIX: [u8; 2] = [0x31, 0x32];
/// Two paths of 108 bytes.
const UNIX_ADDRESSES: usize = 216;

const PP2_TYPE_CRC32C: u8 = 0x03;
/// `client` and `verify`, ahead of what else is said of TLS.
const SSL_FIXED: usize = 5;

/// Reads a header from the beginning of what has come.
///
/// # Errors
/// This is none, and no further byte would make it one.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Malformed> {
    let begins = |expected: &[u8]| bytes.iter().zip(expected).all(|(byte, expected)| byte == expected);
    if begins(SIGNATURE) && bytes.len() >= SIGNATURE.len() {
        block(bytes)
    } else if begins(LINE) && bytes.len() >= LINE.len() {
        line(bytes)
    } else if begins(SIGNATURE) || begins(LINE) {
        Ok(Decoded::Lacks(SHORTEST_LINE - bytes.len()))
    } else {
        Err(Malformed::NoHeader)
    }
}

/// Section 2.1.
fn line(bytes: &[u8]) -> Result<Decoded, Malformed> {
    let within = &bytes[..bytes.len().min(LONGEST_LINE)];
    let Some(end) = within.windows(2).position(|pair| pair == b"\r\n") else {
        if within.len() == LONGEST_LINE {
            return Err(Malformed::Line);
        }
        let ending = if within.ends_with(b"\r") { 1 } else { 2 };
        return Ok(Decoded::Lacks(ending.max(SHORTEST_LINE.saturating_sub(within.len()))));
    };
    let text = std::str::from_utf8(&within[LINE.len()..end]).map_err(|_| Malformed::Line)?;
    let ends = match text.split_once(' ') {
        None if text == "UNKNOWN" => None,
        // whatever else it says
        Some(("UNKNOWN", _)) => None,
        Some(("TCP4", rest)) => Some(ends(rest, |text| text.parse().map(IpAddr::V4).ok())?),
        Some(("TCP6", rest)) => Some(ends(rest, |text| text.parse().map(IpAddr::V6).ok())?),
        _ => return Err(Malformed::Line),
    };
    let tls = ToldTls::None;
    Ok(Decoded::Whole(Introduction { ends, tls }, end + 2))
}

/// Two addresses and two ports, with one space between each.
fn ends(text: &str, address: impl Fn(&str) -> Option<IpAddr>) -> Result<(SocketAddr, SocketAddr), Malformed> {
    let mut fields = text.split(' ');
    let [source, destination, from, to] = [(); 4].map(|()| fields.next().unwrap_or_default());
    let port = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        text.parse::<u16>().ok().filter(|_| plain)
    };
    let end = |ip: &str, at: &str| Some(SocketAddr::new(address(ip)?, port(at)?));
    let both = end(source, from).zip(end(destination, to));
    both.filter(|_| fields.next().is_none()).ok_or(Malformed::Line)
}

/// Section 2.2.
fn block(bytes: &[u8]) -> Result<Decoded, Malformed> {
    let Some((fixed, _)) = bytes.split_at_checked(FIXED) else {
        return Ok(Decoded::Lacks(FIXED - bytes.len()));
    };
    let (command, family) = (fixed[12], fixed[13]);
    let whole = FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if ![VERSION_AND_COMMAND, VERSION_AND_LOCAL].contains(&command) {
        return Err(Malformed::Kind);
    }
    if whole > LONGEST {
        return Err(Malformed::TooLong);
    }
    let Some(header) = bytes.get(..whole) else {
        return Ok(Decoded::Lacks(whole - bytes.len()));
    };
    // of a proxy's own connection nothing else matters
    let introduction = if command == VERSION_AND_LOCAL {
        Introduction {
            ends: None,
            tls: ToldTls::None,
        }
    } else {
        introduction(family, header)?
    };
    Ok(Decoded::Whole(introduction, whole))
}

fn introduction(family: u8, header: &[u8]) -> Result<Introduction, Malformed> {
    let body = &header[FIXED..];
    let (ends, more) = match family {
        TCP_OVER_IPV4 | UDP_OVER_IPV4 => {
            let (addresses, more) = body.split_first_chunk::<12>().ok_or(Malformed::Length)?;
            let [a, b, c, d, e, f, g, h, from @ ..] = *addresses;
            let both = (Ipv4Addr::new(a, b, c, d).into(), Ipv4Addr::new(e, f, g, h).into());
            (Some(with_ports(both, from)), more)
        }
        TCP_OVER_IPV6 | UDP_OVER_IPV6 => {
            let (source, rest) = body.split_first_chunk::<16>().ok_or(Malformed::Length)?;
            let (destination, rest) = rest.split_first_chunk::<16>().ok_or(Malformed::Length)?;
            let (ports, more) = rest.split_first_chunk::<4>().ok_or(Malformed::Length)?;
            let both = (Ipv6Addr::from(*source).into(), Ipv6Addr::from(*destination).into());
            (Some(with_ports(both, *ports)), more)
        }
        // the client is on the proxy's own machine, where it has no address
        family if UNIX.contains(&family) => (None, body.get(UNIX_ADDRESSES..).ok_or(Malformed::Length)?),
        UNSPECIFIED => (None, body),
        _ => return Err(Malformed::Kind),
    };
    let mut tls = ToldTls::None;
    let mut tlvs = Tlvs(more);
    while let Some(tlv) = tlvs.next() {
        match tlv? {
            (PP2_TYPE_CRC32C, sum) => check(header, header.len() - tlvs.0.len(), sum)?,
            (PP2_TYPE_SSL, value) => tls = ssl(value)?,
            _ => {}
        }
    }
    Ok(Introduction { ends, tls })
}

fn with_ports((source, destination): (IpAddr, IpAddr), [a, b, c, d]: [u8; 4]) -> (SocketAddr, SocketAddr) {
    let port = |high, low| u16::from_be_bytes([high, low]);
    (SocketAddr::new(source, port(a, b)), SocketAddr::new(destination, port(c, d)))
}

/// Section 2.2.6.
fn ssl(value: &[u8]) -> Result<ToldTls, Malformed> {
    let more = value.get(SSL_FIXED..).ok_or(Malformed::Length)?;
    if value[0] & PP2_CLIENT_SSL == 0 {
        return Ok(ToldTls::None);
    }
    let mut tls = ToldTls::Some;
    for tlv in Tlvs(more) {
        if let (PP2_SUBTYPE_SSL_VERSION, version) = tlv? {
            let known = [TlsVersion::V1_2, TlsVersion::V1_3].into_iter();
            let told = known.into_iter().find(|known| known.as_str().as_bytes() == version);
            tls = told.map_or(ToldTls::Some, ToldTls::Version);
        }
    }
    Ok(tls)
}

/// A kind, a length and a value, again and again.
struct Tlvs<'a>(&'a [u8]);

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<(u8, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.0);
        if rest.is_empty() {
            return None;
        }
        let Some(([kind, high, low], rest)) = rest.split_first_chunk::<3>() else {
            return Some(Err(Malformed::Length));
        };
        let Some((value, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low]))) else {
            return Some(Err(Malformed::Length));
        };
        self.0 = rest;
        Some(Ok((*kind, value)))
    }
}

/// Over the whole header, with zeros for the sum itself, which ends at `end` (section 2.2.3).
fn check(header: &[u8], end: usize, sum: &[u8]) -> Result<(), Malformed> {
    let told = u32::from_be_bytes(sum.try_into().map_err(|_| Malformed::Length)?);
    let is_sum = end - sum.len()..end;
    let zeroed = (0..)
        .zip(header)
        .map(|(index, byte)| if is_sum.contains(&index) { 0 } else { *byte });
    if crc32c(zeroed) == told {
        Ok(())
    } else {
        Err(Malformed::Checksum)
    }
}

/// RFC 9260, appendix A; bit by bit, as it comes once a connection at most.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    const REVERSED: u32 = 0x82f6_3b78;
    let turn = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ REVERSED } else { sum >> 1 };
    !bytes.fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(byte), turn))
}

#[cfg(test)]
mod tests {
    use super::super::{Header, Tls, UniqueId, Version, encode};
    use super::*;

    fn told(source: &str, destination: &str) -> Introduction {
        let end = |text: &str| text.parse().expect("an address");
        Introduction {
            ends: Some((end(source), end(destination))),
            tls: ToldTls::None,
        }
    }

    const NOBODY: Introduction = Introduction {
        ends: None,
        tls: ToldTls::None,
    };

    /// Version 2 with this command, family and what follows.
    fn block_of(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).expect("a length").to_be_bytes();
        [SIGNATURE, &[command, family][..], &length, rest].concat()
    }

    const ADDRESSES: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0x14, 0x66];

    fn with_tlvs(tlvs: &[u8]) -> Vec<u8> {
        block_of(0x21, 0x11, &[&ADDRESSES, tlvs].concat())
    }

    fn whole(bytes: &[u8]) -> Introduction {
        let Ok(Decoded::Whole(introduction, length)) = decode(bytes) else {
            panic!("{bytes:?}: {:?}", decode(bytes));
        };
        assert_eq!(length, bytes.len());
        // what follows makes no difference, and what is cut off is asked for, never too much of it
        let more = [bytes, b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(decode(&more), Ok(Decoded::Whole(introduction, length)));
        for cut in 0..bytes.len() {
            let Ok(Decoded::Lacks(least)) = decode(&bytes[..cut]) else {
                panic!("cut at {cut}: {:?}", decode(&bytes[..cut]));
            };
            assert!(least >= 1 && cut + least <= bytes.len(), "cut at {cut}: {least}");
        }
        introduction
    }

    // O06
    #[test]
    fn lines() {
        let line = |text: &str| whole(text.as_bytes());
        let v4 = told("192.168.0.1:56324", "192.168.0.11:443");
        assert_eq!(line("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), v4);
        let v6 = told("[2001:db8::1]:1", "[fe80::2]:65535");
        assert_eq!(line("PROXY TCP6 2001:db8::1 fe80::2 1 65535\r\n"), v6);
        assert_eq!(line("PROXY UNKNOWN\r\n"), NOBODY);
        assert_eq!(line("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), NOBODY);
    }

    // O06: who sends anything else is no proxy
    #[test]
    fn lines_that_are_none() {
        for text in [
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 1\r\n",
            "PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324 65536\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 +5 443\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 05 443\r\n",
            "PROXY TCP4 192.168.0.01 192.168.0.11 5 443\r\n",
            "PROXY TCP4 2001:db8::1 fe80::2 1 65535\r\n",
            "PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n",
            "PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n",
            "PROXY UNKNOWNS\r\n",
            "PROXY \r\n         \r\n",
        ] {
            assert_eq!(decode(text.as_bytes()), Err(Malformed::Line), "{text}");
        }
        let endless = format!("PROXY UNKNOWN {}", "x".repeat(93));
        assert_eq!(decode(endless.as_bytes()), Err(Malformed::Line));
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
        assert_eq!((whole(longest.as_bytes()), longest.len()), (NOBODY, 107));
        for text in ["GET / HTTP/1.1\r\n", "proxy TCP4 ", "\r\n\r\nGET", "\x16\x03\x01"] {
            assert_eq!(decode(text.as_bytes()), Err(Malformed::NoHeader), "{text}");
        }
    }

    // O06
    #[test]
    fn blocks() {
        let v4 = told("192.0.2.1:4660", "198.51.100.2:5222");
        assert_eq!(whole(&block_of(0x21, 0x11, &ADDRESSES)), v4);
        assert_eq!(whole(&block_of(0x21, 0x12, &ADDRESSES)), v4);
        let mut v6 = [0; 36];
        (v6[0], v6[15], v6[31], v6[33], v6[35]) = (0x20, 1, 2, 3, 4);
        assert_eq!(whole(&block_of(0x21, 0x21, &v6)), told("[2000::1]:3", "[::2]:4"));
        for nobody in [
            block_of(0x20, 0x11, &ADDRESSES),
            block_of(0x20, 0x00, &[]),
            block_of(0x20, 0xff, b"whatever"),
            block_of(0x21, 0x00, &[]),
            block_of(0x21, 0x31, &[0; 216]),
        ] {
            assert_eq!(whole(&nobody), NOBODY);
        }
    }

    // O06
    #[test]
    fn blocks_that_are_none() {
        let wrong = |command, family, rest: &[u8]| decode(&block_of(command, family, rest)).expect_err("an error");
        assert_eq!(wrong(0x11, 0x11, &ADDRESSES), Malformed::Kind);
        assert_eq!(wrong(0x22, 0x11, &ADDRESSES), Malformed::Kind);
        assert_eq!(wrong(0x21, 0x13, &ADDRESSES), Malformed::Kind);
        assert_eq!(wrong(0x21, 0x11, &ADDRESSES[..11]), Malformed::Length);
        assert_eq!(wrong(0x21, 0x21, &[0; 35]), Malformed::Length);
        assert_eq!(wrong(0x21, 0x31, &[0; 215]), Malformed::Length);
        assert_eq!(wrong(0x20, 0x00, &[0; LONGEST - FIXED + 1]), Malformed::TooLong);
        for tlvs in [
            &[0x04][..],
            &[0x04, 0],
            &[0x04, 0, 2, 0],
            &[0x20, 0, 4, 1, 0, 0, 0],
            &[0x03, 0, 1, 0],
        ] {
            assert_eq!(decode(&with_tlvs(tlvs)), Err(Malformed::Length), "{tlvs:?}");
        }
    }

    // O06: what we would say ourselves is understood
    #[test]
    fn our_own() {
        let mut header = Header {
            source: "192.0.2.1:1".parse().expect("an address"),
            destination: "[2001:db8::1]:2".parse().expect("an address"),
            unique_id: UniqueId::new(b"abc"),
            tls: None,
        };
        let both = told("[::ffff:192.0.2.1]:1", "[2001:db8::1]:2");
        assert_eq!(whole(&encode(&header, Version::V1)), both);
        assert_eq!(whole(&encode(&header, Version::V2)), both);
        for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let certificate = false;
            header.tls = Some(Tls { version, certificate });
            let tls = ToldTls::Version(version);
            assert_eq!(whole(&encode(&header, Version::V2)), Introduction { tls, ..both });
        }
    }

    // O06: TLS that the proxy ended
    #[test]
    fn other_tls() {
        let tls = |value: &[u8]| {
            let length = u8::try_from(value.len()).expect("a length");
            whole(&with_tlvs(&[&[0x04, 0, 0, 0x20, 0, length], value].concat())).tls
        };
        assert_eq!(tls(&[0, 0, 0, 0, 0]), ToldTls::None);
        assert_eq!(tls(&[1, 0, 0, 0, 0]), ToldTls::Some);
        assert_eq!(tls(b"\x01\0\0\0\0\x21\0\x07TLSv1.1"), ToldTls::Some);
        assert_eq!(
            tls(b"\x07\0\0\0\0\x22\0\x01a\x21\0\x07TLSv1.3"),
            ToldTls::Version(TlsVersion::V1_3)
        );
    }

    // O06
    #[test]
    fn checksums() {
        assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283);
        let mut header = with_tlvs(&[0x03, 0, 4, 0, 0, 0, 0, 0x05, 0, 1, b'a']);
        let sum = crc32c(header.iter().copied());
        header[31..35].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(whole(&header), told("192.0.2.1:4660", "198.51.100.2:5222"));
        for at in [16, 34, 38] {
            let mut spoiled = header.clone();
            spoiled[at] ^= 1;
            assert_eq!(decode(&spoiled), Err(Malformed::Checksum));
        }
    }
}
