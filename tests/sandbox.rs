//! The sandbox as a server meets its clients: raw streams over its own `Connect`, in memory and in real time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "sandbox/client.rs"]
mod client;

use boshd::sandbox::Sandbox;
use boshd::upstream::{Call, Connect};
use boshd::xmpp::{Domain, StreamEvent};
use client::{Client, HEADER, PATIENCE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

fn sandbox() -> Sandbox {
    Sandbox::new(TaskTracker::new())
}

#[tokio::test]
async fn only_localhost_is_served() {
    let sandbox = sandbox();
    assert!(sandbox.serves(&Domain::parse("LocalHost.").unwrap()));
    let other = Domain::parse("example.org").unwrap();
    assert!(!sandbox.serves(&other));
    assert!(sandbox.connect(Call::of_ours(other)).await.is_err());
    let mut client = Client::connect(&sandbox).await;
    client.send(&HEADER.replace("localhost", "example.org")).await;
    assert!(client.error().await.contains("<host-unknown "));
}

#[tokio::test]
async fn every_mechanism_lets_users_in() {
    let sandbox = sandbox();
    let (mut client, features) = Client::open(&sandbox).await;
    for mechanism in ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "ANONYMOUS"] {
        assert!(
            features.contains(&format!("<mechanism>{mechanism}</mechanism>")),
            "{features}"
        );
    }
    client.log_in("PLAIN", "alice", "secret").await.unwrap();
    let features = client.restart().await;
    assert!(
        features.contains("<bind ") && features.contains("<session ") && !features.contains("<mechanism"),
        "{features}"
    );
    for (mechanism, name, password) in [
        ("SCRAM-SHA-1", "alice", "secret"),
        ("SCRAM-SHA-256", "alice", "secret"),
        ("SCRAM-SHA-256", "demo", "demo"),
    ] {
        let (mut client, _) = Client::open(&sandbox).await;
        client.log_in(mechanism, name, password).await.unwrap();
        client.restart().await;
    }
}

#[tokio::test]
async fn a_wrong_password_may_be_mended_a_few_times() {
    let sandbox = sandbox();
    drop(Client::user(&sandbox, "alice").await);
    let (mut client, _) = Client::open(&sandbox).await;
    for mechanism in ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"] {
        let failure = client.log_in(mechanism, "alice", "wrong").await.unwrap_err();
        assert!(failure.contains("<not-authorized"), "{failure}");
    }
    client.log_in("PLAIN", "alice", "secret").await.unwrap();

    let (mut client, _) = Client::open(&sandbox).await;
    for _ in 0..5 {
        client
            .send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'/>")
            .await;
        assert!(client.payload().await.contains("<invalid-mechanism"));
    }
    assert!(client.error().await.contains("<policy-violation "));
}

#[tokio::test]
async fn guests_get_a_name_and_a_resource() {
    let sandbox = sandbox();
    let mut names = Vec::new();
    for _ in 0..2 {
        let (mut client, _) = Client::open(&sandbox).await;
        client
            .send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
            .await;
        assert!(matches!(client.event().await, StreamEvent::Authenticated(_)));
        client.restart().await;
        client
            .send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
            .await;
        let bound = client.payload().await;
        let jid = bound
            .split("<jid>")
            .nth(1)
            .unwrap()
            .split("</jid>")
            .next()
            .unwrap()
            .to_owned();
        assert!(jid.starts_with("guest-") && jid.contains("@localhost/"), "{jid}");
        client
            .send("<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
            .await;
        client.until(&["type='result'", "id='s'"]).await;
        names.push(jid);
    }
    assert_ne!(names[0], names[1]);
}

#[tokio::test]
async fn whoever_is_online_is_in_the_roster_and_seen() {
    let sandbox = sandbox();
    let mut alice = Client::user(&sandbox, "alice").await;
    alice
        .send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
        .await;
    let roster = alice.until(&["id='r'"]).await;
    assert!(
        roster.contains("jid='echo@localhost'") && !roster.contains("alice@localhost'"),
        "{roster}"
    );
    alice.send("<presence/>").await;
    alice.until(&["<presence ", "from='echo@localhost/bot'"]).await;

    let mut bob = Client::online(&sandbox, "bob").await;
    alice
        .until(&["<iq ", "type='set'", "jid='bob@localhost'", "subscription='both'"])
        .await;
    alice.until(&["<presence ", "from='bob@localhost/r'"]).await;
    bob.send("<presence><show>away</show></presence>").await;
    alice.until(&["from='bob@localhost/r'", "<show>away</show>"]).await;
    bob.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>").await;
    assert!(bob.until(&["id='r'"]).await.contains("jid='alice@localhost'"));

    bob.send("</stream:stream>").await;
    alice
        .until(&["<presence ", "from='bob@localhost/r'", "type='unavailable'"])
        .await;
    alice.until(&["jid='bob@localhost'", "subscription='remove'"]).await;
}

#[tokio::test]
async fn messages_reach_users_and_the_bot_answers() {
    let sandbox = sandbox();
    let mut alice = Client::online(&sandbox, "alice").await;
    let mut bob = Client::online(&sandbox, "bob").await;
    alice
        .send("<message to='bob@localhost' type='chat' id='m'><body>a &amp; b</body><x xmlns='x'><y/></x></message>")
        .await;
    let message = bob.until(&["<message ", "id='m'"]).await;
    assert!(
        message.contains("from='alice@localhost/r'") && message.contains("<body>a &amp; b</body><x xmlns='x'><y/></x>"),
        "{message}"
    );

    alice
        .send("<message to='echo@localhost' type='chat'><body>again\n&lt;</body></message>")
        .await;
    let echo = alice.until(&["<message ", "from='echo@localhost'"]).await;
    assert!(
        echo.contains("<body>again\n&lt;</body>") && echo.contains("to='alice@localhost/r'"),
        "{echo}"
    );

    alice
        .send("<message to='nobody@localhost' type='chat' id='n'><body>?</body></message>")
        .await;
    alice.until(&["id='n'", "type='error'", "<service-unavailable "]).await;
    alice
        .send("<iq to='bob@localhost/r' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    bob.until(&["id='p'", "from='alice@localhost/r'"]).await;
    bob.send("<iq to='alice@localhost/r' type='result' id='p'/>").await;
    alice.until(&["id='p'", "type='result'", "from='bob@localhost/r'"]).await;
}

#[tokio::test]
async fn the_room_is_joined_talked_in_and_left() {
    let sandbox = sandbox();
    let mut alice = Client::online(&sandbox, "alice").await;
    alice
        .send("<presence to='lobby@conference.localhost/Al'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        .await;
    let own = alice.until(&["from='lobby@conference.localhost/Al'"]).await;
    assert!(
        own.contains("<status code='110'/>") && !own.contains("http://jabber.org/protocol/muc'"),
        "{own}"
    );
    alice.until(&["type='groupchat'", "<subject/>"]).await;

    let mut bob = Client::online(&sandbox, "bob").await;
    bob.send("<presence to='lobby@conference.localhost/Al' id='c'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        .await;
    bob.until(&["id='c'", "type='error'", "<conflict "]).await;
    bob.send("<presence to='lobby@conference.localhost/Bo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        .await;
    bob.until(&["from='lobby@conference.localhost/Al'", "<item "]).await;
    bob.until(&["from='lobby@conference.localhost/Bo'", "<status code='110'/>"])
        .await;
    alice
        .until(&["from='lobby@conference.localhost/Bo'", "jid='bob@localhost/r'"])
        .await;

    alice
        .send("<message to='lobby@conference.localhost' type='groupchat' id='g'><body>hi</body></message>")
        .await;
    for client in [&mut alice, &mut bob] {
        client
            .until(&[
                "from='lobby@conference.localhost/Al'",
                "type='groupchat'",
                "id='g'",
                "<body>hi</body>",
            ])
            .await;
    }
    bob.send("<iq to='lobby@conference.localhost/Bo' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    bob.until(&["id='p'", "type='result'"]).await;
    alice
        .send("<presence to='lobby@conference.localhost/Al' type='unavailable'/>")
        .await;
    alice.until(&["type='unavailable'", "<status code='110'/>"]).await;
    bob.until(&["from='lobby@conference.localhost/Al'", "type='unavailable'"])
        .await;
    // lost without a word
    alice
        .send("<presence to='lobby@conference.localhost/Al'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        .await;
    let late = alice.until(&["<delay "]).await;
    assert!(late.contains("<body>hi</body>"), "{late}");
    drop(bob);
    alice
        .until(&["from='lobby@conference.localhost/Bo'", "type='unavailable'"])
        .await;
}

#[tokio::test]
async fn a_client_can_look_around() {
    let sandbox = sandbox();
    let mut alice = Client::online(&sandbox, "alice").await;
    for (to, request, answer) in [
        ("localhost", "<ping xmlns='urn:xmpp:ping'/>", "type='result'"),
        (
            "localhost",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "var='urn:xmpp:ping'",
        ),
        (
            "localhost",
            "<query xmlns='http://jabber.org/protocol/disco#items'/>",
            "jid='conference.localhost'",
        ),
        (
            "conference.localhost",
            "<query xmlns='http://jabber.org/protocol/disco#items'/>",
            "jid='lobby@conference.localhost'",
        ),
        (
            "lobby@conference.localhost",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "var='muc_open'",
        ),
        (
            "echo@localhost/bot",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "type='bot'",
        ),
        ("localhost", "<vCard xmlns='vcard-temp'/>", "<service-unavailable "),
    ] {
        alice.send(&format!("<iq type='get' id='q' to='{to}'>{request}</iq>")).await;
        let got = alice.until(&["id='q'", &format!("from='{to}'")]).await;
        assert!(got.contains(answer), "{to} {request}: {got}");
    }
}

#[tokio::test]
async fn broken_xml_ends_one_stream_and_no_other() {
    let sandbox = sandbox();
    let mut alice = Client::online(&sandbox, "alice").await;
    let mut bob = Client::online(&sandbox, "bob").await;
    bob.send("<message><body></subject></message>").await;
    assert!(bob.error().await.contains("<not-well-formed "));
    alice.until(&["type='unavailable'", "from='bob@localhost/r'"]).await;
    alice.nothing().await;

    let mut carol = Client::connect(&sandbox).await;
    carol.send("<!DOCTYPE x><x>").await;
    assert!(matches!(carol.event().await, StreamEvent::Opened(_)));
    assert!(carol.error().await.contains("<restricted-xml "));
    let (mut dave, _) = Client::open(&sandbox).await;
    dave.send("<presence/>").await;
    assert!(dave.error().await.contains("<not-authorized "));
    let mut erin = Client::user(&sandbox, "erin").await;
    erin.send("<r xmlns='urn:xmpp:sm:3'/>").await;
    assert!(erin.error().await.contains("<unsupported-stanza-type "));
    alice.nothing().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_blocks_nobody() {
    let sandbox = sandbox();
    let mut alice = Client::online(&sandbox, "alice").await;
    let mut bob = Client::online(&sandbox, "bob").await;
    alice.until(&["from='bob@localhost/r'"]).await;
    let body = "x".repeat(64 * 1024);
    for _ in 0..32 {
        alice
            .send(&format!("<message to='bob@localhost/r'><body>{body}</body></message>"))
            .await;
    }
    alice.nothing().await;
    assert!(bob.error().await.contains("<resource-constraint "));
    alice.until(&["type='unavailable'", "from='bob@localhost/r'"]).await;
}

#[tokio::test]
async fn a_second_session_of_one_name_ends_the_first() {
    let sandbox = sandbox();
    let mut first = Client::online(&sandbox, "alice").await;
    let mut second = Client::online(&sandbox, "alice").await;
    assert!(first.error().await.contains("<conflict "));
    second.nothing().await;
}

#[tokio::test]
async fn a_client_need_not_wait_for_answers_and_may_be_cut_anywhere() {
    let sandbox = sandbox();
    let log_in = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
    let bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    let echo = "<message to='echo@localhost' type='chat'><body>&#x1F600;é</body></message>";
    let all = [HEADER, log_in, HEADER, bind, echo, "</stream:stream>"].concat();
    for cut in [1, 7, all.len()] {
        let mut client = Client::connect(&sandbox).await;
        for bytes in all.as_bytes().chunks(cut) {
            client.stream.write_all(bytes).await.unwrap();
        }
        let mut answer = String::new();
        timeout(PATIENCE, client.stream.read_to_string(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(answer.matches("<stream:stream ").count(), 2, "{answer}");
        assert!(
            answer.contains("<body>😀é</body>") && answer.ends_with("</stream:stream>"),
            "{answer}"
        );
    }
}
