//! A plain stream whose client polls (XEP-0025): its octets come and go in pieces cut anywhere, and what is fetched is gone (HP09).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::bosh::Setting;
use super::stream::{Face, Phase, Plain, PlainStream, Said};
use super::translate;
use crate::http_polling::{self, Keys, PollError};
use crate::upstream::Peer;
use crate::xmpp::inbound::Inbound;
use crate::xmpp::outbound;

/// A client that has not polled for as long is gone (HP07: five minutes at least).
const IDLE: Duration = Duration::from_secs(300);

/// The same before it has opened its stream.
const FRESH: Duration = Duration::from_secs(30);

/// Bytes that may wait for the server; a client goes beyond it only while the server takes nothing.
const UNSENT: usize = 4 * 1024 * 1024;

pub(super) struct Polled {
    keys: Keys,
    client: Inbound,
    input: BytesMut,
    /// What the server has said since the last poll.
    output: BytesMut,
    polled: Instant,
}

impl Polled {
    pub fn new(setting: &Setting, first: &http_polling::Poll) -> Self {
        Self {
            keys: Keys::begin(first),
            client: Inbound::new(setting.xml),
            input: BytesMut::new(),
            output: BytesMut::new(),
            polled: setting.opened,
        }
    }
}

impl Face for Polled {
    const NAME: &str = "polling";
    const LISTENS: bool = false;

    fn say(&mut self, said: Said<'_>) {
        match said {
            Said::Header(header) => outbound::header(header, &mut self.output),
            Said::Payload(payload) => self.output.extend_from_slice(payload.bytes()),
            Said::Error(condition) => outbound::error(condition, &mut self.output),
            Said::Closing => self.output.extend_from_slice(outbound::CLOSING),
        }
    }

    fn may_begin_anew(&mut self) {
        self.client.restart();
    }

    fn input(&self) -> usize {
        self.input.len()
    }

    fn output(&self) -> usize {
        self.output.len()
    }

    fn expires(&self, phase: Phase) -> Option<Instant> {
        let patience = if phase == Phase::Fresh { FRESH } else { IDLE };
        Some(self.polled + patience)
    }
}

impl PlainStream<Polled> {
    /// May a poll come from there?
    pub fn admits(&self, peer: &Peer) -> bool {
        self.setting.peer.security.admits(&peer.security)
    }

    /// The poll that made it.
    pub fn poll_first(&self, first: &http_polling::Poll) -> Bytes {
        self.turn(|plain| plain.exchange(&first.octets, self)).unwrap_or_default()
    }

    /// A later one.
    ///
    /// # Errors
    /// The session is over, or the key is wrong: then nothing is carried out and it lives no longer for it (HP06).
    pub fn poll(&self, poll: &http_polling::Poll) -> Result<Bytes, PollError> {
        self.turn(|plain| plain.poll(poll, self)).unwrap_or(Err(PollError::Unknown))
    }
}

impl Plain<Polled> {
    fn poll(&mut self, poll: &http_polling::Poll, of: &PlainStream<Polled>) -> Result<Bytes, PollError> {
        if self.phase == Phase::Gone {
            return Err(PollError::Unknown);
        }
        self.face.keys.verify(poll)?;
        if self.phase == Phase::Unreachable {
            self.phase = Phase::Gone;
            return Err(PollError::Server);
        }
        #[expect(clippy::disallowed_methods, reason = "where a poll's time begins")]
        let now = Instant::now();
        self.face.polled = now;
        Ok(self.exchange(&poll.octets, of))
    }

    /// Takes what the client says, gives what the server has said.
    fn exchange(&mut self, octets: &[u8], of: &PlainStream<Polled>) -> Bytes {
        self.face.input.extend_from_slice(octets);
        while matches!(self.phase, Phase::Fresh | Phase::Open) {
            match self.face.client.next(&mut self.face.input) {
                Ok(Some(event)) => self.client_says(event, of),
                Ok(None) => break,
                Err(error) => self.fail(translate::stream_condition(error), &of.setting),
            }
        }
        if self.unsent() > UNSENT {
            self.fail("resource-constraint", &of.setting);
        }
        if self.phase == Phase::Over {
            // fetched with this answer
            self.phase = Phase::Gone;
        }
        if self.face.input.is_empty() || self.phase == Phase::Gone {
            self.face.input = BytesMut::new();
        }
        let said = std::mem::take(&mut self.face.output).freeze();
        self.account();
        said
    }
}
