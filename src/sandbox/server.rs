//! The far end of one stream: header, features, SASL, resource binding (RFC 6120 sections 4, 6, 7), then stanzas both ways.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::timeout;

use super::accounts::Accounts;
use super::element::Element;
use super::jid::Jid;
use super::mailbox::{Inbox, Mail};
use super::names::{BIND, DOMAIN, SESSION};
use super::random;
use super::router::{Router, Seat, Unsupported};
use super::sasl::{Exchange, Failure, MECHANISMS, Step};
use crate::xml::{Payload, XmlError, XmlLimits};
use crate::xmpp::inbound::Inbound;
use crate::xmpp::{CLIENT, Domain, SASL, StreamEvent, StreamHeader, outbound};

/// The largest stanza. The room keeps some, so it is less than what the manager itself lets through.
const ELEMENT_BYTES: usize = 256 * 1024;
/// Read at once.
const READ_BYTES: usize = 8 * 1024;
/// A client that reads nothing for so long is lost. It is more than a BOSH session lives without its client, as boshd does not read for it
/// meanwhile.
const WRITE_TIMEOUT: Duration = Duration::from_secs(300);
/// Wrong passwords on one stream (RFC 6120 section 6.4.5 wants 2 to 5 retries).
const LOGIN_ATTEMPTS: u32 = 5;

/// What all streams share.
pub(super) struct Shared {
    pub(super) accounts: Arc<Accounts>,
    pub(super) router: Arc<Router>,
}

/// Serves one stream to its end.
pub(super) async fn serve(pipe: DuplexStream, shared: Arc<Shared>) {
    let limits = XmlLimits {
        element_bytes: ELEMENT_BYTES,
        ..XmlLimits::default()
    };
    let mut server = Server {
        pipe,
        inbound: Inbound::new(limits),
        input: BytesMut::new(),
        output: BytesMut::new(),
        greeting: Greeting::Due,
        phase: Phase::LoggingIn {
            exchange: None,
            attempts: 0,
        },
        shared,
    };
    let Err(end) = server.run().await;
    server.finish(end).await;
}

struct Server {
    pipe: DuplexStream,
    inbound: Inbound,
    input: BytesMut,
    output: BytesMut,
    greeting: Greeting,
    phase: Phase,
    shared: Arc<Shared>,
}

/// Our header opens the stream, even one that only carries an error. Due --header sent--> Given --restart--> Due
#[derive(Clone, Copy, PartialEq, Eq)]
enum Greeting {
    Due,
    Given,
}

/// LoggingIn --success--> LoggedIn --bind--> Bound
enum Phase {
    LoggingIn { exchange: Option<Exchange>, attempts: u32 },
    LoggedIn { node: String },
    Bound { seat: Seat, inbox: Inbox },
}

/// Why a stream ends.
enum End {
    /// The client closed it.
    Closed,
    /// With this stream error (RFC 6120 section 4.9.3).
    Error(&'static str),
    /// There is nobody left to tell.
    Lost,
}

impl Server {
    async fn run(&mut self) -> Result<Infallible, End> {
        loop {
            while let Some(event) = self.inbound.next(&mut self.input)? {
                self.event(event)?;
                self.collect()?;
                // before the next one, so that answers never pile up
                self.flush().await?;
            }
            self.wait().await?;
        }
    }

    /// Waits for the client or for mail.
    async fn wait(&mut self) -> Result<(), End> {
        self.input.reserve(READ_BYTES);
        let mail = async {
            match &mut self.phase {
                Phase::Bound { inbox, .. } => inbox.next().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            mail = mail => {
                self.put(mail)?;
                self.collect()?;
                self.flush().await
            }
            read = self.pipe.read_buf(&mut self.input) => match read {
                Ok(0) | Err(_) => Err(End::Lost),
                Ok(_) => Ok(()),
            },
        }
    }

    fn event(&mut self, event: StreamEvent) -> Result<(), End> {
        match event {
            StreamEvent::Opened(header) => self.opened(&header),
            StreamEvent::Payload(payload) => self.payload(&payload),
            StreamEvent::Closed | StreamEvent::Error(_) => Err(End::Closed),
            // what only a server may say
            StreamEvent::Features(_) | StreamEvent::Authenticated(_) | StreamEvent::Managed(..) => {
                Err(End::Error("unsupported-stanza-type"))
            }
        }
    }

    fn opened(&mut self, header: &StreamHeader) -> Result<(), End> {
        self.greet()?;
        if header
            .to
            .as_ref()
            .is_some_and(|to| Domain::parse(to).is_none_or(|to| to.as_str() != DOMAIN))
        {
            return Err(End::Error("host-unknown"));
        }
        self.output.extend_from_slice(b"<stream:features>");
        let features = match self.phase {
            Phase::LoggingIn { .. } => vec![mechanisms()],
            // the session that RFC 3921 asked for, which old clients still do
            _ => vec![Element::new(BIND, "bind"), session_feature()],
        };
        features.iter().for_each(|feature| self.write(feature));
        self.output.extend_from_slice(b"</stream:features>");
        Ok(())
    }

    fn greet(&mut self) -> Result<(), End> {
        let id = random::name().map_err(|_| End::Lost)?;
        let header = StreamHeader {
            from: Some(DOMAIN.into()),
            id: Some(id.into()),
            version: Some("1.0".into()),
            lang: Some("en".into()),
            ..StreamHeader::default()
        };
        outbound::header(&header, &mut self.output);
        self.greeting = Greeting::Given;
        Ok(())
    }

    fn payload(&mut self, payload: &Payload) -> Result<(), End> {
        let element = Element::read(payload).ok_or(End::Error("not-well-formed"))?;
        match &self.phase {
            Phase::LoggingIn { .. } if element.namespace() == SASL => self.log_in(&element),
            Phase::LoggingIn { .. } => Err(End::Error("not-authorized")),
            Phase::LoggedIn { node } => {
                let node = Jid::known(node, DOMAIN);
                self.bind(&node, &element)
            }
            Phase::Bound { seat, .. } => {
                #[expect(clippy::disallowed_methods, reason = "the room dates its history (XEP-0203)")]
                let now = SystemTime::now();
                seat.send(element, now)
                    .map_err(|Unsupported| End::Error("unsupported-stanza-type"))
            }
        }
    }

    fn log_in(&mut self, element: &Element) -> Result<(), End> {
        let Phase::LoggingIn { exchange, attempts } = &mut self.phase else {
            return Ok(());
        };
        let started = match element.local() {
            "auth" => {
                let mechanism = element.attribute("mechanism").unwrap_or_default();
                Exchange::start(mechanism, Arc::clone(&self.shared.accounts)).map(|new| exchange.insert(new))
            }
            "response" => exchange.as_mut().ok_or(Failure::MalformedRequest),
            "abort" => Err(Failure::Aborted),
            _ => return Err(End::Error("unsupported-stanza-type")),
        };
        match started.and_then(|exchange| exchange.step(&element.content())) {
            Ok(Step::Challenge(data)) => self.write(&Element::new(SASL, "challenge").text(&data)),
            Ok(Step::Success { node, data }) => {
                self.write(&Element::new(SASL, "success").text(&data));
                self.phase = Phase::LoggedIn { node };
                self.inbound.restart();
                self.greeting = Greeting::Due;
            }
            Err(failure) => {
                *exchange = None;
                *attempts += 1;
                let given_up = *attempts >= LOGIN_ATTEMPTS;
                self.write(&Element::new(SASL, "failure").child(Element::new(SASL, failure.name())));
                if given_up {
                    return Err(End::Error("policy-violation"));
                }
            }
        }
        Ok(())
    }

    fn bind(&mut self, user: &Jid, iq: &Element) -> Result<(), End> {
        let (true, Some(bind)) = (
            iq.is(CLIENT, "iq") && iq.attribute("type") == Some("set"),
            iq.find(BIND, "bind"),
        ) else {
            return Err(End::Error("not-authorized"));
        };
        let wanted = bind.find(BIND, "resource").map(Element::content).unwrap_or_default();
        // what cannot be a resource is as good as none
        let jid = match user.with_resource(&wanted) {
            Some(jid) => jid,
            None => {
                let resource = random::name().map_err(|_| End::Error("internal-server-error"))?;
                user.with_resource(&resource).ok_or(End::Error("internal-server-error"))?
            }
        };
        let bound = Element::new(BIND, "bind").child(Element::new(BIND, "jid").text(&jid.to_string()));
        let id = iq.attribute("id").unwrap_or_default();
        self.write(&Element::new(CLIENT, "iq").with("type", "result").with("id", id).child(bound));
        let (seat, inbox) = Arc::clone(&self.shared.router).enter(jid);
        self.phase = Phase::Bound { seat, inbox };
        Ok(())
    }

    /// Takes the mail that is there.
    fn collect(&mut self) -> Result<(), End> {
        while let Phase::Bound { inbox, .. } = &mut self.phase
            && let Some(mail) = inbox.waiting()
        {
            self.put(mail)?;
        }
        Ok(())
    }

    fn put(&mut self, mail: Mail) -> Result<(), End> {
        match mail {
            Mail::Stanza(stanza) => self.output.extend_from_slice(&stanza),
            Mail::End(condition) => return Err(End::Error(condition)),
        }
        Ok(())
    }

    fn write(&mut self, element: &Element) {
        self.output.extend_from_slice(&element.to_bytes());
    }

    async fn flush(&mut self) -> Result<(), End> {
        match timeout(WRITE_TIMEOUT, self.pipe.write_all_buf(&mut self.output)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Lost),
        }
    }

    async fn finish(mut self, end: End) {
        if let End::Error(condition) = end {
            if self.greeting == Greeting::Due && self.greet().is_err() {
                return;
            }
            outbound::error(condition, &mut self.output);
        }
        if !matches!(end, End::Lost) {
            self.output.extend_from_slice(outbound::CLOSING);
            // gone from the users before the last bytes are waited for
            self.phase = Phase::LoggingIn {
                exchange: None,
                attempts: 0,
            };
            // a client that does not take them loses nothing but them
            let _ = self.flush().await;
        }
    }
}

impl From<XmlError> for End {
    fn from(error: XmlError) -> Self {
        Self::Error(match error {
            XmlError::NotUtf8 => "unsupported-encoding",
            XmlError::NotWellFormed | XmlError::UnboundPrefix => "not-well-formed",
            XmlError::Restricted => "restricted-xml",
            XmlError::StrayText => "bad-format",
            XmlError::TooLarge => "policy-violation",
            XmlError::Foreign => "invalid-namespace",
        })
    }
}

fn mechanisms() -> Element {
    let mechanism = |name: &str| Element::new(SASL, "mechanism").text(name);
    let names = MECHANISMS.iter().map(|m| mechanism(m.mechanism.as_str()));
    names.fold(Element::new(SASL, "mechanisms"), Element::child)
}

fn session_feature() -> Element {
    Element::new(SESSION, "session").child(Element::new(SESSION, "optional"))
}
