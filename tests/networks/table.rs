//! `docs/networks.md` and the tests name the same networks, and it quotes the log as it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the second column of the first table names.
fn named(page: &str) -> BTreeSet<String> {
    let rows = page.lines().skip_while(|line| !line.starts_with("| network ")).skip(2);
    let cells = rows.take_while(|line| line.starts_with('|')).map(|row| row.split('|').nth(2));
    let tests = cells.flat_map(|cell| cell.unwrap_or_default().split('`').skip(1).step_by(2));
    tests.map(str::to_owned).collect()
}

/// The tests of this folder, but those of this file.
fn present() -> BTreeSet<String> {
    let files = fs::read_dir(Path::new(ROOT).join("tests/networks")).expect("folder");
    let files = files.map(|file| file.expect("file").path());
    let sources = files
        .filter(|path| !path.ends_with("table.rs"))
        .map(|path| fs::read_to_string(path).expect("source"));
    let mut tests = BTreeSet::new();
    for source in sources {
        let behind = source.split("#[tokio::test").skip(1);
        let names = behind.filter_map(|code| code.split_once("async fn ")?.1.split_once('('));
        tests.extend(names.map(|(name, _)| name.to_owned()));
    }
    tests
}

#[test]
fn each_network_has_a_row_and_each_row_a_test() {
    let (named, present) = (named(&text("docs/networks.md")), present());
    assert!(!present.is_empty());
    assert_eq!(named, present);
}

#[test]
fn the_log_is_quoted_as_it_is() {
    let source = text("src/manager/middlebox.rs");
    let page = text("docs/networks.md");
    let quoted = page.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(' '));
    let mut count = 0;
    for (_, line) in quoted {
        let message = line.split(" network=").next().and_then(|text| text.split(" session=").next());
        let message = message.unwrap_or_default();
        assert!(source.contains(&format!("\"{message}\"")), "{message}");
        count += 1;
    }
    assert_eq!(count, 3);
}
