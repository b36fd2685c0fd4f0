//! Which name servers are asked, and what their answers may cost: the system's files and the operator's settings, as the resolver's library
//! wants them.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::system_conf::parse_resolv_conf;
use hickory_resolver::{Hosts, TokioResolver};

/// One packet may get lost.
const ATTEMPTS: u32 = 2;

/// Nothing is remembered for longer, whatever its TTL, so that a mistake in a zone ends some time.
const LONGEST: Duration = Duration::from_secs(3600);

/// How names are resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Empty: those of `resolv_conf`.
    pub name_servers: Vec<SocketAddr>,
    pub resolv_conf: PathBuf,
    pub hosts: PathBuf,
    /// For the answer to one question, however often it is asked.
    pub timeout: Duration,
    /// Answers that are remembered.
    pub remembered: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name_servers: Vec::new(),
            resolv_conf: PathBuf::from("/etc/resolv.conf"),
            hosts: PathBuf::from("/etc/hosts"),
            // What the C library takes for one try.
            timeout: Duration::from_secs(5),
            // Two for a domain and two for each server. What is forgotten is asked again, of a name server that remembers more.
            remembered: 1024,
        }
    }
}

/// Nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("{} cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} does not say which name servers to ask", path.display())]
    ResolvConf {
        path: PathBuf,
        #[source]
        source: NetError,
    },
    #[error("the resolver cannot be set up")]
    Resolver(#[source] NetError),
}

pub(super) fn resolver(options: &Options) -> Result<TokioResolver, SetupError> {
    let (config, system) = if options.name_servers.is_empty() {
        system(&options.resolv_conf)?
    } else {
        let servers = options.name_servers.iter().map(name_server).collect();
        (ResolverConfig::from_name_servers(servers), ResolverOpts::default())
    };
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let settings = builder.options_mut();
    *settings = system;
    settings.timeout = options.timeout / ATTEMPTS;
    // those beyond the first
    settings.attempts = ATTEMPTS as usize - 1;
    settings.cache_size = options.remembered;
    settings.positive_max_ttl = Some(LONGEST);
    settings.negative_max_ttl = Some(LONGEST);
    // The library would still ask for the family that the file does not have.
    settings.use_hosts_file = ResolveHosts::Never;
    builder.build().map_err(SetupError::Resolver)
}

/// Many containers have none.
pub(super) fn hosts(options: &Options) -> Result<Hosts, SetupError> {
    let path = &options.hosts;
    let mut hosts = Hosts::default();
    let read = match File::open(path) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(hosts),
        file => file.and_then(|file| hosts.read_hosts_conf(file)),
    };
    let unreadable = |source| SetupError::Unreadable {
        path: path.to_owned(),
        source,
    };
    read.map(|()| hosts).map_err(unreadable)
}

fn system(path: &Path) -> Result<(ResolverConfig, ResolverOpts), SetupError> {
    let path = || path.to_owned();
    let text = std::fs::read(path()).map_err(|source| SetupError::Unreadable { path: path(), source })?;
    parse_resolv_conf(text).map_err(|source| SetupError::ResolvConf { path: path(), source })
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}
