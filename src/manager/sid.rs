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

    /// The form that XEP-0025 wants: letters, digits and no `:0` at the end (HP02).
    pub fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The way back.
    pub fn from_hex(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
        Some(Self(number.to_be_bytes()))
    }

    /// A number that is random and stays the same, for what sessions shall not all do in the same moment.
    pub fn lot(self) -> u16 {
        u16::from_be_bytes([self.0[14], self.0[15]])
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

    // HP02
    #[test]
    fn the_other_form_is_read_back_too() {
        let key = Key::random().expect("randomness");
        assert!(key.hex().bytes().all(|byte| byte.is_ascii_hexdigit()) && Key::from_hex(&key.hex()) == Some(key));
        for other in ["", "0", "+0000000000000000000000000000000", "zz"] {
            assert!(Key::from_hex(other).is_none(), "{other}");
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
