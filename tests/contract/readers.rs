//! Clients that do not read XML where one would expect it: they cut the answer as text, or take an element out of it.

use quick_xml::Reader;
use quick_xml::events::Event;

/// What is left of an answer that was cut.
#[derive(PartialEq, Eq, Debug)]
pub struct Cut<'a> {
    /// The wrapper's tag from its name on, without what closes it.
    pub tag: &'a str,
    pub content: &'a str,
}

/// Swiften looks for the wrapper's tag at the first byte and for its end outside of quotes, then for the end tag from behind.
pub fn swiften(text: &str) -> Option<Cut<'_>> {
    let after = text
        .strip_prefix("<body")
        .filter(|after| after.starts_with([' ', '>', '/']))?;
    let mut quote = None;
    let end = after.char_indices().find_map(|(at, character)| {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None, '/' | '>') => return Some(at),
            _ => {}
        }
        None
    })?;
    let (tag, rest) = after.split_at(end);
    match rest.strip_prefix("/>") {
        Some("") => Some(Cut { tag, content: "" }),
        Some(_) => None,
        None => Some(Cut {
            tag,
            content: rest.strip_prefix('>')?.strip_suffix("</body>")?,
        }),
    }
}

/// JAXL takes an answer for empty if it ends like an empty element, and otherwise lets the tag end at the first `>`.
pub fn jaxl(text: &str) -> Option<Cut<'_>> {
    let after = text.strip_prefix("<body ")?;
    match after.strip_suffix("/>") {
        Some(tag) => Some(Cut { tag, content: "" }),
        None => {
            let (tag, content) = after.strip_suffix("</body>")?.split_once('>')?;
            Some(Cut { tag, content })
        }
    }
}

/// agsXMPP lets the tag end at the first `>`, whatever follows.
pub fn agsxmpp(text: &str) -> Option<Cut<'_>> {
    let (tag, rest) = text.strip_prefix("<body ")?.split_once('>')?;
    match tag.strip_suffix('/') {
        Some(tag) => Some(Cut { tag, content: "" }),
        None => Some(Cut {
            tag,
            content: &rest[..rest.rfind("</body>")?],
        }),
    }
}

/// The elements in an answer, each as it stands there, for who reads it again by itself.
pub fn children(text: &str) -> Vec<&str> {
    let mut reader = Reader::from_str(text);
    let (mut depth, mut begin, mut children) = (0, 0, Vec::new());
    loop {
        let before = usize::try_from(reader.buffer_position()).expect("an answer fits in memory");
        let event = reader.read_event().expect(text);
        let after = usize::try_from(reader.buffer_position()).expect("an answer fits in memory");
        match event {
            Event::Start(_) => {
                if depth == 1 {
                    begin = before;
                }
                depth += 1;
            }
            Event::Empty(_) if depth == 1 => children.push(&text[before..after]),
            Event::End(_) => {
                depth -= 1;
                if depth == 1 {
                    children.push(&text[begin..after]);
                }
            }
            Event::Eof => return children,
            _ => {}
        }
    }
}

/// What a browser tells of an attribute by the name that stands there, namespace declarations included, of an element cut out as text.
pub fn literal<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let (tag, _) = element.split_once('>')?;
    let (_, value) = tag.split_once(&format!(" {name}="))?;
    let quote = value.chars().next()?;
    value[1..].split_once(quote).map(|(value, _)| value)
}
