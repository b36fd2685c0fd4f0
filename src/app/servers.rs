//! What the operator wrote about domains and their servers -> the connector, with its certificates read.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tracing::warn;

use crate::config::{self, Config, Domain, ProxyProtocol, Tls};
use crate::network::Network;
use crate::proxy_protocol::Version;
use crate::upstream::connector::Connector;
use crate::upstream::dns::Dns;
use crate::upstream::name_servers;
use crate::upstream::permit::Permit;
use crate::upstream::pool::Retry;
use crate::upstream::resolve::{Resolve, Table};
use crate::upstream::route::{Entry, Pattern, Route, Servers};
use crate::upstream::secure::{Identity, Secure, Trust};
use crate::upstream::target::{Host, Security, Source, Target};
use crate::upstream::way::{Terms, Way};
use crate::xmpp;

pub(super) fn connector(config: &Config) -> anyhow::Result<Connector> {
    let resolver = resolver(config)?;
    let patterns = |names: &[String]| names.iter().map(|name| pattern(name)).collect::<anyhow::Result<_>>();
    let entry = |domain: &Domain| {
        let about = || format!("domain {:?}", domain.name);
        Ok(Entry {
            pattern: pattern(&domain.name)?,
            servers: servers(domain),
            way: Way::new(terms(domain, config).with_context(about)?, Arc::clone(&resolver)),
        })
    };
    let route = Route {
        entries: config.domains.iter().map(entry).collect::<anyhow::Result<_>>()?,
        gone: patterns(&config.upstream.gone)?,
        denied: patterns(&config.upstream.deny)?,
    };
    Ok(Connector::new(route, resolver))
}

/// Where every server is written down with its address, nobody need be there to be asked.
fn resolver(config: &Config) -> anyhow::Result<Arc<dyn Resolve>> {
    let options = name_servers::Options {
        name_servers: config.resolver.servers.clone(),
        ..name_servers::Options::default()
    };
    let asks = |domain: &Domain| domain.servers.is_empty() || !domain.reach.redirects.is_empty();
    match Dns::new(&options) {
        Ok(dns) => Ok(Arc::new(dns)),
        Err(error) if config.domains.iter().any(asks) => Err(error).context("servers cannot be found by DNS"),
        Err(_) => Ok(Arc::new(Table::default())),
    }
}

fn servers(domain: &Domain) -> Servers {
    let security = domain.tls.map(security);
    let target = |server: &config::Server| Target {
        host: Host::of(&server.host),
        port: server.port,
        security: security.unwrap_or(Security::StartTls),
        priority: server.priority,
        weight: server.weight,
        source: Source::Written,
    };
    match &domain.servers[..] {
        [] => Servers::Found(security),
        listed => Servers::Listed(listed.iter().map(target).collect()),
    }
}

fn security(tls: Tls) -> Security {
    match tls {
        Tls::Direct => Security::Direct,
        Tls::StartTls => Security::StartTls,
        Tls::None => Security::Plain,
    }
}

fn terms(domain: &Domain, config: &Config) -> anyhow::Result<Terms> {
    let reach = &domain.reach;
    let network = |text: &String| Network::parse(text).with_context(|| format!("not a network: {text}"));
    let host = |text: &String| xmpp::host_and_port(text).with_context(|| format!("not a host: {text}"));
    Ok(Terms {
        // of what DNS finds, some may be secured although this was not asked for
        secure: if domain.tls == Some(Tls::None) && !domain.servers.is_empty() {
            None
        } else {
            Some(secure(domain)?)
        },
        proxy_protocol: match domain.proxy_protocol {
            ProxyProtocol::Off => None,
            ProxyProtocol::V1 => Some(Version::V1),
            ProxyProtocol::V2 => Some(Version::V2),
        },
        timeout: reach.connect_timeout,
        retry: Retry {
            first: reach.retry,
            most: reach.retry_max,
        },
        permit: Permit {
            networks: reach.networks.iter().map(network).collect::<anyhow::Result<_>>()?,
            redirects: reach.redirects.iter().map(host).collect::<anyhow::Result<_>>()?,
        },
        system_names: config.resolver.servers.is_empty(),
        many_domains: domain.name.starts_with('*'),
        delivery: domain.delivery,
        leave_after: domain.leave_after,
    })
}

fn secure(domain: &Domain) -> anyhow::Result<Secure> {
    let roots = || match &domain.ca_file {
        Some(file) => authorities(file),
        None => system_authorities(),
    };
    let trust = match &domain.server_name {
        _ if !domain.pins.is_empty() => Trust::Pinned(domain.pins.clone()),
        Some(name) => Trust::Named(roots()?, ServerName::try_from(name.clone())?),
        None => Trust::Roots(roots()?),
    };
    let identity = domain.client_certificate.as_ref().map(identity).transpose()?;
    Secure::new(trust, identity).context("TLS cannot be set up")
}

fn authorities(file: &str) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).with_context(|| format!("{file}: not an authority"))?;
    }
    Ok(roots)
}

fn system_authorities() -> anyhow::Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        bail!("the system has no authorities to verify certificates with (install ca-certificates), and ca_file names none");
    }
    for error in found.errors {
        warn!(cause = %error, "some of the system's authorities cannot be read");
    }
    Ok(roots)
}

fn identity(files: &config::CertificateFiles) -> anyhow::Result<Identity> {
    let key = PrivateKeyDer::from_pem_file(Path::new(&files.key)).with_context(|| format!("{}: no private key", files.key))?;
    Ok(Identity {
        chain: certificates(&files.certificate)?,
        key,
    })
}

/// All of a file in PEM.
fn certificates(file: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let bytes = std::fs::read(file).with_context(|| format!("{file} cannot be read"))?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .with_context(|| format!("{file} is not PEM"))?;
    if found.is_empty() {
        bail!("{file} holds no certificate");
    }
    Ok(found)
}

fn pattern(name: &str) -> anyhow::Result<Pattern> {
    Pattern::parse(name).with_context(|| format!("not a domain: {name}"))
}
