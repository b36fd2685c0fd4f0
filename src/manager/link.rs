//! The way of one live session to its server: what is to be said once the connection stands, the stream, and nothing any more.

use std::time::Duration;

use bytes::BytesMut;
use tokio::time::timeout;

use super::bosh::Setting;
use super::translate;
use crate::bosh::{Close, ServerCommand, StreamId};
use crate::upstream::Connected;
use crate::upstream::stream::{ServerStream, StreamFailure};
use crate::xml::Payload;
use crate::xmpp::{Domain, StreamHeader};

/// How long the server's own goodbye is waited for (ER09).
const CLOSE: Duration = Duration::from_secs(5);

/// One stream's way to its server.
pub(super) struct Leg {
    pub stream: StreamId,
    pub domain: Domain,
    pub link: Link,
}

impl Leg {
    pub fn new(stream: StreamId, domain: Domain) -> Self {
        let link = Link::Connecting(BytesMut::new());
        Self { stream, domain, link }
    }

    pub fn carry_out(&mut self, command: ServerCommand, setting: &Setting) {
        self.link.carry_out(command, &self.domain, setting);
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

    pub fn connected(&mut self, connected: Connected, setting: &Setting) {
        if let Self::Connecting(unsent) = self {
            let mut stream = ServerStream::new(connected, setting.xml, setting.client_bytes);
            stream.send(unsent);
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
        match self {
            Self::Connecting(unsent) => unsent.extend_from_slice(payload.bytes()),
            Self::Connected(stream) => stream.send(payload.bytes()),
            Self::Gone => {}
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

    fn carry_out(&mut self, command: ServerCommand, domain: &Domain, setting: &Setting) {
        match command {
            // whoever connects begins the stream
            ServerCommand::Open(_) => {}
            ServerCommand::Restart(opening) => self.restart(&translate::header(domain, opening)),
            ServerCommand::Send(payloads) => payloads.iter().for_each(|payload| self.send(payload)),
            ServerCommand::Close(how) => self.close(how, setting),
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
