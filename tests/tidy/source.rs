//! Rust files as the rules of `tidy` see them: code with comments and texts blanked out, paths in full, functions with their length.

use std::path::{Path, PathBuf};

/// One file.
pub struct Source {
    /// From the top of the project, with `/`.
    pub path: String,
    pub text: String,
    /// The same lines, with comments and the inside of texts replaced by spaces.
    pub code: String,
}

/// A path such as `crate::bosh::Session` at a place in a file.
#[derive(PartialEq, Eq, Debug)]
pub struct Mention {
    pub line: usize,
    pub path: Vec<String>,
}

/// `fn` to closing brace.
pub struct Function {
    pub line: usize,
    pub name: String,
    pub lines: usize,
}

impl Mention {
    /// Is it this path, or one below it?
    pub fn begins(&self, path: &[&str]) -> bool {
        self.path.len() >= path.len() && self.path.iter().zip(path).all(|(ours, theirs)| ours == theirs)
    }
}

impl Source {
    pub fn new(path: &str, text: String) -> Self {
        let code = blank(&text);
        Self {
            path: path.to_owned(),
            text,
            code,
        }
    }

    /// Every file below some folders whose name has this ending.
    pub fn all(folders: &[&str], ending: &str) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        folders.iter().for_each(|folder| walk(&root.join(folder), &mut files));
        files.retain(|file| file.to_string_lossy().ends_with(ending));
        files.sort();
        let read = |file: &PathBuf| {
            let path = file
                .strip_prefix(root)
                .expect("below the root")
                .to_string_lossy()
                .replace('\\', "/");
            Self::new(&path, std::fs::read_to_string(file).expect("a readable file"))
        };
        files.iter().map(read).collect()
    }

    /// `bosh` for `src/bosh/body.rs`, `app` for `src/app.rs`.
    pub fn floor(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        Some(inside.split('/').next()?.trim_end_matches(".rs"))
    }

    /// The code without the unit tests at the bottom.
    pub fn product(&self) -> &str {
        let tests = self.code.find("#[cfg(test)]\nmod tests");
        &self.code[..tests.unwrap_or(self.code.len())]
    }

    /// Every identifier of the product with its line.
    pub fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        self.product()
            .lines()
            .zip(1..)
            .flat_map(move |(line, number)| line.split(move |c| !is_word(c)).map(move |word| (number, word)))
    }

    /// Every path that begins with `start`, groups of a `use` taken apart; with `crate`, what `super` reaches at the top counts too.
    pub fn mentions(&self, start: &str) -> Vec<Mention> {
        let mut found = Vec::new();
        let supers = if start == "crate" { self.way_up() } else { None };
        for (offset, _) in self
            .code
            .match_indices(start)
            .chain(supers.iter().flat_map(|way| self.code.match_indices(way.as_str())))
        {
            let before = self.code[..offset].chars().next_back();
            let rest = match before {
                Some(c) if c.is_alphanumeric() || "_:".contains(c) => continue,
                _ => &self.code[offset..],
            };
            let length = if rest.starts_with(start) {
                start.len()
            } else {
                supers.as_ref().map_or(0, String::len)
            };
            let Some(tail) = rest[length..].strip_prefix("::") else {
                continue;
            };
            let line = 1 + self.code[..offset].matches('\n').count();
            branches(tail, &[start.to_owned()])
                .into_iter()
                .for_each(|path| found.push(Mention { line, path }));
        }
        found
    }

    pub fn functions(&self) -> Vec<Function> {
        let starts = self.code.match_indices("fn ").filter(|(offset, _)| {
            let before = self.code[..*offset].chars().next_back();
            before.is_none_or(|c| c.is_whitespace())
        });
        starts.filter_map(|(offset, _)| self.function(offset)).collect()
    }

    fn function(&self, offset: usize) -> Option<Function> {
        let rest = &self.code[offset..];
        let name: String = rest[3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let (mut round, mut curly) = (0, 0);
        for (at, c) in rest.char_indices() {
            match c {
                '(' | '[' => round += 1,
                ')' | ']' => round -= 1,
                ';' if round == 0 && curly == 0 => return None,
                '{' => curly += 1,
                '}' => curly -= 1,
                _ => continue,
            }
            if c == '}' && curly == 0 {
                let line = 1 + self.code[..offset].matches('\n').count();
                return Some(Function {
                    line,
                    name,
                    lines: 1 + rest[..at].matches('\n').count(),
                });
            }
        }
        None
    }

    /// How a file at this depth writes `crate` with `super`.
    fn way_up(&self) -> Option<String> {
        let inside = self
            .path
            .strip_prefix("src/")?
            .trim_end_matches(".rs")
            .trim_end_matches("/mod");
        Some(vec!["super"; inside.split('/').count()].join("::"))
    }
}

/// The paths of `a::{b, c::{d, e}}` and of `a::b`.
fn branches(tail: &str, before: &[String]) -> Vec<Vec<String>> {
    let mut path = before.to_vec();
    let mut rest = tail;
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            return members(group)
                .into_iter()
                .flat_map(|member| branches(member.trim(), &path))
                .collect();
        }
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        rest = &rest[name.len()..];
        path.push(name);
        match rest.strip_prefix("::") {
            Some(next) => rest = next,
            None => return vec![path],
        }
    }
}

/// What stands between the commas of a group that has just been opened.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (1, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => (),
        }
        if depth == 0 || (c == ',' && depth == 1) {
            found.push(&group[start..at]);
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found.retain(|member| !member.trim().is_empty());
    found
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_name().to_string_lossy().as_ref() {
            "target" | "node_modules" | "corpus" => (),
            _ if path.is_dir() => walk(&path, files),
            _ => files.push(path),
        }
    }
}

/// Comments and the inside of texts become spaces; lines stay where they are.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = opaque(rest, code.chars().next_back());
        if length == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

/// The length of the comment, text or character that begins here; 0 if it is code.
fn opaque(rest: &str, before: Option<char>) -> usize {
    let upto = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let raw = rest
        .strip_prefix("br")
        .or_else(|| rest.strip_prefix('r'))
        .filter(|_| !in_word);
    let hashes = raw.map_or(0, |raw| raw.bytes().take_while(|byte| *byte == b'#').count());
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        upto("*/", 2)
    } else if let Some(raw) = raw.filter(|raw| raw[hashes..].starts_with('"')) {
        let from = rest.len() - raw.len() + hashes + 1;
        upto(&format!("\"{}", "#".repeat(hashes)), from)
    } else if rest.starts_with('"') {
        quoted(rest, '"')
    } else if rest.starts_with("'\\") || rest.chars().nth(2) == Some('\'') && rest.starts_with('\'') {
        quoted(rest, '\'')
    } else {
        0
    }
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => (),
        }
    }
    rest.len()
}
