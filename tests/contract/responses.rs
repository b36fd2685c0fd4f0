//! The kind of every answer, for clients that read more, or less, than XML in it.

use std::sync::Arc;
use std::time::Duration;

use boshd::bosh::Limits;
use boshd::front::door::Door;
use boshd::front::redirect::Redirect;
use boshd::upstream::permit::Permit;
use boshd::upstream::way::Terms;

use super::caller::{Caller, WHILE, calls, creation};
use super::client::{self, Client};
use super::readers::{Cut, agsxmpp, children, jaxl, literal, swiften};
use crate::bench::infoset::{Node, infoset};
use crate::bench::poster::Reply;
use crate::bench::upstream::{CLOSING, FEATURES, HEADER, Upstream};
use crate::bench::{Bench, connector_on, plain};
use crate::desk::Desk;

const MESSAGE: &str = "<message from='bob@example.org/b' id='m1'><body>one &amp; two</body></message>";
const CONFLICT: &str = "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";

/// One answer of each kind that a client of this kind may get.
async fn answers(kind: Client) -> Vec<Reply> {
    let desk = Desk::new();
    let (mut client, mut server, created) = Caller::enters(&desk, kind).await;
    let mut answers = vec![created, client.authenticates(&mut server).await];
    answers.push(client.restarts(&mut server, HEADER).await);
    answers.push(client.fetches(&mut server, &MESSAGE.repeat(3)).await);
    let mut older = client.next("").await;
    assert!(older.is_held_for(WHILE).await);
    // two of one rid, of which the older is answered
    let mut newer = client.sends(client.rid, "").await;
    answers.push(older.reply().await);
    answers.push(newer.reply_within(Duration::from_secs(60)).await);
    answers.push(client.fetches(&mut server, &[MESSAGE, CONFLICT, CLOSING].concat()).await);
    answers.push(client.next("").await.reply().await);
    answers
}

// contract R1: Swiften and JAXL find the wrapper as text, from the first byte on; JSJaC looks at its name, and jbosh needs its default namespace
#[tokio::test(start_paused = true)]
async fn the_wrapper_begins_at_the_first_byte_without_a_prefix() {
    for kind in [client::SWIFTEN, client::JAXL, client::JSJAC, client::SMACK] {
        for reply in answers(kind).await {
            let text = reply.text.as_str();
            assert!(text.starts_with("<body "), "{}: {text}", kind.name);
            assert_eq!(literal(text, "xmlns"), Some("http://jabber.org/protocol/httpbind"), "{text}");
            let cut = swiften(text).unwrap_or_else(|| panic!("{}: {text}", kind.name));
            assert_eq!(jaxl(text).map(|cut| cut.content), Some(cut.content), "{text}");
            assert_eq!(children(text).concat(), cut.content);
        }
    }
}

// contract R2: agsXMPP and JAXL end the wrapper's tag at the first `>`, and for JAXL and tsung nothing may follow its end tag. What a server says of
// itself goes into attributes there
#[tokio::test(start_paused = true)]
async fn no_greater_than_in_attributes_and_nothing_behind_the_end() {
    for kind in [client::AGSXMPP, client::JAXL, client::TSUNG] {
        let desk = Desk::new();
        let mut connection = calls(&desk, kind).await;
        let mut server = desk.stream().await;
        server.header().await;
        server
            .says(&[HEADER.replace("stream-1", "a>b/>&lt;c&gt;").as_str(), FEATURES].concat())
            .await;
        let reply = connection.reply().await;
        assert_eq!(reply.attribute("authid"), Some("a>b/><c>"));
        let text = reply.text.as_str();
        let cut = agsxmpp(text).expect("a wrapper");
        assert_eq!(
            jaxl(text),
            Some(Cut {
                ..agsxmpp(text).expect("a wrapper")
            }),
            "{text}"
        );
        assert!(cut.content.starts_with("<stream:features"), "{text}");
        assert!(cut.tag.contains(" sid='"), "{text}");
        assert!(connection.is_held_for(WHILE).await, "bytes behind the answer");
        for reply in answers(kind).await {
            assert!(
                reply.text.ends_with("</body>") || reply.text.ends_with("/>"),
                "{}",
                reply.text
            );
            assert_eq!(agsxmpp(&reply.text), jaxl(&reply.text));
        }
    }
}

// contract R3: JSJaC gives the first child node to its SASL, and JabberWerxC looks there for features: it is never white space, of which servers send
// some between stanzas and while they have nothing to say
#[tokio::test(start_paused = true)]
async fn the_first_child_node_is_an_element() {
    for kind in [client::JSJAC, client::JABBERWERXC] {
        let desk = Desk::new();
        let mut connection = calls(&desk, kind).await;
        let mut server = desk.stream().await;
        server.header().await;
        server.says(&[HEADER, "\n  ", FEATURES, "\n"].concat()).await;
        let reply = connection.reply().await;
        assert!(first_child(&reply).ends_with("}features"), "{}", reply.text);
        let mut client = Caller::of(&desk, kind, &reply);
        let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='DIGEST-MD5'/>";
        let challenge = "\n <challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>YQ==</challenge>\n";
        let reply = client.asks(&mut server, auth, challenge).await;
        assert!(first_child(&reply).ends_with("}challenge"), "{}", reply.text);
        let mut held = client.next("").await;
        for _ in 0..3 {
            server.says(" ").await;
            assert!(held.is_held_for(WHILE).await, "{}", kind.name);
        }
        server.says(&["\r\n", MESSAGE].concat()).await;
        assert!(first_child(&held.reply().await).ends_with("}message"));
        let reply = client.fetches(&mut server, &format!("\n\t{MESSAGE}\n{MESSAGE} \n")).await;
        assert!(reply.root.children.iter().all(|node| matches!(node, Node::Element(_))));
        assert_eq!(reply.root.children.len(), 2, "{}", reply.text);
    }
}

fn first_child(reply: &Reply) -> &str {
    match &reply.root.children[..] {
        [Node::Element(first), ..] => &first.name,
        other => panic!("{other:?} in {}", reply.text),
    }
}

// contract R4: Strophe, escalus and prebind-php compare the literal name `stream:features`, gloox knows that prefix alone, and JSJaC asks for the
// attribute `xmlns` of the mechanisms; however the server writes it
#[tokio::test(start_paused = true)]
async fn names_are_written_as_clients_compare_them() {
    const MECHANISMS: &str = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>";
    let usual = format!("<stream:features>{MECHANISMS}</stream:features>");
    let unprefixed = format!("<features xmlns='http://etherx.jabber.org/streams'>{MECHANISMS}</features>");
    let other = format!("<s:features>{MECHANISMS}</s:features>");
    let header = HEADER.replace("xmlns:stream", "xmlns:s").replace("stream:stream", "s:stream");
    for kind in [
        client::STROPHE,
        client::ESCALUS,
        client::GLOOX,
        client::JSJAC,
        client::PREBIND_PHP,
    ] {
        for (header, features) in [(HEADER, &usual), (HEADER, &unprefixed), (&header, &other)] {
            let desk = Desk::new();
            let mut connection = calls(&desk, kind).await;
            let mut server = desk.stream().await;
            server.header().await;
            server.says(&[header, features].concat()).await;
            let reply = connection.reply().await;
            let [features] = children(&reply.text)[..] else {
                panic!("{}: {}", kind.name, reply.text)
            };
            assert!(features.starts_with("<stream:features "), "{}: {features}", kind.name);
            assert!(features.ends_with(&format!("{MECHANISMS}</stream:features>")), "{features}");
            let mechanisms = children(features)[0];
            assert_eq!(literal(mechanisms, "xmlns"), Some("urn:ietf:params:xml:ns:xmpp-sasl"));

            // stanzas as the server wrote them, too, but for the namespace that they need
            let mut client = Caller::of(&desk, kind, &reply);
            let stanza = "<message id=\"x\"  to='y' ><body>a &#x41;\n<![CDATA[<b>]]></body ></message >";
            let reply = client.asks(&mut server, "", stanza).await;
            let bare = reply.text.replace(" xmlns='jabber:client'", "");
            assert!(bare.contains(stanza), "{}", reply.text);
        }
    }
}

// contract R5: Swiften and gloox read each element by itself, and escalus looks at the namespace that is written on it
#[tokio::test(start_paused = true)]
async fn every_child_stands_alone() {
    let header = HEADER.replace("xmlns='jabber:client'", "xmlns='jabber:client' xmlns:x='urn:example:x'");
    let carbon = "<message from='alice@example.org'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
                  <message xmlns='jabber:client' id='inner'><body>b</body></message></forwarded></received></message>";
    let stanzas = [
        MESSAGE,
        carbon,
        "<presence/>",
        "<iq type='result' id='q'><x:query x:a='1'/></iq>",
    ];
    for kind in [client::SWIFTEN, client::GLOOX, client::ESCALUS] {
        let desk = Desk::new();
        let mut connection = calls(&desk, kind).await;
        let mut server = desk.stream().await;
        server.header().await;
        server.says(&[header.as_str(), FEATURES].concat()).await;
        let reply = connection.reply().await;
        let streams = Some("http://etherx.jabber.org/streams");
        assert_eq!(literal(&reply.text, "xmlns:stream"), streams, "{}", reply.text);
        assert_eq!(literal(children(&reply.text)[0], "xmlns:stream"), streams, "{}", reply.text);
        let mut client = Caller::of(&desk, kind, &reply);
        let news = client.fetches(&mut server, &stanzas.concat()).await;
        for child in children(&news.text) {
            assert_eq!(literal(child, "xmlns"), Some("jabber:client"), "{child}");
        }
        assert_eq!(children(&news.text).len(), stanzas.len());
        let mut held = client.next("").await;
        server.says(&[CONFLICT, CLOSING].concat()).await;
        let end = held.reply().await;
        assert_eq!(literal(children(&end.text)[0], "xmlns:stream"), streams, "{}", end.text);
        for reply in [reply, news, end] {
            let alone: Vec<_> = children(&reply.text).into_iter().map(infoset).collect();
            assert!(alone.iter().eq(reply.payloads()), "{}", reply.text);
            let declared = reply.text.split_once('>').expect("a tag").0.matches(" xmlns").count();
            let known = ["xmlns=", "xmlns:stream=", "xmlns:xmpp="].map(|name| reply.text.contains(&format!(" {name}")));
            assert!(declared <= known.into_iter().filter(|there| *there).count(), "{}", reply.text);
        }
    }
}

// contract R6: stanza.js gives up at a comment; neither comments nor instructions nor DTDs of a server come through
#[tokio::test(start_paused = true)]
async fn nothing_but_elements_and_text() {
    for reply in answers(client::STANZA).await {
        assert!(!reply.text.contains("<!") && !reply.text.contains("<?"), "{}", reply.text);
    }
    for strange in [
        "<!-- a comment --><message id='behind'/>",
        "<message><!-- a comment --><body>x</body></message>",
        "<?php x?><message id='behind'/>",
        "<message><?php x?></message>",
        "<!DOCTYPE message><message id='behind'/>",
    ] {
        let desk = Desk::new();
        let (mut client, mut server, _) = Caller::enters(&desk, client::STANZA).await;
        let mut held = client.next("").await;
        server.says(&[MESSAGE, strange].concat()).await;
        let mut answers = vec![held.reply().await];
        if answers[0].attribute("type").is_none() {
            answers.push(client.next("").await.reply().await);
        }
        let end = &answers[answers.len() - 1];
        assert!(end.is_terminate("remote-connection-failed"), "{strange}: {}", end.text);
        for reply in answers {
            assert!(!reply.text.contains("<!") && !reply.text.contains("<?"), "{}", reply.text);
            assert!(!reply.text.contains("behind"), "{}", reply.text);
        }
    }
}

// contract R7: Strophe and JSJaC look for an element `conflict` in a terminate of this condition, to say that the user has come from elsewhere.
// agsXMPP takes note of a terminate without content only, so it asks once more, and is told so then
#[tokio::test(start_paused = true)]
async fn a_stream_error_comes_whole_and_the_end_once_more_without_it() {
    for kind in [client::STROPHE, client::JSJAC, client::AGSXMPP] {
        let desk = Desk::new();
        let (mut client, mut server, _) = Caller::enters(&desk, kind).await;
        let mut held = client.next("").await;
        server.says(&[CONFLICT, CLOSING].concat()).await;
        let reply = held.reply().await;
        assert!(reply.is_terminate("remote-stream-error"), "{}", reply.text);
        let [error] = children(&reply.text)[..] else {
            panic!("{}: {}", kind.name, reply.text)
        };
        assert!(error.starts_with("<stream:error "), "{error}");
        assert!(children(error)[0].starts_with("<conflict "), "{error}");
        let again = client.next("").await.reply().await;
        assert_eq!(again.attribute("type"), Some("terminate"), "{}", again.text);
        assert_eq!(agsxmpp(&again.text).map(|cut| cut.content), Some(""), "{}", again.text);
    }
}

// contract R8: JabberWerxC follows to the same host by the same scheme alone. So an endpoint that serves sends nobody elsewhere: where the server does
// that, the way is ours. Only a port that serves nothing names another scheme, and for JabberWerxC that is a clean end
#[tokio::test]
async fn only_a_port_that_serves_nobody_sends_clients_elsewhere() {
    let (first, second) = (Upstream::listen().await, Upstream::listen().await);
    let terms = Terms {
        permit: Permit {
            redirects: vec![("127.0.0.1".to_owned(), Some(second.address.port()))],
            ..Permit::default()
        },
        ..Terms::default()
    };
    let connector = connector_on(vec![plain(first.address)], terms);
    let bench = Bench::before(Arc::new(connector), Upstream::listen().await, Limits::default());
    let mut connection = bench.connect().await;
    connection
        .send(client::JABBERWERXC.post(&creation(client::JABBERWERXC)))
        .await;
    let mut server = first.accept().await;
    server.header().await;
    let elsewhere = format!(
        "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{}</see-other-host></stream:error>",
        second.address
    );
    server.says(&[HEADER, &elsewhere, CLOSING].concat()).await;
    second.accept().await.opens().await;
    let reply = connection.reply().await;
    assert!(
        reply.attribute("type").is_none() && reply.attribute("sid").is_some(),
        "{}",
        reply.text
    );
    assert!(!reply.text.contains("see-other"), "{}", reply.text);

    let desk = Desk::new();
    let mut connection = desk.connect_at(Door {
        redirect: Some(Redirect {
            base: "https://chat.example.org".to_owned(),
        }),
        ..Door::default()
    });
    connection
        .send(client::JABBERWERXC.post(&creation(client::JABBERWERXC)))
        .await;
    let reply = connection.reply().await;
    assert!(reply.is_terminate("see-other-uri"), "{}", reply.text);
    let [uri] = children(&reply.text)[..] else {
        panic!("{}", reply.text)
    };
    assert_eq!(uri, "<uri>https://chat.example.org/http-bind</uri>");
    assert_eq!(reply.attribute("sid"), None);
    assert_eq!(desk.manager.sessions(), 0);
}
