//! What was seen of a client, for `docs/clients.md`: a file for each act in one folder, by which no test is in another's way.
#![allow(dead_code, reason = "one writes, one reads")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// This client has done this with this server behind boshd.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Record {
    pub client: String,
    pub version: String,
    pub server: String,
    pub act: String,
}

/// Of the tests that have run here.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients")
}

impl Record {
    pub fn write(&self) {
        let Self {
            client,
            version,
            server,
            act,
        } = self;
        std::fs::create_dir_all(folder()).expect("folder of the records");
        let name = [client, version, server, act].map(|part| part.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        let text = json!({ "client": client, "version": version, "server": server, "act": act }).to_string();
        std::fs::write(folder().join(format!("{}.json", name.join("_"))), text).expect("a record");
    }

    /// One, or a list of them.
    fn read(path: &Path) -> Vec<Self> {
        let text = std::fs::read_to_string(path).expect("a record");
        match serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            Value::Array(list) => list.iter().map(Self::of).collect(),
            one => vec![Self::of(&one)],
        }
    }

    fn of(value: &Value) -> Self {
        let word = |key: &str| value[key].as_str().unwrap_or_else(|| panic!("{key} of {value}")).to_owned();
        Self {
            client: word("client"),
            version: word("version"),
            server: word("server"),
            act: word("act"),
        }
    }

    /// Those in this folder, if it is there.
    pub fn all(folder: &Path) -> Vec<Self> {
        let files = std::fs::read_dir(folder).into_iter().flatten();
        let paths = files.map(|file| file.expect("a file").path());
        paths.flat_map(|path| Self::read(&path)).collect()
    }
}
