//! What was seen of a client, for `docs/clients.md`: a file for each act below `target/tmp/clients/`, by which no test is in another's way.

use std::path::PathBuf;

use serde_json::json;

/// This client has done this with this server behind boshd.
pub struct Record {
    pub client: String,
    pub version: String,
    pub server: String,
    pub act: String,
}

impl Record {
    pub fn write(&self) {
        let Self {
            client,
            version,
            server,
            act,
        } = self;
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("clients");
        std::fs::create_dir_all(&folder).expect("folder of the records");
        let name = [client, version, server, act].map(|part| part.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        let text = json!({ "client": client, "version": version, "server": server, "act": act }).to_string();
        std::fs::write(folder.join(format!("{}.json", name.join("_"))), text).expect("a record");
    }
}
