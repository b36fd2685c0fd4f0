//! What a client computes: its steps of SASL, and its chain of keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rsasl::prelude::{Mechname, SASLClient, SASLConfig, Session};
use sha1::{Digest, Sha1};

use super::script::KeyStyle;

/// The account that the sandbox has from the start.
pub const USER: &str = "demo";
pub const PASSWORD: &str = "demo";

/// The message of PLAIN.
pub fn plain(authzid: &str) -> String {
    BASE64.encode(format!("{authzid}\0{USER}\0{PASSWORD}"))
}

/// The client's end of SCRAM.
#[derive(Default)]
pub struct Scram(Option<Session>);

impl Scram {
    /// The first message.
    pub fn start(&mut self, mechanism: &str) -> String {
        let config = SASLConfig::with_credentials(None, USER.to_owned(), PASSWORD.to_owned()).unwrap();
        let offered = Mechname::parse(mechanism.as_bytes()).unwrap();
        self.0 = Some(SASLClient::new(config).start_suggested(&[offered]).unwrap());
        self.step(None)
    }

    /// What is said to this; panics where the server does not know the password.
    pub fn answer(&mut self, heard: &str) -> String {
        self.step(Some(heard))
    }

    pub fn is_under_way(&self) -> bool {
        self.0.is_some()
    }

    fn step(&mut self, heard: Option<&str>) -> String {
        let mut said = Vec::new();
        let session = self.0.as_mut().expect("SCRAM under way");
        session.step64(heard.map(str::as_bytes), &mut said).expect("an honest server");
        String::from_utf8(said).unwrap()
    }
}

/// Keys that are still to be shown; the next is the last one.
pub struct Keys {
    style: KeyStyle,
    chain: Vec<String>,
    chains: usize,
}

impl Keys {
    pub fn new(style: KeyStyle) -> Self {
        let mut keys = Self {
            style,
            chain: Vec::new(),
            chains: 0,
        };
        keys.make();
        keys
    }

    /// A chain is the hashes of hashes of a seed, shown from its end.
    fn make(&mut self) {
        self.chains += 1;
        let mut key = format!("seed {}", self.chains);
        for _ in 0..self.style.length {
            key = Sha1::digest(&key).iter().map(|byte| format!("{byte:02x}")).collect();
            self.chain.push(key.clone());
        }
    }

    /// The attribute of a creation request.
    pub fn announced(&mut self) -> String {
        self.attribute("newkey")
    }

    /// The attributes of any other: a chain that is used up is followed by the next.
    pub fn shown(&mut self) -> String {
        let key = self.attribute("key");
        if !self.chain.is_empty() {
            return key;
        }
        self.make();
        format!("{key} {}", self.attribute("newkey"))
    }

    fn attribute(&mut self, name: &str) -> String {
        let (quote, key) = (self.style.quote, self.chain.pop().expect("a key"));
        format!("{name}={quote}{key}{quote}")
    }
}
