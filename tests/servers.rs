//! boshd in front of a real XMPP server, Debian's Prosody: a small BOSH client logs in, chats, moves megabytes and sees the
//! server die. What the tests need is installed by them.

#[path = "support"]
mod support {
    pub mod bosh;
    pub mod boshd;
    pub mod certificates;
    pub mod cutter;
    pub mod ejabberd;
    pub mod element;
    pub mod haproxy;
    pub mod http;
    pub mod mischief;
    pub mod packages;
    pub mod process;
    pub mod prosody;
    pub mod server;
}

#[path = "servers"]
mod servers {
    mod bulk;
    mod chaos;
    mod chat;
    mod login;
    mod outage;
    mod resumption;
}
