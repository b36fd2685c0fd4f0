//! What the operator wrote about listeners -> sockets that listen, each with its door.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;

use super::https::Https;
use crate::config::{self, Address, Listen};
use crate::front::door::{ClientAddress, Door};
use crate::front::redirect::Redirect;
use crate::net::{Listener, Sharing};
use crate::network::{self, Network};

/// Ports that need a privilege, unless the system says otherwise.
const PRIVILEGED: u16 = 1024;

/// All that one `[[listen]]` comes to: one listener, or as many as systemd has.
pub(super) fn open(listen: &Listen, https: &mut Https) -> anyhow::Result<Vec<(Listener, Arc<Door>)>> {
    let door = Arc::new(door(listen, https)?);
    let opened = match &listen.address {
        Address::Tcp(address) => {
            let sharing = if listen.reuse_port { Sharing::Shared } else { Sharing::Alone };
            let opened = Listener::tcp(*address, sharing).map_err(|error| match advice(*address, &error) {
                Some(advice) => anyhow::Error::new(error).context(advice),
                None => error.into(),
            });
            vec![opened.with_context(|| format!("cannot listen on {address}"))?]
        }
        Address::Unix(path) => {
            let opened = Listener::unix(path);
            vec![opened.with_context(|| format!("cannot listen on unix:{}", path.display()))?]
        }
        Address::Systemd => Listener::inherited().context("cannot listen on systemd's sockets")?,
    };
    Ok(opened.into_iter().map(|listener| (listener, Arc::clone(&door))).collect())
}

/// What may help where a port cannot be had.
fn advice(address: SocketAddr, error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::PermissionDenied if address.port() < PRIVILEGED => Some(
            "a port below 1024 needs the capability CAP_NET_BIND_SERVICE (deploy/systemd/boshd.service has it; by hand: setcap \
             cap_net_bind_service=ep on the program), or a socket from systemd",
        ),
        _ => None,
    }
}

fn door(listen: &Listen, https: &mut Https) -> anyhow::Result<Door> {
    let parse = |text: &str| Network::parse(text).with_context(|| format!("not a network: {text}"));
    let trusted = match &listen.trusted_proxies {
        Some(networks) => networks.iter().map(|text| parse(text)).collect::<anyhow::Result<_>>()?,
        None => network::loopback(),
    };
    Ok(Door {
        client_address: match listen.client_address {
            config::ClientAddress::Socket => ClientAddress::Socket,
            config::ClientAddress::ProxyProtocol => ClientAddress::ProxyProtocol,
            config::ClientAddress::Forwarded => ClientAddress::Forwarded,
            config::ClientAddress::XForwardedFor => ClientAddress::XForwardedFor,
        },
        trusted,
        tls: https.tls(&listen.https).context("[[listen]] tls")?,
        redirect: listen.https.redirect.clone().map(|base| Redirect { base }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // O06
    #[test]
    fn what_is_written_is_what_is_believed() {
        for (written, believed) in [
            (config::ClientAddress::Socket, ClientAddress::Socket),
            (config::ClientAddress::ProxyProtocol, ClientAddress::ProxyProtocol),
            (config::ClientAddress::Forwarded, ClientAddress::Forwarded),
            (config::ClientAddress::XForwardedFor, ClientAddress::XForwardedFor),
        ] {
            let mut listen = Listen {
                client_address: written,
                ..Listen::SANDBOX
            };
            let networks = |texts: &[&str]| texts.iter().filter_map(|text| Network::parse(text)).collect::<Vec<_>>();
            let opened = door(&listen, &mut Https::default()).expect("a door");
            assert_eq!((opened.client_address, opened.trusted), (believed, network::loopback()));
            listen.trusted_proxies = Some(vec!["10.0.0.0/8".to_owned()]);
            assert_eq!(
                door(&listen, &mut Https::default()).expect("a door").trusted,
                networks(&["10.0.0.0/8"])
            );
        }
    }

    #[test]
    fn a_port_that_needs_a_privilege() {
        let advised = |address: &str, kind: io::ErrorKind| advice(address.parse().expect("an address"), &kind.into()).is_some();
        assert!(advised("0.0.0.0:443", io::ErrorKind::PermissionDenied));
        assert!(!advised("0.0.0.0:5280", io::ErrorKind::PermissionDenied));
        assert!(!advised("0.0.0.0:443", io::ErrorKind::AddrInUse));
    }
}
