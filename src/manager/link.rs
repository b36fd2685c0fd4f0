//! The way of one live session to its server: what is to be said once the connection stands, the stream, and nothing any more.

use std::time::Duration;

use bytes::BytesMut;
use tokio::time::timeout;

use super::bosh::Setting;
use super::translate;
use crate::bosh::{Close, ServerCommand, StreamId};
use crate::upstream::stream::{ServerStream, StreamFailure};
use crate::upstream::{Connected, Stage};
use crate::xml::Payload;
use crate::xmpp::login::Login;
use crate::xmpp::stream_management::{Passage, StreamManagement};
use crate::xmpp::{Domain, StreamEvent, StreamHeader};

/// How long the server's own goodbye is waited for (ER09).
const CLOSE: Duration = Duration::from_secs(5);

/// One stream's way to its server.
pub(super) struct Leg {
    pub stream: StreamId,
    pub domain: Domain,
    pub link: Link,
    /// Who is at the other end.
    pub target: Box<str>,
    management: StreamManagement,
    login: Login,
}

impl Leg {
    pub fn new(stream: StreamId, domain: Domain) -> Self {
        let link = Link::Connecting(BytesMut::new());
        Self {
            stream,
            domain,
            link,
            target: Box::default(),
            management: StreamManagement::default(),
            login: Login::default(),
        }
    }

    pub fn connected(&mut self, mut connected: Connected, setting: &Setting) {
        self.target = std::mem::take(&mut connected.target).into();
        self.management.connected(connected.delivery);
        self.link.connected(connected, setting);
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        if self.management.is_bound() {
            Stage::Steady
        } else {
            Stage::Login
        }
    }

    /// Has the client logged in with this?
    pub fn logs_in(&mut self, event: &StreamEvent) -> bool {
        self.login.server_says(event)
    }

    /// Hears what the server says; false: it is not for the client.
    pub fn server_says(&mut self, event: &StreamEvent) -> bool {
        self.management.server_says(event)
    }

    /// The client has so many of its payloads.
    pub fn confirmed(&mut self, payloads: usize) {
        self.management.confirmed(payloads);
    }

    /// Does the server take back what the client is not known to have?
    pub fn takes_back(&self) -> bool {
        self.management.is_active()
    }

    /// Says nothing, in one octet, if that is allowed now: behind the login, and between elements (DN12, AU02). Where acknowledgements are
    /// expected it is one of those.
    pub fn keep_alive(&mut self) {
        let Link::Connected(stream) = &mut self.link else { return };
        if self.management.is_active() {
            self.management.acknowledge(stream.output());
        } else if self.management.is_bound() && stream.unsent() == 0 {
            stream.output().extend_from_slice(b" ");
        }
    }

    /// Stanzas that the server is not known to have.
    pub fn untaken(&self) -> u32 {
        self.management.untaken()
    }

    /// What the manager has to say itself is said.
    pub fn speak(&mut self) {
        if let Link::Connected(stream) = &mut self.link {
            self.management.speak(stream.output());
        }
    }

    /// Says what the client says: what the client gets instead, where that is not for the server.
    pub fn send(&mut self, payloads: &[Payload]) -> Vec<Payload> {
        if !self.login.is_done() {
            payloads.iter().for_each(|payload| self.login.client_says(payload));
        }
        let Some(output) = self.link.output() else { return Vec::new() };
        let passages = payloads.iter().map(|payload| self.management.client_says(payload, output));
        let refused = |passage| match passage {
            Passage::Refused(answer) => Some(answer),
            Passage::Passed | Passage::Dropped => None,
        };
        passages.filter_map(refused).collect()
    }

    /// What the client gets instead of what is not for the server.
    pub fn carry_out(&mut self, command: ServerCommand, setting: &Setting) -> Vec<Payload> {
        match command {
            // whoever connects begins the stream
            ServerCommand::Open(_) => {}
            ServerCommand::Restart(opening) => self.link.restart(&translate::header(&self.domain, opening)),
            ServerCommand::Send(payloads) => return self.send(&payloads),
            ServerCommand::Close(how) => {
                if let Link::Connected(stream) = &mut self.link {
                    self.management.acknowledge(stream.output());
                }
                self.link.close(how, setting);
            }
        }
        Vec::new()
    }
}

pub(super) enum Link {
    /// What is to be written as soon as the connection stands.
    Connecting(BytesMut),
    Connected(Box<ServerStream>),
    Gone,
}

impl Link {
    /// Bytes that wait to be written.
    pub fn unsent(&self) -> usize {
        match self {
            Self::Connecting(unsent) => unsent.len(),
            Self::Connected(stream) => stream.unsent(),
            Self::Gone => 0,
        }
    }

    /// The same, and bytes of an element that has not come to its end.
    pub fn waiting(&self) -> usize {
        match self {
            Self::Connected(stream) => stream.unsent() + stream.unread(),
            Self::Connecting(_) | Self::Gone => self.unsent(),
        }
    }

    pub fn connected(&mut self, connected: Connected, setting: &Setting) {
        if let Self::Connecting(unsent) = self {
            let mut stream = ServerStream::new(connected, setting.xml, setting.client_bytes);
            stream.output().extend_from_slice(unsent);
            *self = Self::Connected(Box::new(stream));
        }
    }

    /// Begins the stream anew; one that has not begun needs it not.
    pub fn restart(&mut self, header: &StreamHeader) {
        if let Self::Connected(stream) = self {
            stream.restart(header);
        }
    }

    pub fn send(&mut self, payload: &Payload) {
        if let Some(output) = self.output() {
            output.extend_from_slice(payload.bytes());
        }
    }

    /// Where to write what is to be sent; `None`: there is nobody to send it to.
    fn output(&mut self) -> Option<&mut BytesMut> {
        match self {
            Self::Connecting(unsent) => Some(unsent),
            Self::Connected(stream) => Some(stream.output()),
            Self::Gone => None,
        }
    }

    /// Says goodbye, if anybody is there.
    pub fn close(&mut self, how: Close, setting: &Setting) {
        if let Self::Connected(stream) = std::mem::replace(self, Self::Gone) {
            let goodbye = async move {
                match how {
                    Close::Clean => stream.close().await,
                    Close::Abandon => stream.abandon().await,
                }
            };
            setting.tracker.spawn(timeout(CLOSE, goodbye));
        }
    }

    /// The server is gone or talks nonsense; nonsense is told to it (ER10).
    pub fn break_off(&mut self, failure: &StreamFailure, setting: &Setting) {
        let link = std::mem::replace(self, Self::Gone);
        if let (Self::Connected(stream), StreamFailure::Xml(error)) = (link, failure) {
            let farewell = stream.fail(translate::stream_condition(*error));
            setting.tracker.spawn(timeout(CLOSE, farewell));
        }
    }
}
