//! `Way`: how the servers of one entry are reached, all the way to a stream that has begun; and the watch over those that fail.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::negotiation::{Beginning, Negotiation};
use super::permit::Permit;
use super::pool::{Pool, Retry};
use super::resolve::Resolve;
use super::secure::Secure;
use super::target::{Host, Security, Source, Target};
use super::{BoxStream, Call, ConnectError, PeerSecurity, Stage, dial, dns};
use crate::proxy_protocol;
use crate::xmpp::features::{self, StartTls};
use crate::xmpp::{Domain, StreamHeader};

/// Attempts after which a target that DNS named is forgotten: an hour at least.
const FORGOTTEN: u32 = 64;

/// What an operator says about the ways to the servers of a domain.
pub struct Terms {
    /// `None`: nothing is encrypted.
    pub secure: Option<Secure>,
    /// Tell the server who the client is, ahead of the stream.
    pub proxy_protocol: Option<proxy_protocol::Version>,
    /// For one attempt at one target, up to the stream's features.
    pub timeout: Duration,
    pub retry: Retry,
    pub permit: Permit,
    /// Look names of the configuration up as all programs do, rather than in DNS: with search domains, and what else the system knows.
    pub system_names: bool,
    /// Is it the way of any domain that a client names, be it one that the servers do not know?
    pub many_domains: bool,
    /// Let servers keep what clients are not known to have.
    pub delivery: bool,
    /// How long after an aborted request a client has left; zero: that means nothing.
    pub leave_after: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            secure: None,
            proxy_protocol: None,
            timeout: Duration::from_secs(10),
            retry: Retry::default(),
            permit: Permit::default(),
            system_names: false,
            many_domains: false,
            delivery: true,
            leave_after: Duration::ZERO,
        }
    }
}

/// The ways to the servers of a domain.
pub struct Way {
    pub terms: Terms,
    pub pool: Pool,
    resolver: Arc<dyn Resolve>,
    /// Watches over targets that are out of service; they end with the way.
    watches: Mutex<JoinSet<()>>,
}

impl Way {
    pub fn new(terms: Terms, resolver: Arc<dyn Resolve>) -> Arc<Self> {
        Arc::new(Self {
            terms,
            resolver,
            pool: Pool::default(),
            watches: Mutex::default(),
        })
    }

    /// One attempt at one target.
    ///
    /// # Errors
    /// How far it came, and what stopped it.
    pub(super) async fn attempt(&self, target: &Target, call: &Call) -> Result<(Negotiation, Beginning), ConnectError> {
        let mut stage = Stage::Resolve;
        let attempt = timeout(self.terms.timeout, self.begin(target, call, &mut stage)).await;
        let failure = match attempt {
            Ok(Ok(begun)) => return Ok(begun),
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        Err(ConnectError {
            target: target.to_string(),
            stage,
            source: failure,
        })
    }

    /// Takes a target out of service that has failed, and sees to its return.
    pub(super) fn failed(self: &Arc<Self>, target: &Target, domain: &Domain, error: &ConnectError) {
        // what one domain gets to hear says nothing about the others
        let is_of_all = matches!(error.stage, Stage::Resolve | Stage::Tcp);
        if (self.terms.many_domains && !is_of_all) || !self.pool.eject(target) {
            return;
        }
        warn!(%domain, %target, stage = ?error.stage, cause = %error.source, "server out of service");
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        while watches.try_join_next().is_some() {}
        watches.spawn(watch(Arc::downgrade(self), target.clone(), domain.clone()));
    }

    /// A target that was tried although it was out of service has answered.
    pub(super) fn answered(&self, target: &Target, domain: &Domain) {
        if self.pool.restore(target) {
            info!(%domain, %target, "server back in service");
        }
    }

    async fn begin(&self, target: &Target, call: &Call, stage: &mut Stage) -> io::Result<(Negotiation, Beginning)> {
        let found = self.addresses(target).await?;
        let addresses = dial::allowed(target, found, &self.terms.permit)?;
        *stage = Stage::Tcp;
        let mut stream = dial::race(addresses).await?;
        if let Some(version) = self.terms.proxy_protocol {
            let header = proxy_header(call, &stream)?;
            stream.write_all(&proxy_protocol::encode(&header, version)).await?;
        }
        let io = self.secure(Box::new(stream), target, call, stage).await?;
        let (negotiation, beginning) = Negotiation::begin(io, &call.header, call.xml, stage).await?;
        if let (Security::Plain, Beginning::Ready(Some(offer))) = (target.security, &beginning)
            && features::starttls(offer) == Some(StartTls::Required)
        {
            *stage = Stage::Tls;
            return Err(io::Error::other("the server requires TLS, which the configuration rules out"));
        }
        Ok((negotiation, beginning))
    }

    async fn addresses(&self, target: &Target) -> io::Result<Vec<IpAddr>> {
        match &target.host {
            Host::Address(address) => Ok(vec![*address]),
            Host::Name(name) if self.terms.system_names && target.source == Source::Written => crate::net::lookup(name).await,
            Host::Name(name) => self.resolver.addresses(name).await.map_err(io::Error::other),
        }
    }

    /// TLS, where the target has it; there is no way down from it (DN09).
    async fn secure(&self, io: BoxStream, target: &Target, call: &Call, stage: &mut Stage) -> io::Result<BoxStream> {
        let secured = |secure: Option<&Secure>| secure.cloned().ok_or_else(|| io::Error::other("TLS is not set up"));
        match target.security {
            Security::Plain => Ok(io),
            Security::Direct => {
                *stage = Stage::Tls;
                secured(self.terms.secure.as_ref())?.direct(io, name_of(&call.domain)?).await
            }
            Security::StartTls => {
                // whose stream it is, is nobody's business before TLS (RFC 6120 section 4.7.1); features come with a version only
                let header = StreamHeader {
                    from: None,
                    version: Some("1.0".into()),
                    ..call.header.clone()
                };
                let (negotiation, beginning) = Negotiation::begin(io, &header, call.xml, stage).await?;
                let offer = match &beginning {
                    Beginning::Ready(offer) => offer.as_ref(),
                    Beginning::Error(error) => return Err(io::Error::other(error.condition())),
                    Beginning::Nonsense(error) => return Err(io::Error::other(*error)),
                };
                *stage = Stage::Tls;
                let io = negotiation.starttls(offer).await?;
                secured(self.terms.secure.as_ref())?.upgrade(io, name_of(&call.domain)?).await
            }
        }
    }
}

/// The name by which a server knows the domain, and which its certificate proves.
fn name_of(domain: &Domain) -> io::Result<ServerName<'static>> {
    let name = dns::ascii(domain.as_str()).and_then(|name| ServerName::try_from(name).ok());
    name.ok_or_else(|| io::Error::other("no certificate can prove the domain's name"))
}

fn proxy_header(call: &Call, stream: &crate::net::TcpStream) -> io::Result<proxy_protocol::Header> {
    let is_ours = call.session.is_empty();
    // of a client without an address our own counts, as it would behind UNKNOWN; ejabberd waits for ever behind LOCAL
    let is_known = !is_ours && call.peer.has_address();
    Ok(proxy_protocol::Header {
        source: if is_known { call.peer.address } else { stream.local_addr()? },
        destination: if is_known { call.peer.listener } else { stream.peer_addr()? },
        unique_id: proxy_protocol::UniqueId::new(call.session.as_bytes()).filter(|_| !is_ours),
        tls: match call.peer.security {
            PeerSecurity::Tls { version, certificate } => Some(proxy_protocol::Tls {
                version,
                certificate: certificate.is_some(),
            }),
            // who ended its TLS has not told how
            PeerSecurity::Plain | PeerSecurity::Vouched => None,
        },
    })
}

/// Tries a target again and again until it answers.
async fn watch(way: Weak<Way>, target: Target, domain: Domain) {
    let mut wait = match way.upgrade() {
        Some(way) => way.terms.retry.first,
        None => return,
    };
    for attempts in 1.. {
        sleep(wait).await;
        let Some(way) = way.upgrade().filter(|way| way.pool.is_ejected(&target)) else {
            return;
        };
        wait = way.terms.retry.after(wait);
        match way.attempt(&target, &Call::of_ours(domain.clone())).await {
            Ok((negotiation, beginning)) if beginning.is_of_service() => {
                way.answered(&target, &domain);
                return negotiation.leave().await;
            }
            Ok(_) | Err(_) if target.source != Source::Written && attempts >= FORGOTTEN => {
                way.pool.restore(&target);
                return;
            }
            Ok(_) | Err(_) => {}
        }
    }
}
