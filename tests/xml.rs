//! Elements between the wrapper, jabber:client and the stream: what comes out means what went in.

#[path = "support/infoset.rs"]
mod infoset;

use boshd::xml::scope::{Carriage, Scope, carry};
use boshd::xml::splitter::{Fragment, Splitter};
use boshd::xml::tag::Tag;
use boshd::xml::{Payload, Text, XmlError, XmlLimits};
use boshd::xmpp::StreamEvent;
use boshd::xmpp::features;
use boshd::xmpp::inbound::Inbound;
use bytes::{Bytes, BytesMut};
use infoset::{Element, infoset};

const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";
const TO_SERVER: Carriage = Carriage {
    rehome: Some((HTTPBIND, "jabber:client")),
    prefixes: &[("jabber:client", "")],
};
const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
                      xmlns:db='jabber:server:dialback' id='s1' from='example.org' version='1.0'>";

/// What the server gets of the elements in a wrapper.
fn to_server(wrapper: &str) -> Result<Vec<Payload>, XmlError> {
    let limits = XmlLimits::default();
    let mut splitter = Splitter::new(limits);
    let mut input = BytesMut::from(wrapper);
    let (mut scope, mut payloads) = (Scope::default(), Vec::new());
    while let Some(fragment) = splitter.next(&mut input)? {
        match fragment {
            Fragment::Opened(tag) => scope = Tag::parse(&tag, &Scope::default(), &limits, &["xmpp"])?.scope,
            Fragment::Element(element) => payloads.push(carry(element, &scope, &TO_SERVER, &limits)?),
            Fragment::Closed => assert!(splitter.is_closed()),
        }
    }
    Ok(payloads)
}

/// The only payload of a wrapper with the usual namespace.
fn sent(payload: &str) -> String {
    let payloads = to_server(&format!(
        "<body xmlns='{HTTPBIND}' xmlns:j='urn:j' xml:lang='de'>{payload}</body>"
    ));
    payloads.unwrap_or_else(|error| panic!("{error}: {payload}"))[0]
        .as_str()
        .to_owned()
}

/// What the stream says behind a usual header, as a client may see it.
fn events(stream: &str) -> Result<Vec<StreamEvent>, XmlError> {
    let mut inbound = Inbound::new(XmlLimits::default());
    let mut input = BytesMut::from(format!("{HEADER}{stream}").as_str());
    let mut events = Vec::new();
    while let Some(event) = inbound.next(&mut input)? {
        events.push(match event {
            StreamEvent::Features(payload) => StreamEvent::Features(features::strip(payload, usize::MAX)),
            other => other,
        });
    }
    Ok(events)
}

/// The only element of a stream, as text.
fn received(element: &str) -> String {
    match events(element)
        .unwrap_or_else(|error| panic!("{error}: {element}"))
        .swap_remove(1)
    {
        StreamEvent::Features(payload) | StreamEvent::Authenticated(payload) | StreamEvent::Payload(payload) => {
            payload.as_str().to_owned()
        }
        StreamEvent::Error(error) => error.element.as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// The element inside a root with the given declarations, as a namespace-aware reader sees it there.
fn inside(declarations: &str, element: &str) -> Element {
    infoset(&format!("<root {declarations}>{element}</root>"))
        .elements()
        .next()
        .unwrap()
        .clone()
}

// NS01: both the stanza and the element of the same name as the wrapper arrive as jabber:client
#[test]
fn payload_without_a_namespace_moves_to_jabber_client() {
    let message = infoset(&sent("<message><body>x</body></message>"));
    assert_eq!(message, inside("xmlns='jabber:client'", "<message><body>x</body></message>"));
    assert_eq!(message.elements().next().unwrap().name, "{jabber:client}body");
}

// NS02: every descendant in the wrapper's namespace, and nothing else
#[test]
fn nothing_but_the_wrappers_namespace_moves() {
    let iq = "<iq type='get'><query xmlns='jabber:iq:roster'/></iq>";
    assert_eq!(infoset(&sent(iq)), inside("xmlns='jabber:client'", iq));
    let deep = format!("<iq><x xmlns='urn:x'><b:y xmlns:b='{HTTPBIND}' b:a='1'/><z xmlns='{HTTPBIND}'/><w/></x></iq>");
    let expected =
        "<iq><x xmlns='urn:x'><y xmlns='jabber:client' xmlns:b='jabber:client' b:a='1'/><z xmlns='jabber:client'/><w/></x></iq>";
    assert_eq!(infoset(&sent(&deep)), inside("xmlns='jabber:client'", expected));
}

// NS03: declarations on the wrapper are made again where they are used; its language is not copied
#[test]
fn content_stands_alone() {
    assert_eq!(infoset(&sent("<j:x/>")).name, "{urn:j}x");
    let message = infoset(&sent("<message><a xmlns='urn:a' j:b='1'><j:c/></a></message>"));
    assert_eq!(
        message,
        inside(
            "xmlns='jabber:client' xmlns:j='urn:j'",
            "<message><a xmlns='urn:a' j:b='1'><j:c/></a></message>"
        )
    );
    assert!(!sent("<message/>").contains("lang"), "xml:lang is the wrapper's");
    assert!(!sent("<message/>").contains("urn:j"), "not used");
    let none = to_server(&format!("<b:body xmlns:b='{HTTPBIND}'><x/></b:body>")).unwrap();
    assert_eq!(none[0].as_str(), "<x xmlns=''/>");
}

// NS04: whatever the prefix was
#[test]
fn stanzas_go_out_without_a_prefix() {
    let message = sent("<c:message xmlns:c='jabber:client'><c:body>x</c:body><y xmlns='urn:y'><c:z/></y></c:message>");
    assert!(
        message.starts_with("<message ") && message.ends_with("<y xmlns='urn:y'><z xmlns='jabber:client'/></y></message>"),
        "{message}"
    );
    let expected = "<message><body>x</body><y xmlns='urn:y'><z xmlns='jabber:client'/></y></message>";
    assert_eq!(infoset(&message), inside("xmlns='jabber:client'", expected));
}

// NS05: not one trace of the wrapper's namespace, used or not
#[test]
fn the_wrappers_namespace_never_leaks() {
    for payload in [
        "<message><body/></message>".to_owned(),
        format!("<message xmlns='{HTTPBIND}'/>"),
        format!("<message xmlns='jabber:client' xmlns:unused='{HTTPBIND}'/>"),
        format!("<b:message xmlns:b='{HTTPBIND}' b:x='1'><b:body/></b:message>"),
        "<message xmlns='http://jabber.org/protocol/http&#98;ind'/>".to_owned(),
        format!("<iq xmlns='jabber:client'><q xmlns='urn:q' xmlns:h=\"{HTTPBIND}\" h:a=''/></iq>"),
    ] {
        let sent = sent(&payload);
        assert!(!sent.contains("httpbind") && !sent.contains("http&#98;ind"), "{sent}");
    }
    let prefixed = format!("<b:body xmlns:b='{HTTPBIND}'><b:message><b:body b:x='1'>x</b:body></b:message></b:body>");
    let message = to_server(&prefixed).unwrap().remove(0);
    assert!(!message.as_str().contains("httpbind"), "{message:?}");
    let expected = "<message><body c:x='1'>x</body></message>";
    assert_eq!(
        infoset(message.as_str()),
        inside("xmlns='jabber:client' xmlns:c='jabber:client'", expected)
    );
}

// NS06: what inherits jabber:client from the stream says so itself
#[test]
fn stanzas_from_the_server_declare_their_namespace() {
    assert_eq!(
        received("<message to='a'><body>x</body></message>"),
        "<message xmlns='jabber:client' to='a'><body>x</body></message>"
    );
}

// NS07: a stanza inside a stanza keeps its declaration
#[test]
fn forwarded_stanzas_keep_their_namespace() {
    let carbon = "<message><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
                  <message xmlns='jabber:client'><body>x</body></message></forwarded></received></message>";
    assert_eq!(infoset(&received(carbon)), inside("xmlns='jabber:client'", carbon));
    assert_eq!(infoset(&sent(carbon)), inside("xmlns='jabber:client'", carbon));
}

// NS08: the literal prefix `stream`, whatever the server wrote
#[test]
fn stream_elements_have_the_prefix_stream() {
    for features in [
        "<features xmlns='http://etherx.jabber.org/streams'><bind xmlns='urn:b'/><other/></features>",
        "<s:features xmlns:s='http://etherx.jabber.org/streams'><bind xmlns='urn:b'/><s:other/></s:features>",
        "<stream:features><bind xmlns='urn:b'/><stream:other/></stream:features>",
        "<s:features xmlns:s='http://etherx.jabber.org/streams' xmlns:stream='urn:o' stream:a='1'><stream:bind/></s:features>",
    ] {
        let received = received(features);
        assert!(received.starts_with("<stream:features "), "{received}");
        let expected = inside(
            "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'",
            features,
        );
        assert_eq!(infoset(&received), expected, "{received}");
    }
}

// NS09: prefixes of the stream header
#[test]
fn prefixes_of_the_header_are_declared_where_used() {
    let verify = "<db:verify id='1'>x</db:verify>";
    assert_eq!(
        infoset(&received(verify)),
        inside("xmlns:db='jabber:server:dialback'", verify)
    );
    assert!(!received("<message/>").contains("dialback"));
}

// NS10: children of features and error inherit jabber:client
#[test]
fn children_of_stream_elements_inherit_jabber_client() {
    let declarations = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";
    for element in [
        "<stream:features><x/></stream:features>",
        "<stream:error><x/><y xmlns='urn:y'/></stream:error>",
    ] {
        assert_eq!(infoset(&received(element)), inside(declarations, element));
    }
    assert!(received("<stream:error><x/></stream:error>").contains("jabber:client"));
}

// NS11: all characters of XML 1.0 survive, others are refused
#[test]
fn characters_survive_or_are_refused() {
    let message = "<message a='&#9;&#10;&lt;&amp;&apos;\"&quot;' b=\"'&#x1F600;\u{10FFFF}\n\t\"><body>a]]&gt;b<![CDATA[<]]]>]]&#13;\u{1F600}\r\n\u{FFFD}</body></message>";
    let expected = inside("xmlns='jabber:client'", message);
    assert_eq!(expected.attributes["a"], "\t\n<&'\"\"");
    assert_eq!(infoset(&received(message)), expected);
    assert_eq!(infoset(&sent(message)), expected);
    for illegal in [
        "\0",
        "\u{1}",
        "\u{FFFE}",
        "\u{FFFF}",
        "&#0;",
        "&#xFFFF;",
        "&#xD800;",
        "&#x110000;",
        "&#+65;",
        "]]>",
        "&nbsp;",
        "&",
        "&;",
    ] {
        assert!(events(&format!("<message>{illegal}</message>")).is_err(), "text {illegal:?}");
        if illegal != "]]>" {
            assert!(events(&format!("<message a='{illegal}'/>")).is_err(), "attribute {illegal:?}");
        }
    }
}

// NS12: what has to change nothing is not even copied
#[test]
fn what_stands_alone_is_passed_on_as_it_is() {
    let message = "<message  to=\"b\" id = 'a'\n xmlns='jabber:client' ><body\t>x</body ><x xmlns='urn:x' a:b='' xmlns:a='urn:a'/></message >";
    assert_eq!(sent(message), message);
    assert_eq!(received(message), message);
    let element = Bytes::from(message);
    let payload = carry(element.clone(), &Scope::default(), &TO_SERVER, &XmlLimits::default()).unwrap();
    assert_eq!(payload.bytes().as_ptr(), element.as_ptr());
    assert!(payload.is("jabber:client", "message"));
}

/// The features that a client sees of these.
fn features(children: &str) -> String {
    received(&format!("<stream:features>{children}</stream:features>"))
}

fn assert_features(given: &str, seen: &str) {
    assert_eq!(infoset(&features(given)), infoset(&features(seen)), "{}", features(given));
}

const BIND: &str = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>";

// S01: starttls is not offered, required or not; the rest is
#[test]
fn starttls_is_not_offered() {
    let bare = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    let required = "<t:starttls xmlns:t='urn:ietf:params:xml:ns:xmpp-tls'><t:required/></t:starttls>";
    assert_features(&format!("{bare}{BIND}"), BIND);
    assert_features(&format!("{BIND}{required}"), BIND);
    assert!(
        features(bare).ends_with("></stream:features>"),
        "features are forwarded even when empty"
    );
}

// S02: nor is compression
#[test]
fn compression_is_not_offered() {
    let compression = "<compression xmlns='http://jabber.org/features/compress'><method>zlib</method></compression>";
    assert_features(&format!("{BIND}{compression}{BIND}"), &format!("{BIND}{BIND}"));
}

// S03: -PLUS goes from both profiles, and the channel binding types with it
#[test]
fn channel_binding_is_not_offered() {
    for (list, namespace) in [
        ("mechanisms", "urn:ietf:params:xml:ns:xmpp-sasl"),
        ("authentication", "urn:xmpp:sasl:2"),
    ] {
        let given = format!(
            "<{list} xmlns='{namespace}'><mechanism>SCRAM-SHA-1-PLUS</mechanism><mechanism>\n SCRAM-SHA-256-PLUS </mechanism>\
             <mechanism>SCRAM-SHA-1</mechanism></{list}>\
             <sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>{BIND}"
        );
        assert_features(
            &given,
            &format!("<{list} xmlns='{namespace}'><mechanism>SCRAM-SHA-1</mechanism></{list}>{BIND}"),
        );
    }
}

// S04: of FAST only the mechanisms without channel binding, and no 0-RTT; an emptied <fast/> goes
#[test]
fn fast_offers_what_works_behind_a_manager() {
    let offered = |fast: &str| {
        format!(
            "<authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism>\
             <inline>{fast}<bind xmlns='urn:xmpp:bind:0'/></inline></authentication>"
        )
    };
    let fast = |attributes: &str, mechanisms: &[&str]| {
        let mechanisms: String = mechanisms
            .iter()
            .map(|name| format!("<mechanism>{name}</mechanism>"))
            .collect();
        format!("<fast xmlns='urn:xmpp:fast:0'{attributes}>{mechanisms}</fast>")
    };
    let bound = ["HT-SHA-256-ENDP", "HT-SHA-256-EXPR", "HT-SHA-512-UNIQ"];
    let all = ["HT-SHA-256-ENDP", "HT-SHA-256-NONE", "HT-SHA-256-EXPR", "HT-SHA-512-UNIQ"];
    assert_features(
        &offered(&fast(" tls-0rtt='true'", &all)),
        &offered(&fast("", &["HT-SHA-256-NONE"])),
    );
    assert_features(&offered(&fast(" tls-0rtt='true' a='1'", &bound)), &offered(""));
}

// S06: emptied containers go
#[test]
fn emptied_containers_disappear() {
    let plus = "<mechanism>SCRAM-SHA-1-PLUS</mechanism>";
    let fast = "<fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-ENDP</mechanism></fast>";
    assert_features(
        &format!("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{plus}</mechanisms>{BIND}"),
        BIND,
    );
    assert_features(
        &format!("<authentication xmlns='urn:xmpp:sasl:2'>{plus}<inline>{fast}</inline></authentication>"),
        "",
    );
    assert_features(
        &format!("<authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism><inline>{fast}</inline></authentication>"),
        "<authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism></authentication>",
    );
}

// S10, S11: everything else passes untouched, to the byte when nothing has to go
#[test]
fn other_features_are_not_touched() {
    let given = format!(
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\n{BIND}<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>PLAIN</mechanism></mechanisms><empty xmlns='urn:x'><mechanism>X-PLUS</mechanism></empty></stream:features>"
    );
    assert_eq!(received(&given), given);
}

// Q07: a header without a version promises no features; FX18: nothing behind the end counts; ER02: the error is whole
#[test]
fn a_stream_opens_speaks_and_ends() {
    let events =
        events(" \n<message/>\n<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>=</success></stream:stream><junk").unwrap();
    let [
        StreamEvent::Opened(header),
        StreamEvent::Payload(_),
        StreamEvent::Authenticated(success),
        StreamEvent::Closed,
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (header.id.as_deref(), header.from.as_deref(), header.version.as_deref()),
        (Some("s1"), Some("example.org"), Some("1.0"))
    );
    assert_eq!(
        success.as_str(),
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>=</success>"
    );

    let error = "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><a xmlns='urn:a'/></stream:error>";
    let events = self::events(&format!("{error}<message/></stream:stream>")).unwrap();
    assert!(matches!(&events[1..], [StreamEvent::Error(_)]), "{events:?}");
}

// R05: after a restart the old stream's prefixes mean nothing; Q07: no version
#[test]
fn a_restart_forgets_the_old_stream() {
    let mut inbound = Inbound::new(XmlLimits::default());
    let mut input = BytesMut::from(HEADER);
    inbound.next(&mut input).unwrap();
    inbound.restart();
    input.extend_from_slice(
        b"\n<?xml version='1.0'?><s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:client'><stream:features/>",
    );
    let Some(StreamEvent::Opened(header)) = inbound.next(&mut input).unwrap() else {
        panic!()
    };
    assert_eq!(header.version, None);
    assert_eq!(inbound.next(&mut input), Err(XmlError::UnboundPrefix));
}

#[test]
fn text_is_shown_as_a_string() {
    assert_eq!(format!("{:?}", Text::from("a\"b")), r#""a\"b""#);
}

#[test]
fn who_speaks_to_servers_or_components_is_told_apart() {
    for namespace in ["jabber:server", "jabber:component:accept"] {
        let mut input = BytesMut::from(
            HEADER
                .replace("xmlns='jabber:client'", &format!("xmlns='{namespace}'"))
                .as_str(),
        );
        assert_eq!(
            Inbound::new(XmlLimits::default()).next(&mut input),
            Err(XmlError::Foreign),
            "{namespace}"
        );
    }
}
