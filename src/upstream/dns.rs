//! `Dns`: servers and addresses by DNS, remembered as long as their TTL says (RFC 2782, XEP-0368). The hosts file is honoured, search domains
//! are not: every name is absolute.

use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tokio::time::timeout;

use super::name_servers::{self, Options, SetupError};
use super::resolve::{Resolve, ResolveError, Resolving};
use super::services::{Answer, Record, Services, fallback};
use super::target::{Host, Target};
use crate::xmpp::Domain;

/// For the second of two answers, once the first has records: there are networks that swallow questions of types they do not know.
const LATECOMER: Duration = Duration::from_secs(1);

/// Records taken of one answer, in its order; nobody has that many servers.
const RECORDS: usize = 32;

/// Aliases in a row. Of one that leads to itself nothing comes.
const ALIASES: usize = 8;

/// Asks name servers, and remembers their answers.
#[derive(Debug)]
pub struct Dns {
    resolver: TokioResolver,
    hosts: Hosts,
    timeout: Duration,
}

impl Dns {
    /// # Errors
    /// The system's files do not say whom to ask.
    pub fn new(options: &Options) -> Result<Self, SetupError> {
        Ok(Self {
            resolver: name_servers::resolver(options)?,
            hosts: name_servers::hosts(options)?,
            timeout: options.timeout,
        })
    }

    async fn find_servers(&self, domain: Domain) -> Result<Vec<Target>, ResolveError> {
        if let Some(address) = literal(domain.as_str()) {
            return Ok(vec![fallback(Host::Address(address))]);
        }
        let name = absolute(domain.as_str())?;
        let (xmpp, xmpps) = (service("_xmpp-client", &name)?, service("_xmpps-client", &name)?);
        let (xmpp, xmpps) = both(self.in_time(self.records(xmpp)), self.in_time(self.records(xmpps))).await;
        Services { xmpp, xmpps }.targets(host(&name))
    }

    async fn find_addresses(&self, host: String) -> Result<Vec<IpAddr>, ResolveError> {
        if let Some(address) = literal(&host) {
            return Ok(vec![address]);
        }
        let name = absolute(&host)?;
        let written = self.written(&name);
        if !written.is_empty() {
            return Ok(written);
        }
        let v6 = self.in_time(self.addresses_of(&name, RecordType::AAAA));
        let v4 = self.in_time(self.addresses_of(&name, RecordType::A));
        match both(v6, v4).await {
            (Answer::Records(v6), Answer::Records(v4)) => Ok([v6, v4].concat()),
            (Answer::Records(found), _) | (_, Answer::Records(found)) => Ok(found),
            (Answer::Failed(failure), _) | (_, Answer::Failed(failure)) => Err(failure),
            (Answer::Nothing, Answer::Nothing) => Err(ResolveError::NoAddress),
        }
    }

    /// What the hosts file says.
    fn written(&self, name: &Name) -> Vec<IpAddr> {
        let kinds = [RecordType::AAAA, RecordType::A];
        let found = kinds.map(|kind| self.hosts.lookup_static_host(&Query::query(name.clone(), kind)));
        found.iter().flatten().flat_map(addresses).collect()
    }

    async fn in_time<T>(&self, answer: impl Future<Output = Answer<T>>) -> Answer<T> {
        let answer = timeout(self.timeout, answer).await;
        answer.unwrap_or(Answer::Failed(ResolveError::TimedOut))
    }

    async fn addresses_of(&self, name: &Name, kind: RecordType) -> Answer<IpAddr> {
        match self.resolver.lookup(name.clone(), kind).await {
            Ok(lookup) => Answer::of(addresses(&lookup)),
            Err(failure) => Answer::from(failure),
        }
    }

    /// The SRV records of a service. The library follows aliases to addresses only: of an alias to a service it asks whether that service's
    /// server is one, too, and fails with that question's answer.
    async fn records(&self, mut name: Name) -> Answer<Record> {
        for _ in 0..ALIASES {
            let failure = match self.resolver.lookup(name.clone(), RecordType::SRV).await {
                Ok(lookup) => return Answer::of(records(&lookup)),
                Err(NetError::Dns(DnsError::NoRecordsFound(none))) if *none.query.name() == name => return Answer::Nothing,
                Err(failure) => failure,
            };
            let lookup = self.resolver.lookup(name, RecordType::CNAME).await;
            match lookup.ok().and_then(|lookup| alias(&lookup)) {
                Some(next) => name = next,
                None => return Answer::from(failure),
            }
        }
        Answer::Nothing
    }
}

impl Resolve for Dns {
    fn servers(&self, domain: &Domain) -> Resolving<'_, Vec<Target>> {
        Box::pin(self.find_servers(domain.clone()))
    }

    fn addresses(&self, host: &str) -> Resolving<'_, Vec<IpAddr>> {
        Box::pin(self.find_addresses(host.to_owned()))
    }
}

impl<T> Answer<T> {
    fn of(records: impl Iterator<Item = T>) -> Self {
        let records: Vec<T> = records.take(RECORDS).collect();
        if records.is_empty() {
            Self::Nothing
        } else {
            Self::Records(records)
        }
    }
}

impl<T> From<NetError> for Answer<T> {
    fn from(failure: NetError) -> Self {
        match failure {
            NetError::Dns(DnsError::NoRecordsFound(_)) => Self::Nothing,
            NetError::Timeout => Self::Failed(ResolveError::TimedOut),
            failure => Self::Failed(ResolveError::Lookup(failure.into())),
        }
    }
}

/// Both answers, asked for at once.
async fn both<T>(first: impl Future<Output = Answer<T>>, second: impl Future<Output = Answer<T>>) -> (Answer<T>, Answer<T>) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    tokio::select! {
        one = &mut first => {
            let two = late(second, &one).await;
            (one, two)
        }
        two = &mut second => {
            let one = late(first, &two).await;
            (one, two)
        }
    }
}

async fn late<T>(answer: impl Future<Output = Answer<T>>, other: &Answer<T>) -> Answer<T> {
    match other {
        Answer::Records(_) => timeout(LATECOMER, answer)
            .await
            .unwrap_or(Answer::Failed(ResolveError::TimedOut)),
        _ => answer.await,
    }
}

/// A host or a domain that is an address: `127.0.0.1`, `::1`, `[::1]`.
fn literal(text: &str) -> Option<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(text).parse().ok()
}

/// A name as DNS and certificates have it: in A-labels, without a trailing dot.
pub fn ascii(name: &str) -> Option<String> {
    match host(&absolute(name).ok()?) {
        Host::Name(name) => Some(name),
        Host::Address(address) => Some(address.to_string()),
    }
}

/// In A-labels, and from the root on, so that no search domain is put behind it.
fn absolute(name: &str) -> Result<Name, ResolveError> {
    let mut name = Name::from_str_relaxed(name).map_err(|reason| ResolveError::Name(reason.into()))?;
    name.set_fqdn(true);
    Ok(name)
}

fn service(service: &str, domain: &Name) -> Result<Name, ResolveError> {
    let name = domain.prepend_label("_tcp").and_then(|name| name.prepend_label(service));
    name.map_err(|reason| ResolveError::Name(reason.into()))
}

fn host(name: &Name) -> Host {
    let text = name.to_ascii();
    let text = text.strip_suffix('.').unwrap_or(&text);
    text.parse().map_or_else(|_| Host::Name(text.to_owned()), Host::Address)
}

fn record(srv: &SRV) -> Record {
    Record {
        host: (!srv.target.is_root()).then(|| host(&srv.target)),
        port: srv.port,
        priority: srv.priority,
        weight: srv.weight,
    }
}

fn records(lookup: &Lookup) -> impl Iterator<Item = Record> {
    lookup.answers().iter().filter_map(|answer| match &answer.data {
        RData::SRV(srv) => Some(record(srv)),
        _ => None,
    })
}

fn addresses(lookup: &Lookup) -> impl Iterator<Item = IpAddr> {
    lookup.answers().iter().filter_map(|answer| answer.data.ip_addr())
}

fn alias(lookup: &Lookup) -> Option<Name> {
    lookup.answers().iter().find_map(|answer| match &answer.data {
        RData::CNAME(next) => Some(next.0.clone()),
        _ => None,
    })
}
