//! One line of a play, taken apart.

/// Words and attributes first, then elements.
#[derive(Debug, Default)]
pub struct Line {
    /// Milliseconds, if the line names a time.
    pub at: Option<u64>,
    pub verb: String,
    pub words: Vec<String>,
    pub elements: Vec<String>,
}

impl Line {
    /// `None` for an empty line or a comment.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let text = strip_comment(text).trim();
        if text.is_empty() {
            return Ok(None);
        }
        let (head, tail) = match text.find('<') {
            Some(start) => text.split_at(start),
            None => (text, ""),
        };
        let mut words = head
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .into_iter()
            .peekable();
        let mut line = Self::default();
        if words.next_if(|word| word == "at").is_some() {
            line.at = Some(time(&words.next().ok_or("a time is missing")?)?);
        }
        line.verb = words.next().ok_or("a verb is missing")?;
        line.words = words.collect();
        line.elements = if line.words.iter().any(|word| word == "raw") {
            vec![tail.to_owned()]
        } else {
            elements(tail)?
        };
        Ok(Some(line))
    }

    pub fn first(&self) -> Result<&str, String> {
        self.words
            .first()
            .map(String::as_str)
            .ok_or_else(|| format!("`{}` needs a name", self.verb))
    }

    /// `name=value` among the words.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|other| other == word)
    }
}

/// A `#` that stands after white space and outside of elements begins a comment.
fn strip_comment(text: &str) -> &str {
    if text.starts_with('#') {
        return "";
    }
    match text.rfind(" # ") {
        Some(place) if !text[place..].contains('>') => &text[..place],
        _ => text,
    }
}

/// In milliseconds.
pub fn time(text: &str) -> Result<u64, String> {
    let (number, scale) = match text.strip_suffix("ms") {
        Some(number) => (number, 1.0),
        None => (
            text.strip_suffix('s').ok_or_else(|| format!("`{text}` is not a time"))?,
            1000.0,
        ),
    };
    let value: f64 = number.parse().map_err(|_| format!("`{text}` is not a time"))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small positive numbers written by hand"
    )]
    Ok((value * scale).round() as u64)
}

/// Top-level elements of a line, by depth alone.
pub fn elements(text: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    let mut rest = 0;
    while let Some(open) = text[rest..].find('<').map(|place| rest + place) {
        let end = open + text[open..].find('>').ok_or("an element is not closed")?;
        if depth == 0 {
            start = open;
        }
        depth += match (text.as_bytes()[open + 1], text.as_bytes()[end - 1]) {
            (b'/', _) => -1,
            (_, b'/') => 0,
            _ => 1,
        };
        rest = end + 1;
        if depth == 0 {
            found.push(text[start..rest].to_owned());
        }
    }
    if depth == 0 {
        Ok(found)
    } else {
        Err("elements are not balanced".into())
    }
}
