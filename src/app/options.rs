//! What the operator wrote -> the options that each part owns.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use http::{HeaderName, HeaderValue};

use super::files::Room;
use crate::bosh;
use crate::config::{Config, Cors as CorsConfig};
use crate::front::cors::{Cors, Credentials, Origins};
use crate::front::{self, Charset, Tryout, discovery, shield};
use crate::manager::{self, PerAddress};
use crate::network::Network;
use crate::upstream::dns;
use crate::xml::{Text, XmlLimits};
use crate::xmpp;

/// How much longer than a session's inactivity an idle connection is kept, so that it outlives the sessions that use it.
const IDLE_MARGIN: Duration = Duration::from_secs(5);

/// Room for the wrapper in a request's body.
const WRAPPER_BYTES: usize = 1024;

pub(super) fn manager(config: &Config, room: Room) -> anyhow::Result<manager::Options> {
    Ok(manager::Options {
        session: Arc::new(bosh::Limits {
            max_wait: seconds(config.bosh.max_wait),
            max_hold: config.bosh.max_hold,
            inactivity: seconds(config.bosh.inactivity),
            max_pause: seconds(config.bosh.max_pause),
            polling: seconds(config.bosh.polling),
            overactivity: config.bosh.overactivity,
            streams: config.bosh.streams,
            accept: Some(Text::from_static(front::ACCEPTED)),
            login_timeout: seconds(config.limits.login_timeout),
            charsets: (!config.bosh.charsets.is_empty()).then(|| config.bosh.charsets.join(" ").into()),
            session_memory: config.limits.session_memory,
            ..bosh::Limits::default()
        }),
        middlebox: config.bosh.middlebox,
        sessions: room.sessions,
        per_address: PerAddress {
            sessions: count(config.limits.sessions_per_address),
            new_sessions: config.limits.new_sessions_per_address,
            unauthenticated: count(config.limits.unauthenticated_per_address),
            exempt: exempt(config)?,
        },
        stanza_bytes: config.limits.stanza_bytes,
        memory: config.limits.memory,
        default_domain: xmpp::Domain::parse(&config.upstream.default_domain),
        client_bytes: config.limits.body_bytes.saturating_sub(WRAPPER_BYTES),
    })
}

pub(super) fn front(config: &Config, room: Room, tryout: Tryout) -> anyhow::Result<front::Options> {
    Ok(front::Options {
        path: config.bosh.path.clone(),
        body_bytes: config.limits.body_bytes,
        xml: XmlLimits {
            element_bytes: config.limits.body_bytes,
            ..XmlLimits::default()
        },
        body_timeout: config.limits.body_timeout,
        idle_timeout: config.bosh.inactivity + IDLE_MARGIN,
        cors: cors(&config.cors)?,
        headers: config
            .bosh
            .headers
            .iter()
            .map(|text| header(text))
            .collect::<anyhow::Result<_>>()?,
        compression: config.bosh.compression,
        charsets: config.bosh.charsets.iter().filter_map(|name| Charset::named(name)).collect(),
        http_polling: Some(config.http_polling.path.clone()).filter(|path| !path.is_empty()),
        websocket: Some(config.websocket.path.clone()).filter(|path| !path.is_empty()),
        script: config.bosh.script,
        discovery: discovery(config),
        shield: shield::Options {
            connections: room.connections,
            connections_per_address: count(config.limits.connections_per_address),
            requests_per_address: config.limits.requests_per_address,
            exempt: exempt(config)?,
        },
        tryout,
        ..front::Options::default()
    })
}

/// Whoever asks for a domain of ours, or for the host of an endpoint, is told where the endpoints are.
fn discovery(config: &Config) -> discovery::Options {
    let named = |url: &String| Some(url.clone()).filter(|url| !url.is_empty());
    let domains = config.domains.iter().map(|domain| domain.name.as_str());
    // an entry for every domain names none
    let hosts = domains.filter(|name| *name != "*").chain(config.discovery.hosts());
    discovery::Options {
        bosh: named(&config.discovery.bosh),
        websocket: named(&config.discovery.websocket),
        hosts: hosts.filter_map(ascii).collect(),
    }
}

/// As it stands in `Host`.
fn ascii(host: &str) -> Option<String> {
    match host.strip_prefix("*.") {
        Some(domain) => Some(format!("*.{}", dns::ascii(domain)?)),
        None if host.starts_with('[') => Some(host.to_ascii_lowercase()),
        None => dns::ascii(host),
    }
}

/// Networks without limits per address.
fn exempt(config: &Config) -> anyhow::Result<Vec<Network>> {
    let network = |text: &String| Network::parse(text).with_context(|| format!("not a network: {text}"));
    config.limits.exempt.iter().map(network).collect()
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn cors(config: &CorsConfig) -> anyhow::Result<Cors> {
    let origins = if config.origins.iter().any(|origin| origin == "*") {
        Origins::Any
    } else {
        let header = |origin: &String| HeaderValue::from_str(origin).with_context(|| format!("not an origin: {origin}"));
        Origins::Listed {
            origins: config.origins.iter().map(header).collect::<anyhow::Result<_>>()?,
            credentials: if config.credentials {
                Credentials::Allowed
            } else {
                Credentials::Omitted
            },
        }
    };
    let name = |name: &String| name.parse::<HeaderName>().with_context(|| format!("not a header: {name}"));
    Ok(Cors {
        origins,
        expose: config.expose.iter().map(name).collect::<anyhow::Result<_>>()?,
    })
}

fn header(text: &str) -> anyhow::Result<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':').with_context(|| format!("not a header: {text}"))?;
    Ok((name.parse()?, HeaderValue::from_str(value.trim())?))
}

/// The wire knows whole seconds below 2^16; `config` has checked that.
fn seconds(duration: Duration) -> u16 {
    u16::try_from(duration.as_secs()).unwrap_or(u16::MAX)
}
