//! Making and reading session ids; the only file that knows their form: 128 random bits, base64url (B03, P05).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::bosh::Sid;

/// What a session is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 16]);

impl Key {
    /// # Errors
    /// The operating system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// `None`: no session of ours is named like this.
    pub fn read(sid: &Sid) -> Option<Self> {
        let mut bytes = [0; 16];
        let length = URL_SAFE_NO_PAD.decode_slice(sid.0.as_bytes(), &mut bytes).ok()?;
        (length == bytes.len()).then_some(Self(bytes))
    }

    pub fn sid(self) -> Sid {
        Sid(URL_SAFE_NO_PAD.encode(self.0).into())
    }
}

/// A few characters that tell sessions apart in a log and do not let anybody in.
impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02x}{:02x}{:02x}", self.0[0], self.0[1], self.0[2])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    // B03: 10 000 sids: no repeats, no shared structure, 128 bits, URL- and XML-safe characters
    #[test]
    fn sids_are_random_and_safe() {
        let sids: HashSet<String> = (0..10_000)
            .map(|_| Key::random().expect("randomness").sid().0.as_str().to_owned())
            .collect();
        assert_eq!(sids.len(), 10_000);
        let safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(sids.iter().all(|sid| sid.len() == 22 && sid.chars().all(safe)));
        // no character of the first 21 is the same in all (the last holds but 2 bits)
        let first = sids.iter().next().expect("some").clone();
        for (place, c) in first.chars().enumerate().take(21) {
            let same = sids.iter().filter(|sid| sid.as_bytes()[place] == c as u8).count();
            assert!(same < 1_000, "{same} of 10000 sids have {c} at {place}");
        }
    }

    #[test]
    fn a_sid_is_read_back_and_nothing_else_is() {
        let key = Key::random().expect("randomness");
        assert!(Key::read(&key.sid()) == Some(key));
        for other in [
            "",
            "a",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
            "!!!!!!!!!!!!!!!!!!!!!!",
        ] {
            assert!(Key::read(&Sid(other.into())).is_none(), "{other}");
        }
    }
}
