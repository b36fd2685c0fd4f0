//! What becomes of stanzas whose client is gone, with and without stream management (spec.md ER07, ER08, AU06, AU07).

#[path = "support/bench.rs"]
mod bench;

use bench::upstream::CLOSING;
use bench::{Bench, SOON};
use boshd::bosh::Limits;

const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3' id='some-long-sm-id' resume='true'/>";

async fn short_lived() -> Bench {
    Bench::with(Limits {
        inactivity: 1,
        ..Limits::default()
    })
    .await
}

// ER07: five kinds of stanzas that nobody fetched: a message and the two questions go back, addresses swapped and ids kept; then the stream closes
#[tokio::test]
async fn stanzas_that_nobody_fetched() {
    let bench = short_lived().await;
    let (client, mut link) = bench.session().await;
    link.says(
        "<message from='juliet@example.org/balcony' to='romeo@example.org/orchard' id='m' type='chat'><body>art thou?</body></message>\
         <iq from='example.org' to='romeo@example.org/orchard' id='g' type='get'><ping xmlns='urn:xmpp:ping'/></iq>\
         <iq from='example.org' id='s' type='set'><query xmlns='jabber:iq:roster'/></iq>\
         <iq from='example.org' id='r' type='result'/>\
         <presence from='juliet@example.org/balcony' to='romeo@example.org/orchard'/>\
         <message from='example.org' id='e' type='error'/>",
    )
    .await;
    link.says_goodbye().await;
    let seen = link.elements();
    let returned: Vec<_> = seen
        .iter()
        .filter(|element| element.attributes.get("type").is_some_and(|kind| kind == "error"))
        .collect();
    let of = |name| {
        returned
            .iter()
            .map(|element| element.attributes.get(name).map(String::as_str))
            .collect::<Vec<_>>()
    };
    assert_eq!(of("id"), [Some("m"), Some("g"), Some("s")]);
    assert_eq!(
        of("to"),
        [Some("juliet@example.org/balcony"), Some("example.org"), Some("example.org")]
    );
    assert_eq!(
        of("from"),
        [Some("romeo@example.org/orchard"), Some("romeo@example.org/orchard"), None]
    );
    let conditions = ["recipient-unavailable", "service-unavailable", "service-unavailable"];
    for (element, condition) in returned.iter().zip(conditions) {
        let error = element.elements().next().expect("an error");
        assert!(
            error.elements().next().is_some_and(|inside| inside.name.ends_with(condition)),
            "{element:?}"
        );
    }
    assert!(link.seen().ends_with(CLOSING));
    drop(client);
}

// ER08, AU07: once the server has said that it keeps the session, a lost client's stream ends without a word
#[tokio::test]
async fn a_server_that_keeps_the_session() {
    let bench = short_lived().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
    link.sees("<enable").await;
    link.says(ENABLED).await;
    assert!(held.reply_within(SOON).await.text.contains("some-long-sm-id"));
    link.says("<message from='juliet@example.org' id='lost'/>").await;
    link.ends().await;
    assert!(
        !link.seen().contains(CLOSING) && !link.seen().contains("recipient-unavailable"),
        "{}",
        link.seen()
    );
}

// AU07: the same server, but its client says goodbye: the stream is closed as it should be
#[tokio::test]
async fn a_goodbye_closes_even_what_could_be_resumed() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
    link.says(ENABLED).await;
    held.reply_within(SOON).await;
    client.next_with("type='terminate'", "").await.reply_within(SOON).await;
    link.says_goodbye().await;
    assert!(link.seen().ends_with(CLOSING));
}

// AU06: what the two say of stream management passes as it is, and nothing of ours is between it
#[tokio::test]
async fn stream_management_passes_through() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("<enable xmlns='urn:xmpp:sm:3'/>").await;
    link.says("<enabled xmlns='urn:xmpp:sm:3'/>").await;
    held.reply_within(SOON).await;
    for n in 0..100 {
        let mut held = client.next(&format!("<message id='up-{n}'/>")).await;
        link.says(&format!("<message id='down-{n}'/>")).await;
        assert_eq!(held.reply().await.payloads().len(), 1);
    }
    let mut held = client.next("<r xmlns='urn:xmpp:sm:3'/>").await;
    link.says("<a xmlns='urn:xmpp:sm:3' h='100'/><r xmlns='urn:xmpp:sm:3'/>")
        .await;
    assert!(held.reply().await.text.contains("h='100'"));
    client.next("<a xmlns='urn:xmpp:sm:3' h='100'/>").await;
    link.sees("<a ").await;
    let stanzas = link
        .elements()
        .iter()
        .filter(|element| element.name.ends_with("message"))
        .count();
    assert_eq!(stanzas, 100, "{}", link.seen());
    let others = link
        .elements()
        .iter()
        .filter(|element| !element.name.ends_with("message"))
        .count();
    assert_eq!(others, 3, "enable, r, a: {}", link.seen());
}
