//! [`Limits`] (ours) x creation request (theirs) -> [`Terms`] of the session (XEP-0124 section 7).

use super::{Condition, Request};
use crate::xml::Text;

/// `ver`: two integers, so that 1.10 is newer than 1.6 (C05, T08).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
}

impl Version {
    /// The version of XEP-0124 implemented here.
    pub const OURS: Self = Self { major: 1, minor: 11 };

    /// Anything that is not two integers counts as our own version.
    pub fn parse(text: &str) -> Self {
        let number = |part: &str| part.parse::<u32>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()));
        text.trim()
            .split_once('.')
            .and_then(|(major, minor)| {
                Some(Self {
                    major: number(major)?,
                    minor: number(minor)?,
                })
            })
            .unwrap_or(Self::OURS)
    }
}

/// What a creation request asks for; `None`: it does not say. Without meaning in later requests (C11).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Offer {
    /// Seconds.
    pub wait: Option<u16>,
    pub hold: Option<u8>,
    pub ver: Option<Version>,
    /// It acknowledges answers, and wants its requests acknowledged.
    pub acks: bool,
    /// A media type, for every answer.
    pub content: Option<Text>,
}

/// What this connection manager allows a session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Limits {
    /// Seconds; many middleboxes cut at 60.
    pub max_wait: u16,
    /// stanza.js stalls with more than 1 (contract C6).
    pub max_hold: u8,
    /// Seconds; hidden tabs are throttled to one timer a minute.
    pub inactivity: u16,
    /// Seconds; told to polling sessions (hold or wait 0), and to others only where overactivity is judged (E13).
    pub polling: u16,
    /// Is a client that polls too often, though its requests are held, refused? (E09) Many good ones do now and then.
    pub overactivity: bool,
    /// Seconds; 0: there is no pausing, and none is announced (C07).
    pub max_pause: u16,
    /// Seconds until a session ends whose client has not logged in (AU10); 0: never.
    pub login_timeout: u16,
    /// Seconds after which a client has left that has aborted a held request and does not come back; 0: that means nothing.
    pub leave_after: u16,
    /// Content codings of requests that are decoded, with commas between them; `None`: none is.
    pub accept: Option<Text>,
    /// Charsets of requests that are converted, with spaces between them; `None`: none is.
    pub charsets: Option<Text>,
    /// Streams that may be open in one session; above 1 they have names.
    pub streams: u8,
    /// Bytes from the server that may wait in one session; beyond it the server is not read.
    pub session_memory: usize,
    /// Bytes of payload in one response, unless a single payload is larger (E06).
    pub response_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_wait: 55,
            max_hold: 1,
            inactivity: 120,
            polling: 2,
            overactivity: false,
            max_pause: 120,
            login_timeout: 0,
            leave_after: 0,
            accept: None,
            charsets: None,
            streams: 1,
            session_memory: 4 * 1024 * 1024,
            response_bytes: 256 * 1024,
        }
    }
}

/// Seconds that a polling session may be silent beyond the usual, at least; always more than twice `polling` (E12).
const LONGER_POLLING: u16 = 60;

/// Seconds; the least that `polling` can say.
const LEAST_POLLING: u16 = 1;

/// What was agreed at creation; fixed for the life of the session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Terms {
    pub wait: u16,
    pub hold: u8,
    /// How many requests the client may have open: granted hold + 1 (design: T07).
    pub requests: u8,
    pub inactivity: u16,
    /// Seconds between two requests without payload; `None`: not judged.
    pub polling: Option<u16>,
    /// Seconds; 0: none.
    pub max_pause: u16,
    /// Requests and answers are acknowledged: the client does, and wants it (section 9; contract C7).
    pub acks: bool,
    /// The Content-Type of every answer, if not the usual.
    pub content: Option<Text>,
    /// `None`: the client sent none, and expects HTTP codes (section 17.1).
    pub ver: Option<Version>,
}

impl Terms {
    /// A client that names no `wait` or `hold` gets 60 s and 1, within our limits (C01, C02).
    pub fn agree(offer: &Offer, limits: &Limits) -> Self {
        // so that `requests`, one more, still fits its type (C18)
        let hold = offer.hold.unwrap_or(1).min(limits.max_hold).min(u8::MAX - 1);
        let wait = offer.wait.unwrap_or(60).min(limits.max_wait);
        let polls = hold == 0 || wait == 0;
        let inactivity = if polls {
            limits
                .inactivity
                .saturating_add(LONGER_POLLING.max(2 * limits.polling.min(u16::MAX / 2)))
        } else {
            limits.inactivity
        };
        Self {
            wait,
            hold,
            requests: hold + 1,
            inactivity,
            polling: (polls || limits.overactivity).then_some(limits.polling),
            max_pause: limits.max_pause,
            acks: offer.acks,
            content: offer.content.clone(),
            ver: offer.ver,
        }
    }

    /// How long a request is held, in milliseconds: a tenth of `wait`, at most 1 s, before the client loses patience (E14).
    pub fn patience(&self) -> u64 {
        let wait = u64::from(self.wait) * 1000;
        wait - (wait / 10).min(1000)
    }

    /// How long the creation request waits for features, in milliseconds: below Smack's reply time-out of 5 s (FX17), below `wait`
    /// (B09), and below 1 s for who does not want to wait at all (B11).
    pub fn creation_patience(&self) -> u64 {
        if self.is_polling() { 800 } else { self.patience().min(4000) }
    }

    pub fn inactivity_ms(&self) -> u64 {
        u64::from(self.inactivity) * 1000
    }

    pub fn is_polling(&self) -> bool {
        self.hold == 0 || self.wait == 0
    }

    /// The interval told to the client: the one that is judged. Who names no `ver` is told the least there is: xmpp4r takes silence for 5 s, which
    /// it then waits between two stanzas (contract C3).
    pub fn told_polling(&self) -> Option<u16> {
        self.polling.or(self.ver.is_none().then_some(LEAST_POLLING))
    }

    /// The version told to the client: the lower of the two (C05).
    pub fn answered_version(&self) -> Version {
        self.ver.unwrap_or(Version::OURS).min(Version::OURS)
    }
}

/// Can this request without a sid create a session at all? (B06, B15)
///
/// # Errors
/// `bad-request` for what only a running session understands, `improper-addressing` without a domain.
pub fn admit(creation: &Request) -> Result<(), Condition> {
    if let Some(fault) = creation.fault {
        return Err(fault);
    }
    if creation.terminate || creation.pause.is_some() {
        return Err(Condition::BadRequest);
    }
    match &creation.to {
        Some(to) if !to.trim().is_empty() => Ok(()),
        _ => Err(Condition::ImproperAddressing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_two_integers() {
        let parse = Version::parse;
        assert!(parse("1.10") > parse("1.6"));
        assert_eq!(parse("1.06"), Version { major: 1, minor: 6 });
        for garbage in ["", "1", "1.", ".6", "one.two", "+1.6", "1.6.1", "-1.6", "99999999999.1"] {
            assert_eq!(parse(garbage), Version::OURS, "{garbage}");
        }
    }

    // C18, E12
    #[test]
    fn what_is_agreed_stays_in_its_bounds() {
        let agree = |hold, polling, inactivity| {
            let limits = Limits {
                max_hold: u8::MAX,
                polling,
                inactivity,
                ..Limits::default()
            };
            Terms::agree(
                &Offer {
                    hold: Some(hold),
                    ..Offer::default()
                },
                &limits,
            )
        };
        let most = agree(u8::MAX, 2, 120);
        assert_eq!((most.hold, most.requests), (254, 255));
        assert_eq!(most.inactivity, 120);
        for (polling, inactivity, granted) in [
            (2, 120, 180),
            (40, 120, 200),
            (u16::MAX, 1, u16::MAX),
            (2, u16::MAX, u16::MAX),
        ] {
            assert_eq!(agree(0, polling, inactivity).inactivity, granted, "{polling}");
        }
    }

    #[test]
    fn a_session_holds_at_most_megabytes() {
        let limits = Limits::default();
        assert_eq!((limits.session_memory, limits.response_bytes), (4_194_304, 262_144));
    }
}
