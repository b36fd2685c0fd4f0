//! `docs/clients.md` says what the tests of the clients have seen: made of the records that `cargo test --test clients` leaves, which runs before
//! this. BOSHD_WRITE=1 writes the page.

mod support {
    pub mod record;
}

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use support::record::{self, Record};

/// What is done where a connection is cut has a column of its own.
const CUT: &str = "cut: ";

const HEAD: &str = "\
# Clients

Each of these clients logs in through boshd, chats with another user, is cut off while it waits, meets a server that says nothing for five seconds, and
leaves: with every server named, on every run of the tests (`cargo test --test clients`). Messages arrive in order and none is lost; one that was heard
before a cut may come again where its client gives its session up. No session stays behind.
Openfire, which is not in Debian, was seen by the same tests where one ran (`CONTRIBUTING.md`): `tests/clients/elsewhere/`.
This page is made of what the tests recorded (`make clients-page`); a test compares the two. What boshd owes to clients, rule by rule: `cargo test --test
contract`; the numbers in brackets are those rules.
";

const SCRIPTS: &str = "
## Login scripts

What does not run here, or not by itself, is played from a script: a whole visit in the very bytes that this client sends, with what it looks for in each answer. Each is replayed
before a server that follows a script, too, and before the embedded sandbox (`cargo test --test dialects`). A dash: no version was told.

| client | version | script |
|---|---|---|
";

/// What one client did with one server.
#[derive(Default)]
struct Visit {
    acts: BTreeSet<String>,
    cut: Option<String>,
}

/// Client and version, then server.
type Table = BTreeMap<(String, String), BTreeMap<String, Visit>>;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn table(records: Vec<Record>) -> Table {
    let mut table = Table::new();
    for Record {
        client,
        version,
        server,
        act,
    } in records
    {
        let visit = table.entry((client, version)).or_default().entry(server).or_default();
        match act.strip_prefix(CUT) {
            Some(cut) => visit.cut = Some(cut.to_owned()),
            None => _ = visit.acts.insert(act),
        }
    }
    table
}

/// Client, version and file of each login script.
fn scripts() -> BTreeSet<(String, String, String)> {
    let files = std::fs::read_dir(path("tests/dialects"))
        .expect("folder")
        .map(|file| file.expect("a file").path());
    let scripts = files.filter(|file| file.extension().is_some_and(|extension| extension == "login"));
    let described = scripts.map(|file| {
        let text = std::fs::read_to_string(&file).expect("a script");
        let first = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("client "))
            .expect("its client");
        let (client, version) = first.rsplit_once(' ').expect("a name and a version");
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (client.to_owned(), version.to_owned(), name)
    });
    described.collect()
}

fn quirks() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(path("tests/clients/quirks.toml")).expect("quirks.toml");
    toml::from_str(&text).expect("lists of sentences")
}

fn page(table: &Table, quirks: &BTreeMap<String, Vec<String>>) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n| client | version | server | behind a cut it | what it did |\n|---|---|---|---|---|\n");
    for ((client, version), visits) in table {
        for (server, visit) in visits {
            let cut = visit.cut.as_deref().unwrap_or("");
            let acts: Vec<&str> = visit.acts.iter().map(String::as_str).collect();
            writeln!(page, "| {client} | {version} | {server} | {cut} | {} |", acts.join("; ")).expect("text");
        }
    }
    page.push_str(SCRIPTS);
    for (client, version, script) in scripts() {
        writeln!(page, "| {client} | {version} | [{script}](../tests/dialects/{script}) |").expect("text");
    }
    page.push_str("\n## How they are, and how boshd meets it\n\n");
    for (client, known) in quirks {
        writeln!(page, "- **{client}**: {}.", known.join("; ")).expect("text");
    }
    page
}

/// Without versions: Debian's change when they please.
fn comparable(page: &str) -> String {
    let word = |word: &str| match word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.') {
        true => "VERSION".to_owned(),
        false => word.to_owned(),
    };
    page.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_says_what_was_seen() {
    let mut records = Record::all(&record::folder());
    assert!(!records.is_empty(), "cargo test --test clients goes before this");
    // servers that are not in Debian, seen where somebody had one
    records.extend(Record::all(&path("tests/clients/elsewhere")));
    let (table, quirks) = (table(records), quirks());
    let made = page(&table, &quirks);
    let file = path("docs/clients.md");
    if std::env::var_os("BOSHD_WRITE").is_some() {
        std::fs::write(&file, &made).expect("docs/clients.md");
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        comparable(&made),
        comparable(&there),
        "make clients-page, and look at what it says now"
    );
}

#[test]
fn what_is_known_is_about_clients_on_the_page() {
    let page = std::fs::read_to_string(path("docs/clients.md")).expect("docs/clients.md");
    for client in quirks().keys() {
        assert!(
            page.contains(&format!("\n| {client} |")),
            "{client} is in no table of docs/clients.md"
        );
    }
}
