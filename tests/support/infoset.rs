//! What an element says, whatever prefixes, quotes and order of attributes it is written with: elements are compared by this.

use std::collections::BTreeMap;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

/// An element, with its name as `{namespace}local`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    pub children: Vec<Node>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    Element(Element),
    Text(String),
}

/// Reads a document that has to stand alone.
pub fn infoset(document: &str) -> Element {
    let mut reader = NsReader::from_str(document);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {document}")) {
            Event::Start(tag) => open.push(element(&reader, &tag)),
            Event::Empty(tag) => {
                let element = element(&reader, &tag);
                open.last_mut().unwrap().children.push(Node::Element(element));
            }
            Event::End(_) => {
                let element = open.pop().unwrap();
                open.last_mut().unwrap().children.push(Node::Element(element));
            }
            Event::Text(text) => push_text(&mut open, &text.replace("\r\n", "\n").replace('\r', "\n")),
            Event::CData(text) => push_text(&mut open, &text),
            Event::GeneralRef(reference) => {
                let raw = format!("&{};", &*reference);
                push_text(&mut open, &quick_xml::escape::unescape(&raw).unwrap());
            }
            Event::Eof => break,
            other => panic!("{other:?} in {document}"),
        }
    }
    assert_eq!(open.len(), 1, "unclosed: {document}");
    match &open[0].children[..] {
        [Node::Element(root)] => root.clone(),
        other => panic!("not one root: {other:?}"),
    }
}

impl Element {
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }
}

fn element(reader: &NsReader<&[u8]>, tag: &BytesStart) -> Element {
    let mut element = Element::default();
    let (namespace, local) = reader.resolver().resolve_element(tag.name());
    element.name = name(&namespace, local.as_ref());
    for attribute in tag.attributes() {
        let attribute = attribute.unwrap();
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).unwrap().into_owned();
        let before = element.attributes.insert(name(&namespace, local.as_ref()), value);
        assert_eq!(before, None, "an attribute twice");
    }
    element
}

fn name(namespace: &ResolveResult, local: &str) -> String {
    match namespace {
        ResolveResult::Bound(namespace) => format!("{{{}}}{local}", &namespace.0),
        ResolveResult::Unbound => local.to_owned(),
        ResolveResult::Unknown(prefix) => panic!("unbound prefix {prefix:?} of {local}"),
    }
}

/// Neighbouring text, references and CDATA sections are one piece of text.
fn push_text(open: &mut [Element], text: &str) {
    let children = &mut open.last_mut().unwrap().children;
    match children.last_mut() {
        Some(Node::Text(before)) => before.push_str(text),
        _ => children.push(Node::Text(text.to_owned())),
    }
}
