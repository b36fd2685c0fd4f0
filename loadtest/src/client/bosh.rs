//! A BOSH client: SASL ANONYMOUS, hold 1, two connections of which one is held and the other sends.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use tokio::net::lookup_host;

use super::http::Http;
use crate::scan;

const NAMESPACE: &str = "http://jabber.org/protocol/httpbind";
const AUTH: &[u8] = b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
const BIND: &[u8] = b"<iq xmlns='jabber:client' type='set' id='bind'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
/// Payload that came with an answer to something sent and was not asked for yet.
const EARLY: usize = 1 << 20;

/// A BOSH endpoint and the domain behind it.
pub struct Service {
    address: SocketAddr,
    host: String,
    path: String,
    domain: String,
}

impl Service {
    /// `url` is `http://host:port/path`.
    pub async fn resolve(url: &str, domain: &str) -> Result<Service> {
        let rest = url.strip_prefix("http://").context("only http://host:port/path")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let with_port = if host.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let address = lookup_host(&with_port).await?.next();
        Ok(Service {
            address: address.with_context(|| format!("{host} has no address"))?,
            host: host.to_owned(),
            path: format!("/{path}"),
            domain: domain.to_owned(),
        })
    }
}

pub struct Bosh {
    service: Arc<Service>,
    sid: String,
    rid: u64,
    address: String,
    /// The connection with the request on hold, and the other one once it was needed.
    held: Option<Http>,
    spare: Option<Http>,
    request: Vec<u8>,
    inbox: Vec<u8>,
    early: Vec<u8>,
}

impl Bosh {
    pub async fn login(service: &Arc<Service>, wait: u32) -> Result<Bosh> {
        let mut client = Bosh {
            service: service.clone(),
            sid: String::new(),
            rid: 1_000_000,
            address: String::new(),
            held: None,
            spare: None,
            request: Vec::new(),
            inbox: Vec::new(),
            early: Vec::new(),
        };
        let domain = &service.domain;
        let creation = format!(
            " to='{domain}' wait='{wait}' hold='1' ver='1.6' content='text/xml; charset=utf-8' xml:lang='en' \
            xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'"
        );
        client.step(&creation, b"", "ANONYMOUS").await?;
        client.step("", AUTH, "<success").await?;
        let restart = format!(" to='{domain}' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'");
        client.step(&restart, b"", "<bind").await?;
        client.step("", BIND, "</jid>").await?;
        let address = scan::between(&client.inbox, "<jid>", "</jid>").context("no jid")?;
        client.address = String::from_utf8(address.to_vec())?;
        Ok(client)
    }

    /// One step of the login: asks until the answer contains `expected`.
    async fn step(&mut self, attributes: &str, payload: &[u8], expected: &str) -> Result<()> {
        let mut connection = self.connection().await?;
        self.post(&mut connection, attributes, payload).await?;
        loop {
            let (tag, inner) = wrapper(connection.answer().await?)?;
            if let Some(sid) = scan::attribute(tag, "sid").filter(|_| self.sid.is_empty()) {
                self.sid = String::from_utf8(sid.to_vec())?;
            }
            self.inbox.clear();
            self.inbox.extend_from_slice(inner);
            if scan::contains(inner, expected) {
                break;
            }
            ensure!(!scan::contains(inner, "<failure"), "the server refused the login");
            self.post(&mut connection, "", b"").await?;
        }
        self.spare = Some(connection);
        Ok(())
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub async fn hold(&mut self) -> Result<()> {
        if self.held.is_none() {
            let mut connection = self.connection().await?;
            self.post(&mut connection, "", b"").await?;
            self.held = Some(connection);
        }
        Ok(())
    }

    /// The new request takes the place of the held one, which is thereby answered.
    pub async fn send(&mut self, payload: &[u8]) -> Result<()> {
        let mut connection = self.connection().await?;
        self.post(&mut connection, "", payload).await?;
        if let Some(mut older) = self.held.replace(connection) {
            let (_, inner) = wrapper(older.answer().await?)?;
            self.early.extend_from_slice(inner);
            ensure!(self.early.len() < EARLY, "a sender got too much");
            self.spare = Some(older);
        }
        Ok(())
    }

    pub async fn receive(&mut self) -> Result<&[u8]> {
        self.hold().await?;
        self.inbox.clear();
        if !self.early.is_empty() {
            self.inbox.append(&mut self.early);
            return Ok(&self.inbox);
        }
        let held = self.held.as_mut().context("nothing is held")?;
        let (_, inner) = wrapper(held.answer().await?)?;
        self.inbox.extend_from_slice(inner);
        if let Some(mut connection) = self.held.take() {
            self.post(&mut connection, "", b"").await?;
            self.held = Some(connection);
        }
        Ok(&self.inbox)
    }

    pub async fn close(mut self) -> Result<()> {
        let mut connection = self.connection().await?;
        self.post(&mut connection, " type='terminate'", b"").await?;
        connection.answer().await?;
        Ok(())
    }

    async fn connection(&mut self) -> Result<Http> {
        match self.spare.take() {
            Some(connection) => Ok(connection),
            None => Http::connect(self.service.address, &self.service.host).await,
        }
    }

    async fn post(&mut self, connection: &mut Http, attributes: &str, payload: &[u8]) -> Result<()> {
        let (rid, sid) = (self.rid, &self.sid);
        self.rid += 1;
        self.request.clear();
        write!(self.request, "<body xmlns='{NAMESPACE}' rid='{rid}'")?;
        if !sid.is_empty() {
            write!(self.request, " sid='{sid}'")?;
        }
        write!(self.request, "{attributes}")?;
        if payload.is_empty() {
            self.request.extend_from_slice(b"/>");
        } else {
            self.request.push(b'>');
            self.request.extend_from_slice(payload);
            self.request.extend_from_slice(b"</body>");
        }
        connection.post(&self.service.path, &self.request).await
    }
}

/// The tag and the content of an answer; it must be a healthy `<body/>` from its first byte to its last.
fn wrapper(answer: &[u8]) -> Result<(&[u8], &[u8])> {
    let length = scan::tag(answer).filter(|_| scan::name(answer) == b"body");
    let Some((tag, rest)) = length.map(|length| answer.split_at(length)) else {
        bail!("no body: {}", String::from_utf8_lossy(answer));
    };
    if scan::attribute(tag, "type").is_some() {
        bail!("the session ended: {}", String::from_utf8_lossy(answer));
    }
    if tag.ends_with(b"/>") && rest.is_empty() {
        return Ok((tag, rest));
    }
    let inner = rest.strip_suffix(b"</body>");
    Ok((tag, inner.context("an answer does not end with its body")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_healthy_answer_is_tag_and_content() -> Result<()> {
        assert_eq!(wrapper(b"<body xmlns='x'/>")?.1, b"");
        assert_eq!(wrapper(b"<body sid='x'><a/></body>")?.1, b"<a/>");
        Ok(())
    }

    #[test]
    fn anything_else_is_an_error() {
        assert!(wrapper(b"").is_err());
        assert!(wrapper(b"<html></html>").is_err());
        assert!(wrapper(b"<body type='terminate'/>").is_err());
        assert!(wrapper(b"<body><a/>").is_err());
        assert!(wrapper(b"<body/><body/>").is_err());
    }
}
