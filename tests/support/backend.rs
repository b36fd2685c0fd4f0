//! The XMPP servers that each real client meets behind boshd.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;

use super::ejabberd::Ejabberd;
use super::packages;
use super::prosody::Prosody;
use super::running::Running;
use super::server::{AnyServer, Place};

/// A server with accounts; when dropped it is gone, or free for the next test.
pub enum Backend {
    Prosody(Prosody),
    Ejabberd(Ejabberd),
    Running(Running),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Prosody,
    Ejabberd,
    /// The one that the environment names.
    Running,
}

impl Kind {
    /// Those that every client meets.
    pub fn all() -> Vec<Self> {
        match Place::named() {
            None => vec![Self::Prosody, Self::Ejabberd],
            Some(_) => vec![Self::Running],
        }
    }

    /// With accounts whose password is `password_of` their name, and as docs/operations.md wants them: what comes back is kept for later.
    pub fn start(self, users: &[&str]) -> Backend {
        match self {
            Self::Prosody => Backend::Prosody(AnyServer::start(users)),
            Self::Ejabberd => Backend::Ejabberd(AnyServer::start(users)),
            Self::Running => Backend::Running(AnyServer::start(users)),
        }
    }
}

impl Backend {
    /// Where one server is enough.
    pub fn first(users: &[&str]) -> Self {
        Kind::all()[0].start(users)
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Prosody(server) => server.address,
            Self::Ejabberd(server) => server.address,
            Self::Running(server) => server.address(),
        }
    }

    /// With its version: `Prosody 0.12.3`.
    pub fn name(&self) -> String {
        match self {
            Self::Prosody(_) => format!("Prosody {}", packages::version("prosody")),
            Self::Ejabberd(_) => format!("ejabberd {}", packages::version("ejabberd")),
            Self::Running(server) => server.name().to_owned(),
        }
    }
}
