//! The server dies under a session: the client is told so, after everything that had arrived, and can come back.

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::server::{Options, Server, jid};

before_each_server!(; "it is killed": a_killed_server_ends_the_session_and_a_restarted_one_is_used);

async fn a_killed_server_ends_the_session_and_a_restarted_one_is_used<S: Server>() {
    let mut server = S::with(&["alice"], &Options::default());
    let boshd = Boshd::start(server.address());
    let mut alice = Bosh::login(boshd.address, "alice", "SCRAM-SHA-1").await;
    let own = format!("{}/test", jid("alice"));
    let echo = |text: &str| {
        let head = format!("<message xmlns='jabber:client' type='chat' to='{own}'>");
        format!("{head}<body>{text}</body></message>")
    };
    for number in 0..3 {
        alice.send(&echo(&number.to_string())).await;
    }
    let last = alice
        .expect("the last message", |stanza| stanza.text_of("body") == Some("2"))
        .await;
    assert_eq!(last.attribute("to"), Some(own.as_str()));

    server.kill();
    let mut before_the_end = Vec::new();
    while let Some(stanza) = alice.next().await {
        before_the_end.extend(stanza.text_of("body").map(str::to_owned));
    }
    assert_eq!(before_the_end, ["0", "1"]);
    assert_eq!(alice.end.as_deref(), Some("remote-connection-failed"));

    server.launch();
    let mut again = Bosh::login(boshd.address, "alice", "SCRAM-SHA-256").await;
    again.send(&echo("back")).await;
    again
        .expect("a message to itself", |stanza| stanza.text_of("body") == Some("back"))
        .await;
}
