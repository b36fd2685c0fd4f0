//! Header, closing tag and errors -> bytes (RFC 6120 section 4). Payloads stand alone and go out as they are.

use bytes::BytesMut;

use super::StreamHeader;

/// Writes an XML declaration and `<stream:stream ...>`.
pub fn header(header: &StreamHeader, out: &mut BytesMut) {
    let _ = (header, out);
    todo!()
}

/// `</stream:stream>`
pub const CLOSING: &[u8] = b"</stream:stream>";

/// Writes a `<stream:error/>` with the given defined condition (RFC 6120 section 4.9.3).
pub fn error(condition: &str, out: &mut BytesMut) {
    let _ = (condition, out);
    todo!()
}
