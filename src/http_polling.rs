//! XEP-0025 as a value: the body of a poll, its chain of keys, and what an answer's cookie says. Obsolete, and kept for clients that speak
//! nothing else: there is no rid, so a lost answer is lost (HP09).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha1::{Digest, Sha1};

/// What went wrong, told as an id (section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PollError {
    #[error("no session of this id, or it has expired")]
    Unknown,
    #[error("the server could not be reached")]
    Server,
    #[error("the request is malformed")]
    BadRequest,
    #[error("the key is wrong")]
    Key,
}

impl PollError {
    pub fn id(self) -> &'static str {
        match self {
            Self::Unknown => "0:0",
            Self::Server => "-1:0",
            Self::BadRequest => "-2:0",
            Self::Key => "-3:0",
        }
    }
}

/// `id[;key[;newkey]],xml`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Poll {
    /// `None`: `0`, a new session.
    pub id: Option<String>,
    pub key: Option<String>,
    pub newkey: Option<String>,
    /// A piece of the client's stream, cut anywhere (HP04).
    pub octets: Bytes,
}

/// Bytes of ids and keys before the comma; ours are 32 and 28.
const LONGEST_HEAD: usize = 256;

impl Poll {
    /// # Errors
    /// `BadRequest`: no comma, or something odd before it.
    pub fn decode(body: &Bytes) -> Result<Self, PollError> {
        let comma = body
            .iter()
            .take(LONGEST_HEAD)
            .position(|byte| *byte == b',')
            .ok_or(PollError::BadRequest)?;
        let head = std::str::from_utf8(&body[..comma]).map_err(|_| PollError::BadRequest)?;
        let mut parts = head.trim().split(';');
        let id = parts.next().filter(|id| !id.is_empty()).ok_or(PollError::BadRequest)?;
        let mut key = || parts.next().filter(|key| !key.is_empty()).map(str::to_owned);
        let poll = Self {
            id: (id != "0").then(|| id.to_owned()),
            key: key(),
            newkey: key(),
            octets: body.slice(comma + 1..),
        };
        parts.next().is_none().then_some(poll).ok_or(PollError::BadRequest)
    }
}

/// The chain of keys of one session: each hashes to the one before (section 2).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Keys {
    last: Option<String>,
}

impl Keys {
    /// A first poll without a key means none, for the whole session; its `newkey` means nothing (HP05).
    pub fn begin(first: &Poll) -> Self {
        Self { last: first.key.clone() }
    }

    /// # Errors
    /// `Key`: it is wrong or missing; the poll is not to be carried out (HP06).
    pub fn verify(&mut self, poll: &Poll) -> Result<(), PollError> {
        let Some(last) = &self.last else { return Ok(()) };
        let key = poll.key.as_ref().ok_or(PollError::Key)?;
        if hash(key) != *last {
            return Err(PollError::Key);
        }
        self.last = poll.newkey.clone().or_else(|| Some(key.clone()));
        Ok(())
    }
}

fn hash(key: &str) -> String {
    STANDARD.encode(Sha1::digest(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(text: &'static str) -> Result<Poll, PollError> {
        Poll::decode(&Bytes::from_static(text.as_bytes()))
    }

    // HP01, HP04
    #[test]
    fn a_poll_is_ids_keys_and_octets() {
        let first = poll("0;key,<stream:stream to='a,b'>").expect("good");
        assert_eq!((first.id, first.key.as_deref(), first.newkey), (None, Some("key"), None));
        assert_eq!(&first.octets[..], b"<stream:stream to='a,b'>");
        let next = poll("7776:2054;a;b,<pres").expect("good");
        assert_eq!(
            (next.id.as_deref(), next.newkey.as_deref(), &next.octets[..]),
            (Some("7776:2054"), Some("b"), &b"<pres"[..])
        );
        assert_eq!(poll("x,").expect("good").octets.len(), 0);
        for bad in ["", "0", ",", ";k,", "0;a;b;c,<x/>"] {
            assert_eq!(poll(bad), Err(PollError::BadRequest), "{bad}");
        }
    }

    // HP05
    #[test]
    fn the_chain_of_the_specification() {
        let [one, two] = ["C+7Hteo/D9vJXQ3UfzxbwnXaijM=", "6UU8CDmH3O4aHFmCqSORCn721+M="];
        assert_eq!((hash("foo").as_str(), hash(one).as_str()), (one, two));
        let keyed = |key: &str, newkey: Option<&str>| Poll {
            id: Some("x".to_owned()),
            key: Some(key.to_owned()),
            newkey: newkey.map(str::to_owned),
            octets: Bytes::new(),
        };
        let mut keys = Keys::begin(&keyed(two, Some("ignored")));
        assert_eq!(
            keys.verify(&keyed(&one.to_lowercase(), None)),
            Err(PollError::Key),
            "exact letters"
        );
        assert_eq!(keys.verify(&keyed(one, None)), Ok(()));
        assert_eq!(keys.verify(&keyed(one, None)), Err(PollError::Key), "once");
        assert_eq!(keys.verify(&keyed("foo", Some(two))), Ok(()), "and a new chain");
        assert_eq!(keys.verify(&keyed(one, None)), Ok(()));
        let mut none = Keys::begin(&poll("0,").expect("good"));
        assert_eq!(none.verify(&keyed("whatever", None)), Ok(()));
    }
}
