//! The XMPP streams of a session: what is said to the server, what it says, and the phase each is in (XEP-0206 sections 3 to 6).

use crate::xml::{Payload, Text};

/// Which stream of the session; the first is 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StreamId(pub u32);

impl StreamId {
    pub const FIRST: Self = Self(0);
}

/// What the client wants said in the stream header (Q01, C12, C13). The domain is fixed at creation (R04).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Opening {
    pub from: Option<Text>,
    pub lang: Option<Text>,
    pub version: Option<Text>,
}

impl Opening {
    /// A restart says what it says anew and keeps the rest (R04).
    pub fn or(self, former: &Self) -> Self {
        Self {
            from: self.from.or_else(|| former.from.clone()),
            lang: self.lang.or_else(|| former.lang.clone()),
            version: self.version.or_else(|| former.version.clone()),
        }
    }
}

/// What a session wants done towards the server.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ServerCommand {
    /// Connect and send a stream header.
    Open(Opening),
    Send(Vec<Payload>),
    /// A new header on the same connection, without a closing tag (R01).
    Restart(Opening),
    Close(Close),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Close {
    /// With a closing tag: the session is over.
    Clean,
    /// Without: the server may keep it for resumption (AU07).
    Abandon,
}

/// What the server, or the way to it, says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ServerEvent {
    /// Its stream header.
    Opened {
        version: Option<Text>,
        from: Option<Text>,
        id: Option<Text>,
    },
    Features(Payload),
    Payload(Payload),
    /// SASL 1 success; it goes to the client like any payload.
    Authenticated(Payload),
    /// From now on the server keeps the session when the connection drops (XEP-0198).
    Resumable,
    /// `</stream:stream>` or the end of the connection, without an error.
    Closed,
    Failed(ServerFailure),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ServerFailure {
    /// Not reached within the time, refused, lost, or not understood.
    Unreachable,
    /// `<stream:error/>`, whole (ER02).
    StreamError(Payload),
}

/// ```text
/// Connecting --opened--> AwaitingFeatures --features--> Ready --success--> Authenticated --restart--> Connecting
///                                 `--no version: none will come--^                any --closed, failed, close--> Gone
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum StreamPhase {
    Connecting,
    AwaitingFeatures,
    Ready,
    Authenticated,
    Gone,
}

/// What the server's header said, to be told to the client once (B10, Q03, Q06; clients.md C5).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Introduction {
    pub version: Option<Text>,
    pub from: Option<Text>,
    pub id: Option<Text>,
}

/// One stream.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Stream {
    pub phase: StreamPhase,
    pub opening: Opening,
    /// Not yet told.
    pub introduction: Option<Introduction>,
    pub resumable: bool,
}

impl Stream {
    pub fn new(opening: Opening) -> Self {
        Self {
            phase: StreamPhase::Connecting,
            opening,
            introduction: None,
            resumable: false,
        }
    }

    /// A header without `version` will not be followed by features (Q07).
    pub fn opened(&mut self, introduction: Introduction) {
        self.phase = match introduction.version {
            Some(_) => StreamPhase::AwaitingFeatures,
            None => StreamPhase::Ready,
        };
        self.introduction = Some(introduction);
    }

    pub fn restart(&mut self, opening: Opening) -> Opening {
        self.opening = opening.or(&self.opening);
        self.phase = StreamPhase::Connecting;
        self.opening.clone()
    }

    /// Is there nothing more to come before the client can go on?
    pub fn is_introduced(&self) -> bool {
        matches!(self.phase, StreamPhase::Ready | StreamPhase::Authenticated)
    }

    pub fn is_gone(&self) -> bool {
        self.phase == StreamPhase::Gone
    }
}
