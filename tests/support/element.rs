//! A received XML element as a small tree: what a test asks about stanzas, and nothing more.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// As written, with its prefix.
    pub name: String,
    attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
}

impl Element {
    /// Panics where it is not exactly one well-formed element.
    pub fn parse(xml: &str) -> Self {
        let mut reader = Reader::from_str(xml);
        let mut open: Vec<Element> = Vec::new();
        loop {
            let event = reader.read_event().unwrap_or_else(|error| panic!("{error}: {xml}"));
            let closed = match event {
                Event::Start(tag) => {
                    open.push(Self::start(&tag));
                    None
                }
                Event::Empty(tag) => Some(Self::start(&tag)),
                Event::End(_) => open.pop(),
                Event::Eof => panic!("ends in the middle: {xml}"),
                other => {
                    let parent = open.last_mut().unwrap_or_else(|| panic!("text outside of the root: {xml}"));
                    parent.text.push_str(&character_data(&other));
                    None
                }
            };
            match (closed, open.last_mut()) {
                (Some(element), Some(parent)) => parent.children.push(element),
                (Some(root), None) => return root,
                (None, _) => {}
            }
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of that child; of a message, `body`.
    pub fn text_of(&self, child: &str) -> Option<&str> {
        self.child(child).map(|child| child.text.as_str())
    }

    fn start(tag: &BytesStart<'_>) -> Self {
        let attributes = tag.attributes().map(|attribute| {
            let attribute = attribute.expect("attribute");
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).expect("attribute value");
            (text(attribute.key.as_ref()), value.into_owned())
        });
        let attributes = attributes.collect();
        Self {
            name: text(tag.name().as_ref()),
            attributes,
            children: Vec::new(),
            text: String::new(),
        }
    }
}

fn character_data(event: &Event<'_>) -> String {
    match event {
        Event::Text(data) => data.xml10_content().into_owned(),
        Event::CData(data) => data.xml10_content().into_owned(),
        Event::GeneralRef(reference) => match reference.resolve_char_ref().expect("character reference") {
            Some(character) => character.to_string(),
            None => predefined(reference.as_ref()).to_owned(),
        },
        other => panic!("not allowed in XMPP: {other:?}"),
    }
}

fn predefined(entity: &str) -> &'static str {
    quick_xml::escape::resolve_predefined_entity(entity).expect("a predefined entity")
}

fn text(name: &str) -> String {
    name.to_owned()
}
