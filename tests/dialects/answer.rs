//! An answer, as the most careless of the clients reads it: by searching in its text. What none of them bears is looked for in each.

use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::bench::infoset::infoset;
use super::bench::poster::{HTTPBIND, Reply};
use super::script::Check;

const STREAMS: &str = "http://etherx.jabber.org/streams";

/// Of features that a client behind a connection manager can do nothing with.
const USELESS: [&str; 3] = ["<starttls", "<compression", "-PLUS<"];

#[derive(Clone, Debug)]
pub struct Answer {
    pub text: String,
    /// Where the start tag ends, for who takes the first `>` for its end.
    tag: usize,
}

impl Answer {
    /// Panics where a client would choke.
    pub fn of(reply: &Reply) -> Self {
        let text = reply.text.clone();
        head_is_plain(&reply.head);
        let tag = text.find('>').expect("a tag");
        let answer = Self { text, tag };
        let text = &answer.text;
        assert!(text.starts_with(&format!("<body xmlns='{HTTPBIND}'")), "{text}");
        assert!(text.ends_with("</body>") || text.len() == tag + 1, "{text}");
        for attribute in reply.root.attributes.keys().filter(|name| !name.starts_with('{')) {
            assert!(answer.attribute(attribute).is_some(), "{attribute} is behind a > in {text}");
        }
        assert_ne!(answer.attribute("type"), Some("error"), "{text}");
        for useless in USELESS {
            assert!(!text.contains(useless), "{text}");
        }
        answer.payloads_stand_alone();
        answer
    }

    /// The value of the root's attribute, with this prefix.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let tag = &self.text[..self.tag];
        let (_, value) = tag.split_once(&format!(" {name}='"))?;
        Some(value.split_once('\'')?.0)
    }

    pub fn is_the_end(&self) -> bool {
        self.attribute("type") == Some("terminate")
    }

    /// What is between the tags.
    pub fn payload(&self) -> &str {
        let end = self.text.rfind("</body>").unwrap_or(self.text.len());
        &self.text[self.tag + 1..end]
    }

    /// The text of the first such element, wherever it is.
    pub fn content_of(&self, element: &str) -> Option<&str> {
        let (_, behind) = self.text.split_once(&format!("<{element}"))?;
        let (_, content) = behind.split_once('>')?;
        Some(content.split_once('<')?.0)
    }

    /// Does this hold, once `known` has filled in what it stands for?
    pub fn passes(&self, check: &Check, known: impl Fn(&str) -> String) -> bool {
        let number = |name: &str| self.attribute(name).and_then(|value| value.parse::<u64>().ok());
        match check {
            Check::Attribute(name) => self.attribute(name).is_some(),
            Check::Value(name, value) => self.attribute(name) == Some(&known(value)),
            Check::MoreThan(name, least) => number(name).is_some_and(|value| value > *least),
            Check::NoAttribute(name) => self.attribute(name).is_none(),
            Check::First(text) => self.payload().starts_with(text.as_str()),
            Check::Empty => self.payload().is_empty(),
            Check::Text(text) => self.text.contains(&known(text)),
            Check::NoText(text) => !self.text.contains(&known(text)),
        }
    }

    /// There is nothing between payloads, and each can be cut out and read by itself: it declares its own namespace and every prefix.
    fn payloads_stand_alone(&self) {
        let payloads = cut(self.payload());
        assert_eq!(payloads.concat(), self.payload(), "something between payloads");
        for payload in payloads {
            assert!(payload.starts_with('<'), "{payload:?}");
            let element = infoset(payload);
            let namespace = element.name.strip_prefix('{').and_then(|name| name.split_once('}'));
            let (namespace, _) = namespace.unwrap_or_else(|| panic!("no namespace: {payload}"));
            assert_ne!(namespace, HTTPBIND, "{payload}");
            assert_eq!(payload.starts_with("<stream:"), namespace == STREAMS, "{payload}");
        }
    }
}

fn head_is_plain(head: &str) {
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    let count = |name: &str| head.matches(&format!("\r\n{name}: ")).count();
    assert_eq!(count("content-length"), 1, "{head}");
    assert_eq!(count("transfer-encoding") + count("content-encoding"), 0, "{head}");
    assert!(head.contains("\r\ncontent-type: text/xml"), "{head}");
}

/// The elements of a fragment, as they are written.
fn cut(fragment: &str) -> Vec<&str> {
    let mut reader = Reader::from_str(fragment);
    let (mut pieces, mut depth, mut start) = (Vec::new(), 0, 0);
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error}: {fragment}"));
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Empty(_) | Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {}
            Event::Eof => return pieces,
            other => panic!("{other:?} in {fragment}"),
        }
        if depth == 0 {
            let end = usize::try_from(reader.buffer_position()).unwrap();
            pieces.push(&fragment[start..end]);
            start = end;
        }
    }
}
