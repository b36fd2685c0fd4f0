//! A plain stream whose client has a connection of its own for it, and says one element in each message (RFC 7395): a WebSocket.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::bosh::Setting;
use super::stream::{Face, Phase, Plain, PlainStream, Said};
use super::translate;
use crate::xmpp::{StreamEvent, framing};

/// A connection on which no stream is opened for as long is not kept.
const FRESH: Duration = Duration::from_secs(30);

/// While so many bytes wait for the server nothing more is heard from the client: a few stanzas, so that it does not go in steps.
const UNSENT: usize = 64 * 1024;

/// While so many bytes wait for the client nothing more is heard from it. What the server says stays below this: only a client that is
/// refused things without end, and reads nothing, comes here.
const UNREAD: usize = 4 * 1024 * 1024;

pub(super) struct Framed {
    opened: Instant,
    expects: Expects,
    messages: VecDeque<Bytes>,
    /// Bytes in them, and their places.
    bytes: usize,
    /// The connection waits for a message, or for the server to take what the client has said.
    connection: Option<Waker>,
}

/// What may come from the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expects {
    /// `<open/>` and nothing else (section 3.4).
    Opening,
    Stanzas,
    /// It has logged in with SASL and may begin anew (section 3.7).
    StanzasOrOpening,
    /// It has said `<close/>`.
    Nothing,
}

/// The client's connection to its stream. Dropped before the stream is over, it is a connection that was lost.
pub struct Frames {
    session: Arc<PlainStream<Framed>>,
}

impl Framed {
    pub fn new(setting: &Setting) -> Self {
        Self {
            opened: setting.opened,
            expects: Expects::Opening,
            messages: VecDeque::new(),
            bytes: 0,
            connection: None,
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        let message = self.messages.pop_front()?;
        self.bytes -= bytes_of(&message);
        if self.messages.is_empty() {
            self.messages = VecDeque::new();
        }
        Some(message)
    }
}

impl Face for Framed {
    const NAME: &str = "websocket";
    const LISTENS: bool = true;

    fn say(&mut self, said: Said<'_>) {
        let message = match said {
            Said::Header(header) => framing::open(header),
            // a copy of its own size: what was read keeps a whole buffer alive
            Said::Payload(payload) => payload.detached().bytes().clone(),
            Said::Error(condition) => framing::error(condition),
            Said::Closing => framing::close(),
        };
        self.bytes += bytes_of(&message);
        self.messages.push_back(message);
    }

    fn may_begin_anew(&mut self) {
        if self.expects == Expects::Stanzas {
            self.expects = Expects::StanzasOrOpening;
        }
    }

    fn input(&self) -> usize {
        0
    }

    fn output(&self) -> usize {
        self.bytes
    }

    fn expires(&self, phase: Phase) -> Option<Instant> {
        (phase == Phase::Fresh).then(|| self.opened + FRESH)
    }

    fn wake(&mut self) {
        self.connection.take().into_iter().for_each(Waker::wake);
    }
}

impl Frames {
    pub(super) fn new(session: Arc<PlainStream<Framed>>) -> Self {
        Self { session }
    }

    /// The client has said this.
    pub fn receive(&self, message: Bytes) {
        self.session.turn(|plain| plain.receive(message, &self.session));
    }

    /// The client has broken a rule of the connection, of which the stream has this to say.
    pub fn fail(&self, condition: &'static str) {
        self.session.turn(|plain| {
            if plain.is_alive() {
                plain.fail(condition, &self.session.setting);
            }
        });
    }

    /// The next message for the client. `None`: the stream is over, and that was the last.
    pub fn poll_message(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut plain = self.session.lock();
        if let Some(message) = plain.fetch(Framed::take) {
            return Poll::Ready(Some(message));
        }
        if plain.is_alive() {
            plain.face.connection = Some(cx.waker().clone());
            return Poll::Pending;
        }
        drop(plain);
        self.session.turn(|plain| plain.phase = Phase::Gone);
        Poll::Ready(None)
    }

    /// Is there room for more from the client? There is while the server takes what it says, and it what is said to it.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut plain = self.session.lock();
        if plain.unsent() < UNSENT && plain.face.bytes < UNREAD {
            return Poll::Ready(());
        }
        plain.face.connection = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Has the client said its last word?
    pub fn is_closed_by_client(&self) -> bool {
        self.session.lock().face.expects == Expects::Nothing
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.session.turn(|plain| plain.hung_up(&self.session.setting));
    }
}

impl Plain<Framed> {
    fn receive(&mut self, message: Bytes, of: &PlainStream<Framed>) {
        let event = framing::decode(message, &of.setting.xml);
        if matches!(event, Ok(StreamEvent::Closed)) {
            self.face.expects = Expects::Nothing;
        }
        if !self.is_alive() {
            return;
        }
        match (event, self.face.expects) {
            (Err(error), _) => self.fail(translate::stream_condition(error), &of.setting),
            (Ok(StreamEvent::Opened(_)), Expects::Stanzas) => self.fail("unsupported-stanza-type", &of.setting),
            (Ok(event @ StreamEvent::Opened(_)), _) => {
                self.face.expects = Expects::Stanzas;
                self.client_says(event, of);
            }
            (Ok(StreamEvent::Payload(_)), Expects::Opening) => self.fail("invalid-namespace", &of.setting),
            (Ok(event), _) => self.client_says(event, of),
        }
    }
}

/// What a message takes while it waits.
fn bytes_of(message: &Bytes) -> usize {
    message.len() + size_of::<Bytes>()
}
