//! boshd in front of real XMPP servers, Debian's Prosody and ejabberd: a small BOSH client logs in, chats, moves megabytes and
//! sees the server die. What the tests need is installed by them.

#[path = "support"]
mod support {
    pub mod bosh;
    pub mod boshd;
    pub mod certificates;
    pub mod cutter;
    pub mod dns;
    pub mod ejabberd;
    pub mod element;
    pub mod haproxy;
    pub mod http;
    pub mod mischief;
    pub mod packages;
    pub mod process;
    pub mod prosody;
    pub mod server;
    pub mod thief;
    pub mod websocket;
}

/// Makes a test for each server of each play `async fn play<S: Server>()`.
macro_rules! before_each_server {
    ($($play:ident),+ $(,)?) => {
        mod prosody {
            $(#[tokio::test]
            async fn $play() {
                super::$play::<crate::support::prosody::Prosody>().await;
            })+
        }
        mod ejabberd {
            $(#[tokio::test]
            async fn $play() {
                super::$play::<crate::support::ejabberd::Ejabberd>().await;
            })+
        }
    };
}

#[path = "servers"]
mod servers {
    mod addressed;
    mod bulk;
    mod chaos;
    mod chat;
    mod delivery;
    mod found;
    mod legacy;
    mod login;
    mod outage;
    mod resumption;
    mod secured;
    mod several;
    mod websocket;
}
