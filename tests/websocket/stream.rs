//! A stream from its open to its close.

use std::sync::Arc;
use std::time::Duration;

use boshd::bosh::Limits;
use boshd::front::Options;
use boshd::manager;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::framed::upstream::{CLOSING, FEATURES, HEADER};
use crate::framed::{Bench, OPEN, SUCCESS};
use crate::logs;
use crate::websocket::{CLOSE, Client};

const MESSAGE: &str = "<message xmlns='jabber:client' id='m1'><body>hello</body></message>";

// WS02: text in one frame or in many, whatever control frames come between; anything else closes the connection
#[tokio::test(start_paused = true)]
async fn text_frames() {
    let bench = Bench::new();
    let (mut client, mut link) = bench.session().await;
    let (first, rest) = MESSAGE.split_at(20);
    let (second, last) = rest.split_at(20);
    let piece = |text: &str, kind, fin| Message::Frame(Frame::message(text.to_owned(), OpCode::Data(kind), fin));
    client.send(piece(first, Data::Text, false)).await;
    client.send(piece(second, Data::Continue, false)).await;
    client.send(Message::Ping("p".into())).await;
    client.send(piece(last, Data::Continue, true)).await;
    assert_eq!(client.next().await, Message::Pong("p".into()));
    link.sees(MESSAGE).await;
    client.send(Message::binary("<presence/>")).await;
    assert_eq!(client.fails(1003).await, "bad-format");
    link.says_goodbye().await;

    let (mut client, mut link) = bench.session().await;
    let bad = Frame::message(&b"<presence>\xff</presence>"[..], OpCode::Data(Data::Text), true);
    client.send(Message::Frame(bad)).await;
    assert_eq!(client.fails(1007).await, "unsupported-encoding");
    link.says_goodbye().await;
    bench.is_left_with(0).await;
}

// WS03: one whole element a message, which stands alone in either direction
#[tokio::test(start_paused = true)]
async fn one_element_a_message() {
    let bench = Bench::new();
    let (mut client, mut link) = bench.session().await;
    client.say("<message id='bare'/>").await;
    link.sees("<message xmlns='jabber:client' id='bare'/>").await;
    link.says("<message id='a'><x:y xmlns:x='urn:x'/></message><presence/> \n <iq type='result' id='q'/>")
        .await;
    assert_eq!(
        client.hear().await,
        "<message xmlns='jabber:client' id='a'><x:y xmlns:x='urn:x'/></message>"
    );
    assert_eq!(client.hear().await, "<presence xmlns='jabber:client'/>");
    assert_eq!(client.hear().await, "<iq xmlns='jabber:client' type='result' id='q'/>");
    for (message, condition) in [
        ("<presence/><presence/>", "not-well-formed"),
        (" <presence/>", "not-well-formed"),
        ("text", "not-well-formed"),
        ("<presence>", "not-well-formed"),
        ("<?xml version='1.0'?><presence/>", "restricted-xml"),
        ("<!-- -->", "restricted-xml"),
        ("<a:b/>", "bad-namespace-prefix"),
        ("<x xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", "invalid-namespace"),
        (
            "<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>",
            "unsupported-stanza-type",
        ),
    ] {
        let (mut client, mut link) = bench.session().await;
        client.say(message).await;
        assert_eq!(client.fails(1000).await, condition, "{message}");
        link.says_goodbye().await;
    }
}

// WS04: open is the header of a stream, in either direction; nothing else comes first
#[tokio::test(start_paused = true)]
async fn open() {
    let bench = Bench::new();
    let mut client = bench.client().await;
    let open = OPEN.replace(" to=", " from='anna@example.org/phone' xml:lang='de' to=");
    client.say(&open).await;
    let mut link = bench.accept().await;
    link.header().await;
    for attribute in [
        " to='example.org'",
        " from='anna@example.org'",
        " version='1.0'",
        " xml:lang='de'",
    ] {
        assert!(link.seen().contains(attribute), "{}", link.seen());
    }
    link.says(HEADER).await;
    let answer = client.hears("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' ").await;
    for attribute in [" from='example.org'", " id='stream-1'", " version='1.0'", " xml:lang='en'"] {
        assert!(answer.contains(attribute), "{answer}");
    }
    for (first, condition) in [
        (
            "<open xmlns='urn:other' to='example.org' version='1.0'/>",
            "invalid-namespace",
        ),
        ("<open to='example.org' version='1.0'/>", "invalid-namespace"),
        (MESSAGE, "invalid-namespace"),
        (&OPEN.replace("example.org", "other.example"), "host-unknown"),
        (&OPEN.replace(" to='example.org'", ""), "host-unknown"),
        (
            "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>",
            "not-well-formed",
        ),
    ] {
        let mut client = bench.client().await;
        client.say(first).await;
        client.hears("<open ").await;
        assert_eq!(client.fails(1000).await, condition, "{first}");
    }
    drop(client);
    bench.is_left_with(0).await;
}

// WS05: an error is a message of its own, open before it and close behind it, whoever makes it
#[tokio::test(start_paused = true)]
async fn stream_errors() {
    let bench = Bench::new();
    let (mut client, mut link) = bench.session().await;
    link.says("<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
        .await;
    assert_eq!(client.fails(1000).await, "conflict");
    let mut client = bench.client().await;
    client.say(OPEN).await;
    // before it has opened its stream
    drop(bench.accept().await);
    client.hears("<open ").await;
    assert_eq!(client.fails(1000).await, "remote-connection-failed");
    bench.is_left_with(0).await;
}

// WS06: both sides say close, then the connection is closed; the server hears the end of its stream
#[tokio::test(start_paused = true)]
async fn close() {
    let bench = Bench::new();
    let (mut client, mut link) = bench.session().await;
    link.says(MESSAGE).await;
    client.say(CLOSE).await;
    assert_eq!(client.hear().await, MESSAGE, "what was said before");
    assert_eq!(client.hear().await, CLOSE);
    client.is_closed(1000).await;
    link.says_goodbye().await;

    let (mut client, mut link) = bench.session().await;
    link.says(CLOSING).await;
    assert_eq!(client.hear().await, CLOSE);
    client.say("<presence/>").await;
    client.say(CLOSE).await;
    client.is_closed(1000).await;
    link.sees(CLOSING).await;
    link.ends().await;
    assert!(!link.seen().contains("presence"));
    bench.is_left_with(0).await;
}

// WS06, AU07: a connection that ends without close ends the stream, unless the server keeps the session for its client to come back to
#[tokio::test(start_paused = true)]
async fn a_lost_connection() {
    let bench = Bench::new();
    for (managed, ends_stream) in [
        ("", true),
        ("<enabled xmlns='urn:xmpp:sm:3' id='x'/>", true),
        ("<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/>", false),
        (
            "<success xmlns='urn:xmpp:sasl:2'><resumed xmlns='urn:xmpp:sm:3' h='1' previd='p'/></success>",
            false,
        ),
    ] {
        for closes in [false, true] {
            let (mut client, mut link) = bench.session().await;
            link.says(managed).await;
            if !managed.is_empty() {
                client.hears("<").await;
            }
            if closes {
                // as browsers do when somebody leaves the page
                client.send(Message::Close(None)).await;
                assert_eq!(client.next().await, Message::Close(None));
                client.ends().await;
            }
            drop(client);
            link.ends().await;
            assert_eq!(link.seen().ends_with(CLOSING), ends_stream, "{managed} {closes}");
        }
    }
    // who says that it leaves does not come back
    let (mut client, mut link) = bench.session().await;
    link.says("<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/>").await;
    client.hears("<enabled ").await;
    client.say(CLOSE).await;
    link.says_goodbye().await;
    bench.is_left_with(0).await;
}

// WS07: a shutdown sends clients nowhere in particular: they know better where else this service is
#[tokio::test(start_paused = true)]
async fn a_shutdown() {
    let bench = Bench::new();
    let (mut client, mut link) = bench.session().await;
    let mut idle = bench.client().await;
    let told = async {
        assert_eq!(client.fails(1000).await, "system-shutdown");
        idle.hears("<open ").await;
        assert_eq!(idle.fails(1000).await, "system-shutdown");
        link.says_goodbye().await;
    };
    tokio::join!(bench.manager.drain(), told);
    assert_eq!(bench.manager.sessions(), 0);
}

// WS08: who has logged in begins anew on the same connections, with an open and no close; others may not
#[tokio::test(start_paused = true)]
async fn restart() {
    let bench = Bench::new();
    let (mut client, mut link) = bench.session().await;
    client
        .say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>")
        .await;
    link.sees("</auth>").await;
    link.says(SUCCESS).await;
    assert_eq!(client.hear().await, SUCCESS);
    client.say(OPEN).await;
    link.opens().await;
    client.hears("<open ").await;
    client.hears("<stream:features ").await;
    client.say(MESSAGE).await;
    link.sees(MESSAGE).await;
    assert_eq!(link.seen().matches("<stream:stream ").count(), 2, "{}", link.seen());
    assert!(!link.seen().contains(CLOSING));
    client.say(OPEN).await;
    assert_eq!(client.fails(1000).await, "unsupported-stanza-type");
    link.says_goodbye().await;

    // R04: to the same domain, and an error behind the new open has one before it
    let (mut client, mut link) = bench.session().await;
    link.says(SUCCESS).await;
    client.hears("<success ").await;
    client.say(&OPEN.replace("example.org", "admin.internal")).await;
    client.hears("<open ").await;
    assert_eq!(client.fails(1000).await, "host-unknown");
    link.says_goodbye().await;
    assert!(!link.seen().contains("admin.internal"));
}

// WS09: white space of the server's goes no further; pings keep the connection open, within what middleboxes bear
#[tokio::test(start_paused = true)]
async fn pings() {
    let bench = Bench::new();
    let (mut client, mut link) = bench.session().await;
    for _ in 0..10 {
        let began = tokio::time::Instant::now();
        link.says(" \n").await;
        let next = tokio::time::timeout(Duration::from_secs(51), futures_util::StreamExt::next(&mut client.socket)).await;
        assert!(matches!(next, Ok(Some(Ok(Message::Ping(_))))), "{next:?}");
        assert!(began.elapsed() >= Duration::from_secs(25), "{:?}", began.elapsed());
    }
    assert!(!link.seen().contains("> "), "nor does ours to the server: {}", link.seen());
    client.say(MESSAGE).await;
    link.sees(MESSAGE).await;
}

// WS09: who answers no ping is gone
#[tokio::test(start_paused = true)]
async fn a_dead_peer() {
    let bench = Bench::new();
    let (client, mut link) = bench.session().await;
    let began = tokio::time::Instant::now();
    while bench.manager.sessions() > 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!((70..=105).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    link.says_goodbye().await;
    drop(client);
}

// WS10, S01, S03, S05, S08, S10: what belongs to the link is neither offered nor taken
#[tokio::test(start_paused = true)]
async fn features_are_stripped() {
    let bench = Bench::new();
    let mut client = bench.client().await;
    client.say(OPEN).await;
    let mut link = bench.accept().await;
    link.header().await;
    let offered = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls><mechanisms \
                   xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism><mechanism>SCRAM-SHA-1-PLUS</mechanism>\
                   <mechanism>PLAIN</mechanism></mechanisms><other xmlns='urn:other'/>";
    link.says(&format!("{HEADER}<stream:features>{offered}</stream:features>"))
        .await;
    client.hears("<open ").await;
    let features = client
        .hears("<stream:features xmlns:stream='http://etherx.jabber.org/streams'")
        .await;
    assert!(
        features.contains(">PLAIN<") && features.contains("<other xmlns='urn:other'/>"),
        "{features}"
    );
    for gone in ["starttls", "EXTERNAL", "PLUS"] {
        assert!(!features.contains(gone), "{features}");
    }
    client
        .say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
        .await;
    assert!(client.hears("<failure ").await.contains("<invalid-mechanism"));
    client.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
    assert_eq!(client.fails(1000).await, "unsupported-stanza-type");
    link.says_goodbye().await;
    assert!(
        !link.seen().contains("starttls") && !link.seen().contains("EXTERNAL"),
        "{}",
        link.seen()
    );
}

// WS12: a login by SASL 2 is followed by features as a message of their own, without an open
#[tokio::test(start_paused = true)]
async fn sasl2() {
    let bench = Bench::new();
    let (mut client, mut link) = bench.session().await;
    client
        .say("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AGEAYg==</initial-response></authenticate>")
        .await;
    link.sees("</authenticate>").await;
    link.says(&format!("<success xmlns='urn:xmpp:sasl:2'/>{FEATURES}")).await;
    client.hears("<success ").await;
    client.hears("<stream:features ").await;
    client.say(MESSAGE).await;
    link.sees(MESSAGE).await;
    assert_eq!(link.seen().matches("<stream:stream ").count(), 1);
}

// The log has a line for the beginning of a session, and one for its end that says why; a place is one, whatever the session is made of
#[tokio::test(start_paused = true)]
async fn a_place_and_two_lines_each() {
    logs::listen();
    let options = manager::Options {
        sessions: 1,
        ..manager::Options::default()
    };
    let bench = Bench::with(Options::default(), options);
    let (mut client, _link) = bench.session().await;
    let refused = Client::on(bench.connect(1024), &[]).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("503")));
    client.say(CLOSE).await;
    client.hears(CLOSE).await;
    client.is_closed(1000).await;
    bench.is_left_with(0).await;
    drop(bench.session().await);
    bench.is_left_with(0).await;
    let begun = logs::lines("session begins");
    let ended = logs::hears("session ended", 2).await;
    for line in begun.iter().chain(&ended) {
        assert!(
            line.says("domain", "example.org") && line.says("transport", "websocket"),
            "{line:?}"
        );
    }
    assert!(begun.len() == 2 && begun[0].says("client", "0.0.0.0") && begun[0].get("session") == ended[0].get("session"));
    assert!(
        ended[0].says("reason", "Terminated") && ended[1].says("reason", "Lost"),
        "{ended:?}"
    );
}

// AU10: who opens a stream and does not log in is not kept
#[tokio::test(start_paused = true)]
async fn nobody_logs_in() {
    let session = Limits {
        login_timeout: 60,
        ..Limits::default()
    };
    let options = manager::Options {
        session: Arc::new(session),
        ..manager::Options::default()
    };
    let bench = Bench::with(Options::default(), options);
    let (mut client, mut link) = bench.session().await;
    tokio::time::sleep(Duration::from_secs(58)).await;
    assert_eq!(client.fails(1000).await, "policy-violation");
    link.says_goodbye().await;
    bench.is_left_with(0).await;
}

// A connection on which nobody opens a stream is closed after half a minute
#[tokio::test(start_paused = true)]
async fn nobody_opens() {
    let bench = Bench::new();
    let mut client = bench.client().await;
    assert!(client.is_silent_for(Duration::from_secs(29)).await);
    client.hears("<open ").await;
    assert_eq!(client.fails(1000).await, "connection-timeout");
    bench.is_left_with(0).await;
}
