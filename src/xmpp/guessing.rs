//! Logins that fail, and how long the client waits to hear of one, so that guessing takes time.

use std::time::Duration;

use super::{SASL, SASL2, StreamEvent};

/// Does the server say with this that an attempt to log in has failed?
pub fn has_failed(event: &StreamEvent) -> bool {
    matches!(event, StreamEvent::Payload(said) if said.is(SASL, "failure") || said.is(SASL2, "failure"))
}

/// Failures on one stream that cost nothing: a password mistyped, and another mechanism tried.
const FREE: u32 = 2;

/// The first that is told late, doubled with each further one, up to the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5);

/// So many attempts failed on this stream: how long the client waits to hear of the last one, and so of whatever is said behind it.
pub fn put_off(failures: u32) -> Duration {
    match failures.checked_sub(FREE + 1) {
        None => Duration::ZERO,
        Some(doublings) => FIRST.saturating_mul(1 << doublings.min(u16::BITS)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::scope::standing;

    // AU09
    #[test]
    fn failures_in_a_row() {
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(|n| put_off(n).as_secs()), [0, 0, 0, 1, 2, 4, 5]);
        assert_eq!(put_off(u32::MAX), LONGEST);
    }

    // AU09
    #[test]
    fn what_a_failure_is() {
        let fails = |local: &str, namespace: &'static str| {
            let text = format!("<{local} xmlns='{namespace}'/>");
            has_failed(&StreamEvent::Payload(standing(text.into(), namespace.into(), local)))
        };
        assert!(fails("failure", SASL) && fails("failure", SASL2));
        assert!(!fails("failure", "jabber:client") && !fails("success", SASL2) && !fails("challenge", SASL));
        assert!(!has_failed(&StreamEvent::Closed));
    }
}
