//! Plays: each `.bosh` file below this folder is a dialogue in virtual time. Their language: `README.md` beside this file.

mod line;
mod stage;
mod words;

use std::path::{Path, PathBuf};

fn plays(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder of transcripts") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            plays(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "bosh") {
            found.push(path);
        }
    }
}

#[test]
fn every_transcript_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut found = Vec::new();
    plays(&root, &mut found);
    found.sort();
    let wrong: Vec<String> = found
        .iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(path).expect("a transcript");
            let name = path.strip_prefix(&root).expect("below the root").display().to_string();
            let title = text
                .lines()
                .next()
                .is_some_and(|line| line.starts_with("# ") && line.contains(": "));
            let result = if title {
                stage::play(&text)
            } else {
                Err((1, "the first line is not `# NUMBERS: title`".into()))
            };
            result.err().map(|(line, why)| format!("{name}:{line}: {why}"))
        })
        .collect();
    println!("{} transcripts", found.len());
    assert!(found.len() > 40, "transcripts are missing");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
