//! Accounts of the sandbox: whoever names an unknown user with a password has made that account.
//! Only salted keys are kept (RFC 5802 section 3), one set for each hash, never a password.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rsasl::mechanisms::scram::tools::{derive_keys, hash_password};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::jid;
use super::random::{self, NoRandomness};
use super::sasl::Failure;

/// Accounts that may be made; each is kept until the process ends.
const ACCOUNTS: usize = 1000;

/// Rounds of PBKDF2, the fewest that RFC 5802 section 5.1 allows: these accounts guard nothing.
pub(super) const ROUNDS: u32 = 4096;

/// The account that is there from the start.
const DEMO: (&str, &str) = ("demo", "demo");

/// Nodes of anonymous users begin with this, and those of accounts do not.
const GUEST: &str = "guest-";

/// All accounts by name.
pub(super) struct Accounts {
    names: Mutex<HashMap<String, Arc<Account>>>,
    /// Names that the domain needs for itself.
    reserved: &'static [&'static str],
}

/// What proves one account's password.
pub(super) struct Account {
    pub(super) sha1: Keys,
    pub(super) sha256: Keys,
}

/// What a SCRAM server stores for one hash.
#[derive(PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) salt: [u8; 16],
    pub(super) stored: Vec<u8>,
    pub(super) server: Vec<u8>,
}

impl Accounts {
    pub(super) fn new(reserved: &'static [&'static str]) -> Self {
        Self {
            names: Mutex::default(),
            reserved,
        }
    }

    /// Judges a password, making the account if there is none: the node of the user.
    pub(super) fn log_in(&self, name: &str, password: &[u8]) -> Result<String, Failure> {
        let node = jid::node_part(name).ok_or(Failure::NotAuthorized)?;
        let account = match self.find(&node) {
            Some(account) => account,
            None => self.make(&node, password)?,
        };
        if Keys::sha256(password, account.sha256.salt) == account.sha256 {
            Ok(node)
        } else {
            Err(Failure::NotAuthorized)
        }
    }

    /// The node of a user without an account.
    pub(super) fn guest(&self) -> Result<String, Failure> {
        Ok(format!("{GUEST}{}", random::name().map_err(|_| Failure::Temporary)?))
    }

    /// The account of this name; the demo account is made when it is first asked for.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Account>> {
        let node = jid::node_part(name)?;
        let known = self.lock().get(&node).cloned();
        if known.is_none() && node == DEMO.0 {
            return self.make(&node, DEMO.1.as_bytes()).ok();
        }
        known
    }

    /// The new account, or the one that somebody else has made meanwhile.
    fn make(&self, node: &str, password: &[u8]) -> Result<Arc<Account>, Failure> {
        if node.starts_with(GUEST) || self.reserved.contains(&node) {
            return Err(Failure::NotAuthorized);
        }
        // the slow part comes before the lock is taken
        let account = Account::new(password).map_err(|_| Failure::Temporary)?;
        let mut names = self.lock();
        // the demo account does not count, lest it could be crowded out
        if names.len() >= ACCOUNTS && !names.contains_key(node) && node != DEMO.0 {
            return Err(Failure::Temporary);
        }
        Ok(Arc::clone(names.entry(node.to_owned()).or_insert_with(|| Arc::new(account))))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Account>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn new(password: &[u8]) -> Result<Self, NoRandomness> {
        let salt = random::bytes()?;
        Ok(Self {
            sha1: Keys::sha1(password, salt),
            sha256: Keys::sha256(password, salt),
        })
    }
}

impl Keys {
    fn sha1(password: &[u8], salt: [u8; 16]) -> Self {
        let mut salted = Default::default();
        hash_password::<Sha1>(password, ROUNDS, &salt, &mut salted);
        let (client, server) = derive_keys::<Sha1>(&salted);
        Self {
            salt,
            stored: Sha1::digest(client).to_vec(),
            server: server.to_vec(),
        }
    }

    fn sha256(password: &[u8], salt: [u8; 16]) -> Self {
        let mut salted = Default::default();
        hash_password::<Sha256>(password, ROUNDS, &salt, &mut salted);
        let (client, server) = derive_keys::<Sha256>(&salted);
        Self {
            salt,
            stored: Sha256::digest(client).to_vec(),
            server: server.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_password_makes_the_account() {
        let accounts = Accounts::new(&["echo"]);
        assert!(accounts.find("alice").is_none());
        assert_eq!(accounts.log_in("Alice", b"secret"), Ok("alice".to_owned()));
        assert_eq!(accounts.log_in("alice", b"secret"), Ok("alice".to_owned()));
        assert_eq!(accounts.log_in("alice", b"Secret"), Err(Failure::NotAuthorized));
        assert!(accounts.find("ALICE").is_some());
    }

    #[test]
    fn some_names_cannot_be_had() {
        let accounts = Accounts::new(&["echo"]);
        for name in ["echo", "Guest-1", "a b", "a@b", ""] {
            assert_eq!(accounts.log_in(name, b"x"), Err(Failure::NotAuthorized), "{name}");
        }
        assert_eq!(accounts.log_in("demo", b"x"), Err(Failure::NotAuthorized));
        assert_eq!(accounts.log_in("demo", b"demo"), Ok("demo".to_owned()));
    }

    #[test]
    fn guests_differ() {
        let accounts = Accounts::new(&[]);
        let guest = accounts.guest().unwrap();
        assert!(guest.starts_with(GUEST));
        assert_ne!(guest, accounts.guest().unwrap());
    }
}
