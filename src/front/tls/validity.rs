//! From when until when a certificate is good (RFC 5280 section 4.1.2.5): as much of DER as it takes to get there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

const DAY: u64 = 24 * 60 * 60;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Validity {
    pub from: SystemTime,
    pub until: SystemTime,
}

impl Validity {
    /// Of a certificate; `None` if it is none.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let [(_, certificate)] = elements(certificate)?;
        let [(_, signed)] = elements(certificate)?;
        let [(first, _)] = elements(signed)?;
        // serial number, algorithm and issuer stand before it, and the version mostly
        let validity = if first == EXPLICIT_VERSION {
            let [_, _, _, _, (_, validity)] = elements(signed)?;
            validity
        } else {
            let [_, _, _, (_, validity)] = elements(signed)?;
            validity
        };
        let [from, until] = elements(validity)?;
        Some(Self {
            from: time(from)?,
            until: time(until)?,
        })
    }

    /// When another one should be had: with a third of its time to spare.
    pub fn renewal(&self) -> SystemTime {
        let lifetime = self.until.duration_since(self.from).unwrap_or_default();
        self.from + lifetime * 2 / 3
    }
}

/// The first elements in there: their tags and contents.
fn elements<const N: usize>(mut der: &[u8]) -> Option<[(u8, &[u8]); N]> {
    let mut found = [(0, der); N];
    for element in &mut found {
        let (&[tag, length], rest) = der.split_first_chunk()?;
        let (length, rest) = match length {
            0..=0x7f => (usize::from(length), rest),
            // more than this no certificate has
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
                (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        *element = (tag, content);
        der = rest;
    }
    Some(found)
}

/// `YYMMDDHHMMSSZ` or with four digits of the year.
fn time((tag, text): (u8, &[u8])) -> Option<SystemTime> {
    let digits = text.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) || digits.len() % 2 == 1 {
        return None;
    }
    let pairs: Vec<u64> = digits
        .chunks(2)
        .map(|pair| u64::from(pair[0] - b'0') * 10 + u64::from(pair[1] - b'0'))
        .collect();
    let (year, rest) = match (tag, &pairs[..]) {
        (UTC_TIME, [year, rest @ ..]) => (if *year < 50 { 2000 + year } else { 1900 + year }, rest),
        (GENERALIZED_TIME, [century, year, rest @ ..]) => (century * 100 + year, rest),
        _ => return None,
    };
    let &[month @ 1..=12, day @ 1..=31, hour, minute, second] = rest else {
        return None;
    };
    // years begin in March, so that a leap day is their last
    let (year, months) = if month > 2 {
        (year, month - 3)
    } else {
        (year.checked_sub(1)?, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * months + 2) / 5 + day - 1;
    // the first of January 1970, counted like that
    let days = days.checked_sub(719_468)?;
    Some(UNIX_EPOCH + Duration::from_secs(days * DAY + (hour * 60 + minute) * 60 + second))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn dates() {
        let utc = |text: &str| time((UTC_TIME, text.as_bytes()));
        assert_eq!(utc("700101000000Z"), Some(at(0)));
        assert_eq!(utc("000229123456Z"), Some(at(951_827_696)));
        assert_eq!(utc("491231235959Z"), Some(at(2_524_607_999)));
        assert_eq!(time((GENERALIZED_TIME, b"20500101000000Z")), Some(at(2_524_608_000)));
        for bad in [
            "",
            "Z",
            "700101000000",
            "700001000000Z",
            "70010100000Z",
            "7001010000000Z",
            "691231235959Z",
            "70010100000aZ",
        ] {
            assert_eq!(utc(bad), None, "{bad}");
        }
    }

    #[test]
    fn of_a_certificate() {
        let mut params = CertificateParams::new(["a.example".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2050, 1, 1));
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let validity = Validity::of(certificate.der()).unwrap();
        assert_eq!((validity.from, validity.until), (at(1_577_836_800), at(2_524_608_000)));
        assert_eq!(
            validity.renewal(),
            at(1_577_836_800 + (2_524_608_000 - 1_577_836_800) / 3 * 2)
        );
        // what is cut off is none, and nothing makes it panic
        let der = certificate.der();
        assert!((0..der.len()).all(|length| Validity::of(&der[..length]).is_none()));
    }
}
