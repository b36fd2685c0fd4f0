//! Which test carries which requirement of `tests/spec/requirements.txt`: prints a row for each, fails if one that is due has none.
//!
//! A test carries a number by writing it out: in a Rust test, in the unit tests of a file, or in the heading of a transcript.

#[path = "tidy/source.rs"]
#[allow(dead_code, reason = "shared with tidy, which uses more of it")]
mod source;

use std::collections::{BTreeMap, BTreeSet};

use source::Source;

const REQUIREMENTS: &str = include_str!("spec/requirements.txt");

/// How many the papers come to.
const COUNT: usize = 303;

/// Tests about the project itself, and what tests share: a number there proves nothing.
const NO_PROOF: [&str; 4] = ["tests/spec.rs", "tests/tidy.rs", "tests/tidy/", "tests/support/"];

/// One line of the list.
struct Requirement {
    number: &'static str,
    title: &'static str,
    /// The work that will build it, if that is not this version.
    later: Option<&'static str>,
}

/// Number to the files that carry it.
type Proofs = BTreeMap<String, BTreeSet<String>>;

#[test]
fn every_requirement_has_its_test() {
    let requirements = requirements();
    let proofs = proofs();
    let mut missing = Vec::new();
    for Requirement { number, title, later } in &requirements {
        let files = proofs
            .get(*number)
            .map(|files| files.iter().map(String::as_str).collect::<Vec<_>>().join(" "));
        let (state, place) = match (files, later) {
            (Some(files), _) => ("covered", files),
            (None, Some(later)) => ("later", (*later).to_owned()),
            (None, None) => {
                missing.push(*number);
                ("MISSING", String::new())
            }
        };
        println!("{number:<5} {state:<8} {title:<44} {place}");
    }
    assert_eq!(requirements.len(), COUNT, "the list of requirements has lost or gained some");
    assert!(
        missing.is_empty(),
        "{} requirements are due and no test carries them: {}",
        missing.len(),
        missing.join(" ")
    );
}

#[test]
fn every_number_is_unique() {
    let numbers: Vec<&str> = requirements().iter().map(|requirement| requirement.number).collect();
    let unique: BTreeSet<&str> = numbers.iter().copied().collect();
    assert_eq!(unique.len(), numbers.len());
}

#[test]
fn no_test_claims_an_unknown_number() {
    let known: BTreeSet<&str> = requirements().iter().map(|requirement| requirement.number).collect();
    let groups: BTreeSet<&str> = known
        .iter()
        .map(|number| number.trim_end_matches(|c: char| c.is_ascii_digit()))
        .collect();
    let of_ours = |number: &str| groups.contains(number.trim_end_matches(|c: char| c.is_ascii_digit()));
    let headings = Source::all(&["tests/transcripts"], ".bosh")
        .into_iter()
        .map(|transcript| (transcript.path.clone(), heading(&transcript)));
    let comments = rust_tests().into_iter().map(|(path, text)| (path, comments(&text)));
    let mut unknown = Vec::new();
    for (path, text) in headings.chain(comments) {
        let strays = numbers(&text)
            .into_iter()
            .filter(|number| of_ours(number) && !known.contains(number.as_str()));
        unknown.extend(strays.map(|number| format!("{path}: {number}")));
    }
    assert!(
        unknown.is_empty(),
        "these are not in the list of requirements:\n{}",
        unknown.join("\n")
    );
}

fn requirements() -> Vec<Requirement> {
    let lines = REQUIREMENTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let requirement = |line: &'static str| {
        let (number, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (title, later) = rest
            .split_once("later:")
            .map_or((rest, None), |(title, later)| (title, Some(later.trim())));
        Requirement {
            number,
            title: title.trim(),
            later,
        }
    };
    lines.map(requirement).collect()
}

fn proofs() -> Proofs {
    let mut proofs = Proofs::new();
    let transcripts = Source::all(&["tests/transcripts"], ".bosh")
        .into_iter()
        .map(|transcript| (transcript.path.clone(), heading(&transcript)));
    for (path, text) in rust_tests().into_iter().chain(transcripts) {
        for number in numbers(&text) {
            proofs.entry(number).or_default().insert(path.clone());
        }
    }
    proofs
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

/// The words of one or two capitals and two digits.
fn numbers(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_number = |word: &&str| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        matches!(letters.len(), 1 | 2) && word.len() == letters.len() + 2 && letters.chars().all(|c| c.is_ascii_uppercase())
    };
    words.filter(is_number).map(str::to_owned).collect()
}

#[test]
fn numbers_are_whole_words() {
    let found: Vec<String> = numbers("D09, FX21: not D9, not D091, not xD09 nor D09_b; S06!")
        .into_iter()
        .collect();
    assert_eq!(found, ["D09", "FX21", "S06"]);
}
