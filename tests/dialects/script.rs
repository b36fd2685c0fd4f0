//! A login script, read: what a client says, and what it looks at in the answers. The language: `README.md` beside this file.

/// All of a client's visit.
pub struct Script {
    pub name: String,
    pub version: String,
    /// Of the first request.
    pub rid: u64,
    pub connections: Connections,
    pub keys: Option<KeyStyle>,
    /// Seconds, of an operator who has clients that leave without a word.
    pub inactivity: Option<u16>,
    /// What the client sends when it waits and nothing is open.
    pub poll: Option<String>,
    pub steps: Vec<Step>,
}

/// What a client does with HTTP connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connections {
    /// Each is used again once its answer has come.
    Kept,
    /// There is one, and requests do not wait on it.
    Pipelined,
    /// Each carries one request.
    OneEach,
}

/// Of a client that proves itself by a chain of keys.
#[derive(Clone, Copy)]
pub struct KeyStyle {
    /// In a chain.
    pub length: usize,
    /// Around attributes.
    pub quote: char,
}

pub struct Step {
    /// In the script's text.
    pub line: usize,
    pub act: Act,
}

pub enum Act {
    /// The head of the requests from here on.
    Head(String),
    Send(String),
    Poll,
    /// The next answer passes.
    Answer(Vec<Check>),
    /// One of the next answers passes.
    Hear(Vec<Check>),
    /// All answers that are missing come, the last of them with the end.
    End,
    /// Every connection is closed, whatever is open.
    HangUp,
}

#[derive(Clone, Debug)]
pub enum Check {
    Attribute(String),
    Value(String, String),
    MoreThan(String, u64),
    NoAttribute(String),
    /// The payload begins with this.
    First(String),
    /// No payload.
    Empty,
    Text(String),
    NoText(String),
}

impl Script {
    /// Panics, with the line, where there is something that has no meaning.
    pub fn parse(text: &str) -> Self {
        let mut blocks = blocks(text).into_iter();
        let first = blocks.next().expect("a first line");
        let title = first.word.strip_prefix("client ").expect("`client NAME VERSION` comes first");
        let (name, version) = title.rsplit_once(' ').expect("a name and a version");
        let mut script = Self {
            name: name.to_owned(),
            version: version.to_owned(),
            rid: 0,
            connections: Connections::Kept,
            keys: None,
            inactivity: None,
            poll: None,
            steps: Vec::new(),
        };
        for block in blocks {
            script.take(&block);
        }
        script
    }

    fn take(&mut self, block: &Block) {
        let line = block.line;
        let act = match (block.word.split_once(' ').unwrap_or((block.word, "")), block.lines.is_empty()) {
            (("rid", rid), true) => return self.rid = rid.parse().expect("a rid"),
            (("connections", manner), true) => return self.connections = connections(manner),
            (("keys", style), true) => return self.keys = Some(key_style(style)),
            (("inactivity", seconds), true) => return self.inactivity = seconds.parse().ok(),
            (("poll", ""), false) => return self.poll = Some(joined(&block.lines)),
            (("poll", ""), true) => Act::Poll,
            (("head", ""), false) => Act::Head(block.lines.iter().flat_map(|line| [line, "\r\n"]).collect()),
            (("send", ""), false) => Act::Send(joined(&block.lines)),
            (("answer", ""), false) => Act::Answer(block.lines.iter().map(|line| check(line)).collect()),
            (("hear", ""), false) => Act::Hear(block.lines.iter().map(|line| check(line)).collect()),
            (("end", ""), true) => Act::End,
            (("hang-up", ""), true) => Act::HangUp,
            _ => panic!("line {line}: {:?} means nothing", block.word),
        };
        self.steps.push(Step { line, act });
    }
}

/// A line, and the indented ones below it.
struct Block<'a> {
    line: usize,
    word: &'a str,
    lines: Vec<&'a str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (content, line) in text.lines().zip(1..) {
        let trimmed = content.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        match blocks.last_mut() {
            Some(block) if content.starts_with(' ') => block.lines.push(trimmed),
            _ => blocks.push(Block {
                line,
                word: trimmed,
                lines: Vec::new(),
            }),
        }
    }
    blocks
}

/// The break of a line is a space, or nothing where a tag ends or begins.
fn joined(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        if !(text.is_empty() || text.ends_with('>') || line.starts_with('<')) {
            text.push(' ');
        }
        text.push_str(line);
    }
    text
}

fn connections(word: &str) -> Connections {
    match word {
        "kept" => Connections::Kept,
        "pipelined" => Connections::Pipelined,
        "one-each" => Connections::OneEach,
        other => panic!("connections are not {other}"),
    }
}

fn key_style(words: &str) -> KeyStyle {
    let (length, quote) = words.split_once(' ').expect("`keys LENGTH QUOTE`");
    KeyStyle {
        length: length.parse().expect("a length"),
        quote: quote.parse().expect("a quote"),
    }
}

fn check(line: &str) -> Check {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("empty", "") => Check::Empty,
        ("first", text) => Check::First(text.to_owned()),
        ("no", text) => match text.strip_prefix('@') {
            Some(name) => Check::NoAttribute(name.to_owned()),
            None => Check::NoText(text.to_owned()),
        },
        _ => match line.strip_prefix('@') {
            Some(attribute) => attribute_check(attribute),
            None => Check::Text(line.to_owned()),
        },
    }
}

fn attribute_check(text: &str) -> Check {
    match (text.split_once('='), text.split_once('>')) {
        (Some((name, value)), _) => Check::Value(name.to_owned(), value.to_owned()),
        (None, Some((name, least))) => Check::MoreThan(name.to_owned(), least.parse().expect("a number")),
        (None, None) => Check::Attribute(text.to_owned()),
    }
}
