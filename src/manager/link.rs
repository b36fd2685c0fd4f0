//! The way of one live session to its server: what is to be said once the connection stands, the stream, and nothing any more.

use std::time::Duration;

use bytes::BytesMut;
use tokio::time::timeout;

use super::bosh::Setting;
use super::translate;
use crate::bosh::{Close, ServerCommand};
use crate::upstream::BoxStream;
use crate::upstream::stream::{ServerStream, StreamFailure};
use crate::xmpp::outbound;

/// How long the server's own goodbye is waited for (ER09).
const CLOSE: Duration = Duration::from_secs(5);

pub(super) enum Link {
    /// What is to be written as soon as the connection stands.
    Connecting(BytesMut),
    Connected(Box<ServerStream>),
    Gone,
}

impl Default for Link {
    fn default() -> Self {
        Self::Connecting(BytesMut::new())
    }
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

    pub fn carry_out(&mut self, command: ServerCommand, setting: &Setting) {
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
                outbound::header(&translate::header(&setting.domain, opening), unsent);
            }
            (Self::Connected(stream), ServerCommand::Send(payloads)) => payloads.iter().for_each(|payload| stream.send(payload)),
            (Self::Connected(stream), ServerCommand::Open(opening) | ServerCommand::Restart(opening)) => {
                stream.restart(&translate::header(&setting.domain, opening));
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
