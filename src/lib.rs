//! boshd: a BOSH connection manager (XEP-0124, XEP-0206). The floors, from the top down; imports go down only.

// The bans hold for the product; tests may look at the clock and unwrap.
#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::unwrap_used))]

/// Wires the parts, starts and stops them.
pub mod app;
/// What the operator wrote.
pub mod config;

/// HTTP in.
pub mod front;
/// An XMPP domain inside the process, for try-out and tests.
pub mod sandbox;

/// Live sessions.
pub mod manager;

/// Sockets towards XMPP servers.
pub mod upstream;

/// The one file that names tokio's sockets.
pub mod net;
/// Addresses, and what they have in common.
pub mod network;
/// Logging and the redaction of secrets.
pub mod telemetry;

// below this line: no tokio, no async, no clock, no randomness, no log

/// XEP-0124 and XEP-0206 as a value.
pub mod bosh;
/// XEP-0025 as a value.
pub mod http_polling;
/// Who the client is, told ahead of a stream.
pub mod proxy_protocol;
/// RFC 6120 streams as values.
pub mod xmpp;

/// Bytes and namespaces.
pub mod xml;
