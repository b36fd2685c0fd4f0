//! The beginning of a stream as the manager itself hears it: its header, what the server says to that, and STARTTLS.
//!
//! What the server says in the stream that stays is kept byte for byte, for the session to hear it, too.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::{BoxStream, Connected, Stage};
use crate::xml::{Payload, XmlError, XmlLimits};
use crate::xmpp::inbound::Inbound;
use crate::xmpp::{StreamError, StreamEvent, StreamHeader, TLS, features, outbound};

const STARTTLS: &[u8] = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

/// Bytes read at once: the first words of a server, or all that somebody put behind its consent to TLS.
const READ: usize = 4096;

/// For the end of a stream that nobody wants.
const LEAVE: Duration = Duration::from_secs(5);

/// How a stream began.
pub(super) enum Beginning {
    /// With features; or without any, from a server whose header has no version (Q07).
    Ready(Option<Payload>),
    Error(StreamError),
    Nonsense(XmlError),
}

impl Beginning {
    /// Does the server do its work, be it that of sending us on?
    pub fn is_of_service(&self) -> bool {
        match self {
            Self::Ready(_) => true,
            Self::Error(error) => error.see_other_host().is_some(),
            Self::Nonsense(_) => false,
        }
    }
}

/// One stream that begins.
pub(super) struct Negotiation {
    io: BoxStream,
    inbound: Inbound,
    /// What was not understood yet.
    input: BytesMut,
    /// All that was read.
    read: BytesMut,
}

impl Negotiation {
    /// Says the header, and hears the server out up to its features. `stage` is how far it came, should it be given up.
    ///
    /// # Errors
    /// The connection broke or ended.
    pub async fn begin(
        io: BoxStream,
        header: &StreamHeader,
        limits: XmlLimits,
        stage: &mut Stage,
    ) -> io::Result<(Self, Beginning)> {
        *stage = Stage::Header;
        let mut negotiation = Self {
            io,
            inbound: Inbound::new(limits),
            input: BytesMut::new(),
            read: BytesMut::new(),
        };
        let mut opening = BytesMut::new();
        outbound::header(header, &mut opening);
        negotiation.write(&opening).await?;
        loop {
            let beginning = match negotiation.next().await? {
                Err(nonsense) => Beginning::Nonsense(nonsense),
                Ok(StreamEvent::Opened(header)) if header.version.is_none() => Beginning::Ready(None),
                Ok(StreamEvent::Opened(_)) => {
                    *stage = Stage::Features;
                    continue;
                }
                Ok(StreamEvent::Features(features)) => Beginning::Ready(Some(features)),
                Ok(StreamEvent::Error(error)) => Beginning::Error(error),
                Ok(StreamEvent::Closed) => return Err(io::ErrorKind::UnexpectedEof.into()),
                // for whoever reads the stream to judge
                Ok(StreamEvent::Payload(_) | StreamEvent::Authenticated(_) | StreamEvent::Managed(..)) => Beginning::Ready(None),
            };
            return Ok((negotiation, beginning));
        }
    }

    /// The stream that stays.
    pub fn finish(self, target: String, delivery: bool) -> Connected {
        Connected {
            target,
            io: self.io,
            read: self.read,
            unwritten: BytesMut::new(),
            delivery,
        }
    }

    /// Nobody wants the stream: it ends as streams do.
    pub async fn leave(mut self) {
        let farewell = async {
            self.write(outbound::CLOSING).await?;
            self.io.shutdown().await
        };
        // whether it is heard or not
        let _ = timeout(LEAVE, farewell).await;
    }

    /// Asks for TLS in this stream: the connection, on which it is to begin now. What the server said in plain text behind its consent is
    /// dropped (DN08): anybody on the way may have put it there.
    ///
    /// # Errors
    /// The server does not offer it, refuses it, or says something else: then there is no stream (DN09).
    pub async fn starttls(mut self, offer: Option<&Payload>) -> io::Result<BoxStream> {
        if offer.and_then(features::starttls).is_none() {
            return Err(io::Error::other("the server does not offer STARTTLS"));
        }
        self.write(STARTTLS).await?;
        match self.next().await? {
            Ok(StreamEvent::Payload(payload)) if payload.is(TLS, "proceed") => Ok(self.io),
            Ok(_) => Err(io::Error::other("the server refused STARTTLS")),
            Err(nonsense) => Err(io::Error::other(nonsense)),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }

    async fn next(&mut self) -> io::Result<Result<StreamEvent, XmlError>> {
        loop {
            match self.inbound.next(&mut self.input) {
                Ok(Some(event)) => return Ok(Ok(event)),
                Ok(None) => {}
                Err(error) => return Ok(Err(error)),
            }
            let before = self.read.len();
            self.read.reserve(READ);
            if self.io.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.extend_from_slice(&self.read[before..]);
        }
    }
}
