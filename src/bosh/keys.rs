//! `KeyChain`: who knows the sid and the rid still needs the key (XEP-0124 section 15).
//!
//! A client makes a chain K(i) = hex(SHA-1(K(i-1))) from a secret seed and shows it from its end: each key proves that whoever sends
//! it has made the one before. The chain follows the rids, so a key is judged when it is its request's turn (H06).

use std::collections::VecDeque;
use std::fmt::Write as _;

use sha1::{Digest, Sha1};

use super::request::Keys;
use super::{Request, Rid};
use crate::xml::Text;

/// Of a session whose creation request announced a chain.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct KeyChain {
    /// What the next key must hash to.
    last: Text,
    /// The keys of the requests that can be repeated, who must show them again; in rid order.
    shown: VecDeque<(Rid, Option<Box<Keys>>)>,
}

impl KeyChain {
    /// `None`: the client uses no keys, and later ones mean nothing.
    pub fn begin(creation: &Request) -> Option<Self> {
        let mut chain = Self {
            last: creation.keys.as_ref()?.newkey.as_ref()?.detached(),
            shown: VecDeque::new(),
        };
        chain.remember(creation);
        Some(chain)
    }

    /// The key of a request whose turn it is. False: it is wrong or missing (H03).
    pub fn verify(&mut self, request: &Request) -> bool {
        let Some(Keys { key: Some(key), newkey }) = request.keys.as_deref() else {
            return false;
        };
        // the hash runs over the key as it is written, while its own letters' case means nothing (H04)
        if !hex_sha1(key).eq_ignore_ascii_case(&self.last) {
            return false;
        }
        self.last = newkey.as_ref().unwrap_or(key).detached();
        self.remember(request);
        true
    }

    /// Does a repeat show the key that the first copy showed?
    pub fn knows(&self, repeat: &Request) -> bool {
        let shown = self.shown.iter().find(|(rid, _)| *rid == repeat.rid);
        shown.is_some_and(|(_, keys)| *keys == repeat.keys)
    }

    /// Requests before this one can no longer be repeated.
    pub fn forget_before(&mut self, oldest: Rid) {
        while self.shown.pop_front_if(|(rid, _)| *rid < oldest).is_some() {}
    }

    fn remember(&mut self, request: &Request) {
        let keys = request.keys.as_ref().map(|keys| Box::new(keys.detached()));
        self.shown.push_back((request.rid, keys));
    }
}

pub(super) fn hex_sha1(key: &str) -> String {
    let mut hex = String::with_capacity(40);
    for byte in Sha1::digest(key.as_bytes()) {
        // writing to a String cannot fail
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_repeated_is_forgotten() {
        let requests = [
            Request::of("rid='1' newkey='28b853b21e0ee53dec6e8b40445d497365a42c53'"),
            Request::of("rid='2' key='084fe6fa5cf2f61817eec9f732f4049fe28d7897'"),
            Request::of("rid='3' key='52ec812aee335b1a5d56c44b954e9dccf6c74644'"),
        ];
        let mut chain = KeyChain::begin(&requests[0]).expect("a chain");
        assert!(chain.verify(&requests[1]) && chain.verify(&requests[2]));
        chain.forget_before(requests[1].rid);
        assert_eq!(requests.each_ref().map(|request| chain.knows(request)), [false, true, true]);
    }

    #[test]
    fn the_chain_of_the_specification() {
        let keys: Vec<String> = std::iter::successors(Some("seed-for-tests".to_owned()), |key| Some(hex_sha1(key)))
            .take(4)
            .collect();
        assert_eq!(keys[1], "52ec812aee335b1a5d56c44b954e9dccf6c74644");
        assert_eq!(keys[2], "084fe6fa5cf2f61817eec9f732f4049fe28d7897");
        assert_eq!(keys[3], "28b853b21e0ee53dec6e8b40445d497365a42c53");
    }
}
