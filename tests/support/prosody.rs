//! Debian's Prosody as the XMPP server behind boshd: the domain `example.test` with the accounts a test asks for and the
//! group chat service `rooms.example.test`, in plain text on a free loopback port, everything in a folder of its own.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::packages;
use super::process::{Process, free_port};

pub const DOMAIN: &str = "example.test";

pub struct Prosody {
    pub address: SocketAddr,
    /// Taken out and dropped it is gone at once, without a farewell (SIGKILL).
    pub process: Option<Process>,
    folder: TempDir,
}

impl Prosody {
    /// Starts it with accounts whose password is `password_of` their name.
    pub fn start(users: &[&str]) -> Self {
        packages::ensure(&["prosody"]);
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let address = free_port();
        std::fs::write(folder.path().join("prosody.cfg.lua"), configuration(address, folder.path())).expect("prosody.cfg.lua");
        let accounts = folder.path().join("example%2etest/accounts");
        std::fs::create_dir_all(&accounts).expect("folder of the accounts");
        for user in users {
            let account = format!("return {{ password = \"{}\" }};\n", password_of(user));
            std::fs::write(accounts.join(format!("{user}.dat")), account).expect("account");
        }
        let mut prosody = Self {
            address,
            process: None,
            folder,
        };
        prosody.launch();
        prosody
    }

    /// Starts it in its folder and on its port, where it may have run before.
    pub fn launch(&mut self) {
        drop(self.process.take());
        let folder = self.folder.path();
        let mut command = Command::new("prosody");
        command
            .arg("--config")
            .arg(folder.join("prosody.cfg.lua"))
            .arg("-F")
            .env("HOME", folder);
        let mut process = Process::spawn("prosody", &mut command, folder.join("prosody.log"));
        process.wait_for(self.address);
        self.process = Some(process);
    }
}

pub fn password_of(user: &str) -> String {
    format!("{user}'s secret")
}

fn configuration(address: SocketAddr, folder: &Path) -> String {
    let mut text = format!(
        r#"run_as_root = true
data_path = "{folder}"
log = {{ info = "*console" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
c2s_stanza_size_limit = 10 * 1024 * 1024
"#,
        folder = folder.display(),
        port = address.port(),
    );
    let modules = [
        "roster", "saslauth", "presence", "message", "iq", "disco", "ping", "offline", "smacks",
    ];
    let list: Vec<String> = modules.iter().map(|module| format!("\"{module}\"")).collect();
    writeln!(text, "modules_enabled = {{ {} }}", list.join(", ")).expect("string");
    text.push_str("modules_disabled = { \"s2s\", \"tls\" }\n");
    writeln!(text, "VirtualHost \"{DOMAIN}\"\nComponent \"rooms.{DOMAIN}\" \"muc\"").expect("string");
    text
}
