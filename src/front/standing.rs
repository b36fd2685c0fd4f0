//! What every answer at the endpoint says, whatever the request was.

use http::header::{self, HeaderName, HeaderValue};

use super::cors::Cors;

/// Headers of every answer, and who may read it.
#[derive(Debug)]
pub struct Standing {
    pub cors: Cors,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The same as they are written on HTTP/1.
    written: Vec<u8>,
}

/// A page can make a browser post a form here and show the answer, in which others' words stand, XHTML scripts among them: nothing in it
/// shall run (M03). Who asked by a script does not notice.
const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

impl Standing {
    /// Ours, and those that the operator wants besides.
    pub fn new(cors: Cors, wanted: &[(HeaderName, HeaderValue)]) -> Self {
        let mut headers = vec![
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::CONTENT_SECURITY_POLICY, SANDBOX),
            // nginx passes it on as it comes (O06)
            (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
        ];
        headers.extend_from_slice(wanted);
        let mut written = Vec::new();
        headers
            .iter()
            .for_each(|(name, value)| write_header(&mut written, name, value));
        Self { cors, headers, written }
    }

    pub fn headers(&self, mut put: impl FnMut(HeaderName, HeaderValue)) {
        self.headers.iter().cloned().for_each(|(name, value)| put(name, value));
    }

    pub fn written(&self) -> &[u8] {
        &self.written
    }
}

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// One header of HTTP/1.
pub fn write_header(head: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
        head.extend_from_slice(part);
    }
}
