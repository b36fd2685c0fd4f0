//! How sessions end, who is told, and what is told (spec.md groups J, K and parts of FX).

#[path = "support/bench.rs"]
mod bench;

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};

use bench::infoset::infoset;
use bench::poster::{FIRST_RID, HTTPBIND, creation};
use bench::upstream::{CLOSING, HEADER, Upstream};
use bench::{Bench, SOON, USUAL, WHILE};
use boshd::bosh::Limits;
use boshd::manager::ConnectionManager;
use boshd::upstream::{Call, Connect, Connecting};
use boshd::xmpp::Domain;

const CONFLICT: &str = "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";

// J01: the payload of a terminate is forwarded, then `</stream:stream>`, then the connection ends. J02: alone it is answered type='terminate'
// without a condition. J03: the next rid finds no session
#[tokio::test]
async fn terminate_alone() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut last = client.next_with("type='terminate'", "<presence type='unavailable'/>").await;
    let reply = last.reply_within(SOON).await;
    assert_eq!((reply.status(), reply.attribute("type")), (200, Some("terminate")));
    assert_eq!(reply.attribute("condition"), None);
    link.sees("type='unavailable'").await;
    link.says_goodbye().await;
    assert!(link.seen().ends_with(CLOSING));
    assert!(client.ask("").await.is_terminate("item-not-found"));
    bench.is_left_with(0).await;
}

// J02: R1 held, R2 = terminate: R1 gets terminate, R2 an empty body; both 200
#[tokio::test]
async fn terminate_behind_a_held_request() {
    let bench = Bench::new().await;
    let (mut client, _link) = bench.session().await;
    let mut held = client.next("").await;
    let mut last = client.next_with("type='terminate'", "").await;
    let told = held.reply_within(SOON).await;
    assert_eq!(
        (told.attribute("type"), told.attribute("condition")),
        (Some("terminate"), None)
    );
    let empty = last.reply_within(SOON).await;
    assert!(empty.is_empty());
    assert_eq!((told.status(), empty.status()), (200, 200));
}

// J03: a deferred terminate waits for its gap. J19: a condition from the client is tolerated
#[tokio::test]
async fn a_deferred_terminate() {
    let bench = Bench::new().await;
    let (client, mut link) = bench.session().await;
    let last = client.body(
        FIRST_RID + 2,
        "type='terminate' condition='bad-request'",
        "<presence type='unavailable'/>",
    );
    let mut last = client.post(&last).await;
    assert!(last.is_held_for(WHILE).await && link.hears_nothing_for(WHILE).await);
    let mut first = client.send(FIRST_RID + 1, "<message id='first'/>").await;
    link.sees("id='first'").await;
    link.sees("type='unavailable'").await;
    link.says_goodbye().await;
    assert_eq!(first.reply().await.attribute("type"), Some("terminate"));
    assert!(last.reply().await.is_empty());
}

// FX01: a terminate with payload, its connection closed or reset at once: the server sees it
#[tokio::test]
async fn a_terminate_whose_connection_is_gone() {
    let bench = Bench::new().await;
    for reset in [false, true] {
        let (mut client, mut link) = bench.session().await;
        let last = client.next_with("type='terminate'", "<presence type='unavailable'/>").await;
        if reset {
            // a reset takes along what was not read
            assert!(last.io.readable().await.is_ok());
            last.reset();
        } else {
            drop(last);
        }
        link.sees("type='unavailable'").await;
        link.says_goodbye().await;
    }
    bench.is_left_with(0).await;
}

// J04, J05: a wrapper whose content is refused ends the session at its turn with bad-request; K03: as 200, for a client with ver
#[tokio::test]
async fn unacceptable_content() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("").await;
    let reply = client.ask("<message/>text").await;
    assert!(reply.is_terminate("bad-request"), "{}", reply.text);
    assert_eq!(held.reply_within(SOON).await.status(), 200);
    assert_eq!(
        reply.text,
        format!("<body xmlns='{HTTPBIND}' type='terminate' condition='bad-request'/>")
    );
    link.says_goodbye().await;
    assert!(client.ask("").await.is_terminate("item-not-found"));
}

// J12, ER05: the server cuts the connection, resets it, or says `</stream:stream>` unasked: remote-connection-failed
#[tokio::test]
async fn the_server_goes_without_an_error() {
    let bench = Bench::new().await;
    for way in ["cut", "reset", "close"] {
        let (mut client, mut link) = bench.session().await;
        let mut held = client.next("").await;
        assert!(held.is_held_for(WHILE).await);
        match way {
            "cut" => drop(link),
            "reset" => link.reset(),
            _ => link.says(CLOSING).await,
        }
        let reply = held.reply_within(SOON).await;
        assert!(reply.is_terminate("remote-connection-failed"), "{way}: {}", reply.text);
    }
    bench.is_left_with(0).await;
}

// ER05: once the client has begun to close, the server's bare close is a plain terminate
#[tokio::test]
async fn the_server_goes_after_the_client() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let mut held = client.next("").await;
    let mut last = client.next_with("type='terminate'", "").await;
    link.says_goodbye().await;
    assert_eq!(held.reply().await.attribute("condition"), None);
    assert_eq!(last.reply().await.attribute("condition"), None);
}

// J13, ER01, ER02, ER03: any stream error is remote-stream-error, with a full copy of the element, behind what came before it; the prefix
// `stream` is declared on the body. Nothing that follows it is delivered
#[tokio::test]
async fn the_server_says_why() {
    let bench = Bench::new().await;
    let texts = "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>Go away &amp; stay</text><app xmlns='urn:app'><x a='1'/></app>";
    for condition in [
        "host-unknown",
        "conflict",
        "not-authorized",
        "policy-violation",
        "see-other-host",
    ] {
        let (mut client, mut link) = bench.session().await;
        let mut held = client.next("").await;
        let error = format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>{texts}</stream:error>");
        link.says(&format!("<message id='m1'/>{error}<message id='m2'/>{CLOSING}"))
            .await;
        let mut payloads = Vec::new();
        let mut reply = held.reply_within(SOON).await;
        payloads.extend(reply.root.elements().cloned());
        if reply.attribute("type").is_none() {
            reply = client.ask("").await;
            payloads.extend(reply.root.elements().cloned());
        }
        assert!(reply.is_terminate("remote-stream-error"), "{}", reply.text);
        let tag = reply.text.split_once('>').unwrap().0;
        assert!(tag.contains("xmlns:stream='http://etherx.jabber.org/streams'"), "{tag}");
        assert!(reply.text.contains("<stream:error"), "{}", reply.text);
        let sent = infoset(&format!(
            "{}{error}{CLOSING}",
            HEADER.trim_start_matches("<?xml version='1.0'?>")
        ));
        assert_eq!(payloads.len(), 2);
        assert_eq!(payloads[0].attributes["id"], "m1");
        assert_eq!(Some(&payloads[1]), sent.elements().next());
    }
}

// ER04: an error before the creation is answered comes in the creation response
#[tokio::test]
async fn the_server_refuses_at_once() {
    let bench = Bench::new().await;
    let mut connection = bench.post(&creation(USUAL)).await;
    let mut link = bench.upstream.accept().await;
    link.header().await;
    let error = "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    link.says(&[HEADER, error, CLOSING].concat()).await;
    let reply = connection.reply_within(SOON).await;
    assert!(reply.is_terminate("remote-stream-error"), "{}", reply.text);
    assert_eq!(reply.attribute("sid"), None);
    bench.is_left_with(0).await;
}

// J17: the server dies between two polls: the next request gets the last stanza and the error, not item-not-found
#[tokio::test]
async fn the_server_dies_between_polls() {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    link.says(&format!("<message id='m1'/>{CONFLICT}{CLOSING}")).await;
    link.ends().await;
    let reply = client.next("").await.reply_within(SOON).await;
    assert!(reply.is_terminate("remote-stream-error"), "{}", reply.text);
    let names: Vec<&str> = reply.payloads().iter().map(|payload| payload.name.as_str()).collect();
    assert_eq!(names, ["{jabber:client}message", "{http://etherx.jabber.org/streams}error"]);
}

// J18: with several pending, all are answered at once: the lowest rid has the payloads and the condition, the others follow
#[tokio::test]
async fn everybody_is_told() {
    let bench = Bench::new().await;
    let (client, mut link) = bench.session().await;
    let mut held = client.send(FIRST_RID + 1, "").await;
    let mut deferred = client.send(FIRST_RID + 3, "").await;
    assert!(held.is_held_for(WHILE).await && deferred.is_held_for(WHILE).await);
    link.says(&format!("<message id='m1'/>{CONFLICT}{CLOSING}")).await;
    let reply = held.reply_within(SOON).await;
    assert_eq!(reply.payloads()[0].attributes["id"], "m1");
    assert_eq!(deferred.reply_within(SOON).await.status(), 200);
}

// FX06: a stream error and a terminate at the same moment: every pending request gets 200, one of them terminate; in both orders, and at once
#[tokio::test]
async fn both_ends_at_once() {
    let bench = Bench::new().await;
    for order in 0..3 {
        let (mut client, mut link) = bench.session().await;
        let mut held = client.next("").await;
        assert!(held.is_held_for(WHILE).await);
        let error = [CONFLICT, CLOSING].concat();
        let mut last = match order {
            0 => {
                link.says(&error).await;
                client.next_with("type='terminate'", "").await
            }
            1 => {
                let last = client.next_with("type='terminate'", "").await;
                link.sees(CLOSING).await;
                link.says(&error).await;
                last
            }
            _ => tokio::join!(client.next_with("type='terminate'", ""), link.says(&error)).0,
        };
        let replies = [held.reply_within(SOON).await, last.reply_within(SOON).await];
        assert!(replies.iter().all(|reply| reply.status() == 200), "{replies:?}");
        assert!(
            replies.iter().any(|reply| reply.attribute("type") == Some("terminate")),
            "{replies:?}"
        );
    }
}

// FX18: features reach the client once; bytes behind `</stream:stream>` are ignored
#[tokio::test]
async fn nothing_behind_the_end() {
    let bench = Bench::new().await;
    let mut connection = bench.post(&creation(USUAL)).await;
    let mut link = bench.upstream.accept().await;
    link.header().await;
    let all = [
        HEADER,
        bench::upstream::FEATURES,
        CLOSING,
        "<message id='late'/><<<&&& garbage",
    ]
    .concat();
    link.says(&all).await;
    let reply = connection.reply_within(SOON).await;
    assert_eq!(reply.text.matches("<stream:features").count(), 1, "{}", reply.text);
    let mut client = bench::poster::Client::of(bench.address, &reply);
    let reply = client.ask("").await;
    assert!(reply.is_terminate("remote-connection-failed"), "{}", reply.text);
    assert!(reply.payloads().is_empty(), "{}", reply.text);
}

// K01: without ver, bad-request, item-not-found and policy-violation are 400, 404 and 403. K02: other conditions are 200. K04: an unknown sid or an
// unreadable body is 200 all the same, as XML
#[tokio::test]
async fn legacy_clients() {
    let bench = Bench::new().await;
    let legacy = USUAL.replace("ver='1.6'", "");
    let status = async |rid: u64, payload: &str| {
        let (client, _link, _) = bench.session_with(&legacy).await;
        client.send(rid, payload).await.reply().await.status()
    };
    assert_eq!(status(FIRST_RID + 9, "").await, 404);
    assert_eq!(status(FIRST_RID + 1, "text").await, 400);
    let large = "x".repeat(2 << 20);
    assert_eq!(status(FIRST_RID + 1, &format!("<message>{large}</message>")).await, 403);
    assert_eq!(
        bench.ask(&creation(&legacy).replace("wait='60'", "wait='x'")).await.status(),
        400
    );

    let (mut client, link, _) = bench.session_with(&legacy).await;
    drop(link);
    assert!(client.ask("").await.is_terminate("remote-connection-failed"));
    let elsewhere = creation(&legacy).replace("example.org", "other.example");
    assert!(bench.ask(&elsewhere).await.is_terminate("host-unknown"));
    client.sid = "AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    assert!(client.ask("").await.is_terminate("item-not-found"));
    for unreadable in ["<", "<body", "{}"] {
        assert!(bench.ask(unreadable).await.is_terminate("bad-request"));
    }
}

// K03: a client with ver never sees a 4xx for an error of the protocol
#[tokio::test]
async fn clients_with_a_version() {
    let bench = Bench::new().await;
    for (rid, payload, condition) in [
        (FIRST_RID + 9, "", "item-not-found"),
        (FIRST_RID + 1, "text", "bad-request"),
        (
            FIRST_RID + 1,
            &format!("<message>{}</message>", "x".repeat(2 << 20)),
            "policy-violation",
        ),
    ] {
        let (client, _link) = bench.session().await;
        let reply = client.send(rid, payload).await.reply().await;
        assert!(reply.is_terminate(condition), "{}", reply.text);
    }
}

/// The shutdown begins while a creation is looked at.
#[derive(Default)]
struct Untimely(OnceLock<Arc<ConnectionManager>>);

impl Connect for Untimely {
    fn serves(&self, _: &Domain) -> bool {
        let drain = self.0.get().unwrap().drain();
        assert!(pin!(drain).poll(&mut Context::from_waker(Waker::noop())).is_ready());
        true
    }

    fn connect(&self, _: Call) -> Connecting<'_> {
        Box::pin(std::future::pending())
    }
}

// J15: it ends like the others
#[tokio::test]
async fn a_creation_during_the_shutdown() {
    let untimely = Arc::new(Untimely::default());
    let bench = Bench::before(untimely.clone(), Upstream::listen().await, Limits::default());
    assert!(untimely.0.set(bench.manager.clone()).is_ok());
    let reply = bench.post(&creation(USUAL)).await.reply_within(SOON).await;
    assert!(reply.is_terminate("system-shutdown"), "{}", reply.text);
    bench.is_left_with(0).await;
}
