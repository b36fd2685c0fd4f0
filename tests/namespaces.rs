//! Namespaces, text and features between wrapper and stream, compared as infosets at both ends (spec.md groups NS and S, and A14, A15).

#[path = "support/bench.rs"]
mod bench;

use bench::infoset::{Element, infoset};
use bench::poster::{Client, HTTPBIND, creation};
use bench::upstream::{HEADER, Link};
use bench::{Bench, SOON, USUAL};

/// What the server gets for a request's attributes and payload, and all that it has got.
async fn to_server(attributes: &str, payload: &str) -> (Vec<Element>, String) {
    let bench = Bench::new().await;
    let (mut client, mut link) = bench.session().await;
    let _held = client.next_with(attributes, payload).await;
    let _end = client.next("<presence id='end'/>").await;
    link.sees("id='end'/>").await;
    let mut elements = link.elements();
    elements.pop();
    (elements, link.seen().to_owned())
}

/// What the client gets when the server, with this header, says this.
async fn from_server_with(header: &str, said: &str) -> (Element, String) {
    let bench = Bench::new().await;
    let mut connection = bench.post(&creation(USUAL)).await;
    let mut link: Link = bench.upstream.accept().await;
    link.header().await;
    link.says(&header.replace(" version='1.0' xml", " xml")).await;
    let mut client = Client::of(bench.address, &connection.reply().await);
    let mut held = client.next("").await;
    link.says(said).await;
    let reply = held.reply_within(SOON).await;
    let element = reply.payloads()[0].clone();
    (element, reply.text)
}

async fn from_server(said: &str) -> (Element, String) {
    from_server_with(HEADER, said).await
}

/// The element of a stream with our usual server's header.
fn on_the_stream(said: &str) -> Element {
    let header = HEADER.trim_start_matches("<?xml version='1.0'?>");
    infoset(&format!("{header}{said}</stream:stream>"))
        .elements()
        .next()
        .unwrap()
        .clone()
}

// NS01: what inherits httpbind arrives as jabber:client, the inner body, too. NS05: the URI of httpbind never reaches the server
#[tokio::test]
async fn undeclared_payload_is_rehomed() {
    let (elements, seen) = to_server("", "<message><body>x</body></message>").await;
    assert_eq!(elements, [infoset("<message xmlns='jabber:client'><body>x</body></message>")]);
    assert!(!seen.contains("httpbind"), "{seen}");
}

// NS02: at any depth, and nothing else. NS05
#[tokio::test]
async fn rehoming_covers_descendants_and_nothing_else() {
    let odd = format!(
        "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>\
         <message><x xmlns='urn:x'><inner xmlns='{HTTPBIND}'><deep/></inner><own/></x></message>\
         <b:message xmlns:b='{HTTPBIND}'><b:body/></b:message><none xmlns=''/>"
    );
    let (elements, seen) = to_server("", &odd).await;
    let expected = [
        "<iq xmlns='jabber:client' type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>",
        "<message xmlns='jabber:client'><x xmlns='urn:x'><inner xmlns='jabber:client'><deep/></inner><own/></x></message>",
        "<message xmlns='jabber:client'><body/></message>",
        "<none/>",
    ];
    assert_eq!(elements, expected.map(infoset));
    assert!(!seen.contains("httpbind"), "{seen}");
}

// NS03: declarations on the wrapper are made again where they are used; its xml:lang is not copied onto stanzas
#[tokio::test]
async fn what_the_wrapper_declares() {
    let wrapper = "xmlns:j='urn:j' xmlns:unused='urn:unused' xml:lang='fr'";
    let (elements, seen) = to_server(wrapper, "<j:x/><message j:mark='1'><y xmlns='urn:y'><j:z/></y></message>").await;
    let expected = [
        "<x xmlns='urn:j'/>",
        "<message xmlns='jabber:client' xmlns:j='urn:j' j:mark='1'><y xmlns='urn:y'><j:z/></y></message>",
    ];
    assert_eq!(elements, expected.map(infoset));
    assert!(!seen.contains("xml:lang='fr'"), "{seen}");
}

// NS04: jabber:client elements go out unprefixed
#[tokio::test]
async fn stanzas_go_out_unprefixed() {
    let (elements, seen) = to_server("", "<c:message xmlns:c='jabber:client' id='p'><c:body>x</c:body></c:message>").await;
    assert_eq!(
        elements,
        [infoset("<message xmlns='jabber:client' id='p'><body>x</body></message>")]
    );
    assert!(seen.contains("<message ") && !seen.contains("<c:"), "{seen}");
}

// NS06: stanzas that inherit jabber:client from the stream are in it in the wrapper
#[tokio::test]
async fn stanzas_from_the_server_say_their_namespace() {
    let (element, text) = from_server("<message id='m'><body>x</body></message>").await;
    assert_eq!(
        element,
        infoset("<message xmlns='jabber:client' id='m'><body>x</body></message>")
    );
    assert!(
        text.contains("<message xmlns='jabber:client'") || text.contains("<message xmlns=\"jabber:client\""),
        "{text}"
    );
}

// NS07: a carbon copy keeps the namespaces of what is nested in it
#[tokio::test]
async fn a_carbon_copy() {
    let carbon = "<message from='a@b'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
                  <message xmlns='jabber:client' from='c@d/e'><body>hi</body></message></forwarded></received></message>";
    let (element, _) = from_server(carbon).await;
    assert_eq!(element, on_the_stream(carbon));
    let prefixed = "<message xmlns:f='urn:xmpp:forward:0'><f:forwarded><message><body xml:lang='x'>hi</body></message></f:forwarded></message>";
    let (element, _) = from_server(prefixed).await;
    assert_eq!(element, on_the_stream(prefixed));
}

// NS08, Q04: features and errors have the prefix `stream`, declared on the wrapper, whatever the server wrote. NS10: their children without a
// declaration of their own are what they are on the stream, never httpbind
#[tokio::test]
async fn stream_elements_have_their_usual_prefix() {
    const STREAM: &str = "http://etherx.jabber.org/streams";
    let s = format!("<s:stream xmlns:s='{STREAM}' xmlns='jabber:client' id='i' from='example.org'>");
    for (header, said) in [
        (
            HEADER.to_owned(),
            format!("<features xmlns='{STREAM}'><own/><x xmlns='urn:x'/></features>"),
        ),
        (
            HEADER.to_owned(),
            "<stream:features><own/><x xmlns='urn:x'/></stream:features>".to_owned(),
        ),
        (s, "<s:features><own/><x xmlns='urn:x'/></s:features>".to_owned()),
    ] {
        let (element, text) = from_server_with(&header, &said).await;
        let end = header.split_once(":stream ").unwrap().0.rsplit_once('<').unwrap().1;
        let document = format!("{}{said}</{end}:stream>", header.trim_start_matches("<?xml version='1.0'?>"));
        assert_eq!(Some(&element), infoset(&document).elements().next(), "{text}");
        let (tag, content) = text.split_once('>').unwrap();
        assert!(tag.contains(&format!(" xmlns:stream='{STREAM}'")), "{tag}");
        assert!(content.starts_with("<stream:features"), "{content}");
    }
}

// NS09: prefixes that the server declared on its header are declared where they are used
#[tokio::test]
async fn prefixes_of_the_servers_header() {
    let header = HEADER.replace(" id=", " xmlns:db='jabber:server:dialback' id=");
    let (element, _) = from_server_with(&header, "<message db:mark='1'><db:x/></message>").await;
    let expected = "<message xmlns='jabber:client' xmlns:db='jabber:server:dialback' db:mark='1'><db:x/></message>";
    assert_eq!(element, infoset(expected));
}

/// Characters of every kind, references and CDATA sections.
const TEXTS: &str = "<message a='&lt;&amp;&quot;&apos;&#9;&#10;&#x1F600;' b=\"it's '\"><body>&lt;&amp;&gt;&#x1F600;\u{1F600}\u{e4}\u{fffd}\u{10ffff}\
                     ]]&gt; \t\n</body><c><![CDATA[<raw> & ]] \"data\"]]></c><d>a<![CDATA[b]]>c&#xD;</d></message>";

// A14, NS11: text and attribute values survive both ways: predefined entities, references, CDATA, astral characters, white space in attributes
#[tokio::test]
async fn text_survives_both_ways() {
    let (elements, _) = to_server("", TEXTS).await;
    assert_eq!(
        elements,
        [infoset(&TEXTS.replacen("<message", "<message xmlns='jabber:client'", 1))]
    );
    let (element, _) = from_server(TEXTS).await;
    assert_eq!(element, on_the_stream(TEXTS));
}

// NS11: characters that XML 1.0 forbids are refused from the client
#[tokio::test]
async fn illegal_characters() {
    let bench = Bench::new().await;
    for illegal in [
        "\u{0}",
        "\u{1}",
        "\u{b}",
        "\u{1f}",
        "\u{fffe}",
        "\u{ffff}",
        "&#0;",
        "&#x1;",
        "&#xD800;",
        "&#x110000;",
    ] {
        let (mut client, mut link) = bench.session().await;
        let reply = client.ask(&format!("<message><body>a{illegal}b</body></message>")).await;
        assert!(reply.is_terminate("bad-request"), "{illegal:?}: {}", reply.text);
        link.says_goodbye().await;
        assert!(!link.seen().contains("<message"), "{}", link.seen());
    }
}

// A15: payloads of any namespace are carried both ways
#[tokio::test]
async fn payloads_of_any_namespace() {
    let payloads = [
        "<r xmlns='urn:xmpp:sm:3'/>",
        "<active xmlns='urn:xmpp:csi:0'/>",
        "<json xmlns='urn:example:json'>{\"a\": [1, \"two\"]}</json>",
    ];
    let (elements, _) = to_server("", &payloads.concat()).await;
    assert_eq!(elements, payloads.map(infoset));
    for payload in payloads {
        assert_eq!(from_server(payload).await.0, infoset(payload));
    }
}

// NS12: odd quotes and order of attributes mean the same at the other end
#[tokio::test]
async fn odd_spelling() {
    let odd = "<message  z='1'\n  a = \"it's\" xml:lang='de'><x   xmlns = 'urn:x' ></x ><y/></message >";
    let (elements, _) = to_server("", odd).await;
    assert_eq!(
        elements,
        [infoset(&odd.replacen("<message", "<message xmlns='jabber:client'", 1))]
    );
    assert_eq!(from_server(odd).await.0, on_the_stream(odd));
}

/// A list of mechanisms.
fn list(name: &str, namespace: &str, mechanisms: &[&str], rest: &str) -> String {
    let mechanisms: String = mechanisms
        .iter()
        .map(|name| format!("<mechanism>{name}</mechanism>"))
        .collect();
    format!("<{name} xmlns='{namespace}'>{mechanisms}{rest}</{name}>")
}

/// The client sees these features when the server offers those.
async fn offers(offered: &str, seen: &str) {
    let (element, text) = from_server(&format!("<stream:features>{offered}</stream:features>")).await;
    assert_eq!(
        element,
        on_the_stream(&format!("<stream:features>{seen}</stream:features>")),
        "{text}"
    );
}

const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const BIND: &str = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><x xmlns='urn:unknown'><starttls/></x>";

// S01, S02: starttls, required or not, and compression are not offered; the rest is
#[tokio::test]
async fn what_belongs_to_the_link_is_not_offered() {
    let starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
    let compression = "<compression xmlns='http://jabber.org/features/compress'><method>zlib</method></compression>";
    offers(&format!("{starttls}{BIND}{compression}"), BIND).await;
    offers("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "").await;
}

// S03: mechanisms with -PLUS and the list of channel bindings go from both profiles. S06: only -PLUS offered: no `<mechanisms/>`
#[tokio::test]
async fn channel_binding_is_not_offered() {
    let bindings =
        "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>";
    let both = ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN", "SCRAM-SHA-256-PLUS"];
    let kept = ["SCRAM-SHA-1", "PLAIN"];
    let offered = [
        list("mechanisms", SASL, &both, ""),
        list(
            "authentication",
            "urn:xmpp:sasl:2",
            &both,
            "<inline><bind xmlns='urn:xmpp:bind:0'/></inline>",
        ),
        bindings.to_owned(),
    ];
    let seen = [
        list("mechanisms", SASL, &kept, ""),
        list(
            "authentication",
            "urn:xmpp:sasl:2",
            &kept,
            "<inline><bind xmlns='urn:xmpp:bind:0'/></inline>",
        ),
    ];
    offers(&offered.concat(), &seen.concat()).await;
    let only = [
        list("mechanisms", SASL, &["SCRAM-SHA-1-PLUS"], ""),
        list("authentication", "urn:xmpp:sasl:2", &["SCRAM-SHA-1-PLUS"], ""),
        bindings.to_owned(),
    ];
    offers(&only.concat(), "").await;
}

// S04: tokens that bind the channel go, those with -NONE stay, tls-0rtt goes; S06: an emptied `<fast/>` and an emptied `<inline/>` disappear
#[tokio::test]
async fn fast_tokens_that_bind_the_channel() {
    let authentication = |inline: &str| list("authentication", "urn:xmpp:sasl:2", &["PLAIN"], inline);
    let fast = |attribute: &str, mechanisms: &[&str]| {
        let fast = list("fast", "urn:xmpp:fast:0", mechanisms, "");
        format!("<inline>{}</inline>", fast.replacen("<fast", &format!("<fast{attribute}"), 1))
    };
    let all = ["HT-SHA-256-ENDP", "HT-SHA-256-EXPR", "HT-SHA-256-UNIQ", "HT-SHA-256-NONE"];
    offers(
        &authentication(&fast(" tls-0rtt='true'", &all)),
        &authentication(&fast("", &["HT-SHA-256-NONE"])),
    )
    .await;
    offers(&authentication(&fast("", &all[..3])), &authentication("")).await;
}
