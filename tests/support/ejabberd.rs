//! Debian's ejabberd as the XMPP server behind boshd, on free loopback ports, everything in a folder of its own. It runs as
//! one bare Erlang emulator without a node name, so that there is no cookie, no epmd and no port that nobody asked for.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fmt::Write;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use super::packages;
use super::process::{Process, free_port};
use super::server::{Options, Server, Tls, domain, password_of, rooms};

/// Written when all accounts are there; the ports are open before that.
const READY: &str = "ejabberd and its accounts are ready";

/// Connections that may wait to be accepted; by default five, and the sixth of a crowd knocks again a second later.
const BACKLOG: u32 = 128;

pub struct Ejabberd {
    pub address: SocketAddr,
    /// Its own connection manager, at `/http-bind`.
    pub bosh: Option<SocketAddr>,
    /// Where each connection begins with a PROXY header.
    pub proxied: Option<SocketAddr>,
    process: Option<Process>,
    users: Vec<String>,
    folder: TempDir,
}

impl Ejabberd {
    /// Starts it in plain text, with accounts whose password is `password_of` their name.
    pub fn start(users: &[&str]) -> Self {
        Self::with(users, &Options::default())
    }

    /// In Erlang; accounts that are there from an earlier run stay as they are.
    fn accounts(&self) -> String {
        let account = |user: &String| format!("{{<<\"{user}\">>, <<\"{}\">>}}", password_of(user));
        let domain = domain();
        let list: Vec<String> = self.users.iter().map(account).collect();
        format!(
            "[ejabberd_auth:try_register(User, <<\"{domain}\">>, Password) || {{User, Password}} <- [{}]], io:format(\"{READY}~n\").",
            list.join(", ")
        )
    }

    fn configuration(&self, options: &Options) -> String {
        let mut text = format!(
            "hosts: [{}]\nloglevel: {}\nauth_method: internal\nauth_password_format: plain\n",
            domain(),
            options.log.name()
        );
        if let Some(identity) = options.tls.identity() {
            let (certificate, key) = (identity.certificate.display(), identity.key.display());
            writeln!(text, "acme: {{ auto: false }}\ncertfiles: [\"{certificate}\", \"{key}\"]").expect("string");
        }
        let security = match options.tls {
            Tls::None => "",
            Tls::Offered(_) => ", starttls: true",
            Tls::Required(_) => ", starttls: true, starttls_required: true",
            Tls::Direct(_) => ", tls: true",
        };
        let verified = options.client_authority.as_ref();
        let verified = verified.map(|authority| format!(", tls_verify: true, cafile: \"{}\"", authority.display()));
        let security = [security, &verified.unwrap_or_default()].concat();
        text.push_str("listen:\n");
        let mut listen = |address: SocketAddr, kind: &str| {
            let (ip, port) = (address.ip(), address.port());
            writeln!(
                text,
                "  - {{ ip: \"{ip}\", port: {port}, backlog: {BACKLOG}, module: {kind} }}"
            )
            .expect("string");
        };
        listen(self.address, &format!("ejabberd_c2s{security}"));
        if let Some(address) = self.proxied {
            listen(address, &format!("ejabberd_c2s{security}, use_proxy_protocol: true"));
        }
        if let Some(address) = self.bosh {
            listen(address, "ejabberd_http, request_handlers: { /http-bind: mod_bosh }");
        }
        text.push_str("modules:\n");
        // Converse.js opens no chat with a stranger before it knows who is blocked
        for module in [
            "mod_blocking",
            "mod_privacy",
            "mod_disco",
            "mod_offline",
            "mod_ping",
            "mod_roster",
        ] {
            writeln!(text, "  {module}: {{}}").expect("string");
        }
        writeln!(text, "  mod_muc: {{ host: {} }}", rooms()).expect("string");
        let chosen = [
            (
                options.stream_management,
                "mod_stream_mgmt",
                options.stream_management_settings,
            ),
            (options.legacy_login, "mod_legacy_auth", ""),
            (options.bosh, "mod_bosh", ""),
        ];
        for (_, module, settings) in chosen.into_iter().filter(|(wanted, ..)| *wanted) {
            writeln!(text, "  {module}: {{ {settings} }}").expect("string");
        }
        text
    }
}

impl Server for Ejabberd {
    const KEEPS_FOR_LATER: &'static str = "resend_on_timeout: if_offline";

    fn with(users: &[&str], options: &Options) -> Self {
        packages::ensure(&["ejabberd"]);
        let mut ejabberd = Self {
            address: free_port(),
            bosh: options.bosh.then(free_port),
            proxied: options.proxied.then(free_port),
            process: None,
            users: users.iter().map(|user| (*user).to_owned()).collect(),
            folder: TempDir::with_prefix("boshd-test-").expect("temporary folder"),
        };
        let file = ejabberd.folder.path().join("ejabberd.yml");
        std::fs::write(file, ejabberd.configuration(options)).expect("ejabberd.yml");
        ejabberd.launch();
        ejabberd
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
        let spool = format!("\"{}\"", folder.join("spool").display());
        let mut command = Command::new("erl");
        command
            // threads that are idle sleep at once: others need the cores
            .args(["-noinput", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"])
            .args(["-mnesia", "dir", &spool, "-s", "ejabberd", "-eval", &self.accounts()])
            .env("ERL_LIBS", format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH))
            .env("ERL_CRASH_DUMP_SECONDS", "0")
            .env("EJABBERD_CONFIG_PATH", folder.join("ejabberd.yml"))
            .env("EJABBERD_LOG_PATH", folder.join("ejabberd-own.log"))
            .env("HOME", folder)
            .current_dir(folder);
        let mut process = Process::spawn("ejabberd", &mut command, folder.join("ejabberd.log"));
        process.wait_for_line(READY);
        self.process = Some(process);
    }
}
