//! The answer to the request that opens a session: what clients look for in it, and when it has to be there.

use std::io::Read as _;
use std::time::Duration;

use boshd::bosh::Limits;
use boshd::front::ACCEPTED;
use boshd::xml::Text;
use flate2::Compression;
use flate2::bufread::{GzEncoder, ZlibEncoder};
use tokio::time::Instant;

use super::caller::{Caller, WHILE, calls};
use super::client::{self, Client};
use crate::bench::poster::Reply;
use crate::bench::upstream::{FEATURES, HEADER};
use crate::desk::Desk;

const FEATURES_NAME: &str = "{http://etherx.jabber.org/streams}features";

// contract C1: libpurple looks for mechanisms in this answer and never again, stanza.js and Swiften do not poll before they have them, xmpp4r logs in
// without SASL, prebind-php gives up; so the answer waits for the server
#[tokio::test(start_paused = true)]
async fn features_come_in_the_creation_response() {
    for kind in [
        client::LIBPURPLE_2,
        client::LIBPURPLE_3,
        client::STANZA,
        client::SWIFTEN,
        client::XMPP4R,
        client::PREBIND_PHP,
    ] {
        let desk = Desk::new();
        let mut connection = calls(&desk, kind).await;
        let mut server = desk.stream().await;
        server.header().await;
        assert!(connection.is_held_for(WHILE).await, "{}", kind.name);
        server.says(HEADER).await;
        assert!(connection.is_held_for(Duration::from_secs(3)).await, "{}", kind.name);
        server.says(FEATURES).await;
        let reply = connection.reply().await;
        let payloads = reply.payloads();
        assert_eq!(payloads.len(), 1, "{}: {}", kind.name, reply.text);
        assert_eq!(payloads[0].name, FEATURES_NAME, "{}", kind.name);
        assert!(reply.text.contains("<mechanism>PLAIN</mechanism>"), "{}", reply.text);
    }
}

// contract C2: Smack waits 5 s for the answer, so it comes by then without features, and they come with the next request
#[tokio::test(start_paused = true)]
async fn a_slow_server_does_not_keep_smack_waiting() {
    const SMACK: Duration = Duration::from_secs(5);
    let desk = Desk::new();
    let began = Instant::now();
    let mut connection = calls(&desk, client::SMACK).await;
    let mut server = desk.stream().await;
    server.header().await;
    let reply = connection.reply().await;
    let elapsed = began.elapsed();
    assert!(elapsed < SMACK - WHILE, "{elapsed:?}");
    assert!(reply.is_empty() && reply.attribute("wait").is_some(), "{}", reply.text);
    let mut smack = Caller::of(&desk, client::SMACK, &reply);
    let mut held = smack.next("").await;
    server.says(&[HEADER, FEATURES].concat()).await;
    let reply = held.reply().await;
    assert_eq!(reply.payloads()[0].name, FEATURES_NAME);
    // the id that Smack hands to the layers above comes with them
    assert_eq!(reply.attribute("authid"), Some("stream-1"));
}

/// `wait` and the like, as clients that never heard of an error in it: the whole of a number's digits.
fn number(reply: &Reply, name: &str) -> u64 {
    let value = reply.attribute(name).unwrap_or_else(|| panic!("{name}: {}", reply.text));
    value.parse().unwrap_or_else(|_| panic!("{name}: {}", reply.text))
}

/// `major.minor`, of which only a 1 and at least a 6 are taken.
fn is_libpurples_version(reply: &Reply) -> bool {
    let (major, minor) = reply
        .attribute("ver")
        .and_then(|ver| ver.split_once('.'))
        .expect("two numbers");
    major == "1" && minor.parse::<u32>().expect("a number") >= 6
}

fn jbosh_takes(reply: &Reply) {
    for required in ["sid", "wait"] {
        assert!(reply.attribute(required).is_some(), "{required}: {}", reply.text);
    }
    // malformed it throws, absent it takes HTTP codes for conditions
    assert!(is_libpurples_version(reply), "{}", reply.text);
    // it compresses what it sends where this is told
    assert_eq!(reply.attribute("accept"), None);
}

fn libpurple_takes(reply: &Reply) {
    assert!(is_libpurples_version(reply), "{}", reply.text);
    // up to 5 is ignored; of more 5 is taken off
    assert!(number(reply, "inactivity") > 5);
}

fn jsxc_takes(reply: &Reply) {
    // how old a stored session may be to go on with it
    assert!(number(reply, "inactivity") >= 60);
}

fn jsjac_takes(reply: &Reply) {
    assert_eq!(number(reply, "requests") - 1, 1, "held requests");
    assert_eq!(number(reply, "hold"), 1);
    assert!(number(reply, "maxpause") > 0, "it pauses while a page is left");
    assert_eq!(reply.attribute("authid"), Some("stream-1"), "for a digest without SASL");
}

fn xmpp4r_takes(reply: &Reply) {
    assert_eq!(number(reply, "requests"), 2, "absent it would be 1");
    // absent, or 0, it would be 5; it waits so long between two stanzas
    assert_eq!(number(reply, "polling"), 1);
    assert_eq!(reply.attribute("authid"), Some("stream-1"));
}

fn escalus_takes(reply: &Reply) {
    // by its literal name a stream has begun
    assert!(reply.text.contains(" xmpp:version='1.0'"), "{}", reply.text);
    // it crashes without
    assert_eq!(reply.attribute("from"), Some("example.org"));
}

fn punjabs_suite_takes(reply: &Reply) {
    // the client declared neither
    let (tag, _) = reply.text.split_once('>').expect("a tag");
    assert!(tag.contains(" xmlns:xmpp='urn:xmpp:xbosh'"), "{tag}");
    assert!(tag.contains(" xmlns:stream='http://etherx.jabber.org/streams'"), "{tag}");
    assert!(tag.contains(" xmpp:restartlogic='true'"), "{tag}");
}

fn authid_is_there(reply: &Reply) {
    assert_eq!(reply.attribute("authid"), Some("stream-1"));
}

fn pauses(reply: &Reply) {
    assert!(number(reply, "maxpause") > 0, "{}", reply.text);
}

/// What a client looks for in this answer, and fails without.
type Needs = &'static [fn(&Reply)];

// contract C3: what one or the other client does not go on without
#[tokio::test(start_paused = true)]
async fn every_client_finds_what_it_needs() {
    let needs: [(Client, Needs); 12] = [
        (client::SMACK, &[jbosh_takes, authid_is_there, pauses]),
        (client::LIBPURPLE_2, &[libpurple_takes]),
        (client::LIBPURPLE_3, &[libpurple_takes]),
        (client::STROPHE, &[jsxc_takes]),
        (client::JSXC_PROBE, &[jsxc_takes]),
        (client::JSJAC, &[jsjac_takes]),
        (client::XMPP4R, &[xmpp4r_takes, punjabs_suite_takes]),
        (client::ESCALUS, &[escalus_takes]),
        (client::ATTACH_EXAMPLE, &[authid_is_there, punjabs_suite_takes]),
        (client::BABBLER, &[pauses]),
        (client::AGSXMPP, &[punjabs_suite_takes]),
        (client::GLOOX, &[authid_is_there]),
    ];
    for (kind, needs) in needs {
        let desk = Desk::new();
        let (_, _server, reply) = Caller::enters(&desk, kind).await;
        needs.iter().for_each(|takes| takes(&reply));
    }
    what_is_accepted_is_read().await;
    // this one begins its stream anew at the place that `from` named
    let desk = Desk::new();
    let (mut client, mut server, reply) = Caller::enters(&desk, client::NODE_BOSH).await;
    client.authenticates(&mut server).await;
    let from = reply.attribute("from").expect("a domain");
    let restart = format!("to='{from}' xml:lang='en' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'");
    let mut held = client.next_with(&restart, "").await;
    assert_eq!(server.header().await.attributes["to"], "example.org");
    server.says(&[HEADER, FEATURES].concat()).await;
    assert_eq!(held.reply().await.payloads()[0].name, FEATURES_NAME);
}

/// jbosh and Babbler compress what they send with the first coding that they know of those that they are told.
async fn what_is_accepted_is_read() {
    for kind in [client::SMACK, client::BABBLER] {
        let desk = Desk::with(Limits {
            accept: Some(Text::from_static(ACCEPTED)),
            ..Limits::default()
        });
        let (mut client, mut server, reply) = Caller::enters(&desk, kind).await;
        for coding in reply.attribute("accept").expect("codings").split(',') {
            client.rid += 1;
            let body = client.body(client.rid, "", &format!("<message id='{coding}'/>"));
            let mut connection = desk.connect();
            let header = format!("Content-Encoding: {coding}\r\n");
            connection.post_with(&header, packed(coding, body.as_bytes())).await;
            server.sees(&format!("id='{coding}'")).await;
        }
    }
}

fn packed(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    match coding {
        "gzip" => GzEncoder::new(body, Compression::default()).read_to_end(&mut packed),
        "deflate" => ZlibEncoder::new(body, Compression::default()).read_to_end(&mut packed),
        other => panic!("{other}"),
    }
    .expect("bytes in memory");
    packed
}

// contract C4: any answer with a sid is the beginning of another session for gloox and Babbler
#[tokio::test(start_paused = true)]
async fn the_sid_is_told_once() {
    for kind in [client::GLOOX, client::BABBLER] {
        let desk = Desk::new();
        let (mut client, mut server, reply) = Caller::enters(&desk, kind).await;
        assert!(reply.attribute("sid").is_some());
        let mut later = vec![client.authenticates(&mut server).await];
        later.push(client.restarts(&mut server, HEADER).await);
        later.push(client.asks(&mut server, "", "<message id='m'/>").await);
        later.push(client.next("").await.reply_within(Duration::from_secs(60)).await);
        // the one before, once more
        later.push(client.sends(client.rid, "").await.reply().await);
        later.push(client.leaves("").await.reply().await);
        later.push(client.next("").await.reply().await);
        for reply in later {
            assert_eq!(reply.attribute("sid"), None, "{}: {}", kind.name, reply.text);
        }
    }
}

// contract C5: escalus begins every stream in the same way, and waits for the version and the name of the server again
#[tokio::test(start_paused = true)]
async fn the_restart_response_begins_a_stream() {
    let desk = Desk::new();
    let (mut escalus, mut server, _) = Caller::enters(&desk, client::ESCALUS).await;
    let success = escalus.authenticates(&mut server).await;
    assert!(!success.text.contains("xmpp:version"), "{}", success.text);
    let reply = escalus.restarts(&mut server, &HEADER.replace("stream-1", "stream-2")).await;
    escalus_takes(&reply);
    assert_eq!(reply.attribute("sid"), None);
    assert_eq!(reply.attribute("authid"), Some("stream-2"));
    assert_eq!(reply.payloads()[0].name, FEATURES_NAME);
}

// contract C6: stanza.js has two channels, and stalls when both are held; it asks for that, gloox does, and xmpppy for four
#[tokio::test(start_paused = true)]
async fn one_request_is_held_however_many_are_asked_for() {
    for kind in [client::STANZA, client::GLOOX, client::XMPPPY] {
        let desk = Desk::new();
        let (mut client, mut server, reply) = Caller::enters(&desk, kind).await;
        assert_eq!((number(&reply, "hold"), number(&reply, "requests")), (1, 2), "{}", kind.name);
        let mut channels = client.next("").await;
        for word in 0..5 {
            assert!(channels.is_held_for(WHILE).await, "{}", kind.name);
            let sent = Instant::now();
            let other = client.next(&format!("<presence id='{word}'/>")).await;
            assert!(channels.reply().await.is_empty());
            server.sees(&format!("id='{word}'")).await;
            assert!(sent.elapsed() < WHILE, "{}: {:?}", kind.name, sent.elapsed());
            channels = other;
        }
    }
}

// contract C7: who asks for acknowledgements gets them, from the creation's rid on, and right; nobody else does, nor gloox with its `ack='0'`
#[tokio::test(start_paused = true)]
async fn acknowledgements_are_for_who_asks() {
    for kind in [client::SMACK, client::NBXMPP, client::BABBLER, client::XMPPFRAMEWORK] {
        let desk = Desk::new();
        let (mut client, _server, reply) = Caller::enters(&desk, kind).await;
        assert_eq!(number(&reply, "ack"), client.rid, "{}", kind.name);
        let mut older = client.next("").await;
        let _newer = client.next("").await;
        assert_eq!(number(&older.reply().await, "ack"), client.rid, "{}", kind.name);
    }
    for kind in [client::GLOOX, client::STROPHE, client::STANZA, client::LIBPURPLE_2] {
        let desk = Desk::new();
        let (mut client, _server, reply) = Caller::enters(&desk, kind).await;
        let mut older = client.next("").await;
        let _newer = client.next("").await;
        for reply in [reply, older.reply().await] {
            for name in ["ack", "report", "time"] {
                assert_eq!(reply.attribute(name), None, "{}: {}", kind.name, reply.text);
            }
        }
    }
    jbosh_sends_what_was_reported().await;
}

/// jbosh says which answer it has when that is not the one before its request. A `report` names the request that it then sends once more.
async fn jbosh_sends_what_was_reported() {
    let desk = Desk::new();
    let (mut jbosh, mut server, _) = Caller::enters(&desk, client::SMACK).await;
    let had = jbosh.rid;
    let lost = jbosh.asks(&mut server, "<message id='up'/>", "<message id='down'/>").await;
    // an answer whose rid says it all
    assert_eq!(lost.attribute("ack"), None);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut next = jbosh.next_with(&format!("ack='{had}'"), "").await;
    let reply = next.reply().await;
    assert_eq!(number(&reply, "report"), had + 1);
    assert!((4900..=5500).contains(&number(&reply, "time")), "{}", reply.text);
    let again = jbosh.sends(had + 1, "<message id='up'/>").await.reply().await;
    assert_eq!(again.text, lost.text);
    jbosh.next("<message id='end'/>").await;
    server.sees("id='end'").await;
    assert_eq!(server.seen().matches("id='up'").count(), 1);
}

// contract C8: gloox, libpurple and stanza.js would begin TLS, compression or channel binding with us; they are not offered any of it
#[tokio::test(start_paused = true)]
async fn what_ends_here_is_not_offered() {
    const OFFER: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\
         <compression xmlns='http://jabber.org/features/compress'><method>zlib</method></compression>\
         <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1-PLUS</mechanism>\
         <mechanism>SCRAM-SHA-1</mechanism></mechanisms>\
         <sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>\
         </stream:features>";
    for kind in [client::GLOOX, client::LIBPURPLE_2, client::STANZA] {
        let desk = Desk::new();
        let mut connection = calls(&desk, kind).await;
        let mut server = desk.stream().await;
        server.header().await;
        server.says(&[HEADER, OFFER].concat()).await;
        let reply = connection.reply().await;
        let offered: Vec<&str> = reply.payloads()[0].elements().map(|feature| feature.name.as_str()).collect();
        assert_eq!(offered, ["{urn:ietf:params:xml:ns:xmpp-sasl}mechanisms"], "{}", kind.name);
        assert!(
            reply.text.contains("<mechanism>SCRAM-SHA-1</mechanism></mechanisms>"),
            "{}",
            reply.text
        );
        for hidden in ["tls", "compress", "PLUS", "binding"] {
            assert!(!reply.text.contains(hidden), "{}: {}", kind.name, reply.text);
        }
    }
}
