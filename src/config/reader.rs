//! Takes a TOML document and the `BOSHD_*` variables apart, section by section. Every key that is asked for is noted with its origin, and
//! whatever nobody asked for is a problem: so the code that reads the keys is also the list of those that exist.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::{Problem, Severity, nearest};
use super::value::{Raw, Value};

/// A document on its way to becoming a [`super::Config`].
pub(super) struct Reader {
    file: String,
    /// By name; a `[[section]]` may occur several times.
    tables: BTreeMap<String, Vec<Table>>,
    /// (section, key, name, value)
    variables: Vec<(String, String, String, String)>,
    known: BTreeSet<&'static str>,
    notes: Notes,
}

/// One `[section]` while its keys are read.
pub(super) struct Section<'a> {
    path: String,
    place: String,
    entries: BTreeMap<String, (Raw, Origin)>,
    asked: Vec<&'static str>,
    notes: &'a mut Notes,
}

/// One key with the value in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    pub key: String,
    pub value: String,
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    Default,
    /// `boshd.toml:12`
    File(String),
    /// `BOSHD_BOSH__MAX_WAIT`
    Variable(String),
}

/// What reading brings to light.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) settings: Vec<Setting>,
    pub(super) problems: Vec<Problem>,
}

struct Table {
    place: String,
    entries: BTreeMap<String, (Raw, Origin)>,
}

impl Reader {
    pub(super) fn new(file: &str, text: &str, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = |(name, value): (String, String)| {
            let (section, key) = name.strip_prefix("BOSHD_")?.split_once("__")?;
            Some((section.to_lowercase(), key.to_lowercase(), name.clone(), value))
        };
        let mut reader = Self {
            file: file.to_owned(),
            tables: BTreeMap::new(),
            variables: variables.into_iter().filter_map(ours).collect(),
            known: BTreeSet::new(),
            notes: Notes::default(),
        };
        reader.take_apart(text);
        reader
    }

    /// Reads a `[section]`, which may be absent.
    pub(super) fn section<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let mut tables = self.tables_of(name);
        if tables.len() > 1 {
            let place = tables[1].place.clone();
            self.notes.wrong(place, name, format!("[{name}] may stand only once"));
        }
        let table = if tables.is_empty() {
            self.empty_table()
        } else {
            tables.swap_remove(0)
        };
        self.read_table(name.to_owned(), table, read)
    }

    /// Reads every `[[section]]` of this name, in order.
    pub(super) fn sections<T>(&mut self, name: &'static str, read: impl Fn(&mut Section<'_>) -> T) -> Vec<T> {
        let tables = self.tables_of(name);
        let several = tables.len() > 1;
        let path = |index| {
            if several {
                format!("{name}[{}]", index + 1)
            } else {
                name.to_owned()
            }
        };
        tables
            .into_iter()
            .enumerate()
            .map(|(index, table)| self.read_table(path(index), table, &read))
            .collect()
    }

    /// Complains about the file as a whole.
    pub(super) fn wrong(&mut self, key: &str, text: &str) {
        self.notes.wrong(self.file.clone(), key, text.to_owned());
    }

    /// Everything has been asked for: what is left is unknown.
    pub(super) fn finish(mut self) -> Notes {
        let known = &self.known;
        for (name, tables) in &self.tables {
            let hint = suggestion(nearest(name, known.iter().copied()));
            let place = tables.first().map_or_else(|| self.file.clone(), |table| table.place.clone());
            self.notes.wrong(place, name, format!("unknown section{hint}"));
        }
        for (section, _, name, _) in &self.variables {
            let hint = suggestion(nearest(section, known.iter().copied()));
            self.notes.wrong(name.clone(), section, format!("unknown section{hint}"));
        }
        self.notes
    }

    fn take_apart(&mut self, text: &str) {
        let (document, errors) = DeTable::parse_recoverable(text);
        let file = self.file.clone();
        let place = |offset: usize| {
            format!(
                "{file}:{}",
                1 + text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count()
            )
        };
        for error in errors {
            let at = error
                .span()
                .map_or_else(|| file.clone(), |span| place(span.start.min(text.len())));
            self.notes.wrong(at, "", error.message().to_owned());
        }
        for (name, value) in document.get_ref() {
            let at = place(name.span().start);
            let Some(found) = tables(value) else {
                let text = format!("is a section: write [{}] and its keys below", name.get_ref());
                self.notes.wrong(at, name.get_ref(), text);
                continue;
            };
            let tables = found.into_iter().map(|(offset, table)| Table {
                place: offset.map_or_else(|| at.clone(), place),
                entries: table.iter().map(|(key, value)| entry(key, value, place)).collect(),
            });
            self.tables.insert(name.get_ref().to_string(), tables.collect());
        }
    }

    fn tables_of(&mut self, name: &'static str) -> Vec<Table> {
        self.known.insert(name);
        let mut tables = self.tables.remove(name).unwrap_or_default();
        let (ours, others) = std::mem::take(&mut self.variables)
            .into_iter()
            .partition(|(section, ..)| section == name);
        self.variables = others;
        let ours: Vec<(String, String, String, String)> = ours;
        for (_, key, variable, value) in ours {
            match tables.len() {
                0 => tables.push(self.empty_table()),
                1 => (),
                _ => {
                    self.notes.wrong(
                        variable,
                        name,
                        format!("there are several [[{name}]]; a variable cannot say which is meant"),
                    );
                    continue;
                }
            }
            tables[0]
                .entries
                .insert(key, (Raw::from_variable(&value), Origin::Variable(variable)));
        }
        tables
    }

    fn empty_table(&self) -> Table {
        Table {
            place: self.file.clone(),
            entries: BTreeMap::new(),
        }
    }

    fn read_table<T>(&mut self, path: String, table: Table, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let Table { place, entries } = table;
        let mut section = Section {
            path,
            place,
            entries,
            asked: Vec::new(),
            notes: &mut self.notes,
        };
        let value = read(&mut section);
        section.refuse_the_rest();
        value
    }
}

impl Section<'_> {
    /// The value of a key: what is written, if it passes the check, otherwise the default.
    pub(super) fn get<T: Value>(&mut self, key: &'static str, default: T, check: impl FnOnce(&T) -> Result<(), String>) -> T {
        self.take(key, check).unwrap_or_else(|| {
            self.note(key, default.show(), Origin::Default);
            default
        })
    }

    /// The value of a key that has no default; `None` is a problem already noted.
    pub(super) fn need<T: Value>(&mut self, key: &'static str, check: impl FnOnce(&T) -> Result<(), String>) -> Option<T> {
        if !self.entries.contains_key(key) {
            self.asked.push(key);
            let path = format!("{}.{key}", self.path);
            self.notes.wrong(self.place.clone(), &path, "is missing".to_owned());
            return None;
        }
        self.take(key, check)
    }

    /// The value of a key that may be absent.
    pub(super) fn optional<T: Value>(&mut self, key: &'static str, check: impl FnOnce(&T) -> Result<(), String>) -> Option<T> {
        self.take(key, check)
    }

    /// What is in force where an optional key is absent.
    pub(super) fn shown(&mut self, key: &str, value: &str) {
        self.note(key, value.to_owned(), Origin::Default);
    }

    fn take<T: Value>(&mut self, key: &'static str, check: impl FnOnce(&T) -> Result<(), String>) -> Option<T> {
        self.asked.push(key);
        let (raw, origin) = self.entries.remove(key)?;
        match T::parse(&raw).and_then(|value| check(&value).map(|()| value)) {
            Ok(value) => {
                self.note(key, value.show(), origin);
                Some(value)
            }
            Err(text) => {
                let path = format!("{}.{key}", self.path);
                self.notes.wrong(origin.place(&self.place).to_owned(), &path, text);
                None
            }
        }
    }

    fn note(&mut self, key: &str, value: String, origin: Origin) {
        let key = format!("{}.{key}", self.path);
        self.notes.settings.push(Setting { key, value, origin });
    }

    fn refuse_the_rest(self) {
        for (key, (_, origin)) in &self.entries {
            let hint = suggestion(nearest(key, self.asked.iter().copied()));
            let path = format!("{}.{key}", self.path);
            self.notes
                .wrong(origin.place(&self.place).to_owned(), &path, format!("unknown key{hint}"));
        }
    }
}

impl Notes {
    /// Something about a key whose value was read without complaint; its place is known from that.
    pub(super) fn about(&mut self, severity: Severity, key: &str, text: String) {
        let setting = self.settings.iter().find(|setting| setting.key == key);
        let place = setting
            .map_or("default", |setting| setting.origin.place("default"))
            .to_owned();
        self.problems.push(Problem {
            severity,
            place,
            key: key.to_owned(),
            text,
        });
    }

    fn wrong(&mut self, place: String, key: &str, text: String) {
        self.problems.push(Problem {
            severity: Severity::Wrong,
            place,
            key: key.to_owned(),
            text,
        });
    }
}

impl Origin {
    fn place<'a>(&'a self, otherwise: &'a str) -> &'a str {
        match self {
            Self::Default => otherwise,
            Self::File(place) | Self::Variable(place) => place,
        }
    }
}

/// The tables under a name at the top of the document, with the offset of each where it has one of its own.
fn tables<'a, 'i>(value: &'a Spanned<DeValue<'i>>) -> Option<Vec<(Option<usize>, &'a DeTable<'i>)>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(vec![(None, table)]),
        DeValue::Array(items) => items
            .iter()
            .map(|item| Some((Some(item.span().start), item.get_ref().as_table()?)))
            .collect(),
        _ => None,
    }
}

fn entry(key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>, place: impl Fn(usize) -> String) -> (String, (Raw, Origin)) {
    (
        key.get_ref().to_string(),
        (Raw::from_toml(value.get_ref()), Origin::File(place(key.span().start))),
    )
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"))
}
