//! The XMPP streams of a session: what is said to the server, what it says, and the phase each is in (XEP-0206 sections 3 to 6;
//! several: XEP-0124 section 16).

use super::keys::hex_sha1;
use super::{Condition, Sid};
use crate::xml::{Payload, Text};

/// Which stream of the session; the first is 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct StreamId(pub u32);

impl StreamId {
    pub const FIRST: Self = Self(0);
}

/// What the client wants said in the stream header (Q01, C12, C13). The domain is fixed at creation (R04).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Opening {
    /// The domain of a stream that is added; that of the first is the creation's.
    pub to: Option<Text>,
    pub from: Option<Text>,
    pub lang: Option<Text>,
    pub version: Option<Text>,
    /// Where the server is, says the client: `xmpp:example.org:5222` (C14). Never parsed as a URI, and rarely followed.
    pub route: Option<Text>,
}

impl Opening {
    /// A copy of its own size: it is kept as long as the stream, and was cut from a whole request.
    fn detached(&self) -> Self {
        let detached = |text: &Option<Text>| text.as_ref().map(Text::detached);
        Self {
            to: detached(&self.to),
            from: detached(&self.from),
            lang: detached(&self.lang),
            version: detached(&self.version),
            // for the one way there
            route: None,
        }
    }

    /// A restart says what it says anew and keeps the rest (R04).
    pub fn or(self, former: &Self) -> Self {
        Self {
            to: former.to.clone(),
            from: self.from.or_else(|| former.from.clone()),
            lang: self.lang.or_else(|| former.lang.clone()),
            version: self.version.or_else(|| former.version.clone()),
            route: None,
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
    /// The client has logged in, be it without SASL. Said ahead of the payload that says so.
    LoggedIn,
    /// From now on the server keeps what the client does not acknowledge; it goes to the client like any payload.
    Managed(Managed, Payload),
    /// `</stream:stream>` or the end of the connection, without an error.
    Closed,
    Failed(ServerFailure),
}

/// What stream management between client and server comes to for us, when the client is lost (XEP-0198).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Managed {
    /// The server takes back the stanzas: we return none (ER08).
    Acknowledged,
    /// It keeps the session, too, unless the stream is closed (AU07).
    Resumable,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ServerFailure {
    /// The domain of an added stream is not ours to serve.
    HostUnknown,
    /// It was, and is no more.
    HostGone,
    /// Not reached within the time, refused, lost, or not understood.
    Unreachable,
    /// `<stream:error/>`, whole (ER02).
    StreamError(Payload),
    /// It speaks another protocol than a client's; what we told it of that (J16).
    Foreign(Payload),
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

/// What the server's header said, to be told to the client once (B10, Q03, Q06; contract C5).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Introduction {
    pub version: Option<Text>,
    pub from: Option<Text>,
    pub id: Option<Text>,
}

/// How a stream ends while the session goes on (section 16.6).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct StreamEnd {
    /// `None`: the client asked for it.
    pub condition: Option<Condition>,
    /// Content of the terminal body: the server's error, or what else there is to say.
    pub error: Option<Payload>,
}

impl StreamEnd {
    pub fn because(condition: Condition) -> Self {
        Self {
            condition: Some(condition),
            error: None,
        }
    }
}

impl From<ServerFailure> for StreamEnd {
    fn from(failure: ServerFailure) -> Self {
        match failure {
            ServerFailure::HostUnknown => Self::because(Condition::HostUnknown),
            ServerFailure::HostGone => Self::because(Condition::HostGone),
            ServerFailure::Unreachable => Self::because(Condition::RemoteConnectionFailed),
            ServerFailure::Foreign(detail) => Self {
                error: Some(detail),
                ..Self::because(Condition::UndefinedCondition)
            },
            ServerFailure::StreamError(error) => Self {
                error: Some(error),
                ..Self::because(Condition::RemoteStreamError)
            },
        }
    }
}

/// One stream.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Stream {
    pub id: StreamId,
    /// `None` in a session that can have one only.
    pub name: Option<Text>,
    pub phase: StreamPhase,
    opening: Box<Opening>,
    /// Not yet told.
    pub introduction: Option<Box<Introduction>>,
    /// Has the client agreed on it with the server?
    pub managed: Option<Managed>,
    /// Not yet told; it is, behind the last of the stream's payloads.
    pub end: Option<Box<StreamEnd>>,
}

impl Stream {
    fn new(id: StreamId, name: Option<Text>, opening: Opening) -> Self {
        Self {
            id,
            name,
            phase: StreamPhase::Connecting,
            opening: Box::new(opening.detached()),
            introduction: None,
            managed: None,
            end: None,
        }
    }

    /// A header without `version` will not be followed by features (Q07).
    pub fn opened(&mut self, introduction: Introduction) {
        self.phase = match introduction.version {
            Some(_) => StreamPhase::AwaitingFeatures,
            None => StreamPhase::Ready,
        };
        self.introduction = Some(Box::new(introduction));
    }

    pub fn restart(&mut self, opening: Opening) -> Opening {
        *self.opening = opening.detached().or(&self.opening);
        self.phase = StreamPhase::Connecting;
        Opening::clone(&self.opening)
    }

    /// Has its client logged in, and never said that it speaks XMPP 1.0, which restarts?
    pub fn lacks_restart(&self) -> bool {
        self.phase == StreamPhase::Authenticated && self.opening.version.is_none()
    }

    /// Is there nothing more to come before the client can go on?
    pub fn is_introduced(&self) -> bool {
        matches!(self.phase, StreamPhase::Ready | StreamPhase::Authenticated)
    }

    pub fn is_gone(&self) -> bool {
        self.phase == StreamPhase::Gone
    }

    /// Is it gone, and its end told?
    fn is_over(&self) -> bool {
        self.is_gone() && self.end.is_none()
    }

    /// Is there something to tell that is no payload?
    fn has_news(&self) -> bool {
        (self.is_introduced() && self.introduction.is_some()) || self.end.is_some()
    }
}

/// Closed streams whose names are remembered: what a client still says to one is not its fault (I06, FX21).
const REMEMBERED: usize = 16;

/// The streams of a session, in the order they were opened; the client names them (section 16).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Streams {
    list: Vec<Stream>,
    opened: u32,
    /// How many may be open.
    most: u8,
}

impl Streams {
    /// `most`: how many may be open; with 1 they have no names. The sid, which nobody guesses, makes the names that nobody guesses.
    pub fn first(sid: &Sid, most: u8, opening: Opening) -> Self {
        let mut streams = Self {
            list: Vec::with_capacity(1),
            opened: 0,
            most,
        };
        streams.add(sid, opening);
        streams
    }

    /// One more; when there are too many it is over at once, and its client will be told. Of more than a few such nothing is said.
    pub fn open(&mut self, sid: &Sid, opening: Opening) -> Option<StreamId> {
        let room = self.living().count() < usize::from(self.most);
        if self.list.iter().filter(|stream| stream.is_over()).count() > REMEMBERED
            && let Some(oldest) = self.list.iter().position(Stream::is_over)
        {
            self.list.remove(oldest);
        }
        if self.ended().count() >= REMEMBERED {
            return None;
        }
        let stream = self.add(sid, opening);
        if !room {
            stream.phase = StreamPhase::Gone;
            stream.end = Some(Box::new(StreamEnd::because(Condition::PolicyViolation)));
        }
        room.then_some(stream.id)
    }

    fn add(&mut self, sid: &Sid, opening: Opening) -> &mut Stream {
        let id = StreamId(self.opened);
        self.opened += 1;
        let name = (self.most > 1).then(|| hex_sha1(&format!("{}/{}", sid.0.as_str(), id.0))[..16].into());
        let place = self.list.len();
        self.list.push(Stream::new(id, name, opening));
        &mut self.list[place]
    }

    /// Do they have names?
    pub fn are_several(&self) -> bool {
        self.most > 1
    }

    pub fn get(&self, id: StreamId) -> Option<&Stream> {
        self.list.iter().find(|stream| stream.id == id)
    }

    pub fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.list.iter_mut().find(|stream| stream.id == id)
    }

    pub fn named(&self, name: &Text) -> Option<&Stream> {
        self.list.iter().find(|stream| stream.name.as_ref() == Some(name))
    }

    pub fn all(&self) -> impl Iterator<Item = &Stream> {
        self.list.iter()
    }

    /// Those whose server is there, or not yet.
    pub fn living(&self) -> impl Iterator<Item = &Stream> {
        self.list.iter().filter(|stream| !stream.is_gone())
    }

    /// Has the client seen what every server offers?
    pub fn are_introduced(&self) -> bool {
        self.living().all(Stream::is_introduced)
    }

    /// Those whose end is to be told.
    pub fn ended(&self) -> impl Iterator<Item = StreamId> {
        self.list.iter().filter(|stream| stream.end.is_some()).map(|stream| stream.id)
    }

    /// A stream of which there is something to tell that is no payload.
    pub fn with_news(&self) -> Option<StreamId> {
        self.list.iter().find(|stream| stream.has_news()).map(|stream| stream.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams() -> (Sid, Streams) {
        let sid = Sid("s".into());
        let streams = Streams::first(&sid, 2, Opening::default());
        (sid, streams)
    }

    // FX21, I06
    #[test]
    fn the_names_of_the_last_that_are_over_are_remembered() {
        let (sid, mut streams) = streams();
        for round in 0..3 * REMEMBERED {
            let added = streams.open(&sid, Opening::default()).expect("room for a second");
            let over = streams.list.iter().filter(|stream| stream.is_over()).count();
            assert_eq!(over, round.min(REMEMBERED));
            streams.get_mut(added).expect("added").phase = StreamPhase::Gone;
        }
        assert!(streams.get(StreamId::FIRST).is_some());
        let last = StreamId(u32::try_from(3 * REMEMBERED).expect("few"));
        assert!(streams.get(last).is_some() && streams.get(StreamId(1)).is_none());
    }

    // I03
    #[test]
    fn of_a_few_too_many_the_client_is_told() {
        let (sid, mut streams) = streams();
        assert!(streams.open(&sid, Opening::default()).is_some());
        for _ in 0..3 * REMEMBERED {
            assert_eq!(streams.open(&sid, Opening::default()), None);
        }
        assert_eq!(streams.ended().count(), REMEMBERED);
        assert_eq!(streams.list.len(), REMEMBERED + 2);
    }
}
