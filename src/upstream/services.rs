//! Which servers the SRV records of a domain name, as a value: RFC 2782, RFC 6120 section 3.2 and XEP-0368, two services merged into one.

use super::resolve::ResolveError;
use super::target::{Host, Security, Source, Target};

/// Where a server is if no record says otherwise (RFC 6120 section 14.7).
const PORT: u16 = 5222;

/// What DNS says to one question.
#[derive(Debug)]
pub enum Answer<T> {
    /// At least one, whether or not it is of any use.
    Records(Vec<T>),
    /// The name does not exist, or has nothing of this type.
    Nothing,
    /// Nobody knows.
    Failed(ResolveError),
}

/// An SRV record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// `None`: `.`, the service is not offered.
    pub host: Option<Host>,
    pub port: u16,
    pub priority: u16,
    pub weight: u16,
}

/// Both services of a domain.
#[derive(Debug)]
pub struct Services {
    /// `_xmpp-client._tcp`
    pub xmpp: Answer<Record>,
    /// `_xmpps-client._tcp`
    pub xmpps: Answer<Record>,
}

impl Services {
    /// The targets of both (DN03). A failure of one does not matter if the other has some.
    ///
    /// # Errors
    /// `NotOffered`: there are records, and none leads anywhere. A failure, if the service that failed might have had some.
    pub fn targets(self, domain: Host) -> Result<Vec<Target>, ResolveError> {
        let mut targets = found(&self.xmpps, Security::Direct);
        targets.extend(found(&self.xmpp, Security::StartTls));
        if !targets.is_empty() {
            return Ok(targets);
        }
        match (self.xmpp, self.xmpps) {
            (Answer::Failed(failure), Answer::Records(_)) | (Answer::Records(_), Answer::Failed(failure)) => Err(failure),
            (Answer::Records(_), _) | (_, Answer::Records(_)) => Err(ResolveError::NotOffered),
            _ => Ok(vec![fallback(domain)]),
        }
    }
}

/// The domain itself: for want of any record, and for a domain that is an address (DN06).
pub fn fallback(domain: Host) -> Target {
    Target {
        host: domain,
        port: PORT,
        security: Security::StartTls,
        priority: 0,
        weight: 0,
        source: Source::Found,
    }
}

fn found(answer: &Answer<Record>, security: Security) -> Vec<Target> {
    let Answer::Records(records) = answer else {
        return Vec::new();
    };
    let target = |record: &Record| {
        Some(Target {
            host: record.host.clone()?,
            port: Some(record.port).filter(|port| *port != 0)?,
            security,
            priority: record.priority,
            weight: record.weight,
            source: Source::Found,
        })
    };
    records.iter().filter_map(target).collect()
}

#[cfg(test)]
mod tests {
    use super::Answer::{Failed, Nothing, Records};
    use super::*;

    fn record(host: &str, port: u16) -> Record {
        Record {
            host: (host != ".").then(|| Host::Name(host.to_owned())),
            port,
            priority: 5,
            weight: 10,
        }
    }

    fn absent() -> Answer<Record> {
        Records(vec![record(".", 0)])
    }

    fn failed() -> Answer<Record> {
        Failed(ResolveError::TimedOut)
    }

    /// Each target as text, with what protects it.
    fn merged(xmpp: Answer<Record>, xmpps: Answer<Record>) -> Result<Vec<(String, Security)>, ResolveError> {
        let targets = Services { xmpp, xmpps }.targets(Host::Name("example.org".to_owned()))?;
        assert!(targets.iter().all(|target| target.source == Source::Found));
        Ok(targets.iter().map(|target| (target.to_string(), target.security)).collect())
    }

    fn one(target: &str, security: Security) -> Vec<(String, Security)> {
        vec![(target.to_owned(), security)]
    }

    // DN03: both services, each with its kind of TLS
    #[test]
    fn both_services_are_merged() {
        let xmpp = Records(vec![record("a.example.org", 5222), record("b.example.org", 5222)]);
        let both = merged(xmpp, Records(vec![record("a.example.org", 443)])).expect("targets");
        let expected = [
            ("a.example.org:443".to_owned(), Security::Direct),
            ("a.example.org:5222".to_owned(), Security::StartTls),
            ("b.example.org:5222".to_owned(), Security::StartTls),
        ];
        assert_eq!(both, expected);
    }

    #[test]
    fn priority_and_weight_are_kept() {
        let xmpp = Records(vec![record("a.example.org", 5222)]);
        let targets = Services { xmpp, xmpps: Nothing }.targets(Host::Name(String::new()));
        let [Target { priority, weight, .. }] = targets.expect("targets")[..] else {
            panic!("not one");
        };
        assert_eq!((priority, weight), (5, 10));
    }

    // DN05: without the service over TLS there is the other one, and no fallback
    #[test]
    fn a_dot_for_xmpps() {
        let xmpp = Records(vec![record("a.example.org", 5222)]);
        let found = merged(xmpp, absent()).expect("targets");
        assert_eq!(found, one("a.example.org:5222", Security::StartTls));
        assert!(matches!(merged(Nothing, absent()), Err(ResolveError::NotOffered)));
        assert!(matches!(merged(absent(), absent()), Err(ResolveError::NotOffered)));
        assert!(matches!(merged(failed(), absent()), Err(ResolveError::TimedOut)));
    }

    // DN05: that gives up, unless there is the service over TLS
    #[test]
    fn a_dot_for_xmpp() {
        assert!(matches!(merged(absent(), Nothing), Err(ResolveError::NotOffered)));
        assert!(matches!(merged(absent(), failed()), Err(ResolveError::TimedOut)));
        let found = merged(absent(), Records(vec![record("a.example.org", 443)])).expect("targets");
        assert_eq!(found, one("a.example.org:443", Security::Direct));
    }

    // DN06: the domain itself, if and only if there is no record at all
    #[test]
    fn the_fallback() {
        let domain = one("example.org:5222", Security::StartTls);
        assert_eq!(merged(Nothing, Nothing).expect("the domain"), domain);
        assert_eq!(merged(Nothing, failed()).expect("the domain"), domain);
        assert_eq!(merged(failed(), Nothing).expect("the domain"), domain);
        assert_eq!(merged(failed(), failed()).expect("the domain"), domain);
        let useless = Records(vec![record("a.example.org", 0)]);
        assert!(matches!(merged(useless, Nothing), Err(ResolveError::NotOffered)));
    }

    #[test]
    fn a_failure_beside_records_does_not_matter() {
        let records = || Records(vec![record("a.example.org", 5269)]);
        let found = merged(records(), failed()).expect("targets");
        assert_eq!(found, one("a.example.org:5269", Security::StartTls));
        let found = merged(failed(), records()).expect("targets");
        assert_eq!(found, one("a.example.org:5269", Security::Direct));
    }
}
