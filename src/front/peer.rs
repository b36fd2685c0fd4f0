//! Who is the client: the socket's other end, or whom a trusted proxy names, ahead of the connection or with each request. Of a list of
//! addresses the right-most counts that no trusted proxy has; left of it anybody may have written anything, and nobody looks there.

use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, HeaderMap, HeaderName};

use crate::manager::{Peer, PeerSecurity};
use crate::proxy_protocol::{Introduction, ToldTls};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What [`x_forwarded_for`] looks at.
pub static X_FORWARDED: [HeaderName; 2] = [X_FORWARDED_FOR, X_FORWARDED_PROTO];

/// Proxies in a row. There are two or three; what is longer is no list that proxies have made.
const HOPS: usize = 32;

/// The client of a connection; an IPv4 client of an IPv6 listener counts as what it is.
pub fn of(socket: SocketAddr, listener: SocketAddr) -> Peer {
    Peer {
        address: canonical(socket),
        listener: canonical(listener),
        security: PeerSecurity::Plain,
    }
}

/// Whom a PROXY header names.
pub fn introduced(proxy: Peer, introduction: &Introduction) -> Peer {
    let Some((source, destination)) = introduction.ends else {
        return proxy;
    };
    Peer {
        security: match introduction.tls {
            ToldTls::None => PeerSecurity::Plain,
            ToldTls::Some => PeerSecurity::Vouched,
            // the header has no room for what would tell one certificate from another
            ToldTls::Version(version) => PeerSecurity::Tls {
                version,
                certificate: None,
            },
        },
        ..of(source, destination)
    }
}

/// Whom `Forwarded` names (RFC 7239).
pub fn forwarded(proxy: Peer, headers: &HeaderMap, trusted: impl Fn(IpAddr) -> bool) -> Peer {
    let found = walk(list(headers, FORWARDED).map_while(Hop::forwarded), trusted);
    found.peer(proxy, found.proto)
}

/// Whom `X-Forwarded-For` names; `X-Forwarded-Proto` is as long as that, or it has one entry for all.
pub fn x_forwarded_for(proxy: Peer, headers: &HeaderMap, trusted: impl Fn(IpAddr) -> bool) -> Peer {
    let named = |entry| Hop {
        address: node(entry),
        proto: None,
    };
    let found = walk(list(headers, X_FORWARDED_FOR).map(named), trusted);
    let protos = list(headers, X_FORWARDED_PROTO).take(found.hops.max(1));
    found.peer(proxy, protos.last().and_then(Proto::of))
}

/// One entry of a list: who spoke to the proxy that wrote it, and how.
struct Hop {
    /// `None`: it does not say, or nonsense.
    address: Option<SocketAddr>,
    proto: Option<Proto>,
}

/// What a list's trusted part comes to.
struct Found {
    /// `None`: the proxy's own address counts.
    address: Option<SocketAddr>,
    /// How the client came to the proxy that has named it.
    proto: Option<Proto>,
    /// Entries that somebody trusted has written.
    hops: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Proto {
    Http,
    Https,
}

impl Found {
    fn peer(&self, proxy: Peer, proto: Option<Proto>) -> Peer {
        let security = match (proto, proxy.security) {
            (Some(Proto::Https), _) => PeerSecurity::Vouched,
            (Some(Proto::Http), _) => PeerSecurity::Plain,
            // the certificate is the proxy's
            (None, PeerSecurity::Tls { version, .. }) => PeerSecurity::Tls {
                version,
                certificate: None,
            },
            (None, security) => security,
        };
        Peer {
            address: self.address.unwrap_or(proxy.address),
            security,
            ..proxy
        }
    }
}

impl Proto {
    fn of(text: &str) -> Option<Self> {
        let is = |name| text.eq_ignore_ascii_case(name);
        if is("https") || is("wss") {
            Some(Self::Https)
        } else {
            (is("http") || is("ws")).then_some(Self::Http)
        }
    }
}

/// From the right to the left, as long as it is somebody trusted who has written it.
fn walk(hops: impl Iterator<Item = Hop>, trusted: impl Fn(IpAddr) -> bool) -> Found {
    let mut found = Found {
        address: None,
        proto: None,
        hops: 0,
    };
    for hop in hops.take(HOPS) {
        found.hops += 1;
        found.proto = hop.proto;
        // nobody knows further
        let Some(address) = hop.address else { break };
        found.address = Some(address);
        if !trusted(address.ip()) {
            break;
        }
    }
    found
}

/// The entries of all lines of a header, from the last to the first. Read from the right, as what its client has sent cannot change what
/// a proxy has written behind it, be it by a quote without an end.
fn list(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).iter().rev();
    // a line in no encoding that we know is one entry that says nothing
    let entries = lines.flat_map(|line| Entries::new(line.to_str().unwrap_or("?"), b','));
    // a list may have empty entries, which count for nothing (RFC 9110 section 5.6.1)
    entries.map(str::trim_ascii).filter(|entry| !entry.is_empty())
}

/// What is between separators outside quotes, the last one first.
struct Entries<'a> {
    rest: Option<&'a str>,
    separator: u8,
}

impl<'a> Entries<'a> {
    fn new(text: &'a str, separator: u8) -> Self {
        Self {
            rest: Some(text),
            separator,
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest.take()?;
        let bytes = text.as_bytes();
        let mut quoted = false;
        for at in (0..bytes.len()).rev() {
            let is_escaped = quoted && at > 0 && bytes[at - 1] == b'\\';
            if bytes[at] == b'"' && !is_escaped {
                quoted = !quoted;
            } else if bytes[at] == self.separator && !quoted {
                self.rest = Some(&text[..at]);
                return Some(&text[at + 1..]);
            }
        }
        Some(text)
    }
}

impl Hop {
    /// One `forwarded-element`; `None`: it is none.
    fn forwarded(text: &str) -> Option<Self> {
        let (mut who, mut how) = (None, None);
        for pair in Entries::new(text, b';').map(str::trim_ascii).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=')?;
            let value = value_of(value)?;
            let slot = match name {
                _ if name.eq_ignore_ascii_case("for") => &mut who,
                _ if name.eq_ignore_ascii_case("proto") => &mut how,
                _ if !name.is_empty() && name.bytes().all(is_token) => continue,
                _ => return None,
            };
            // each at most once (RFC 7239 section 4)
            if slot.replace(value).is_some() {
                return None;
            }
        }
        Some(Self {
            address: who.and_then(node),
            proto: how.and_then(Proto::of),
        })
    }
}

/// A token, in which colons and brackets are let pass as proxies write them; or a quoted string, without escapes, as no address has any.
fn value_of(text: &str) -> Option<&str> {
    let is_plain = |byte: u8| is_token(byte) || b":[]".contains(&byte);
    match text.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').filter(|inner| !inner.contains('"')),
        None => Some(text).filter(|text| !text.is_empty() && text.bytes().all(is_plain)),
    }
}

/// RFC 9110 section 5.6.2
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// An address, perhaps with a port (0 if not), as all kinds of proxies write it. `None`: `unknown`, an obfuscated name, or nonsense.
fn node(text: &str) -> Option<SocketAddr> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let alone = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = match alone.parse() {
        Ok(address) => SocketAddr::new(address, 0),
        Err(_) => match text.parse() {
            Ok(address) => address,
            // the port may be obfuscated, too (RFC 7239 section 6.3)
            Err(_) => SocketAddr::new(text.rsplit_once(":_")?.0.trim_matches(['[', ']']).parse().ok()?, 0),
        },
    };
    // what stands for no address at all
    Some(canonical(address)).filter(|address| !address.ip().is_unspecified())
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::network::Network;
    use crate::proxy_protocol::TlsVersion;

    #[test]
    fn a_mapped_address_is_an_ipv4_address() {
        let mapped = |port| SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0x0a00, 0x0001], port));
        let peer = of(mapped(4711), mapped(443));
        assert_eq!(peer.address.to_string(), "10.0.0.1:4711");
        assert_eq!(peer.listener.to_string(), "10.0.0.1:443");
    }

    fn proxy() -> Peer {
        let end = |text: &str| text.parse().expect("an address");
        of(end("10.0.0.1:1"), end("10.0.0.2:80"))
    }

    fn trusted(address: IpAddr) -> bool {
        let networks = ["10.0.0.0/8", "2001:db8:1::/48"].map(|text| Network::parse(text).expect("a network"));
        networks.iter().any(|network| network.contains(address))
    }

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().expect("a value"));
        }
        headers
    }

    /// Whom the two kinds of headers name, when these are their lines.
    fn by_forwarded(lines: &[&str]) -> Peer {
        let lines: Vec<_> = lines.iter().map(|line| (FORWARDED, *line)).collect();
        forwarded(proxy(), &headers(&lines), trusted)
    }

    fn by_x(lines: &[&str], protos: &[&str]) -> Peer {
        let named = lines.iter().map(|line| (X_FORWARDED_FOR, *line));
        let lines: Vec<_> = named.chain(protos.iter().map(|line| (X_FORWARDED_PROTO, *line))).collect();
        x_forwarded_for(proxy(), &headers(&lines), trusted)
    }

    const PROXY: &str = "10.0.0.1:1";

    // O06: of several the right-most that is not trusted, over all lines
    #[test]
    fn lists() {
        for (lines, expected) in [
            (&["192.0.2.1"][..], "192.0.2.1:0"),
            (&["198.51.100.9, 192.0.2.1"], "192.0.2.1:0"),
            (&["198.51.100.9, 192.0.2.1, 10.1.1.1,10.2.2.2"], "192.0.2.1:0"),
            (&["198.51.100.9", "192.0.2.1", "10.1.1.1, 10.2.2.2"], "192.0.2.1:0"),
            (&["10.9.9.9, 10.1.1.1"], "10.9.9.9:0"),
            (&["192.0.2.1,, ,"], "192.0.2.1:0"),
            (&[], PROXY),
            (&[" , "], PROXY),
        ] {
            assert_eq!(by_x(lines, &[]).address.to_string(), expected, "{lines:?}");
            let element = |entry: &str| match entry.trim() {
                "" => String::new(),
                entry => format!("for={entry}"),
            };
            let elements: Vec<_> = lines
                .iter()
                .map(|line| line.split(',').map(element).collect::<Vec<_>>().join(", "))
                .collect();
            let elements: Vec<_> = elements.iter().map(String::as_str).collect();
            assert_eq!(by_forwarded(&elements).address.to_string(), expected, "{elements:?}");
        }
    }

    // O06: ports, brackets, quotes, IPv6, mapped addresses
    #[test]
    fn forms() {
        for (form, expected) in [
            ("192.0.2.1:4711", "192.0.2.1:4711"),
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("[2001:db8::1]", "[2001:db8::1]:0"),
            ("[2001:db8::1]:4711", "[2001:db8::1]:4711"),
            ("\"[2001:db8::1]:4711\"", "[2001:db8::1]:4711"),
            ("\"192.0.2.1\"", "192.0.2.1:0"),
            ("\"192.0.2.1:_port\"", "192.0.2.1:0"),
            ("\"[2001:db8::1]:_a\"", "[2001:db8::1]:0"),
            ("::ffff:192.0.2.1", "192.0.2.1:0"),
        ] {
            assert_eq!(by_x(&[form], &[]).address.to_string(), expected, "{form}");
            assert_eq!(
                by_forwarded(&[&format!("For={form}")]).address.to_string(),
                expected,
                "{form}"
            );
        }
    }

    // FX14: what cannot be read counts as if it were not there, and ends the way to the left
    #[test]
    fn nonsense() {
        for form in [
            "unknown",
            "_hidden",
            "192.0.2.256",
            "fe80::1%eth0",
            "0.0.0.0",
            "::",
            "a b",
            "\"192.0.2.1",
            "192.0.2.1 x",
            "[",
            "=",
            "\u{e4}",
        ] {
            for line in [form.to_owned(), format!("192.0.2.7, {form}")] {
                assert_eq!(by_x(&[&line], &["x"]), proxy(), "{line}");
            }
            assert_eq!(by_x(&["192.0.2.7", form, "10.3.3.3"], &[]).address.to_string(), "10.3.3.3:0");
            for line in [format!("for={form}"), format!("for=192.0.2.7, for={form}")] {
                assert_eq!(by_forwarded(&[&line]), proxy(), "{line}");
            }
        }
        for line in [
            "for",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1;=a",
            "192.0.2.1",
            "for =192.0.2.1",
            "for=",
            "a b=c",
        ] {
            assert_eq!(by_forwarded(&[line]), proxy(), "{line}");
        }
    }

    // O06: what a client writes does not spoil what its proxy writes behind it
    #[test]
    fn a_quote_without_an_end() {
        for before in ["for=\"", "for=\"a\\", "\"", "for=_a;by=\"x, for=\"", "for=\"a,b\""] {
            for ours in [
                "for=192.0.2.1",
                "for=\"192.0.2.1\";by=_b;proto=http",
                "proto=http;for=\"192.0.2.1:7\";host=\"a,b;c\"",
            ] {
                let told = by_forwarded(&[&format!("{before}, {ours}")]);
                assert_eq!(told.address.ip().to_string(), "192.0.2.1", "{before}, {ours}");
            }
        }
    }

    // O06: who says https vouches for it, for whom it names
    #[test]
    fn how_they_came() {
        let security = |element: &str| by_forwarded(&[element]).security;
        assert_eq!(security("for=192.0.2.1;proto=https"), PeerSecurity::Vouched);
        assert_eq!(security("proto=\"HTTPS\""), PeerSecurity::Vouched);
        assert_eq!(security("for=unknown;proto=wss"), PeerSecurity::Vouched);
        assert_eq!(security("for=192.0.2.1;proto=http"), PeerSecurity::Plain);
        assert_eq!(security("for=192.0.2.1"), PeerSecurity::Plain);
        // the client's own way counts, not that between proxies, nor what it says itself
        assert_eq!(
            security("for=192.0.2.1;proto=https, for=10.1.1.1;proto=http"),
            PeerSecurity::Vouched
        );
        assert_eq!(
            security("for=192.0.2.1;proto=http, for=10.1.1.1;proto=https"),
            PeerSecurity::Plain
        );
        assert_eq!(
            security("for=198.51.100.9;proto=https, for=192.0.2.1;proto=http"),
            PeerSecurity::Plain
        );
        let by_proto = |named: &[&str], protos: &[&str]| by_x(named, protos).security;
        assert_eq!(by_proto(&["192.0.2.1"], &["https"]), PeerSecurity::Vouched);
        assert_eq!(by_proto(&[], &["https"]), PeerSecurity::Vouched);
        assert_eq!(by_proto(&["192.0.2.1, 10.1.1.1"], &["https"]), PeerSecurity::Vouched);
        assert_eq!(by_proto(&["192.0.2.1, 10.1.1.1"], &["https, http"]), PeerSecurity::Vouched);
        assert_eq!(by_proto(&["192.0.2.1"], &["https, http"]), PeerSecurity::Plain);
        assert_eq!(by_proto(&["192.0.2.1"], &["https", "gopher"]), PeerSecurity::Plain);
    }

    // O06: a proxy's own TLS counts where it says nothing, its certificate never
    #[test]
    fn a_proxy_over_tls() {
        let version = TlsVersion::V1_3;
        let shown = |certificate| PeerSecurity::Tls { version, certificate };
        let proxy = Peer {
            security: shown(Some([7; 32])),
            ..proxy()
        };
        let told = |line| forwarded(proxy, &headers(&[(FORWARDED, line)]), trusted).security;
        assert_eq!(told("for=192.0.2.1"), shown(None));
        assert_eq!(told("for=192.0.2.1;proto=http"), PeerSecurity::Plain);
        assert_eq!(told("for=192.0.2.1;proto=https"), PeerSecurity::Vouched);
    }

    // O06: a list has a bound
    #[test]
    fn no_endless_walk() {
        let line = format!("192.0.2.1{}", ", 10.1.1.1".repeat(HOPS));
        assert_eq!(by_x(&[&line], &[]).address.to_string(), "10.1.1.1:0");
        let line = format!("192.0.2.1{}", ", 10.1.1.1".repeat(HOPS - 1));
        assert_eq!(by_x(&[&line], &[]).address.to_string(), "192.0.2.1:0");
    }

    // O06: whom a PROXY header names, and nobody
    #[test]
    fn introductions() {
        let ends = Some((
            "[::ffff:192.0.2.1]:1".parse().expect("an address"),
            "198.51.100.2:2".parse().expect("an address"),
        ));
        let told = |tls| introduced(proxy(), &Introduction { ends, tls });
        assert_eq!(told(ToldTls::None).address.to_string(), "192.0.2.1:1");
        assert_eq!(told(ToldTls::None).listener.to_string(), "198.51.100.2:2");
        assert_eq!(told(ToldTls::None).security, PeerSecurity::Plain);
        assert_eq!(told(ToldTls::Some).security, PeerSecurity::Vouched);
        let (version, certificate) = (TlsVersion::V1_2, None);
        assert_eq!(
            told(ToldTls::Version(version)).security,
            PeerSecurity::Tls { version, certificate }
        );
        let tls = ToldTls::None;
        assert_eq!(introduced(proxy(), &Introduction { ends: None, tls }), proxy());
    }

    proptest! {
        // FX14: whatever comes, behind it counts what the proxy has written
        #[test]
        fn any_text(before in "[ -~]{0,60}", pieces in "([fFor=,;:\"\\\\.0-9a-f _\\[\\]]|for=|proto=|https){0,30}") {
            for text in [before, pieces] {
                let _ = (by_forwarded(&[&text]), by_x(&[&text], &[&text]));
                prop_assert_eq!(by_x(&[&format!("{text},192.0.2.1")], &[]).address.to_string(), "192.0.2.1:0");
                prop_assert_eq!(by_x(&[&text, "192.0.2.1"], &[]).address.to_string(), "192.0.2.1:0");
                prop_assert_eq!(by_forwarded(&[&text, "for=192.0.2.1"]).address.to_string(), "192.0.2.1:0");
                prop_assert_eq!(by_forwarded(&[&format!("{text},for=\"192.0.2.1\"")]).address.to_string(), "192.0.2.1:0");
            }
        }
    }
}
