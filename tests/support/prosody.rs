//! Debian's Prosody as the XMPP server behind boshd, on a free loopback port, everything in a folder of its own. It reads no
//! PROXY header (`mod_net_proxy` is not in Debian's `prosody-modules`): `haproxy` does that before it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::packages;
use super::process::{Process, free_port};
use super::server::{Options, Server, Tls, domain, password_of, rooms};

pub struct Prosody {
    pub address: SocketAddr,
    /// Its own connection manager, at `/http-bind`.
    pub bosh: Option<SocketAddr>,
    process: Option<Process>,
    folder: TempDir,
}

impl Prosody {
    /// Starts it in plain text, with accounts whose password is `password_of` their name.
    pub fn start(users: &[&str]) -> Self {
        Self::with(users, &Options::default())
    }

    fn configuration(&self, options: &Options) -> String {
        let mut modules = vec!["roster", "saslauth", "presence", "message", "iq", "disco", "ping", "offline"];
        // Converse.js opens no chat with a stranger before it knows who is blocked
        modules.push("blocklist");
        let chosen = [
            (options.stream_management, "smacks"),
            (options.legacy_login, "legacyauth"),
            (options.bosh, "bosh"),
            (options.tls.identity().is_some(), "tls"),
        ];
        modules.extend(chosen.into_iter().filter_map(|(wanted, module)| wanted.then_some(module)));
        let mut text = general(self.folder.path(), options);
        let required = matches!(options.tls, Tls::Required(_));
        let (plain, direct) = match options.tls {
            Tls::Direct(_) => (String::new(), self.address.port().to_string()),
            _ => (self.address.port().to_string(), String::new()),
        };
        let http = self.bosh.map(|address| address.port().to_string()).unwrap_or_default();
        write!(
            text,
            r#"c2s_ports = {{ {plain} }}
c2s_direct_tls_ports = {{ {direct} }}
c2s_require_encryption = {required}
allow_unencrypted_plain_auth = {plain_login}
http_ports = {{ {http} }}
modules_enabled = {{ {modules} }}
{settings}
VirtualHost "{domain}"
Component "{rooms}" "muc"
"#,
            domain = domain(),
            rooms = rooms(),
            plain_login = !required,
            modules = modules
                .iter()
                .map(|module| format!("\"{module}\""))
                .collect::<Vec<_>>()
                .join(", "),
            settings = options.stream_management_settings,
        )
        .expect("string");
        text
    }
}

impl Server for Prosody {
    const KEEPS_FOR_LATER: &'static str = "";

    fn with(users: &[&str], options: &Options) -> Self {
        packages::ensure(&["prosody", "lua-sec"]);
        assert!(!options.proxied, "put `haproxy` before it");
        let mut prosody = Self {
            address: free_port(),
            bosh: options.bosh.then(free_port),
            process: None,
            folder: TempDir::with_prefix("boshd-test-").expect("temporary folder"),
        };
        let folder = prosody.folder.path();
        std::fs::write(folder.join("prosody.cfg.lua"), prosody.configuration(options)).expect("prosody.cfg.lua");
        let accounts = folder.join(domain().replace('.', "%2e")).join("accounts");
        std::fs::create_dir_all(&accounts).expect("folder of the accounts");
        // without this one it complains
        std::fs::create_dir(folder.join("certs")).expect("folder of certificates");
        for user in users {
            let account = format!("return {{ password = \"{}\" }};\n", password_of(user));
            std::fs::write(accounts.join(format!("{user}.dat")), account).expect("account");
        }
        prosody.launch();
        prosody
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn bosh(&self) -> Option<SocketAddr> {
        self.bosh
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }

    fn kill(&mut self) {
        drop(self.process.take());
    }

    fn launch(&mut self) {
        self.kill();
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

/// What is the same for each choice of ports and modules, and the certificate.
fn general(folder: &Path, options: &Options) -> String {
    let mut text = format!(
        r#"run_as_root = true
data_path = "{folder}"
log = {{ {level} = "*console" }}
interfaces = {{ "127.0.0.1" }}
http_interfaces = {{ "127.0.0.1" }}
https_ports = {{ }}
s2s_ports = {{ }}
authentication = "internal_plain"
storage = "internal"
c2s_stanza_size_limit = 10 * 1024 * 1024
modules_disabled = {{ "s2s"{tls} }}
"#,
        folder = folder.display(),
        level = options.log.name(),
        tls = if options.tls.identity().is_none() { ", \"tls\"" } else { "" },
    );
    if let Some(identity) = options.tls.identity() {
        let (certificate, key) = (identity.certificate.display(), identity.key.display());
        writeln!(text, "ssl = {{ certificate = \"{certificate}\", key = \"{key}\" }}").expect("string");
    }
    text
}
