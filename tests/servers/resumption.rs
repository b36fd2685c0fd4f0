//! Stream management between a client and the server, through us (XEP-0198): its counts are true, and a lost client finds its session again.

use std::time::{Duration, Instant};

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::server::{AnyServer, domain, jid, password_of};

before_each_server!(a_lost_client_comes_back_in_another_session);

const SM: &str = "urn:xmpp:sm:3";

/// How often somebody writes, so that one message surely comes when the other is away.
const MESSAGES: usize = 20;

fn message(text: &str) -> String {
    let to = jid("alice");
    format!("<message xmlns='jabber:client' type='chat' to='{to}'><body>{text}</body></message>")
}

// AU06, AU07, AU08, ER08: both sides count the same; a client that vanishes leaves a session behind that another BOSH session takes up, with
// all that was said meanwhile, and no sender is told that it could not be delivered
async fn a_lost_client_comes_back_in_another_session<S: AnyServer>() {
    let server = S::start(&["alice", "bob"]);
    let boshd = Boshd::with(domain(), server.address(), "[bosh]\ninactivity = '5s'\n");
    let mut bob = Bosh::login(boshd.address, "bob", "SCRAM-SHA-1").await;
    let mut alice = Bosh::bound(boshd.address, "alice", "SCRAM-SHA-1").await;
    alice.send(&format!("<enable xmlns='{SM}' resume='true'/>")).await;
    let enabled = alice.expect("<enabled/>", |element| element.name == "enabled").await;
    let previd = enabled.attribute("id").expect("an id").to_owned();
    alice.appear().await;
    // the presence that it sent, and that it got, too
    let count = (MESSAGES + 1).to_string();
    for n in 0..MESSAGES {
        bob.send(&message(&format!("before {n}"))).await;
        alice
            .send(&format!(
                "<message xmlns='jabber:client' to='{}'><body>thanks</body></message>",
                jid("bob")
            ))
            .await;
    }
    for n in 0..MESSAGES {
        let said = format!("before {n}");
        alice
            .expect("a message", |stanza| stanza.text_of("body") == Some(&said))
            .await;
    }
    alice.send(&format!("<r xmlns='{SM}'/>")).await;
    let counted = alice.expect("the server's count", |element| element.name == "a").await;
    assert_eq!(counted.attribute("h"), Some(count.as_str()), "all and nothing else");

    drop(alice);
    bob.send(&message("while away")).await;
    // its session with us ends; its session with the server does not
    let deadline = Instant::now() + Duration::from_secs(30);
    while !boshd.log().contains("reason=Inactive") {
        assert!(Instant::now() < deadline, "the session must end: {}", boshd.log());
        bob.iq("get", domain(), "<ping xmlns='urn:xmpp:ping'/>").await;
    }
    let mut alice = Bosh::open(boshd.address).await;
    let outcome = alice.authenticate("SCRAM-SHA-1", "alice", &password_of("alice")).await;
    assert_eq!(outcome.name, "success", "{outcome:?}");
    alice.restart().await;
    alice
        .send(&format!("<resume xmlns='{SM}' previd='{previd}' h='{count}'/>"))
        .await;
    let resumed = alice
        .expect("<resumed/>", |element| ["resumed", "failed"].contains(&&*element.name))
        .await;
    assert_eq!(resumed.name, "resumed", "{resumed:?}");
    assert_eq!(resumed.attribute("h"), Some(count.as_str()));
    alice
        .expect("what was missed", |stanza| stanza.text_of("body") == Some("while away"))
        .await;
    bob.send(&message("and on")).await;
    alice
        .expect("what comes now", |stanza| stanza.text_of("body") == Some("and on"))
        .await;
    let failed = bob.has(|stanza| stanza.attribute("type") == Some("error"));
    assert!(!failed, "nothing went back");
}
