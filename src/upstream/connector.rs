//! The network's `Connect`: a domain's targets, tried one after the other until a stream has begun; a server that sends us on is followed
//! (ER06).

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use super::negotiation::{Beginning, Negotiation};
use super::resolve::Resolve;
use super::route::{Entry, Route, Servers};
use super::target::{Host, Security, Source, Target};
use super::way::Way;
use super::{Call, Connect, ConnectError, Connected, Connecting, Stage};
use crate::xmpp::{Domain, StreamError};

/// Targets that are tried for one stream.
const ATTEMPTS: usize = 8;

/// How often a stream is sent on.
const HOPS: usize = 3;

/// Stream errors that are about the server's state, so that another server may do better.
const MOMENTARY: [&str; 5] = [
    "system-shutdown",
    "internal-server-error",
    "resource-constraint",
    "connection-timeout",
    "reset",
];

/// Connects to the servers that the configuration names or DNS finds, and to no others (C14, P06).
pub struct Connector {
    route: Route,
    resolver: Arc<dyn Resolve>,
}

impl Connector {
    pub fn new(route: Route, resolver: Arc<dyn Resolve>) -> Self {
        Self { route, resolver }
    }

    async fn reach(&self, call: Call) -> Result<Connected, ConnectError> {
        let Some(entry) = self.route.find(&call.domain) else {
            return Err(nowhere(&call.domain, io::ErrorKind::NotFound.into()));
        };
        let targets = self.targets(entry, &call.domain).await?;
        let mut search = Search {
            way: &entry.way,
            call: &call,
            waiting: entry
                .way
                .pool
                .order(targets.clone(), random)
                .into_iter()
                .take(ATTEMPTS)
                .collect(),
            known: targets,
            hops: 0,
        };
        search.prefer_route();
        search.run().await
    }

    async fn targets(&self, entry: &Entry, domain: &Domain) -> Result<Vec<Target>, ConnectError> {
        let allowed = match &entry.servers {
            Servers::Listed(targets) => return Ok(targets.clone()),
            Servers::Found(allowed) => *allowed,
        };
        let found = self.resolver.servers(domain).await;
        let mut targets = found.map_err(|error| nowhere(domain, io::Error::other(error)))?;
        match allowed {
            None => {}
            Some(Security::Plain) => targets.iter_mut().for_each(|target| {
                if target.security == Security::StartTls {
                    target.security = Security::Plain;
                }
            }),
            Some(allowed) => targets.retain(|target| target.security == allowed),
        }
        if targets.is_empty() {
            let text = "DNS names no server that offers TLS the way the configuration wants it";
            return Err(nowhere(domain, io::Error::other(text)));
        }
        Ok(targets)
    }
}

impl Connect for Connector {
    fn serves(&self, domain: &Domain) -> bool {
        self.route.find(domain).is_some()
    }

    fn is_gone(&self, domain: &Domain) -> bool {
        self.route.is_gone(domain)
    }

    fn leave_after(&self, domain: &Domain) -> Option<Duration> {
        let after = self.route.find(domain)?.way.terms.leave_after;
        (!after.is_zero()).then_some(after)
    }

    fn connect(&self, call: Call) -> Connecting<'_> {
        Box::pin(self.reach(call))
    }
}

/// One stream's way through the targets.
struct Search<'a> {
    way: &'a Arc<Way>,
    call: &'a Call,
    waiting: VecDeque<Target>,
    /// All of the domain's, for redirects among them.
    known: Vec<Target>,
    hops: usize,
}

impl Search<'_> {
    /// What the client asks for comes first, where it may ask for it; otherwise it is ignored (C14).
    fn prefer_route(&mut self) {
        let like = self.waiting.front().cloned();
        if let (Some((host, port)), Some(like)) = (&self.call.route, like)
            && let Some(preferred) = self.named(host, *port, &like)
        {
            self.waiting.retain(|target| *target != preferred);
            self.waiting.push_front(preferred);
        }
    }

    async fn run(&mut self) -> Result<Connected, ConnectError> {
        loop {
            let Some(target) = self.waiting.pop_front() else {
                return Err(nowhere(&self.call.domain, io::ErrorKind::NotFound.into()));
            };
            let failure = match self.way.attempt(&target, self.call).await {
                Ok((negotiation, beginning)) => match self.judge(&target, negotiation, beginning).await {
                    Verdict::Take(connected) => return Ok(connected),
                    Verdict::Follow => continue,
                    Verdict::GiveUp(failure) => return Err(failure),
                    Verdict::Next(failure) => failure,
                },
                Err(failure) => failure,
            };
            self.way.failed(&target, &self.call.domain, &failure);
            if self.waiting.is_empty() {
                return Err(failure);
            }
            let ConnectError { target, stage, source } = failure;
            info!(domain = %self.call.domain, session = self.call.session, target, ?stage, cause = %source, "trying the next server");
        }
    }

    async fn judge(&mut self, target: &Target, negotiation: Negotiation, beginning: Beginning) -> Verdict {
        let failure = |source| ConnectError {
            target: target.to_string(),
            stage: Stage::Features,
            source,
        };
        if beginning.is_of_service() {
            self.way.answered(target, &self.call.domain);
        }
        match beginning {
            Beginning::Error(error) if error.see_other_host().is_some() => {
                negotiation.leave().await;
                match self.redirected(target, &error) {
                    Some(next) if self.hops < HOPS => {
                        self.hops += 1;
                        self.waiting.push_front(next);
                        Verdict::Follow
                    }
                    Some(_) => Verdict::GiveUp(failure(io::Error::other("servers send us round in circles"))),
                    None => Verdict::GiveUp(failure(io::Error::other(
                        "the server names a host that upstream.redirects does not list",
                    ))),
                }
            }
            Beginning::Error(error) if MOMENTARY.contains(&&*error.condition()) && !self.waiting.is_empty() => {
                negotiation.leave().await;
                Verdict::Next(failure(io::Error::other(error.condition())))
            }
            Beginning::Nonsense(error) if !self.waiting.is_empty() => Verdict::Next(failure(io::Error::other(error))),
            // even if it is no service: the last server's word is the client's to hear
            Beginning::Ready(_) | Beginning::Error(_) | Beginning::Nonsense(_) => {
                Verdict::Take(negotiation.finish(target.to_string(), self.way.terms.delivery))
            }
        }
    }

    /// The target that a server sends us to, under the terms of the one that it is itself.
    fn redirected(&self, from: &Target, error: &StreamError) -> Option<Target> {
        let (host, port) = error.see_other_host()?;
        let usual = if from.security == Security::Direct { 5223 } else { 5222 };
        self.named(&host, port.unwrap_or(usual), from)
    }

    /// A target that somebody names, on the terms of another: one of the domain's own, or one that the operator lists.
    fn named(&self, host: &str, port: u16, like: &Target) -> Option<Target> {
        let next = |source| Target {
            host: Host::of(host),
            port,
            source,
            ..like.clone()
        };
        let as_known = next(Source::Named);
        let known = self
            .known
            .iter()
            .find(|known| known.host == as_known.host && known.port == port);
        match known {
            Some(known) => Some(known.clone()),
            None => self.way.terms.permit.named(host, port).map(next),
        }
    }
}

/// What becomes of a stream that has begun.
enum Verdict {
    Take(Connected),
    /// Another target was put first.
    Follow,
    Next(ConnectError),
    GiveUp(ConnectError),
}

/// No target was even tried.
fn nowhere(domain: &Domain, source: io::Error) -> ConnectError {
    ConnectError {
        target: domain.to_string(),
        stage: Stage::Resolve,
        source,
    }
}

fn random(below: u32) -> u32 {
    // without randomness the first is chosen
    getrandom::u32().map_or(0, |number| number % below.max(1))
}
