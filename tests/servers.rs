//! boshd in front of real XMPP servers, Debian's Prosody and ejabberd: a small BOSH client logs in, chats, moves megabytes and
//! sees the server die. What the tests need is installed by them. Before a server that runs already: `running.rs`.

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
    pub mod running;
    pub mod server;
    pub mod thief;
    pub mod websocket;
}

/// Makes a test of each play for each server that the tests start, and a list for a server that runs already: of plays that go there, too,
/// `async fn play<S: AnyServer>()`, and of those that cannot, `async fn play<S: Server>()`, behind the reason.
macro_rules! before_each_server {
    ($($anywhere:ident),* $(,)? $(; $why:literal: $($ours:ident),+ $(,)?)?) => {
        mod prosody {
            $(each_alone!($anywhere, crate::support::prosody::Prosody);)*
            $($(each_alone!($ours, crate::support::prosody::Prosody);)+)?
        }
        mod ejabberd {
            $(each_alone!($anywhere, crate::support::ejabberd::Ejabberd);)*
            $($(each_alone!($ours, crate::support::ejabberd::Ejabberd);)+)?
        }
        pub const PLAYS: &[super::running::Play] = &[
            $(super::running::Play {
                name: concat!(module_path!(), "::", stringify!($anywhere)),
                act: super::running::Act::Here(|| Box::pin($anywhere::<crate::support::running::Running>())),
            },)*
            $($(super::running::Play {
                name: concat!(module_path!(), "::", stringify!($ours)),
                act: super::running::Act::NotHere($why),
            },)+)?
        ];
    };
}

macro_rules! each_alone {
    ($play:ident, $server:ty) => {
        #[tokio::test]
        async fn $play() {
            super::$play::<$server>().await;
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
    mod running;
    mod secured;
    mod several;
    mod websocket;
}
