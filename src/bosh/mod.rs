//! XEP-0124 and XEP-0206 as a value: no socket, clock, task, lock, randomness or log.

pub mod body;
pub mod condition;

pub use body::{BodyError, Request, Response, Rid, Sid};
pub use condition::Condition;

/// Our own number for one HTTP request; a rid may arrive twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RequestId(pub u64);
