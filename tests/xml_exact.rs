//! The floor of XML to the byte: where its bounds lie, when it knows, what it writes.

use boshd::xml::scope::{Carriage, Scope, carry};
use boshd::xml::splitter::{Fragment, Splitter};
use boshd::xml::tag::Tag;
use boshd::xml::{Payload, XmlError, XmlLimits};
use bytes::{Bytes, BytesMut};

const STREAM: &str = "http://etherx.jabber.org/streams";
const CARRIAGE: Carriage = Carriage {
    rehome: None,
    prefixes: &[(STREAM, "stream")],
};

/// An element around which nothing is declared.
fn carried(element: &str) -> Result<Payload, XmlError> {
    carry(element.to_owned().into(), &Scope::default(), &CARRIAGE, &XmlLimits::default())
}

/// How many fragments a document has that arrives in one piece, what is wrong with it, and whether it is complete.
fn split(document: &str, limits: XmlLimits) -> (usize, Option<XmlError>, bool) {
    let (mut splitter, mut input) = (Splitter::new(limits), BytesMut::from(document));
    let mut fragments = 0;
    loop {
        match splitter.next(&mut input) {
            Ok(Some(Fragment::Opened(_) | Fragment::Element(_) | Fragment::Closed)) => fragments += 1,
            Ok(None) => return (fragments, None, splitter.is_closed()),
            Err(error) => return (fragments, Some(error), splitter.is_closed()),
        }
    }
}

#[test]
fn a_verdict_needs_no_more_bytes_than_it_must() {
    let first = |piece| split(piece, XmlLimits::default()).1;
    assert_eq!(first("x"), Some(XmlError::StrayText));
    assert_eq!(first("<a><b>< "), Some(XmlError::NotWellFormed));
    for inside in [
        "<a><!",
        "<a><?",
        "<!",
        "<?xml version='1.0'?><?",
        "<a><b><?",
        "<a><b><!-",
        "<a><b><![CDXX",
    ] {
        assert_eq!(first(inside), Some(XmlError::Restricted), "{inside}");
    }
    let mut input = BytesMut::from("\u{FEFF}");
    assert_eq!(Splitter::new(XmlLimits::default()).next(&mut input), Ok(None));
    assert!(input.is_empty());
}

#[test]
fn a_declaration_says_xml_in_utf_8() {
    let declared = |attributes: &str| split(&format!("<?xml {attributes}?><a/>"), XmlLimits::default()).1;
    for good in [
        "version='1.0'",
        "version='1.1' encoding='UTF-8'",
        "version='1.0' standalone='yes'",
        "version='1.0' encoding='utf-8' standalone='no'",
    ] {
        assert_eq!(declared(good), None, "{good}");
    }
    for bad in [
        "version='1.'",
        "version='1.x'",
        "version='2.0'",
        "version='1.0' standalone='maybe'",
        "version='1.0' encoding='latin1'",
    ] {
        assert_eq!(declared(bad), Some(XmlError::Restricted), "{bad}");
    }
}

#[test]
fn only_its_own_end_ends_a_section_of_characters() {
    let document = "<a><c><![CDATA[><b>]> ]]]]></c></a>";
    assert_eq!(split(document, XmlLimits::default()), (3, None, true));
}

#[test]
fn each_bound_is_exact() {
    let bounded = |root_tag_bytes, element_bytes| {
        let limits = XmlLimits {
            root_tag_bytes,
            element_bytes,
            ..XmlLimits::default()
        };
        split("<body a='b'><a></a></body>", limits).1
    };
    assert_eq!(bounded(12, 7), None);
    assert_eq!(bounded(11, 7), Some(XmlError::TooLarge));
    assert_eq!(bounded(12, 6), Some(XmlError::TooLarge));
    assert_eq!(bounded(100, 7), None);
    assert_eq!(bounded(12, 100), None);
    let carried = |element_bytes| {
        let limits = XmlLimits {
            element_bytes,
            ..XmlLimits::default()
        };
        carry("<a xmlns='u'/>".into(), &Scope::default(), &CARRIAGE, &limits).err()
    };
    assert_eq!(
        (carried(14), carried(13), carried(12)),
        (None, Some(XmlError::TooLarge), Some(XmlError::TooLarge))
    );
}

#[test]
fn a_value_is_normalised_and_ends_with_its_quote() {
    let tag = Bytes::from_static(b"<a b='x\ty'>");
    let tag = Tag::parse(&tag, &Scope::default(), &XmlLimits::default(), &[]).unwrap();
    assert_eq!(tag.attribute("", "b").map(|value| value.as_str()), Some("x y"));
    assert_eq!(carried("<a b='x< c='y'/>"), Err(XmlError::NotWellFormed));
}

#[test]
fn what_is_no_element_is_refused_by_whoever_carries_it() {
    for inside in ["<!-- -->", "<?x y?>", "<!DOCTYPE a>"] {
        let carried = carried(&format!("<a>{inside}</a>"));
        assert_eq!(carried, Err(XmlError::Restricted), "{inside}");
    }
}

#[test]
fn a_payload_moves_into_another_buffer() {
    let payload = carried("<message/>").unwrap();
    let buffer = Bytes::copy_from_slice(payload.bytes());
    let moved = payload.moved(buffer.clone());
    assert_eq!(moved, payload);
    assert_eq!(moved.bytes().as_ptr(), buffer.as_ptr());
}

#[test]
fn nothing_is_renamed_or_declared_without_need() {
    let stream = "http://etherx.jabber.org/streams";
    for (given, seen) in [
        (
            format!("<s:b xmlns:s='{stream}' xmlns:stream='{stream}' stream:x='1'/>"),
            format!("<stream:b xmlns:s='{stream}' xmlns:stream='{stream}' stream:x='1'/>"),
        ),
        (
            format!("<a xmlns='u' xmlns:stream='urn:o'><s:b xmlns:s='{stream}'/><stream:c/></a>"),
            format!("<a xmlns='u' xmlns:stream='urn:o'><stream:b xmlns:stream='{stream}' xmlns:s='{stream}'/><stream:c/></a>"),
        ),
        (
            format!("<a xmlns='u' xmlns:stream='urn:o'><s:b xmlns:s='{stream}' ><c stream:x='1'/></s:b></a>"),
            format!(
                "<a xmlns='u' xmlns:stream='urn:o'><stream:b xmlns:stream='{stream}' xmlns:s='{stream}' >\
                 <c xmlns:stream='urn:o' stream:x='1'/></stream:b></a>"
            ),
        ),
    ] {
        assert_eq!(carried(&given).unwrap().as_str(), seen);
    }
}

#[test]
fn a_fresh_prefix_is_one_that_is_not_taken() {
    let taken: String = (10..60).map(|number| format!(" xmlns:ns{number}='u'")).collect();
    let given = format!(
        "<a xmlns='u'{taken}><s:b xmlns:s='http://etherx.jabber.org/streams' xmlns:stream='urn:o' stream:x='1' stream:y='2'/></a>"
    );
    let carried = carried(&given).unwrap();
    let carried = carried.as_str();
    assert!(
        carried.contains(" xmlns:ns60='urn:o' xmlns:ns61='urn:o' ") && carried.contains(" ns60:x='1' ns61:y='2'/>"),
        "{carried}"
    );
}

#[test]
fn declarations_inside_an_element_are_bounded() {
    let nested = |declarations: [usize; 3]| {
        let tags = declarations.map(|count| (0..count).map(|number| format!(" xmlns:p{number}='u'")).collect::<String>());
        let inside = tags.map(|declared| format!("<a{declared}>")).concat();
        carried(&format!("<m>{inside}</a></a></a></m>"))
    };
    assert!(nested([60, 60, 8]).is_ok());
    assert_eq!(nested([60, 60, 9]).err(), Some(XmlError::TooLarge));
}

#[test]
fn what_is_declared_again_has_a_bound() {
    let element = "<a xmlns:stream='u'><s:b xmlns:s='http://etherx.jabber.org/streams'/></a>";
    let carried = |more| {
        let limits = XmlLimits {
            element_bytes: element.len(),
            root_tag_bytes: more,
            ..XmlLimits::default()
        };
        carry(element.into(), &Scope::default(), &CARRIAGE, &limits)
    };
    let length = carried(1000).unwrap().bytes().len();
    assert!(carried(length - element.len()).is_ok());
    assert_eq!(carried(length - element.len() - 1), Err(XmlError::TooLarge));
}
