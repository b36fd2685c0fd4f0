//! XEP-0124 and XEP-0206 as a value: no socket, clock, task, lock, randomness or log. READ FIRST.
//!
//! A [`Session`] is given an [`Input`] and the time; it gives [`Output`]s and the next deadline. **The driving rule**, for every
//! owner of one: *handle one input, then take outputs until there are none, then read the next deadline.*
//!
//! ```text
//! Phase    Opening --sid answered--> Open --terminate / stream gone / drain / fault--> Closing --all told or linger over--> Ended
//! Stream   Connecting --> AwaitingFeatures --> Ready --success--> Authenticated --restart--> Connecting          any --> Gone
//! ```
//!
//! | clause of XEP-0124 (0206) | file |
//! |---|---|
//! | 6 wrapper, 22 schema | `body`, `request`, `answer` |
//! | 7 creation, negotiation | `terms`, `content`, `session` |
//! | 8 order, hold, wait | `window`, `held`, `settle` |
//! | 9 acknowledgements | `window` (ours), `replay` (the client's) |
//! | 10 inactivity, pause | `timer`, `session` |
//! | who has not logged in, who has left | `ending` |
//! | 11 overactivity, 12 polling sessions | `pacing` |
//! | 13 terminate, 17 conditions | `condition`, `ending`, `settle` |
//! | 14 request ids, broken connections | `window`, `replay` |
//! | 15 keys | `keys` |
//! | 16 several streams | `streams`, `settle` |
//! | XEP-0252 script syntax | `script` |
//! | (0206) 3 to 6 streams, restart, stream errors | `streams`, `relay` |
//!
//! What clients see of it, choices included: `docs/protocol.md`.
//!
//! **Confirmed** means that the client has a response: by its acknowledgement, or the lack of one, if it acknowledges; otherwise by an
//! *empty* request with a higher rid at hold 1 on a connection not seen to break; in any case when a rid `requests` or more above it has
//! come. A request with payload right behind it confirms nothing: it may have crossed the response on another connection. Nor does a
//! terminate. Nothing is confirmed behind a response that is not.

mod answer;
mod body;
mod condition;
mod content;
mod ending;
mod held;
mod keys;
mod outbox;
mod pacing;
mod relay;
mod replay;
mod request;
mod script;
mod session;
mod settle;
mod snapshot;
mod streams;
mod terms;
mod timer;
mod window;

pub use answer::Response;
pub use body::{BodyError, Decoder, decode_script, is_stream_level};
pub use condition::Condition;
pub use ending::EndReason;
pub use held::Hold;
pub use request::{ClientAck, Request, Restart, Rid, Sid};
pub use script::script_call;
pub use session::{Admitted, Input, Output, Session};
pub use snapshot::Snapshot;
pub use streams::{Close, Managed, Opening, ServerCommand, ServerEvent, ServerFailure, StreamId};
pub use terms::{Limits, Offer, Terms, Version, admit};
pub use timer::Time;

pub const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";
pub const XBOSH: &str = "urn:xmpp:xbosh";
pub const CLIENT: &str = "jabber:client";
pub const STREAM: &str = "http://etherx.jabber.org/streams";
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
pub const COMPRESS: &str = "http://jabber.org/protocol/compress";

/// Our own number for one HTTP request; a rid may arrive twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RequestId(pub u64);
