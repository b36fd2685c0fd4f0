//! Which test carries which requirement of `tests/spec/requirements.txt`, and which rule of `tests/contract/rules.txt`: prints a row for each,
//! fails if one that is due has none.
//!
//! A test carries a number by writing it out: in a Rust test, in the unit tests of a file, or in the heading of a transcript. A rule's number
//! looks like a requirement's, so there it is called `contract H1`.

#[path = "tidy/source.rs"]
#[allow(dead_code, reason = "shared with tidy, which uses more of it")]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use source::Source;

/// Things that have numbers, each of which wants a test.
struct List {
    text: &'static str,
    /// How many there are.
    count: usize,
    /// The numbers of this list that a text names.
    named: fn(&str) -> BTreeSet<String>,
    /// Where at least one of the tests is.
    home: &'static str,
}

/// What the specifications ask for.
const SPECIFICATION: List = List {
    text: include_str!("spec/requirements.txt"),
    count: 303,
    named: requirements,
    home: "",
};

/// What real clients force on us.
const CONTRACT: List = List {
    text: include_str!("contract/rules.txt"),
    count: 54,
    named: rules,
    home: "tests/contract/",
};

const LISTS: [&List; 2] = [&SPECIFICATION, &CONTRACT];

/// Tests about the project itself, and what tests share: a number there proves nothing.
const NO_PROOF: [&str; 4] = ["tests/spec.rs", "tests/tidy.rs", "tests/tidy/", "tests/support/"];

/// One line of a list.
struct Entry {
    number: &'static str,
    title: &'static str,
    /// The work that will bring it, if that is not done.
    later: Option<&'static str>,
}

/// Number to the files that carry it.
type Proofs = BTreeMap<String, BTreeSet<String>>;

#[test]
fn every_requirement_has_its_test() {
    SPECIFICATION.is_covered();
}

#[test]
fn every_rule_of_the_contract_has_its_test() {
    CONTRACT.is_covered();
}

#[test]
fn every_number_is_unique() {
    for list in LISTS {
        let numbers: Vec<&str> = list.entries().iter().map(|entry| entry.number).collect();
        let unique: BTreeSet<&str> = numbers.iter().copied().collect();
        assert_eq!(unique.len(), numbers.len());
    }
}

#[test]
fn no_test_claims_an_unknown_number() {
    let headings = Source::all(&["tests/transcripts"], ".bosh")
        .into_iter()
        .map(|transcript| (transcript.path.clone(), heading(&transcript)));
    let comments = rust_tests().into_iter().map(|(path, text)| (path, comments(&text)));
    let mut unknown = Vec::new();
    for (path, text) in headings.chain(comments) {
        let strays = LISTS.into_iter().flat_map(|list| list.strays(&text));
        unknown.extend(strays.map(|number| format!("{path}: {number}")));
    }
    assert!(unknown.is_empty(), "these are in no list:\n{}", unknown.join("\n"));
}

impl List {
    fn entries(&self) -> Vec<Entry> {
        let lines = self.text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entry = |line: &'static str| {
            let (number, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (title, later) = rest
                .split_once("later:")
                .map_or((rest, None), |(title, later)| (title, Some(later.trim())));
            Entry {
                number,
                title: title.trim(),
                later,
            }
        };
        lines.map(entry).collect()
    }

    /// Prints the table.
    fn is_covered(&self) {
        let entries = self.entries();
        let proofs = self.proofs();
        let (mut table, mut missing) = (String::from("\n"), Vec::new());
        for Entry { number, title, later } in &entries {
            let files = proofs
                .get(*number)
                .filter(|files| files.iter().any(|file| file.starts_with(self.home)))
                .map(|files| files.iter().map(String::as_str).collect::<Vec<_>>().join(" "));
            let (state, place) = match (files, later) {
                (Some(files), _) => ("covered", files),
                (None, Some(later)) => ("later", (*later).to_owned()),
                (None, None) => {
                    missing.push(*number);
                    ("MISSING", String::new())
                }
            };
            table.push_str(&format!("{number:<5} {state:<8} {title:<46} {place}\n"));
        }
        // at once: the other list is printed at the same time
        println!("{table}");
        assert_eq!(entries.len(), self.count, "the list has lost or gained some");
        assert!(
            missing.is_empty(),
            "{} are due and no test in {}* carries them: {}",
            missing.len(),
            self.home,
            missing.join(" ")
        );
    }

    fn proofs(&self) -> Proofs {
        let mut proofs = Proofs::new();
        let transcripts = Source::all(&["tests/transcripts"], ".bosh")
            .into_iter()
            .map(|transcript| (transcript.path.clone(), heading(&transcript)));
        for (path, text) in rust_tests().into_iter().chain(transcripts) {
            for number in (self.named)(&text) {
                proofs.entry(number).or_default().insert(path.clone());
            }
        }
        proofs
    }

    /// Numbers of its groups that are not in it.
    fn strays(&self, text: &str) -> Vec<String> {
        let known: BTreeSet<&str> = self.entries().iter().map(|entry| entry.number).collect();
        let group = |number: &str| number.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        let groups: BTreeSet<String> = known.iter().map(|number| group(number)).collect();
        let strays = (self.named)(text).into_iter();
        strays
            .filter(|number| groups.contains(&group(number)) && !known.contains(number.as_str()))
            .collect()
    }
}

/// The Rust that tests something: all of `tests/`, and what follows `#[cfg(test)]` in `src/`.
fn rust_tests() -> Vec<(String, String)> {
    let proves = |source: &Source| !NO_PROOF.iter().any(|path| source.path.starts_with(path));
    let whole = Source::all(&["tests"], ".rs")
        .into_iter()
        .filter(proves)
        .map(|source| (source.path, source.text));
    let unit = Source::all(&["src"], ".rs").into_iter().filter_map(|source| {
        let (_, tests) = source.text.split_once("#[cfg(test)]")?;
        Some((source.path.clone(), tests.to_owned()))
    });
    whole.chain(unit).collect()
}

/// The comment lines that open a transcript: `# D09: a request that overtakes another waits its turn`.
fn heading(transcript: &Source) -> String {
    transcript
        .text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n")
}

fn comments(text: &str) -> String {
    text.lines()
        .filter_map(|line| Some(line.split_once("//")?.1))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The words of one or two capitals and two digits, but for those of the contract.
fn requirements(text: &str) -> BTreeSet<String> {
    let found = words(text).filter(|(before, word)| *before != CALLED && is_number(word, 1..=2, 2..=2));
    found.map(|(_, word)| word.to_owned()).collect()
}

/// The words of a capital and up to two digits behind the name of the contract.
fn rules(text: &str) -> BTreeSet<String> {
    let found = words(text).filter(|(before, word)| *before == CALLED && is_number(word, 1..=1, 1..=2));
    found.map(|(_, word)| word.to_owned()).collect()
}

/// What stands before the number of a rule.
const CALLED: &str = "contract";

/// Every word with the one before it.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty());
    words.scan("", |last, word| Some((std::mem::replace(last, word), word)))
}

fn is_number(word: &str, capitals: RangeInclusive<usize>, digits: RangeInclusive<usize>) -> bool {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_capital = |c: char| c.is_ascii_uppercase();
    capitals.contains(&letters.len()) && digits.contains(&(word.len() - letters.len())) && letters.chars().all(is_capital)
}

#[test]
fn numbers_are_whole_words() {
    let text = "D09, FX21: not D9, not D091, not xD09 nor D09_b; S06! And contract H1, contract P10: not contract xP1, contract P100 nor H2";
    let found = |named: fn(&str) -> BTreeSet<String>| named(text).into_iter().collect::<Vec<_>>();
    assert_eq!(found(requirements), ["D09", "FX21", "S06"]);
    assert_eq!(found(rules), ["H1", "P10"]);
}
