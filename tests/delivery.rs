//! Stream management of the manager's own, byte by byte: the server gets acknowledgements of what the client has, the client gets none of it
//! (XEP-0198; spec.md ER08, AU06).

#[path = "support/bench.rs"]
mod bench;

use std::sync::Arc;

use bench::poster::Client;
use bench::upstream::{CLOSING, HEADER, Link, Upstream};
use bench::{Bench, SOON, WHILE, connector_on, plain};
use boshd::bosh::Limits;
use boshd::upstream::way::Terms;

const OFFER: &str =
    "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>";
const BIND: &str = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
const BOUND: &str =
    "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@example.org/r</jid></bind></iq>";
const PRESENCE: &str = "<presence id='first' xmlns='jabber:client'/>";
const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3'/>";

fn a(count: u32) -> String {
    format!("<a xmlns='urn:xmpp:sm:3' h='{count}'/>")
}

/// A bound session whose last request is held, and its server.
async fn bound(limits: Limits) -> (Bench, Client, Link) {
    let bench = Bench::with(limits).await;
    let mut connection = bench.post(&bench::poster::creation(bench::USUAL)).await;
    let mut link = bench.upstream.accept().await;
    link.header().await;
    link.says(&[HEADER, OFFER].concat()).await;
    let mut client = Client::of(bench.address, &connection.reply().await);
    let mut held = client.next(BIND).await;
    link.sees("</iq>").await;
    link.says(BOUND).await;
    assert_eq!(held.reply().await.payloads().len(), 1);
    (bench, client, link)
}

/// The same with stream management in force.
async fn managed(limits: Limits) -> (Bench, Client, Link) {
    let (bench, mut client, mut link) = bound(limits).await;
    let mut held = client.next(PRESENCE).await;
    link.sees(ENABLE).await;
    link.sees("id='first'").await;
    link.says("<enabled xmlns='urn:xmpp:sm:3'/><presence from='a@example.org/r'/>")
        .await;
    assert_eq!(held.reply().await.payloads().len(), 1, "nothing but the presence");
    (bench, client, link)
}

// ER08: in one session from its beginning to the end by silence: the final count comes before the closing tag, and nothing is bounced
#[tokio::test]
async fn a_message_is_acknowledged_when_the_client_has_it() {
    let limits = Limits {
        inactivity: 1,
        ..Limits::default()
    };
    let (bench, mut client, mut link) = managed(limits).await;
    let mut held = client.next("").await;
    link.sees(&a(1)).await;
    link.says("<message from='b@example.org' id='m1'/><r xmlns='urn:xmpp:sm:3'/>")
        .await;
    assert_eq!(held.reply().await.payloads().len(), 1);
    link.sees(&a(1)).await;
    // says something, which may have crossed the answer
    let mut crossing = client.next("<message id='crossing'/>").await;
    link.sees("id='crossing'").await;
    link.says("<r xmlns='urn:xmpp:sm:3'/>").await;
    link.sees(&a(1)).await;
    link.says("<message from='b@example.org' id='m2'/>").await;
    assert_eq!(crossing.reply().await.payloads().len(), 1);
    // its silence lets the session end
    link.sees(&[&a(1), CLOSING].concat()).await;
    assert!(!link.seen().contains("type='error'"), "{}", link.seen());
    link.says(CLOSING).await;
    link.ends().await;
    bench.is_left_with(0).await;
}

// AU06: the server is asked what it has taken, one question at a time, and its answers are not the client's
#[tokio::test]
async fn the_server_is_asked() {
    let (_bench, mut client, mut link) = managed(Limits::default()).await;
    link.sees("<r xmlns='urn:xmpp:sm:3'/>").await;
    let mut held = client.next("<message id='one'/>").await;
    link.sees("id='one'").await;
    assert!(link.hears_nothing_for(WHILE).await);
    link.says(&a(1)).await;
    link.sees("<r xmlns='urn:xmpp:sm:3'/>").await;
    link.says(&a(2)).await;
    assert!(held.is_held_for(WHILE).await);
}

// AU06: who asks for it too late is told so; who speaks it from the beginning is left alone
#[tokio::test]
async fn a_client_of_its_own_mind() {
    let (_bench, mut client, link) = managed(Limits::default()).await;
    let reply = client.ask("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
    assert!(reply.text.contains("<unexpected-request"), "{}", reply.text);
    assert!(!link.seen().contains("resume"), "{}", link.seen());

    let (_bench, mut client, mut link) = bound(Limits::default()).await;
    let mut held = client.next(&ENABLE.replace("/>", " resume='true'/>")).await;
    link.sees("resume='true'").await;
    link.says("<enabled xmlns='urn:xmpp:sm:3' resume='true' id='x'/><r xmlns='urn:xmpp:sm:3'/>")
        .await;
    let reply = held.reply_within(SOON).await;
    assert!(reply.text.contains("<enabled"), "{}", reply.text);
    let _held = client.next(PRESENCE).await;
    link.sees("id='first'").await;
    assert_eq!(link.seen().matches("<enable").count(), 1);
    assert!(!link.seen().contains("<a xmlns"));
}

#[tokio::test]
async fn not_where_the_operator_does_not_want_it() {
    let upstream = Upstream::listen().await;
    let terms = Terms {
        delivery: false,
        ..Terms::default()
    };
    let connector = connector_on(vec![plain(upstream.address)], terms);
    let bench = Bench::before(Arc::new(connector), upstream, Limits::default());
    let mut connection = bench.post(&bench::poster::creation(bench::USUAL)).await;
    let mut link = bench.upstream.accept().await;
    link.header().await;
    link.says(&[HEADER, OFFER].concat()).await;
    let mut client = Client::of(bench.address, &connection.reply().await);
    let mut held = client.next(BIND).await;
    link.says(BOUND).await;
    held.reply().await;
    let _held = client.next(PRESENCE).await;
    link.sees("id='first'").await;
    assert!(link.hears_nothing_for(WHILE).await);
    assert!(!link.seen().contains("<enable"), "{}", link.seen());
}
