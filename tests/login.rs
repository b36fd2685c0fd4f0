//! Logging in through boshd: what passes, and that nothing of ours is between it (spec.md group AU).

#[path = "support/bench.rs"]
mod bench;
#[path = "support/stack.rs"]
mod stack;
#[path = "support/wire.rs"]
mod wire;

use std::time::Duration;

use bench::upstream::{CLOSING, FEATURES, HEADER};
use bench::{Bench, SOON, USUAL};
use boshd::bosh::Limits;
use boshd::front::Options;
use stack::{PATIENCE, Session, Stack, post};
use tokio::time::{Instant, sleep};

/// Base64 of all lengths, with one, two and no padding characters, and white space that somebody meant.
const AUTH: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1yb21lbyxyPQ==</auth>";
const CHALLENGE: &str = "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>cj1hLHM9YixpPTQwOTY=</challenge>";
const RESPONSE: &str = "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'> Yz1iaXdzLHI9YSxwPWM= </response>";
const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>dj1k</success>";

// AU01: what is said while logging in arrives as it was written, both ways
#[tokio::test]
async fn sasl_passes_as_it_is() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next(AUTH).await;
    link.sees(AUTH).await;
    link.says(CHALLENGE).await;
    assert!(held.reply_within(SOON).await.text.contains(CHALLENGE));
    let mut held = client.next(RESPONSE).await;
    link.sees(RESPONSE).await;
    link.says(SUCCESS).await;
    assert!(held.reply_within(SOON).await.text.contains(SUCCESS));
}

// AU09: a failure is the server's to judge: another attempt is possible
#[tokio::test]
async fn a_second_attempt() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    for attempt in ["one", "two"] {
        let auth = AUTH.replace("<auth ", &format!("<auth id='{attempt}' "));
        let mut held = client.next(&auth).await;
        link.sees(&format!("id='{attempt}'")).await;
        link.says("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>")
            .await;
        let reply = held.reply_within(SOON).await;
        assert!(
            reply.text.contains("<not-authorized") && reply.attribute("type").is_none(),
            "{}",
            reply.text
        );
    }
}

// AU02: between `<auth/>` and `<success/>` the server hears nothing of ours, however long that takes
#[tokio::test(start_paused = true)]
async fn nothing_is_added_while_logging_in() {
    let stack = Stack::new(Options::default());
    let mut session = stack.session(55).await;
    let mut wire = stack.connect();
    wire.send(post(&session.body(AUTH))).await;
    stack.server.sees("</auth>").await;
    let before = stack.server.seen();
    let began = tokio::time::Instant::now();
    while began.elapsed() < Duration::from_secs(600) {
        assert!(wire.reply().await.text().ends_with("httpbind'/>"), "an empty answer");
        wire.send(post(&session.body(""))).await;
    }
    assert_eq!(stack.server.seen(), before);
    stack.server.push(0, SUCCESS);
    assert!(wire.reply().await.text().contains(SUCCESS));
    assert_eq!(stack.server.seen(), before);
}

// AU03: SASL 2: what follows the success, or nothing after an inline resumption, is delivered as it comes
#[tokio::test]
async fn sasl_2_needs_no_restart() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AGEAYg==</initial-response></authenticate>").await;
    link.sees("</authenticate>").await;
    link.says("<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>a@example.org/x</authorization-identifier></success>")
        .await;
    assert!(held.reply_within(SOON).await.text.contains("authorization-identifier"));
    let mut held = client.next("").await;
    link.says("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>")
        .await;
    assert!(
        held.reply_within(SOON).await.text.contains("<stream:features"),
        "without a restart"
    );

    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><resume xmlns='urn:xmpp:sm:3' previd='p' h='1'/></authenticate>").await;
    link.sees("previd='p'").await;
    link.says(
        "<success xmlns='urn:xmpp:sasl:2'><resumed xmlns='urn:xmpp:sm:3' h='1' previd='p'/></success><message id='missed'/>",
    )
    .await;
    let reply = held.reply_within(SOON).await;
    assert!(reply.text.contains("<resumed"), "{}", reply.text);
}

// AU04: who the client says it is stands in the first header, where SASL 2 and FAST look for it
#[tokio::test]
async fn the_first_header_says_from() {
    let bench = Bench::new().await;
    let creation = bench::poster::creation(&format!("from='romeo@example.org/orchard' {USUAL}"));
    let mut connection = bench.post(&creation).await;
    let mut link = bench.upstream.accept().await;
    let header = link.header().await;
    assert_eq!(header.attributes.get("from").map(String::as_str), Some("romeo@example.org"));
    link.says(&[HEADER, FEATURES].concat()).await;
    connection.reply().await;
}

// AU05: XEP-0078: the stream's id is told, so that the digest can be made; the iqs pass; no restart follows
#[tokio::test]
async fn the_login_before_sasl() {
    let bench = Bench::new().await;
    let (mut client, mut link, created) = bench.session_with(USUAL).await;
    let id = created.attribute("authid").expect("the stream's id").to_owned();
    assert!(HEADER.contains(&format!("id='{id}'")));
    let mut held = client
        .next("<iq type='get' id='1'><query xmlns='jabber:iq:auth'><username>romeo</username></query></iq>")
        .await;
    link.sees("jabber:iq:auth").await;
    link.says("<iq type='result' id='1'><query xmlns='jabber:iq:auth'><username/><digest/><resource/></query></iq>")
        .await;
    assert!(held.reply_within(SOON).await.text.contains("<digest"));
    let digest = "48fc78be9ec8f86d8ce1c39c320c97c21d62334d";
    let set = format!(
        "<iq type='set' id='2'><query xmlns='jabber:iq:auth'><username>romeo</username><digest>{digest}</digest></query></iq>"
    );
    let mut held = client.next(&set).await;
    link.sees(digest).await;
    link.says("<iq type='result' id='2'/>").await;
    assert!(held.reply_within(SOON).await.text.contains("id='2'"));
    let mut held = client.next("<presence/>").await;
    link.sees("<presence").await;
    assert_eq!(link.seen().matches("<stream:stream").count(), 1, "no restart");
    link.says("<message id='m'/>").await;
    assert_eq!(held.reply_within(SOON).await.payloads().len(), 1);
}

const MINUTE: Duration = Duration::from_secs(60);

fn in_a_minute() -> Stack {
    let limits = Limits {
        login_timeout: 60,
        ..Limits::default()
    };
    Stack::with(Options::default(), limits)
}

async fn says(stack: &Stack, session: &mut Session, payload: &str) {
    stack.connect().send(post(&session.body(payload))).await;
    stack.server.sees(payload).await;
}

// AU10: who has not logged in by then is told so on the request that is held, the server's stream is closed, and nothing is left
#[tokio::test(start_paused = true)]
async fn who_does_not_log_in() {
    let stack = in_a_minute();
    let mut session = stack.session(55).await;
    says(&stack, &mut session, AUTH).await;
    let mut wire = stack.connect();
    let began = Instant::now();
    let mut reply = wire.ask(post(&session.body(""))).await;
    while !reply.text().contains("terminate") {
        assert!(began.elapsed() < PATIENCE);
        reply = wire.ask(post(&session.body(""))).await;
    }
    assert!(reply.is_terminate("policy-violation"), "{}", reply.text());
    assert!(began.elapsed() <= MINUTE);
    stack.server.sees(CLOSING).await;
    sleep(Duration::from_secs(11)).await;
    assert_eq!(stack.manager.sessions(), 0);
}

// AU10: SASL, SASL 2 and XEP-0078; each is a login
#[tokio::test(start_paused = true)]
async fn who_logs_in_stays() {
    let asks = "<iq xmlns='jabber:client' type='set' id='l'><query xmlns='jabber:iq:auth'><username>u</username></query></iq>";
    for (asks, answer) in [
        (AUTH, SUCCESS),
        (
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>",
            "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>a@example.org</authorization-identifier></success>",
        ),
        (
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>",
            "<success xmlns='urn:xmpp:sasl:2'><resumed xmlns='urn:xmpp:sm:3' h='1' previd='p'/></success>",
        ),
        (asks, "<iq type='result' id='l'/>"),
    ] {
        let stack = in_a_minute();
        let mut session = stack.session(55).await;
        says(&stack, &mut session, asks).await;
        sleep(Duration::from_secs(50)).await;
        stack.server.push(0, answer);
        let mut wire = stack.connect();
        let began = Instant::now();
        while began.elapsed() < 3 * MINUTE {
            let reply = wire.ask(post(&session.body(""))).await;
            assert!(!reply.text().contains("terminate"), "{answer}: {}", reply.text());
        }
    }
}
