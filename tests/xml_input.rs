//! Whatever arrives, however it is cut: the same fragments, a definite answer, bounded work.

#[path = "support/infoset.rs"]
mod infoset;
#[path = "../fuzz/properties.rs"]
mod properties;

use boshd::xml::scope::{Carriage, Scope, carry};
use boshd::xml::splitter::{Fragment, Splitter};
use boshd::xml::tag::Tag;
use boshd::xml::{XmlError, XmlLimits};
use bytes::{Bytes, BytesMut};
use infoset::{Element, infoset};
use proptest::prelude::*;

const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";
const STREAM: &str = "http://etherx.jabber.org/streams";
const CARRIAGE: Carriage = Carriage {
    rehome: Some((HTTPBIND, "jabber:client")),
    prefixes: &[("jabber:client", ""), (STREAM, "stream")],
};
const DOCUMENT: &str = "\u{FEFF} <?xml version='1.0' encoding=\"utf-8\"?>\n<body xmlns='u' a='>' b=\"/>\">\r\n <a/><b x='/' >t]]<![CDATA[</b>]]]>&gt;\
                        </b ><c><c d='\"'/>é😀</c><é/></body >\n";

/// The fragments of `pieces`, fed one after the other, and what stopped it.
fn split<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: XmlLimits) -> (Vec<Fragment>, Option<XmlError>, Splitter) {
    let mut splitter = Splitter::new(limits);
    let (mut input, mut fragments) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match splitter.next(&mut input) {
                Ok(Some(fragment)) => fragments.push(fragment),
                Ok(None) => break,
                Err(error) => return (fragments, Some(error), splitter),
            }
        }
    }
    (fragments, None, splitter)
}

fn whole(document: &str) -> (Vec<Fragment>, Option<XmlError>) {
    let (fragments, error, _) = split([document.as_bytes()], XmlLimits::default());
    (fragments, error)
}

fn check(element: impl Into<Bytes>) -> Result<(), XmlError> {
    carry(element.into(), &Scope::default(), &CARRIAGE, &XmlLimits::default()).map(drop)
}

// A13: declaration and byte order mark are read over
#[test]
fn every_cut_gives_the_same_fragments() {
    let bytes = DOCUMENT.as_bytes();
    let (expected, error) = whole(DOCUMENT);
    assert_eq!(error, None);
    assert_eq!(expected[0], Fragment::Opened("<body xmlns='u' a='>' b=\"/>\">".into()));
    assert_eq!(
        expected[2],
        Fragment::Element("<b x='/' >t]]<![CDATA[</b>]]]>&gt;</b >".into())
    );
    assert_eq!((expected.len(), &expected[5]), (6, &Fragment::Closed));
    assert_eq!(split(bytes.chunks(1), XmlLimits::default()).0, expected);
    for first in 0..bytes.len() {
        for second in [first, first + 1, first + 7, bytes.len()].map(|at| at.min(bytes.len())) {
            let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            let (fragments, error, splitter) = split(pieces, XmlLimits::default());
            assert_eq!(
                (fragments, error, splitter.is_closed()),
                (expected.clone(), None, true),
                "cut at {first} and {second}"
            );
        }
    }
}

// Q08: partial elements and white space are nothing yet
#[test]
fn every_prefix_is_incomplete_and_no_error() {
    let end = DOCUMENT.trim_end().len();
    for length in 0..end {
        let (_, error, splitter) = split([&DOCUMENT.as_bytes()[..length]], XmlLimits::default());
        assert_eq!((error, splitter.is_closed()), (None, false), "after {length} bytes");
    }
}

// A09: comments, processing instructions, DTDs and entities are refused, wherever they are, at no cost
#[test]
fn restricted_xml_is_refused() {
    let laughs: String = (1..10)
        .map(|n| format!("<!ENTITY l{n} '&l{0};&l{0};&l{0};&l{0};&l{0};'>", n - 1))
        .collect();
    let laughs = format!("<?xml version='1.0'?><!DOCTYPE l [<!ENTITY l0 'ha'>{laughs}]><body>&l9;</body>");
    let external = "<!DOCTYPE b SYSTEM 'file:///etc/passwd'><body/>";
    let placed = [
        "<!-- c --><a/>",
        "<a><!-- c --></a>",
        "<a/><!-- c -->",
        "<a/><?p i?>",
        "<a><?p i?></a>",
        "<![CDATA[x]]>",
        "<a><!ELEMENT b></a>",
    ];
    let placed = placed.map(|content| format!("<body>{content}</body>"));
    let declarations = [
        "<?p i?><body/>",
        "<?xml version='1.0'?><?xml version='1.0'?><body/>",
        "<?xml version='1.0' encoding='latin1'?><body/>",
    ];
    for document in [laughs.as_str(), external]
        .into_iter()
        .chain(placed.iter().map(String::as_str))
        .chain(declarations)
    {
        assert_eq!(whole(document).1, Some(XmlError::Restricted), "{document}");
    }
    assert_eq!(check("<a>&l9;</a>"), Err(XmlError::Restricted));
    assert_eq!(check("<a b='&l9;'/>"), Err(XmlError::Restricted));
    // no name, so no reference either
    assert_eq!(check("<a>AT&T rocks; yes</a>"), Err(XmlError::NotWellFormed));
}

// A10, A11: neither text in the wrapper nor anything behind it
#[test]
fn stray_and_trailing_content_is_refused() {
    assert_eq!(whole("<body>hello</body>").1, Some(XmlError::StrayText));
    assert_eq!(whole("<body><a/>&amp;</body>").1, Some(XmlError::StrayText));
    assert_eq!(whole("hello").1, Some(XmlError::StrayText));
    for trailing in ["<body/><body/>", "<body></body>x", "<body></body><!-- -->", "<a></b>", "</a>"] {
        assert_eq!(whole(trailing).1, Some(XmlError::NotWellFormed), "{trailing}");
    }
    for declaration in [
        "<?xml?>",
        "<?xml version='1.0'> ?>",
        "<?xml version='1.0'/?>",
        "<?xml version='1.0'encoding='utf-8'?>",
    ] {
        assert_eq!(
            whole(&format!("{declaration}<a/>")).1,
            Some(XmlError::NotWellFormed),
            "{declaration}"
        );
    }
    for declaration in [
        "<?xml version='2.0'?>",
        "<?xml xml:version='1.0'?>",
        "<?xml version='1.0' xmlns:p='u'?>",
        "<?xml-x version='1.0'?>",
    ] {
        assert_eq!(
            whole(&format!("{declaration}<a/>")).1,
            Some(XmlError::Restricted),
            "{declaration}"
        );
    }
}

// A10: everything that is no XML, although a tokenizer may take it
#[test]
fn what_is_ill_formed_is_refused() {
    let repeated = "<a xmlns:p='u' xmlns:q='u' p:x='' q:x=''/>";
    let rehomed = format!("<a xmlns:p='{HTTPBIND}' xmlns:q='jabber:client' p:x='' q:x=''/>");
    for element in [
        "<a>\0</a>",
        "<a>\u{1F}</a>",
        "<a b='\u{8}'/>",
        "<a>]]></a>",
        "<a b='<'/>",
        "<a b='1'c='2'/>",
        "<a b=1/>",
        "<a b/>",
        "<a b='1' b='2'/>",
        "<1a/>",
        "<a:b:c xmlns:a='u'/>",
        "<:a/>",
        "<a:/>",
        "<-a/>",
        "<a 1='x'/>",
        "<\u{D7}/>",
        "<a\u{2028}/>",
        "<></>",
        "< a/>",
        "<a></b>",
        "<a><b></a></b>",
        "<a",
        "<a>",
        "<a></a",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "",
        "<a>&#x0;</a>",
        "<a>&#55555555555;</a>",
        "<a>&#x;</a>",
        "<a>&lt</a>",
        "<a>& </a>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='u'/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns:xmlns='u'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a / >",
        "<a b='x\"/>",
        "<a><![CDATA[x]]</a>",
        "<a></a b='1'>",
        repeated,
        &rehomed,
    ] {
        assert_eq!(check(element.to_owned()), Err(XmlError::NotWellFormed), "{element}");
    }
    for element in ["<p:a/>", "<a p:b=''/>", "<a><b xmlns:p='u'/><p:c/></a>", "<xmlns:a/>"] {
        assert_eq!(check(element), Err(XmlError::UnboundPrefix), "{element}");
    }
    assert_eq!(check(&b"<a>\xFF</a>"[..]), Err(XmlError::NotUtf8));
    assert_eq!(check(&b"<a>\xED\xA0\x80</a>"[..]), Err(XmlError::NotUtf8));
    for element in [
        "<é:_-.·9 xmlns:é='u'/>",
        "<a\n\t b = '1'\r\nc=\"\"\n/>",
        "<a>]] ></a >",
        "<a xml:lang='x' xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
    ] {
        assert_eq!(check(element), Ok(()), "{element}");
    }
}

#[test]
fn limits_hold_while_it_arrives() {
    let limits = XmlLimits {
        root_tag_bytes: 64,
        element_bytes: 100,
        depth: 3,
        attributes: 2,
    };
    let endless = |start: &str, piece: &str| {
        split(
            [start].into_iter().chain(std::iter::repeat_n(piece, 200)).map(str::as_bytes),
            limits,
        )
        .1
    };
    for (start, piece) in [
        ("", "<?xml "),
        ("<a", " b='1'"),
        ("<a><b", " c"),
        ("<a><b>", "text"),
        ("<a><b>", "<c/>"),
        ("<a></a", " "),
        ("<a><b>", "<b>"),
    ] {
        assert_eq!(endless(start, piece), Some(XmlError::TooLarge), "{start}{piece}...");
    }
    assert_eq!(endless("<a>", "\n"), None);
    assert_eq!(endless("<a>", "<b><b><b/></b></b>"), None);
    assert_eq!(endless("<a>", "<b><b><b><b/></b></b></b>"), Some(XmlError::TooLarge));
    let fits = |text: &str| carry(text.to_owned().into(), &Scope::default(), &CARRIAGE, &limits).map(drop);
    assert_eq!(
        (fits("<b a='' b=''/>"), fits("<b a='' b='' c=''/>")),
        (Ok(()), Err(XmlError::TooLarge))
    );
    assert_eq!(
        (fits("<b><b><b/></b></b>"), fits("<b><b><b><b/></b></b></b>")),
        (Ok(()), Err(XmlError::TooLarge))
    );
}

/// Seventy thousand levels of nesting, and declarations that would have to be repeated again and again.
#[test]
fn hostile_elements_cost_little() {
    let deep = format!("<body>{}", "<a>".repeat(70_000));
    assert_eq!(whole(&deep).1, Some(XmlError::TooLarge));
    let amplified = format!(
        "<c:m xmlns:c='jabber:client' xmlns='{}'>{}</c:m>",
        "u".repeat(8000),
        "<y/>".repeat(20_000)
    );
    assert_eq!(check(amplified), Err(XmlError::TooLarge));
    let declared: String = (0..60).map(|n| format!(" xmlns:p{n}='u'")).collect();
    assert_eq!(check(format!("{0}{0}{0}", format!("<a{declared}>"))), Err(XmlError::TooLarge));
}

// A12: an undeclared prefix is refused, but for attributes with a prefix that the caller names
#[test]
fn only_named_prefixes_may_be_undeclared() {
    fn parse<'a>(tag: &'a Bytes, lenient: &[&str]) -> Result<Tag<'a>, XmlError> {
        Tag::parse(tag, &Scope::default(), &XmlLimits::default(), lenient)
    }
    let reversed = "<body xmlns='u' xmpp:xmlns='urn:xmpp:xbosh' xmpp:version='1.0' version='2'>".into();
    assert_eq!(parse(&reversed, &[]), Err(XmlError::UnboundPrefix));
    let tag = parse(&reversed, &["xmpp"]).unwrap();
    let names: Vec<_> = tag
        .attributes
        .iter()
        .map(|a| (a.prefix, a.local, a.namespace.as_str(), a.value.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("xmpp", "xmlns", "", "urn:xmpp:xbosh"),
            ("xmpp", "version", "", "1.0"),
            ("", "version", "", "2")
        ]
    );
    assert_eq!(parse(&"<xmpp:body/>".into(), &["xmpp"]), Err(XmlError::UnboundPrefix));
    assert_eq!(
        parse(&"<b xmlns:p='u' xmlns:q='u' p:a='' q:a=''/>".into(), &["xmpp"]),
        Err(XmlError::NotWellFormed)
    );
}

#[test]
fn a_tag_is_resolved_and_its_values_normalised() {
    let bytes = Bytes::from("<p:a xmlns='d' xmlns:p='&lt;u' b=' x\t\r\n&#10;&apos;y' p:b='2' xml:lang='de'/>rest");
    let mut outer = Scope::default();
    outer.declare("p".into(), "old".into());
    outer.declare("o".into(), "outer".into());
    let tag = Tag::parse(&bytes, &outer, &XmlLimits::default(), &[]).unwrap();
    assert!(tag.is("<u", "a") && tag.is_empty && tag.prefix == "p");
    assert_eq!(tag.attribute("", "b").map(|value| value.as_str()), Some(" x  \n'y"));
    assert_eq!(tag.attribute("<u", "b").map(|value| value.as_str()), Some("2"));
    assert_eq!(
        tag.attribute("http://www.w3.org/XML/1998/namespace", "lang")
            .map(|value| value.as_str()),
        Some("de")
    );
    let namespace = |prefix| tag.scope.namespace(prefix).map(|namespace| namespace.to_string());
    assert_eq!(
        ["", "p", "o", "q"].map(namespace),
        [Some("d".into()), Some("<u".into()), Some("outer".into()), None]
    );
    assert_eq!(&bytes[tag.attributes[0].span.clone()], b" b=' x\t\r\n&#10;&apos;y'");
}

#[test]
fn fuzz_corpora_hold() {
    for (target, property) in [
        ("splitter", properties::splitter as fn(&[u8])),
        ("body", properties::body),
        ("stream", properties::stream),
        ("session", properties::session),
        ("script", properties::script),
        ("polling", properties::polling),
        ("proxy", properties::proxy),
    ] {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(target);
        let seeds: Vec<_> = corpus.read_dir().unwrap().collect();
        assert!(!seeds.is_empty(), "{target}");
        seeds
            .into_iter()
            .for_each(|seed| property(&std::fs::read(seed.unwrap().path()).unwrap()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    // O06: bytes that begin like a PROXY header
    #[test]
    fn any_introduction(line in any::<bool>(), fixed in "\\PC{0,40}", data in prop::collection::vec(any::<u8>(), 0..200)) {
        let block = [&b"\r\n\r\n\0\r\nQUIT\n\x21"[..], &data].concat();
        properties::proxy(&block);
        let line = if line { format!("PROXY {fixed}\r\n") } else { format!("PROXY TCP4 {fixed}\r\n") };
        properties::proxy(line.as_bytes());
        properties::proxy(&data);
    }

    // the operations and pieces of the fuzz targets, without their guidance
    #[test]
    fn any_operations(data in prop::collection::vec(any::<u8>(), 0..300)) {
        properties::session(&data);
    }

    #[test]
    fn any_script(data in prop::collection::vec(prop::sample::select(b"\x03\x10<a/>b= '\"&;x".to_vec()), 0..40)) {
        properties::script(&data);
    }
}

/// Elements with every mixture of prefixes and namespaces.
fn element() -> impl Strategy<Value = String> {
    let prefix = || prop::sample::select(vec!["", "", "a", "stream"]);
    let namespace = prop::sample::select(vec![HTTPBIND, "jabber:client", STREAM, "urn:a"]);
    let declarations = prop::collection::btree_map(prefix(), namespace, 0..3);
    let tag = (prefix(), declarations, prop::collection::vec(prefix(), 0..3));
    let written = |(prefix, declarations, attributes): (&str, std::collections::BTreeMap<&str, &str>, Vec<&str>),
                   children: String| {
        let name = |prefix: &str, local: &str| {
            if prefix.is_empty() {
                local.to_owned()
            } else {
                format!("{prefix}:{local}")
            }
        };
        let declared: String = declarations
            .iter()
            .map(|(prefix, namespace)| {
                if prefix.is_empty() {
                    format!(" xmlns='{namespace}'")
                } else {
                    format!(" xmlns:{prefix}=\"{namespace}\"")
                }
            })
            .collect();
        let attributes: String = attributes
            .iter()
            .enumerate()
            .map(|(n, prefix)| format!(" {}='&lt;{n}'", name(prefix, &format!("x{n}"))))
            .collect();
        let name = name(prefix, "e");
        format!("<{name}{attributes}{declared}>t{children}</{name}>")
    };
    let leaf = tag.clone().prop_map(move |tag| written(tag, "<![CDATA[>]]>".into()));
    leaf.prop_recursive(5, 24, 3, move |inner| {
        (tag.clone(), prop::collection::vec(inner, 0..3)).prop_map(move |(tag, children)| written(tag, children.concat()))
    })
}

/// What rehoming makes of an element.
fn rehomed(mut element: Element) -> Element {
    let name = |name: &str| name.replace(HTTPBIND, "jabber:client");
    element.name = name(&element.name);
    element.attributes = element
        .attributes
        .iter()
        .map(|(key, value)| (name(key), value.clone()))
        .collect();
    for child in &mut element.children {
        if let infoset::Node::Element(child) = child {
            *child = rehomed(std::mem::take(child));
        }
    }
    element
}

proptest! {
    // NS01 to NS10 in all mixtures, NS05 above all
    #[test]
    fn carrying_keeps_the_meaning(element in element(), default in prop::sample::select(vec!["", HTTPBIND, "jabber:client", STREAM])) {
        let mut scope = Scope::default();
        scope.declare("".into(), default.into());
        scope.declare("a".into(), HTTPBIND.into());
        scope.declare("stream".into(), STREAM.into());
        let payload = carry(element.clone().into(), &scope, &CARRIAGE, &XmlLimits::default()).unwrap();
        let root = format!("<r xmlns='{default}' xmlns:a='{HTTPBIND}' xmlns:stream='{STREAM}'>{element}</r>");
        let expected = rehomed(infoset(&root).elements().next().unwrap().clone());
        prop_assert_eq!(&infoset(payload.as_str()), &expected, "{}", payload.as_str());
        prop_assert!(!payload.as_str().contains(HTTPBIND), "{}", payload.as_str());
        prop_assert_eq!(&expected.name, &if payload.namespace().is_empty() { payload.local().to_owned() } else { format!("{{{}}}{}", payload.namespace(), payload.local()) });
        // and now nothing is left to be done
        let again = carry(payload.bytes().clone(), &Scope::default(), &CARRIAGE, &XmlLimits::default()).unwrap();
        prop_assert_eq!(again.bytes().as_ptr(), payload.bytes().as_ptr());
        prop_assert_eq!(again, payload);
    }

    #[test]
    fn random_cuts_give_the_same_fragments(elements in prop::collection::vec(element(), 0..6), sizes in prop::collection::vec(1..40usize, 1..9)) {
        let document = format!("<?xml version='1.0'?><r> {}</r>", elements.join("\n"));
        let mut rest = document.as_bytes();
        let pieces = sizes.iter().cycle().map_while(|size| {
            let (piece, left) = rest.split_at((*size).min(rest.len()));
            rest = left;
            (!piece.is_empty()).then_some(piece)
        });
        let (fragments, error, splitter) = split(pieces, XmlLimits::default());
        prop_assert_eq!((error, splitter.is_closed()), (None, true));
        let expected: Vec<_> = elements.into_iter().map(|element| Fragment::Element(element.into())).collect();
        prop_assert_eq!(&fragments[1..fragments.len() - 1], &expected[..]);
    }

    #[test]
    fn hostile_bytes_never_panic(noise in "[<>/!?\\[\\]CDAT&;#x'\"= a:é\\-0]{0,60}", at in 0..DOCUMENT.len()) {
        let mut document = DOCUMENT.as_bytes().to_vec();
        document.splice(at..at, noise.bytes());
        for fragment in split(document.chunks(3), XmlLimits::default()).0 {
            match fragment {
                Fragment::Opened(tag) => drop(Tag::parse(&tag, &Scope::default(), &XmlLimits::default(), &[])),
                Fragment::Element(element) => drop(check(element)),
                Fragment::Closed => {}
            }
        }
    }
}
