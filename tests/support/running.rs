//! The server that runs already (`Place`), lent to one test at a time: no other process or thread that goes by this file has it meanwhile, and
//! each finds its accounts as if they were new.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;

use super::bosh::Bosh;
use super::boshd::Boshd;
use super::element::Element;
use super::server::{AnyServer, Place};

pub struct Running {
    place: &'static Place,
    /// Locked until it is dropped.
    _turn: File,
}

impl Running {
    pub fn name(&self) -> &str {
        &self.place.name
    }
}

impl AnyServer for Running {
    fn start(users: &[&str]) -> Self {
        let place = Place::named().expect("BOSHD_TEST_SERVER says where it is");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.lock", place.address));
        let turn = File::create(file).expect("a file to lock");
        turn.lock().expect("its lock");
        // whoever asks may be in a runtime of its own
        let cleaning = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(clean(place.address, users));
        };
        std::thread::scope(|scope| scope.spawn(cleaning).join().expect("accounts as if they were new"));
        Self { place, _turn: turn }
    }

    fn address(&self) -> SocketAddr {
        self.place.address
    }
}

/// Rooms that a client enters by itself (XEP-0402, XEP-0048), and how they are taken away.
const BOOKMARKS: [&str; 3] = [
    "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><delete node='urn:xmpp:bookmarks:1'/></pubsub>",
    "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><delete node='storage:bookmarks'/></pubsub>",
    "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>",
];

/// Takes what others have left: messages that wait for a login, contacts, and bookmarks.
async fn clean(server: SocketAddr, users: &[&str]) {
    let boshd = Boshd::start(server);
    for user in users {
        let mut client = Bosh::login(boshd.address, user, "PLAIN").await;
        // behind what waited
        client.settle().await;
        let contacts = client.iq("get", "", "<query xmlns='jabber:iq:roster'/>").await;
        let contacts = contacts.child("query").map(|query| &query.children);
        for jid in contacts
            .into_iter()
            .flatten()
            .filter_map(|item| Element::attribute(item, "jid"))
        {
            let removal = format!("<query xmlns='jabber:iq:roster'><item jid='{jid}' subscription='remove'/></query>");
            client.iq("set", "", &removal).await;
        }
        for removal in BOOKMARKS {
            // refused where there are none
            client.iq("set", "", removal).await;
        }
        client.settle().await;
        client.terminate().await;
    }
}
