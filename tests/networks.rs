//! boshd behind networks that mean no good, or mean it too well: real Squid, proxies and links of our own, with real clients; half an
//! hour of chat through each in virtual time, and in real time when BOSHD_SOAK is set. `docs/networks.md` says what a user sees.

#[path = "support"]
mod support {
    pub mod boshd;
    pub mod certificates;
    pub mod chromium;
    pub mod element;
    pub mod link;
    pub mod message;
    pub mod network;
    pub mod npm;
    pub mod packages;
    pub mod process;
    pub mod prosody;
    pub mod server;
    pub mod squid;
}

/// The small BOSH client of other tests, with another way to post, at the sandbox.
#[path = "support"]
mod client {
    pub mod bosh;
    #[path = "patient_http.rs"]
    pub mod http;

    pub use super::support::{element, message, network};

    pub mod server {
        pub fn domain() -> &'static str {
            boshd::sandbox::DOMAIN
        }

        pub fn jid(user: &str) -> String {
            format!("{user}@{}", domain())
        }

        pub fn password_of(user: &str) -> String {
            format!("{user}'s secret")
        }
    }
}

#[path = "networks"]
mod networks {
    mod chat;
    mod clients;
    mod conversation;
    mod cutting;
    mod figures;
    mod half_hour;
    mod idle;
    mod lossy;
    mod proxies;
    mod squid;
    mod table;
}
