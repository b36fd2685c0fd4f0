//! Content codings (XEP-0124 sections 5 and 7.2): requests come as they are, or in gzip or deflate; answers leave in gzip where the
//! operator and the client want it and nothing secret is in them.

use std::cell::RefCell;

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use http::header::{self, HeaderMap};
use memchr::memmem;

use crate::bosh::Response;

/// What `accept` tells clients, with commas since version 1.11 (C08, T40).
pub const ACCEPTED: &str = "gzip,deflate";

/// Bytes of a request's body that are unpacked at once.
const PIECE: usize = 8 * 1024;

/// Bytes of an answer below which gzip saves less than a packet.
const WORTH_IT: usize = 1024;

/// What belongs to a login: compressed beside text of others it could be guessed by the length (M06).
const SECRET: [&[u8]; 3] = [b"urn:ietf:params:xml:ns:xmpp-sasl", b"urn:xmpp:sasl:", b"urn:xmpp:fast:"];

/// Window of zlib and gzip.
const WINDOW_BITS: u8 = 15;

/// A request's body is not in the coding that it says it is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corrupt;

/// How a request's body comes.
pub enum Coding {
    /// As it is. So is what names a coding that nobody knows: libpurple puts the media type there (contract H6).
    Identity,
    Gzip,
    Deflate,
    Unpacking(Box<Decompress>),
    /// The packed body is complete.
    Unpacked,
}

impl Coding {
    pub fn of(request: &HeaderMap) -> Self {
        let named = request
            .get(header::CONTENT_ENCODING)
            .map(|value| value.as_bytes().trim_ascii());
        match named {
            Some(name) if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") => Self::Gzip,
            Some(name) if name.eq_ignore_ascii_case(b"deflate") => Self::Deflate,
            _ => Self::Identity,
        }
    }

    /// Takes the next piece of the body out of `input`; `None`: more bytes are needed.
    ///
    /// # Errors
    /// The bytes are not in this coding, or something follows their end.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, Corrupt> {
        if let Some(first) = input.first() {
            self.begin(*first);
        }
        match self {
            Self::Unpacking(state) => {
                let (before, mut piece) = (state.total_in(), Vec::with_capacity(PIECE));
                let status = state
                    .decompress_vec(input, &mut piece, FlushDecompress::None)
                    .map_err(|_| Corrupt)?;
                let taken = usize::try_from(state.total_in() - before).map_err(|_| Corrupt)?;
                if taken == 0 && piece.is_empty() && status != Status::StreamEnd {
                    return if input.is_empty() { Ok(None) } else { Err(Corrupt) };
                }
                *input = input.slice(taken..);
                if status == Status::StreamEnd {
                    *self = Self::Unpacked;
                }
                Ok(Some(piece.into()))
            }
            _ if input.is_empty() => Ok(None),
            Self::Unpacked => Err(Corrupt),
            _ => Ok(Some(std::mem::take(input))),
        }
    }

    /// Has all of it come?
    pub fn is_complete(&self) -> bool {
        !matches!(self, Self::Unpacking(_))
    }

    /// The first byte decides what the header leaves open: whether a deflated body has the header of zlib, as it should, or none; and that
    /// what begins like XML was never gzip.
    fn begin(&mut self, first: u8) {
        const DEFLATE_IN_ZLIB: u8 = 8;
        let state = match self {
            Self::Gzip if first == b'<' || first.is_ascii_whitespace() => return *self = Self::Identity,
            Self::Gzip => Decompress::new_gzip(WINDOW_BITS),
            Self::Deflate => Decompress::new(first & 0x0f == DEFLATE_IN_ZLIB),
            Self::Identity | Self::Unpacking(_) | Self::Unpacked => return,
        };
        *self = Self::Unpacking(Box::new(state));
    }
}

/// Does the client take answers in gzip? `q=0` is a no.
pub fn takes_gzip(request: &HeaderMap) -> bool {
    let values = request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|offer| {
        let (name, weight) = offer.split_once(';').unwrap_or((offer, ""));
        let refused = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()) == Some(0.0_f32);
        matches!(name.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip") && !refused
    })
}

/// The answer's body in gzip; `None` where that is not worth it, or not safe.
pub fn gzip(response: &Response) -> Option<Bytes> {
    thread_local!(static STATE: RefCell<Compress> = RefCell::new(Compress::new_gzip(Compression::fast(), WINDOW_BITS)));
    let body = &response.body;
    if body.len() < WORTH_IT || SECRET.iter().any(|secret| memmem::find(body, secret).is_some()) {
        return None;
    }
    STATE.with_borrow_mut(|state| {
        state.reset();
        let mut packed = Vec::with_capacity(body.len() / 2);
        while state
            .compress_vec(
                &body[usize::try_from(state.total_in()).ok()?..],
                &mut packed,
                FlushCompress::Finish,
            )
            .ok()?
            != Status::StreamEnd
        {
            if packed.len() >= body.len() {
                return None;
            }
            packed.reserve(body.len() / 2 + PIECE);
        }
        Some(packed.into())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    use super::*;

    fn named(name: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static(name))])
    }

    fn unpack(name: &'static str, packed: &[u8], step: usize) -> Result<Vec<u8>, Corrupt> {
        let mut coding = Coding::of(&named(name));
        let mut body = Vec::new();
        for piece in packed.chunks(step) {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(piece) = coding.next(&mut input)? {
                assert!(piece.len() <= PIECE.max(packed.len()), "one piece at a time");
                body.extend_from_slice(&piece);
            }
        }
        coding.is_complete().then_some(body).ok_or(Corrupt)
    }

    fn samples() -> (Vec<u8>, [(&'static str, Vec<u8>); 4]) {
        let text = b"<body>".repeat(10_000);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        [&mut gzip as &mut dyn std::io::Write, &mut zlib, &mut raw]
            .into_iter()
            .for_each(|out| out.write_all(&text).unwrap());
        let packed = [
            ("gzip", gzip.finish().unwrap()),
            ("deflate", zlib.finish().unwrap()),
            ("Deflate", raw.finish().unwrap()),
            ("text/xml; charset=utf-8", text.clone()),
        ];
        (text, packed)
    }

    // M05
    #[test]
    fn every_coding_at_every_cut() {
        let (text, packed) = samples();
        for (name, packed) in packed {
            for step in [1, 2, 7, 100_000] {
                assert_eq!(unpack(name, &packed, step).as_ref(), Ok(&text), "{name} by {step}");
            }
        }
    }

    // M05: the last input may be taken while there is more output than a piece holds
    #[test]
    fn every_length_around_a_piece() {
        for length in (PIECE - 3..PIECE + 4)
            .chain(2 * PIECE - 3..2 * PIECE + 4)
            .chain(3 * PIECE..3 * PIECE + 3)
        {
            let text = vec![b'a'; length];
            let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
            raw.write_all(&text).unwrap();
            let packed = raw.finish().unwrap();
            for step in [1, 100_000] {
                assert_eq!(
                    unpack("deflate", &packed, step).map(|body| body.len()),
                    Ok(length),
                    "by {step}"
                );
            }
        }
    }

    // M05
    #[test]
    fn what_is_not_what_it_says() {
        let (_, [(_, mut gzip), ..]) = samples();
        assert_eq!(unpack("gzip", &gzip[..gzip.len() - 4], 100), Err(Corrupt), "cut short");
        gzip.push(0);
        assert_eq!(unpack("gzip", &gzip, 100_000), Err(Corrupt), "something behind it");
        assert_eq!(unpack("gzip", b"\x1f\x8bnonsense", 100), Err(Corrupt));
        assert_eq!(
            unpack("gzip", b"<body/>", 1).as_deref(),
            Ok(&b"<body/>"[..]),
            "not packed at all"
        );
    }

    // M04
    #[test]
    fn gzip_only_for_who_takes_it() {
        let takes = |value| {
            takes_gzip(&HeaderMap::from_iter([(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static(value),
            )]))
        };
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, GZIP;q=0.5"));
        assert!(!takes("deflate, br") && !takes("gzip;q=0, br") && !takes("gzip;q=0.000") && !takes(""));
    }

    fn response(body: String) -> Response {
        Response {
            body: body.into(),
            legacy: None,
            content: None,
        }
    }

    // M04, M06
    #[test]
    fn what_is_long_and_no_secret_is_packed() {
        let long = response(format!("<body>{}</body>", "<message/>".repeat(500)));
        let packed = gzip(&long).expect("worth it");
        assert!(packed.len() < long.body.len() / 10);
        assert_eq!(unpack("gzip", &packed, 100).as_deref(), Ok(&long.body[..]));
        let noise: String = (0..3000)
            .map(|n: u32| char::from(33 + (n.wrapping_mul(2_654_435_761) >> 25) as u8 % 90))
            .collect();
        assert!(gzip(&response(noise)).is_none_or(|packed| packed.len() < 3000));
        assert_eq!(gzip(&response("<body/>".to_owned())), None);
        let secret = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".repeat(100);
        assert_eq!(gzip(&response(secret)), None);
    }
}
