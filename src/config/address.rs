//! Places to listen, as an operator writes them: an address with a port, `unix:` and a path, `systemd`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::value::{Raw, Value};

/// Where clients come in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
    /// All sockets that systemd holds for us.
    Systemd,
}

/// The kernel's room for a path (`sun_path`) without its final zero.
const LONGEST_PATH: usize = 107;

impl Address {
    /// Do both want the same place, or part of it? `[::]` takes IPv4 as well.
    pub(super) fn clashes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp(one), Self::Tcp(other)) if one.port() == other.port() && one.port() != 0 => {
                let all = |address: &SocketAddr| address.ip().is_unspecified() && address.is_ipv6();
                let four = |address: &SocketAddr| address.ip() == Ipv4Addr::UNSPECIFIED;
                one.ip() == other.ip() || (all(one) && four(other)) || (four(one) && all(other))
            }
            (Self::Tcp(_), Self::Tcp(_)) => false,
            (one, other) => one == other,
        }
    }
}

impl Value for Address {
    fn parse(raw: &Raw) -> Result<Self, String> {
        address(&String::parse(raw)?)
    }

    fn show(&self) -> String {
        match self {
            Self::Tcp(address) => format!("\"{address}\""),
            Self::Unix(path) => format!("{:?}", format!("unix:{}", path.display())),
            Self::Systemd => "\"systemd\"".to_owned(),
        }
    }
}

fn address(text: &str) -> Result<Address, String> {
    if text == "systemd" {
        return Ok(Address::Systemd);
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return unix(path);
    }
    tcp(text).map(Address::Tcp)
}

pub(super) fn tcp(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "{text:?} is not an address with a port, such as \"0.0.0.0:5280\" or \"[::]:5280\", nor \"unix:/run/boshd.sock\", \
             nor \"systemd\""
        )
    })
}

fn unix(path: &str) -> Result<Address, String> {
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        return Err(format!(
            "{path:?} is not the absolute path of a socket, such as \"unix:/run/boshd.sock\""
        ));
    }
    if path.len() > LONGEST_PATH {
        return Err(format!(
            "the path has {} bytes; a Unix socket's may have {LONGEST_PATH}",
            path.len()
        ));
    }
    Ok(Address::Unix(path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_kinds() {
        assert_eq!(
            address("[::]:5280"),
            Ok(Address::Tcp("[::]:5280".parse().expect("an address")))
        );
        assert_eq!(address("unix:/run/boshd.sock"), Ok(Address::Unix("/run/boshd.sock".into())));
        assert_eq!(address("systemd"), Ok(Address::Systemd));
        for bad in ["5280", "localhost:5280", "unix:", "unix:boshd.sock", "unix:/run/", "Systemd"] {
            assert!(address(bad).is_err(), "{bad}");
        }
        for text in ["127.0.0.1:0", "[::]:5280", "unix:/run/boshd.sock", "systemd"] {
            assert_eq!(address(text).expect("an address").show(), format!("\"{text}\""));
        }
    }

    #[test]
    fn the_kernel_bounds_paths() {
        let path = |length: usize| format!("unix:/{}", "a".repeat(length - 1));
        assert!(address(&path(107)).is_ok());
        assert!(address(&path(108)).is_err_and(|text| text.contains("108 bytes")));
    }

    #[test]
    fn places_that_are_taken() {
        let clash = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| address(text).expect("an address"));
            assert_eq!(one.clashes(&other), other.clashes(&one));
            one.clashes(&other)
        };
        assert!(clash("127.0.0.1:80", "127.0.0.1:80") && clash("systemd", "systemd") && clash("unix:/a", "unix:/a"));
        assert!(clash("[::]:80", "0.0.0.0:80"));
        assert!(!clash("127.0.0.1:0", "127.0.0.1:0") && !clash("127.0.0.1:80", "127.0.0.1:443"));
        assert!(!clash("[::1]:80", "127.0.0.1:80") && !clash("unix:/a", "systemd"));
    }
}
