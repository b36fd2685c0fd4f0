//! The way of one live session to its server: what is to be said once the connection stands, the stream, and nothing any more.

use std::time::Duration;

use bytes::BytesMut;
use tokio::time::timeout;

use super::bosh::Setting;
use super::translate;
use crate::bosh::{Close, ServerCommand, StreamId};
use crate::upstream::BoxStream;
use crate::upstream::stream::{ServerStream, StreamFailure};
use crate::xmpp::{Domain, outbound};

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

    pub fn connected(&mut self, io: BoxStream, setting: &Setting) {
        if let Self::Connecting(unsent) = self {
            let stream = ServerStream::new(io, setting.xml, std::mem::take(unsent));
            *self = Self::Connected(Box::new(stream));
        }
    }

    fn carry_out(&mut self, command: ServerCommand, domain: &Domain, setting: &Setting) {
        match (&mut *self, command) {
            (_, ServerCommand::Close(how)) => {
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
            (Self::Connecting(unsent), ServerCommand::Send(payloads)) => {
                payloads.iter().for_each(|payload| unsent.extend_from_slice(payload.bytes()));
            }
            (Self::Connecting(unsent), ServerCommand::Open(opening) | ServerCommand::Restart(opening)) => {
                outbound::header(&translate::header(domain, opening), unsent);
            }
            (Self::Connected(stream), ServerCommand::Send(payloads)) => payloads.iter().for_each(|payload| stream.send(payload)),
            (Self::Connected(stream), ServerCommand::Open(opening) | ServerCommand::Restart(opening)) => {
                stream.restart(&translate::header(domain, opening));
            }
            (Self::Gone, _) => {}
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
