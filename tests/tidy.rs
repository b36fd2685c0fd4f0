//! The house rules that a compiler does not know, as tables: who may import whom, which words stay out of where, how long things get.
//! A failure names file, line and reason; to change a rule is to change its table, in a commit of its own.

#[path = "tidy/source.rs"]
mod source;

use source::{Mention, Source};

/// Floor, and the floors that it may name. Imports go down only (ARCHITECTURE.md, "The floors").
const FLOORS: [(&str, &[&str]); 16] = [
    ("main", &["app", "config", "telemetry"]),
    ("lib", &[]),
    (
        "app",
        &[
            "config",
            "front",
            "sandbox",
            "manager",
            "upstream",
            "proxy_protocol",
            "xmpp",
            "bosh",
            "xml",
            "net",
            "network",
            "telemetry",
        ],
    ),
    ("config", &["xmpp", "network"]),
    (
        "front",
        &[
            "manager",
            "bosh",
            "http_polling",
            "proxy_protocol",
            "xml",
            "net",
            "network",
            "telemetry",
        ],
    ),
    ("sandbox", &["upstream", "xmpp", "xml", "telemetry"]),
    (
        "manager",
        &["upstream", "bosh", "http_polling", "xmpp", "xml", "network", "telemetry"],
    ),
    ("upstream", &["proxy_protocol", "xmpp", "xml", "net", "network", "telemetry"]),
    ("telemetry", &[]),
    ("net", &[]),
    ("network", &[]),
    ("xmpp", &["xml"]),
    ("bosh", &["xml"]),
    ("http_polling", &[]),
    ("proxy_protocol", &[]),
    ("xml", &[]),
];

/// Below this line nothing waits.
const PURE: [&str; 5] = ["xml", "xmpp", "bosh", "http_polling", "proxy_protocol"];

/// Words that stay out of the pure floors.
const IMPURE: [(&str, &str); 17] = [
    ("tokio", "has no runtime"),
    ("async", "does not wait"),
    ("await", "does not wait"),
    ("Instant", "is told the time"),
    ("SystemTime", "is told the time"),
    ("rand", "is told what is random"),
    ("getrandom", "is told what is random"),
    ("RandomState", "is told what is random"),
    ("tracing", "does not log"),
    ("println", "does not print"),
    ("eprintln", "does not print"),
    ("thread", "has no threads"),
    ("Mutex", "has no locks"),
    ("RwLock", "has no locks"),
    ("TcpStream", "has no sockets"),
    ("File", "has no files"),
    ("env", "has no environment"),
];

/// A word, the only files that may have it, and why.
const RESERVED: [(&str, &[&str], &str); 2] = [
    ("StatusCode", STATUS, "HTTP status codes are chosen in one file"),
    ("from_u16", STATUS, "HTTP status codes are chosen in one file"),
];

const STATUS: &[&str] = &["src/front/reply.rs"];

/// A path of a library, the only files that may name it, and why.
const RESERVED_PATHS: [(&[&str], &[&str], &str); 4] = [
    (&["tokio", "net"], NETWORK, "tests put an in-memory network there"),
    (
        &["std", "net", "TcpListener"],
        NETWORK,
        "tests put an in-memory network there",
    ),
    (&["std", "net", "TcpStream"], NETWORK, "tests put an in-memory network there"),
    (
        &["getrandom", "fill"],
        RANDOM,
        "who needs to be unpredictable is known by name",
    ),
];

const NETWORK: &[&str] = &["src/net.rs", "src/net/listener.rs", "src/net/stream.rs"];
const RANDOM: &[&str] = &["src/manager/sid.rs", "src/sandbox/random.rs"];

/// A file of such a name collects what has no place.
const SHAPELESS: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "types", "misc", "lib_tests"];

/// In pages that we serve, whatever would need `unsafe-inline`.
const INLINE: [(&str, &str); 7] = [
    ("<style", "no inline style"),
    (" style=", "no inline style"),
    (" onclick=", "no inline script"),
    (" onload=", "no inline script"),
    (" onsubmit=", "no inline script"),
    ("javascript:", "no inline script"),
    ("<script>", "no inline script"),
];

const LONGEST_FILE: usize = 500;
const MEDIAN_FILE: usize = 170;
const LONGEST_FUNCTION: usize = 70;

/// Where our Rust lies.
const RUST: [&str; 6] = ["src", "tests", "loadtest/src", "loadtest/tests", "benches", "fuzz"];

#[test]
fn imports_go_down() {
    let known = |name: &str| FLOORS.iter().find(|(floor, _)| *floor == name).map(|(_, below)| *below);
    let mut wrong = Vec::new();
    for source in Source::all(&["src"], ".rs") {
        let floor = source.floor().expect("a file of src").to_owned();
        let Some(below) = known(&floor) else {
            wrong.push(format!(
                "{}:1: {floor} is no floor; give it a line in FLOORS of tests/tidy.rs",
                source.path
            ));
            continue;
        };
        for mention in source.mentions("crate").into_iter().chain(source.mentions("boshd")) {
            let Some(named) = mention.path.get(1).filter(|named| known(named).is_some()) else {
                continue;
            };
            if *named != floor && !below.contains(&named.as_str()) {
                wrong.push(format!("{}:{}: {floor} may not name {named}", source.path, mention.line));
            }
        }
    }
    report(wrong);
}

#[test]
fn below_the_line_nothing_waits() {
    let mut wrong = Vec::new();
    // A floor may be a folder or a file.
    let is_pure = |source: &Source| source.floor().is_some_and(|floor| PURE.contains(&floor));
    for source in Source::all(&["src"], ".rs").into_iter().filter(is_pure) {
        for (line, word) in source.words() {
            if let Some((_, reason)) = IMPURE.iter().find(|(impure, _)| *impure == word) {
                wrong.push(format!("{}:{line}: `{word}`: this floor {reason}", source.path));
            }
        }
    }
    report(wrong);
}

#[test]
fn some_words_have_one_home() {
    let mut wrong = Vec::new();
    for source in Source::all(&["src"], ".rs") {
        for (line, word) in source.words() {
            let rule = RESERVED
                .iter()
                .find(|(reserved, homes, _)| *reserved == word && !homes.contains(&source.path.as_str()));
            wrong.extend(
                rule.map(|(_, homes, reason)| format!("{}:{line}: `{word}` belongs in {}: {reason}", source.path, homes[0])),
            );
        }
        for (path, homes, reason) in RESERVED_PATHS
            .iter()
            .filter(|(_, homes, _)| !homes.contains(&source.path.as_str()))
        {
            let strays = source.mentions(path[0]).into_iter().filter(|mention| mention.begins(path));
            let place = |mention: Mention| format!("{}:{}", source.path, mention.line);
            wrong
                .extend(strays.map(|stray| format!("{}: `{}` belongs in {}: {reason}", place(stray), path.join("::"), homes[0])));
        }
    }
    report(wrong);
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    for source in Source::all(&RUST, ".rs") {
        let lines = source.text.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("{}:{LONGEST_FILE}: {lines} lines; split it by noun", source.path));
        }
    }
    let mut lengths: Vec<usize> = Source::all(&["src"], ".rs")
        .iter()
        .map(|source| source.text.lines().count())
        .collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    println!(
        "src: {} files, {} lines, median {median}, longest {}",
        lengths.len(),
        lengths.iter().sum::<usize>(),
        lengths[lengths.len() - 1]
    );
    if median > MEDIAN_FILE {
        wrong.push(format!(
            "src: half of the files are longer than {median} lines; {MEDIAN_FILE} is the aim"
        ));
    }
    report(wrong);
}

#[test]
fn functions_are_short() {
    let mut wrong = Vec::new();
    for source in Source::all(&RUST, ".rs") {
        for function in source
            .functions()
            .into_iter()
            .filter(|function| function.lines > LONGEST_FUNCTION)
        {
            wrong.push(format!(
                "{}:{}: `{}` has {} lines; {LONGEST_FUNCTION} fit on a screen",
                source.path, function.line, function.name, function.lines
            ));
        }
    }
    report(wrong);
}

#[test]
fn files_say_what_they_hold() {
    let mut wrong = Vec::new();
    for source in Source::all(&RUST, ".rs") {
        let opening = sentences(&source.text);
        let name = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        // The file that introduces a whole floor may take a page for it.
        let most = if ["lib", "mod"].contains(&name) { usize::MAX } else { 5 };
        if !(1..=most).contains(&opening) {
            let text = "one to five lines of `//!` say what lives here";
            wrong.push(format!("{}:1: opens with {opening} of them: {text}", source.path));
        }
        if SHAPELESS.contains(&name) {
            wrong.push(format!(
                "{}:1: `{name}` says nothing; name the file after the noun it holds",
                source.path
            ));
        }
    }
    report(wrong);
}

#[test]
fn no_test_is_skipped() {
    let mut wrong = Vec::new();
    for source in Source::all(&RUST, ".rs") {
        for (line, number) in source.code.lines().zip(1..) {
            let attribute = line.trim_start().strip_prefix("#[");
            if attribute.is_some_and(|attribute| attribute.starts_with("ignore")) {
                wrong.push(format!(
                    "{}:{number}: a test that does not run proves nothing: mend it or remove it",
                    source.path
                ));
            }
        }
    }
    report(wrong);
}

#[test]
fn nothing_is_left_for_later() {
    let mut wrong = Vec::new();
    for source in Source::all(&RUST, ".rs") {
        // Spelled in two parts, so that this line is not its own finding.
        for marker in [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"]].map(|parts| parts.concat()) {
            let lines = source.text.lines().zip(1..).filter(|(line, _)| line.contains(&marker));
            wrong.extend(lines.map(|(_, number)| format!("{}:{number}: {marker}: do it, or open an issue", source.path)));
        }
    }
    report(wrong);
}

#[test]
fn pages_need_no_inline_code() {
    let mut wrong = Vec::new();
    for page in Source::all(&["static"], ".html") {
        for (line, number) in page.text.lines().zip(1..) {
            for (inline, reason) in INLINE.iter().filter(|(inline, _)| line.contains(inline)) {
                wrong.push(format!(
                    "{}:{number}: `{inline}`: {reason}; put it into a file of its own",
                    page.path
                ));
            }
        }
    }
    report(wrong);
}

#[test]
fn the_judge_sees_what_it_must() {
    let source = Source::new("src/bosh/body.rs", "use crate::{xml::Text, manager};\nuse super::super::front::{a, b};\n// crate::app\nconst A: &str = \"crate::app\";\nfn long() {\n    let a = '\"';\n}\n".to_owned());
    let mentions: Vec<(usize, String)> = source
        .mentions("crate")
        .into_iter()
        .map(|mention| (mention.line, mention.path[1].clone()))
        .collect();
    assert_eq!(
        mentions,
        [
            (1, "xml".to_owned()),
            (1, "manager".to_owned()),
            (2, "front".to_owned()),
            (2, "front".to_owned())
        ]
    );
    let functions: Vec<(usize, String, usize)> = source.functions().into_iter().map(|f| (f.line, f.name, f.lines)).collect();
    assert_eq!(functions, [(5, "long".to_owned(), 3)]);
    assert!(source.words().all(|(_, word)| word != "app"));
    let grouped = Source::new("src/a.rs", "use tokio::{sync, net::{TcpStream}};\n".to_owned());
    assert_eq!(grouped.mentions("tokio")[1].path, ["tokio", "net", "TcpStream"]);
}

/// The lines of text in the `//!` that opens a file; pictures and grammars in it are as long as they need to be.
fn sentences(text: &str) -> usize {
    let mut picture = false;
    let is_sentence = |line: &&str| {
        let fence = line.contains("```");
        picture ^= fence;
        !(picture || fence || line.trim() == "//!")
    };
    text.lines()
        .take_while(|line| line.starts_with("//!"))
        .filter(is_sentence)
        .count()
}

fn report(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
