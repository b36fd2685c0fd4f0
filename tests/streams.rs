//! Several streams in one session (spec.md group I), over real sockets.

#[path = "support/bench.rs"]
mod bench;

use bench::upstream::{FEATURES, HEADER};
use bench::{Bench, SOON, USUAL, WHILE};
use boshd::bosh::Limits;

async fn several() -> Bench {
    Bench::with(Limits {
        streams: 2,
        ..Limits::default()
    })
    .await
}

// I03, I05: two connections to servers, two names; each answer names one stream, and a request reaches the stream it names, or both
#[tokio::test]
async fn two_streams() {
    let bench = several().await;
    let (mut client, mut first, created) = bench.session_with(USUAL).await;
    let one = created.attribute("stream").expect("a name").to_owned();
    let mut added = client.next_with("to='example.org' from='juliet@example.org'", "").await;
    let mut second = bench.upstream.accept().await;
    assert_eq!(
        second.header().await.attributes.get("from").map(String::as_str),
        Some("juliet@example.org")
    );
    second.says(&[HEADER, FEATURES].concat()).await;
    let reply = added.reply_within(SOON).await;
    let two = reply.attribute("stream").expect("a name").to_owned();
    assert!(
        one != two && reply.attribute("sid").is_none() && !reply.payloads().is_empty(),
        "{}",
        reply.text
    );

    let mut held = client.next_with(&format!("stream='{two}'"), "<message id='to-two'/>").await;
    second.sees("to-two").await;
    assert!(first.hears_nothing_for(WHILE).await);
    second.says("<message id='from-two'/>").await;
    let reply = held.reply_within(SOON).await;
    assert_eq!((reply.attribute("stream"), reply.payloads().len()), (Some(two.as_str()), 1));

    let mut held = client.next("<message id='to-both'/>").await;
    first.sees("to-both").await;
    second.sees("to-both").await;
    first.says("<message id='from-one'/>").await;
    assert_eq!(held.reply_within(SOON).await.attribute("stream"), Some(one.as_str()));
}

// I08: a server that dies ends its stream; the other one goes on. I07: the rest ends with the session
#[tokio::test]
async fn one_server_dies() {
    let bench = several().await;
    let (mut client, mut first) = bench.session().await;
    let mut added = client.next_with("to='example.org'", "").await;
    let mut second = bench.upstream.accept().await;
    second.opens().await;
    let two = added.reply_within(SOON).await.attribute("stream").expect("a name").to_owned();
    let mut held = client.next("").await;
    second.reset();
    let reply = held.reply_within(SOON).await;
    assert!(reply.is_terminate("remote-connection-failed"), "{}", reply.text);
    assert_eq!(reply.attribute("stream"), Some(two.as_str()));
    let mut held = client.next("<message id='on'/>").await;
    first.sees("id='on'").await;
    first.says("<message id='m'/>").await;
    assert_eq!(held.reply_within(SOON).await.payloads().len(), 1);
    client.next_with("type='terminate'", "").await.reply_within(SOON).await;
    first.says_goodbye().await;
    bench.is_left_with(0).await;
}

// I03, J06: a stream to a domain that is not served is over before it began
#[tokio::test]
async fn a_domain_of_somebody_else() {
    let bench = several().await;
    let (mut client, _link) = bench.session().await;
    for to in ["other.example", "not a domain"] {
        let reply = client.next_with(&format!("to='{to}'"), "").await.reply_within(SOON).await;
        assert!(reply.is_terminate("host-unknown"), "{}", reply.text);
        assert!(reply.attribute("stream").is_some());
    }
    assert!(bench.upstream.is_left_alone_for(WHILE).await);
}

// I02: without support the same request is an empty one like any other
#[tokio::test]
async fn where_there_is_one_only() {
    let bench = Bench::new().await;
    let (mut client, _link) = bench.session().await;
    let mut held = client
        .next_with(
            "to='example.org' from='juliet@example.org' route='xmpp:other.example:1' stream='x'",
            "",
        )
        .await;
    assert!(held.is_held_for(WHILE).await);
    assert!(bench.upstream.is_left_alone_for(WHILE).await);
}
