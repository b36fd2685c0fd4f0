//! Charsets (XEP-0124 section 7.2): request bodies that are not UTF-8, where the operator lists what may come. Without that the header is
//! ignored, as some clients name a charset that they do not use (M07).

use encoding_rs::{DecoderResult, Encoding};
use http::header::{self, HeaderMap};

use super::coding::Corrupt;

/// A charset that is converted, and the name that the operator gave it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charset {
    name: String,
    encoding: &'static Encoding,
}

impl Charset {
    /// `None`: nobody knows it, or it is UTF-8, which needs no conversion.
    pub fn named(name: &str) -> Option<Self> {
        let encoding = Encoding::for_label(name.as_bytes()).filter(|encoding| *encoding != encoding_rs::UTF_8)?;
        let name = name.to_owned();
        Some(Self { name, encoding })
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

/// How a request's body becomes UTF-8.
pub enum Conversion {
    None,
    From(Box<encoding_rs::Decoder>),
}

impl Conversion {
    /// By the request's Content-Type, if that names one of these.
    pub fn of(request: &HeaderMap, charsets: &[Charset]) -> Self {
        if charsets.is_empty() {
            return Self::None;
        }
        let kind = request.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let parameters = kind
            .unwrap_or_default()
            .split(';')
            .skip(1)
            .filter_map(|part| part.trim().split_once('='));
        let named = parameters
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
            .find_map(|(_, value)| Encoding::for_label(value.trim().trim_matches('"').as_bytes()));
        match charsets.iter().find(|charset| Some(charset.encoding) == named) {
            Some(charset) => Self::From(Box::new(charset.encoding.new_decoder_without_bom_handling())),
            None => Self::None,
        }
    }

    /// The next bytes as UTF-8; `last` with the end of the body.
    ///
    /// # Errors
    /// They are not in this charset.
    pub fn convert(&mut self, bytes: bytes::Bytes, last: bool) -> Result<bytes::Bytes, Corrupt> {
        let Self::From(decoder) = self else { return Ok(bytes) };
        let room = decoder
            .max_utf8_buffer_length_without_replacement(bytes.len())
            .ok_or(Corrupt)?;
        let mut text = String::with_capacity(room);
        match decoder.decode_to_string_without_replacement(&bytes, &mut text, last) {
            (DecoderResult::InputEmpty, _) => Ok(text.into()),
            (DecoderResult::OutputFull | DecoderResult::Malformed(..), _) => Err(Corrupt),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;

    use super::*;

    fn converted(kind: &'static str, bytes: &'static [u8], cut: usize) -> Result<String, Corrupt> {
        let charsets: Vec<_> = ["ISO-8859-1", "Shift_JIS"].into_iter().filter_map(Charset::named).collect();
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
        let mut conversion = Conversion::of(&headers, &charsets);
        let mut text = conversion.convert(Bytes::from_static(&bytes[..cut]), false)?.to_vec();
        text.extend(conversion.convert(Bytes::from_static(&bytes[cut..]), true)?);
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    // M07, C09
    #[test]
    fn what_is_listed_is_converted_and_nothing_else() {
        assert_eq!(
            converted("text/xml; charset=iso-8859-1", b"caf\xe9", 2).as_deref(),
            Ok("café")
        );
        assert_eq!(
            converted("text/xml;charset=\"Shift_JIS\"", b"\x83e\x83X\x83g", 1).as_deref(),
            Ok("テスト")
        );
        assert_eq!(
            converted("text/xml; charset=koi8-r", "é".as_bytes(), 1).as_deref(),
            Ok("é"),
            "not listed"
        );
        assert_eq!(converted("text/xml", "é".as_bytes(), 1).as_deref(), Ok("é"));
        assert_eq!(
            converted("text/xml; charset=shift_jis", b"\x83", 1),
            Err(Corrupt),
            "cut short"
        );
        assert_eq!(Charset::named("utf-8"), None);
        assert_eq!(Charset::named("klingon"), None);
    }
}
