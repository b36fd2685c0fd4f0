//! An XMPP domain inside the process, for try-out and tests: users by their own word, a shared roster, an echo bot, one room.
//! It is reached like any other server, through [`Connect`], and everything passes the real layers.

mod accounts;
mod element;
mod jid;
mod mailbox;
mod names;
mod random;
mod room;
mod router;
mod sasl;
mod server;
mod services;
mod stamp;
mod stanza;
mod users;

use std::io;
use std::sync::Arc;

use tokio::io::DuplexStream;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::upstream::{Call, Connect, ConnectError, Connected, Connecting, Stage};
use crate::xmpp::Domain;
use accounts::Accounts;
pub use names::DOMAIN;
use server::Shared;

/// Streams at the same time.
const STREAMS: usize = 1000;

/// Bytes on the way in one direction of a stream.
const PIPE_BYTES: usize = 64 * 1024;

/// The domain `localhost`.
pub struct Sandbox {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
}

impl Sandbox {
    /// The far ends of its streams run on `tasks`; each ends with its near end.
    pub fn new(tasks: TaskTracker) -> Self {
        let shared = Shared {
            accounts: Arc::new(Accounts::new(names::RESERVED)),
            router: Arc::default(),
        };
        Self {
            shared: Arc::new(shared),
            tasks,
            places: Arc::new(Semaphore::new(STREAMS)),
        }
    }

    fn open(&self, domain: &Domain) -> io::Result<DuplexStream> {
        if !self.serves(domain) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "not a domain of the sandbox"));
        }
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| io::Error::new(io::ErrorKind::ConnectionRefused, "the sandbox is full"))?;
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            server::serve(far, shared).await;
            drop(place);
        });
        Ok(near)
    }
}

impl Connect for Sandbox {
    fn serves(&self, domain: &Domain) -> bool {
        domain.as_str() == DOMAIN
    }

    fn connect(&self, call: Call) -> Connecting<'_> {
        let opened = self.open(&call.domain).map_err(|source| ConnectError {
            target: call.domain.to_string(),
            stage: Stage::Tcp,
            source,
        });
        let connected = opened.map(|near| Connected::fresh(near, &call.header));
        Box::pin(std::future::ready(connected))
    }
}
