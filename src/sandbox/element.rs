//! One XML element as a small tree: what the sandbox reads from payloads and writes onto streams.
//! Prefixes are forgotten in favour of namespaces, and with them prefixed attributes other than `xml:lang`.

use bytes::Bytes;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use crate::xml::{Payload, escape_attribute, escape_text};

/// An element, built up by `with`, `child` and `text`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Element {
    namespace: String,
    local: String,
    attributes: Vec<(String, String)>,
    nodes: Vec<Node>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    pub(super) fn new(namespace: &str, local: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            local: local.to_owned(),
            attributes: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// With an attribute more, or with another value of one that is there.
    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.set(name, value);
        self
    }

    pub(super) fn child(mut self, child: Self) -> Self {
        self.nodes.push(Node::Element(child));
        self
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.push_text(text);
        self
    }

    /// Reads a payload; `None` only for what a stream's reader should not have let through.
    pub(super) fn read(payload: &Payload) -> Option<Self> {
        Self::parse(std::str::from_utf8(payload.bytes()).ok()?)
    }

    pub(super) fn parse(xml: &str) -> Option<Self> {
        let mut reader = NsReader::from_str(xml);
        reader.config_mut().expand_empty_elements = true;
        let mut open: Vec<Self> = Vec::new();
        loop {
            match reader.read_resolved_event().ok()? {
                (namespace, Event::Start(tag)) => open.push(Self::opened(&namespace, &tag)?),
                (_, Event::End(_)) => {
                    let closed = open.pop()?;
                    match open.last_mut() {
                        Some(parent) => parent.nodes.push(Node::Element(closed)),
                        None => return Some(closed),
                    }
                }
                (_, Event::Text(text)) => open.last_mut()?.push_text(&text.xml10_content()),
                (_, Event::CData(text)) => open.last_mut()?.push_text(&text.xml10_content()),
                (_, Event::GeneralRef(reference)) => open.last_mut()?.push_text(&resolve(&reference)?),
                _ => return None,
            }
        }
    }

    pub(super) fn local(&self) -> &str {
        &self.local
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && self.namespace == namespace
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn set(&mut self, name: &str, value: impl ToString) {
        self.unset(name);
        self.attributes.push((name.to_owned(), value.to_string()));
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.attributes.retain(|(n, _)| n != name);
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child of this name.
    pub(super) fn find(&self, namespace: &str, local: &str) -> Option<&Self> {
        self.elements().find(|e| e.is(namespace, local))
    }

    /// Takes the children of this name out.
    pub(super) fn remove(&mut self, namespace: &str, local: &str) {
        self.nodes
            .retain(|node| !matches!(node, Node::Element(e) if e.is(namespace, local)));
    }

    /// The character data directly inside.
    pub(super) fn content(&self) -> String {
        self.nodes
            .iter()
            .map(|node| if let Node::Text(text) = node { text.as_str() } else { "" })
            .collect()
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        let mut out = String::new();
        self.write("", &mut out);
        Bytes::from(out)
    }

    /// Writes the element into a parent whose default namespace is `outer`.
    fn write(&self, outer: &str, out: &mut String) {
        out.push('<');
        out.push_str(&self.local);
        if self.namespace != outer {
            write_attribute("xmlns", &self.namespace, out);
        }
        for (name, value) in &self.attributes {
            write_attribute(name, value, out);
        }
        if self.nodes.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for node in &self.nodes {
            match node {
                Node::Element(element) => element.write(&self.namespace, out),
                Node::Text(text) => out.push_str(&escape_text(text)),
            }
        }
        out.push_str("</");
        out.push_str(&self.local);
        out.push('>');
    }

    fn opened(namespace: &ResolveResult<'_>, tag: &BytesStart<'_>) -> Option<Self> {
        let namespace = match namespace {
            ResolveResult::Bound(Namespace(namespace)) => namespace,
            ResolveResult::Unbound => "",
            ResolveResult::Unknown(_) => return None,
        };
        let mut element = Self::new(namespace, tag.local_name().as_ref());
        for attribute in tag.attributes() {
            let attribute = attribute.ok()?;
            let name = attribute.key.0;
            if name == "xmlns" || (name.contains(':') && !name.starts_with("xml:")) {
                continue;
            }
            element.set(name, attribute.normalized_value(XmlVersion::Implicit1_0).ok()?);
        }
        Some(element)
    }

    fn push_text(&mut self, text: &str) {
        match self.nodes.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => self.nodes.push(Node::Text(text.to_owned())),
        }
    }
}

fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    match reference.resolve_char_ref().ok()? {
        Some(character) => Some(character.into()),
        None => resolve_predefined_entity(&reference.xml10_content()).map(str::to_owned),
    }
}

fn write_attribute(name: &str, value: &str, out: &mut String) {
    out.push(' ');
    out.push_str(name);
    out.push_str("='");
    out.push_str(&escape_attribute(value));
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(xml: &str) -> String {
        String::from_utf8(Element::parse(xml).unwrap().to_bytes().to_vec()).unwrap()
    }

    #[test]
    fn prefixes_become_namespaces_and_mixed_content_keeps_its_order() {
        assert_eq!(
            rewritten("<c:message xmlns:c='jabber:client' id='1' c:x='y' xml:lang='de'><c:body>a <b>c</b>d</c:body></c:message>"),
            "<message xmlns='jabber:client' id='1' xml:lang='de'><body>a <b xmlns=''>c</b>d</body></message>"
        );
    }

    #[test]
    fn text_and_values_survive() {
        assert_eq!(
            rewritten("<a xmlns='n' v='1&apos;&lt;&#10;'>&amp;&#x41;<![CDATA[<&]]>\n</a>"),
            "<a xmlns='n' v='1&apos;&lt;&#10;'>&amp;A&lt;&amp;\n</a>"
        );
        let body = Element::parse("<body xmlns='n'>1 &lt; 2<i/> &gt; 0</body>").unwrap();
        assert_eq!(body.content(), "1 < 2 > 0");
    }

    #[test]
    fn what_is_built_can_be_found() {
        let built = Element::new("n", "a")
            .with("k", 1)
            .with("k", 2)
            .child(Element::new("m", "b").text("x"));
        assert_eq!(built.attribute("k"), Some("2"));
        assert_eq!(built.find("m", "b").unwrap().content(), "x");
        assert_eq!(
            Element::parse(&rewritten("<a xmlns='n' k='2'><b xmlns='m'>x</b></a>")),
            Some(built)
        );
    }

    #[test]
    fn what_a_reader_should_have_refused() {
        for xml in ["<a>", "<a></b>", "<p:a/>", "<a>&unknown;</a>", "<a><!-- --></a>", ""] {
            assert_eq!(Element::parse(xml), None, "{xml}");
        }
    }
}
