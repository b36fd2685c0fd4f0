//! What people do with a chat: contacts, presence, messages, and a room.

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::cutter::Cutter;
use crate::support::element::Element;
use crate::support::server::{AnyServer, jid, rooms};

before_each_server!(
    roster_is_set_and_pushed_and_fetched,
    presence_follows_a_subscription,
    messages_go_both_ways,
    messages_survive_a_hostile_network,
    a_room_hears_everybody_in_one_order,
);

fn message(to: &str, text: &str) -> String {
    format!(
        "<message xmlns='jabber:client' type='chat' to='{}'><body>{text}</body></message>",
        jid(to)
    )
}

async fn next_text(client: &mut Bosh) -> String {
    let message = client.expect("a message", |stanza| stanza.text_of("body").is_some()).await;
    message.text_of("body").map(str::to_owned).expect("a body")
}

async fn expect_presence(client: &mut Bosh, kind: Option<&str>, from: &str) -> Element {
    let fits = |stanza: &Element| {
        let sender = stanza.attribute("from").unwrap_or_default();
        stanza.name == "presence" && stanza.attribute("type") == kind && sender.starts_with(from)
    };
    client.expect("presence", fits).await
}

async fn roster_is_set_and_pushed_and_fetched<S: AnyServer>() {
    let server = S::start(&["alice"]);
    let boshd = Boshd::start(server.address());
    let mut alice = Bosh::login(boshd.address, "alice", "SCRAM-SHA-1").await;
    let query = |items: &str| format!("<query xmlns='jabber:iq:roster'>{items}</query>");
    let empty = alice.iq("get", "", &query("")).await;
    assert_eq!(empty.child("query").map(|query| query.children.len()), Some(0), "{empty:?}");

    let set = alice
        .iq(
            "set",
            "",
            &query(&format!("<item jid='{}' name='Bob &amp; &lt;co&gt;'/>", jid("bob"))),
        )
        .await;
    assert_eq!(set.attribute("type"), Some("result"), "{set:?}");
    let push = alice
        .expect("a roster push", |stanza| stanza.attribute("type") == Some("set"))
        .await;
    let full = alice.iq("get", "", &query("")).await;
    for answer in [push, full] {
        let item = answer.child("query").and_then(|query| query.child("item")).expect("an item");
        assert_eq!(item.attribute("jid"), Some(jid("bob").as_str()));
        assert_eq!(item.attribute("name"), Some("Bob & <co>"));
    }
}

async fn presence_follows_a_subscription<S: AnyServer>() {
    let server = S::start(&["alice", "bob"]);
    let boshd = Boshd::start(server.address());
    let mut alice = Bosh::login(boshd.address, "alice", "SCRAM-SHA-1").await;
    let mut bob = Bosh::login(boshd.address, "bob", "SCRAM-SHA-1").await;

    alice
        .send(&format!(
            "<presence xmlns='jabber:client' type='subscribe' to='{}'/>",
            jid("bob")
        ))
        .await;
    expect_presence(&mut bob, Some("subscribe"), &jid("alice")).await;
    bob.send(&format!(
        "<presence xmlns='jabber:client' type='subscribed' to='{}'/>",
        jid("alice")
    ))
    .await;
    expect_presence(&mut alice, None, &format!("{}/test", jid("bob"))).await;

    bob.send("<presence xmlns='jabber:client'><show>away</show></presence>").await;
    let away = expect_presence(&mut alice, None, &format!("{}/test", jid("bob"))).await;
    assert_eq!(away.text_of("show"), Some("away"));
    bob.terminate().await;
    expect_presence(&mut alice, Some("unavailable"), &format!("{}/test", jid("bob"))).await;
}

async fn messages_go_both_ways<S: AnyServer>() {
    let server = S::start(&["alice", "bob"]);
    let boshd = Boshd::start(server.address());
    let mut alice = Bosh::login(boshd.address, "alice", "SCRAM-SHA-1").await;
    let mut bob = Bosh::login(boshd.address, "bob", "PLAIN").await;

    alice.send(&message("bob", "Gr&#xFC;&#xDF;e &amp; 你好 👋 &lt;b&gt;")).await;
    assert_eq!(next_text(&mut bob).await, "Grüße & 你好 👋 <b>");
    bob.send(&message("alice", "hello\tyourself")).await;
    assert_eq!(next_text(&mut alice).await, "hello\tyourself");
}

async fn messages_survive_a_hostile_network<S: AnyServer>() {
    const MESSAGES: usize = 500;
    let server = S::start(&["alice", "bob"]);
    let boshd = Boshd::start(server.address());
    let cutter = Cutter::start(boshd.address, 7).await;
    let mut alice = Bosh::login(cutter.address, "alice", "SCRAM-SHA-1").await;
    let mut bob = Bosh::login(cutter.address, "bob", "SCRAM-SHA-1").await;
    for number in 0..MESSAGES {
        let (to_bob, to_alice) = (format!("to bob {number}"), format!("to alice {number}"));
        alice.send(&message("bob", &to_bob)).await;
        bob.send(&message("alice", &to_alice)).await;
        let (at_bob, at_alice) = tokio::join!(next_text(&mut bob), next_text(&mut alice));
        assert_eq!((at_bob, at_alice), (to_bob, to_alice));
    }
    let (cuts, repeats) = (cutter.cuts(), alice.repeats() + bob.repeats());
    assert!(
        cuts > 15 && repeats > 15,
        "a network too friendly: {cuts} cuts, {repeats} repeats"
    );
}

async fn a_room_hears_everybody_in_one_order<S: AnyServer>() {
    let server = S::start(&["alice", "bob"]);
    let boshd = Boshd::start(server.address());
    let mut alice = Bosh::login(boshd.address, "alice", "SCRAM-SHA-1").await;
    let mut bob = Bosh::login(boshd.address, "bob", "SCRAM-SHA-1").await;
    let room = format!("hall@{}", rooms());
    for (client, nick) in [(&mut alice, "alice"), (&mut bob, "bob")] {
        let join = "<x xmlns='http://jabber.org/protocol/muc'/>";
        client
            .send(&format!(
                "<presence xmlns='jabber:client' to='{room}/{nick}'>{join}</presence>"
            ))
            .await;
        expect_presence(client, None, &format!("{room}/{nick}")).await;
        if nick == "alice" {
            let form = "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>";
            assert_eq!(client.iq("set", &room, form).await.attribute("type"), Some("result"));
        }
    }
    for number in 0..20 {
        for (client, nick) in [(&mut alice, "alice"), (&mut bob, "bob")] {
            let text = format!("{nick} {number}");
            let body = format!("<body>{text}</body>");
            client
                .send(&format!(
                    "<message xmlns='jabber:client' type='groupchat' to='{room}'>{body}</message>"
                ))
                .await;
        }
    }
    let (mut at_alice, mut at_bob) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let (to_alice, to_bob) = tokio::join!(next_text(&mut alice), next_text(&mut bob));
        at_alice.push(to_alice);
        at_bob.push(to_bob);
    }
    assert_eq!(at_alice, at_bob);
    for nick in ["alice", "bob"] {
        let heard: Vec<&String> = at_bob.iter().filter(|text| text.starts_with(nick)).collect();
        let said: Vec<String> = (0..20).map(|number| format!("{nick} {number}")).collect();
        assert_eq!(heard, said.iter().collect::<Vec<_>>());
    }
}
