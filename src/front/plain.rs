//! The request as nearly all are, read without hyper: a POST to the endpoint, in HTTP/1.1, of which one look at the socket brought every
//! byte. To set hyper up for one request costs more than the request itself. Whatever is unusual about a request, or wrong, is left to
//! hyper, and nothing is answered otherwise than by it, byte for byte (`tests/parking.rs`).

use std::mem::MaybeUninit;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::bosh::Post;
use super::parking::Line;
use super::reply::Pending;
use super::turn::Caller;
use super::{BUFFER_BYTES, Waiting};
use crate::manager::Foreign;

/// With more headers than this a request is hyper's; browsers send some fifteen.
const HEADERS: usize = 32;

/// They change how a request or its connection goes on.
const UNUSUAL: [HeaderName; 4] = [header::TRANSFER_ENCODING, header::EXPECT, header::UPGRADE, header::TRAILER];

/// Carries out the request that the line begins with, if it is a plain one.
pub fn take<I>(caller: &Caller, line: &mut Line<I>) -> Option<Result<Pending, Foreign>>
where
    I: tokio::io::AsyncRead + Unpin,
{
    let front = &caller.front;
    if caller.door.redirect.is_some() {
        return None;
    }
    let (heeded, head, body) = read(caller, line.behind())?;
    let client = caller.client(&heeded);
    if !front.shield.is_its_turn(client.address.ip()) {
        // hyper can wait
        return None;
    }
    let request = line.take(head + body);
    let post = Post::new(&front.state, &heeded);
    Some(post.at_once(&front.state, &client, request.slice(head..)))
}

/// The headers that make a difference, and the bytes of head and body.
fn read(caller: &Caller, bytes: &[u8]) -> Option<(HeaderMap, usize, usize)> {
    let options = &caller.front.state.options;
    let wanted = || caller.front.heeded.iter().chain(caller.door.heeded());
    if options.waiting != Waiting::Parked {
        return None;
    }
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let head = match request.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) | Err(_) => return None,
    };
    let is_post = request.method == Some("POST") && request.version == Some(1);
    // what is larger is refused by hyper, however it was cut
    let fits = head <= BUFFER_BYTES;
    if !fits || !is_post || !request.path.is_some_and(|path| options.is_endpoint(path)) {
        return None;
    }
    let mut length = None;
    let mut heeded = HeaderMap::new();
    for field in request.headers.iter() {
        let is = |name: &HeaderName| field.name.eq_ignore_ascii_case(name.as_str());
        if is(&header::CONTENT_LENGTH) {
            let twice = length.replace(content_length(field.value)?);
            if twice.is_some() {
                return None;
            }
        } else if is(&header::CONNECTION) {
            if !field.value.eq_ignore_ascii_case(b"keep-alive") {
                return None;
            }
        } else if UNUSUAL.iter().any(is) {
            return None;
        } else if let Some(name) = wanted().find(|name| is(name)) {
            heeded.append(name, HeaderValue::from_bytes(field.value).ok()?);
        }
    }
    let body = length?;
    (bytes.len() >= head + body).then_some((heeded, head, body))
}

/// Up to nine digits; what is no number, or a larger one, is hyper's.
fn content_length(value: &[u8]) -> Option<usize> {
    let is_number = (1..=9).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    is_number.then(|| value.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}
