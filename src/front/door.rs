//! One listener as its operator wants it, and what happens between a connection's first byte and its first request.

/// What an operator decides about one listener.
#[derive(Clone, Debug, Default)]
pub struct Door {}
