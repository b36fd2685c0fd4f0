//! Looking into a payload: its elements, one after the other, with names resolved.

use super::lexer::{Lexer, Markup};
use super::scope::Scope;
use super::tag::{Resolver, Tag};
use super::{Payload, XmlError, XmlLimits};

/// One element of a payload.
pub struct Visit<'v, 'a> {
    /// The payload itself has 0.
    pub depth: usize,
    pub tag: &'v Tag<'a>,
    /// What stands in it before its first child, as it was written.
    pub text: &'v str,
}

/// What `look` finds first, in document order.
pub fn find<T>(payload: &Payload, look: impl FnMut(&Visit<'_, '_>) -> Option<T>) -> Option<T> {
    // a payload is well-formed, so this does not fail
    search(payload, look).ok().flatten()
}

fn search<T>(payload: &Payload, mut look: impl FnMut(&Visit<'_, '_>) -> Option<T>) -> Result<Option<T>, XmlError> {
    let limits = XmlLimits {
        attributes: usize::MAX,
        ..XmlLimits::default()
    };
    let mut lexer = Lexer::new(payload.bytes())?;
    let mut open: Vec<(_, Tag)> = Vec::new();
    // the innermost has not been looked at, as its text was to be read first
    let mut fresh = false;
    loop {
        let text = lexer.text()?;
        if let Some((_, tag)) = open.last().filter(|_| std::mem::take(&mut fresh)) {
            let depth = open.len() - 1;
            if let found @ Some(_) = look(&Visit { depth, tag, text }) {
                return Ok(found);
            }
        }
        match lexer.markup()? {
            Markup::Start(name) => {
                let outer = open.last().map(|(_, tag)| tag.scope.clone()).unwrap_or_default();
                let tag = resolver(&outer, &limits).tag(&mut lexer, name)?;
                if !tag.is_empty {
                    open.push((name, tag));
                    fresh = true;
                } else if let found @ Some(_) = look(&Visit {
                    depth: open.len(),
                    tag: &tag,
                    text: "",
                }) {
                    return Ok(found);
                }
            }
            Markup::End => match open.pop() {
                Some((name, _)) => lexer.end_tag(name.raw)?,
                None => return Err(XmlError::NotWellFormed),
            },
            Markup::Cdata => {}
            Markup::Over => return Ok(None),
        }
    }
}

fn resolver<'a>(outer: &'a Scope, limits: &'a XmlLimits) -> Resolver<'a> {
    Resolver {
        outer,
        limits,
        lenient: &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::scope::standing;
    use super::*;

    fn seen(text: &'static str) -> Vec<String> {
        let mut seen = Vec::new();
        let payload = standing(text.into(), "u".into(), "a");
        let none: Option<()> = find(&payload, |visit| {
            seen.push(format!(
                "{} {}:{} {}",
                visit.depth,
                visit.tag.namespace.as_str(),
                visit.tag.local,
                visit.text
            ));
            None
        });
        assert_eq!(none, None);
        seen
    }

    #[test]
    fn every_element_is_seen_once_in_order() {
        let text = "<a xmlns='u' xmlns:p='v'>1<b>2<p:c/>3</b><![CDATA[<x/>]]><d></d></a>";
        assert_eq!(seen(text), ["0 u:a 1", "1 u:b 2", "2 v:c ", "1 u:d "]);
        assert_eq!(seen("<a xmlns='u'/>"), ["0 u:a "]);
    }

    #[test]
    fn the_first_that_is_found_ends_the_search() {
        let payload = standing("<a xmlns='u'><b n='1'/><b n='2'/></a>".into(), "u".into(), "a");
        let number = find(&payload, |visit| visit.tag.attribute("", "n").map(|n| n.as_str().to_owned()));
        assert_eq!(number.as_deref(), Some("1"));
    }
}
