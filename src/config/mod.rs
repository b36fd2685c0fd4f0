//! `boshd.toml` and the `BOSHD_*` variables: strict keys, every problem at once, plain values out. Read by `app` and `main` alone; each module
//! owns its own `Options`.

mod address;
mod discovery;
mod domain;
mod limits;
mod listen;
mod listener;
mod problem;
mod process;
mod reader;
mod tls;
mod upstream;
mod value;

use std::path::Path;
use std::time::Duration;

pub use address::Address;
pub use discovery::Discovery;
pub use domain::{Domain, ProxyProtocol, Server, Tls};
pub use limits::Limits;
pub use listen::{Bosh, Cors, HttpPolling, WebSocket};
pub use listener::{ClientAddress, Listen};
pub use problem::{ConfigError, Problem, Severity};
pub use process::{Format, Level, Log, Shutdown};
pub use reader::{Origin, Setting};
pub use tls::{Acme, CertificateFiles, Certificates, Https};
pub use upstream::{Reach, Resolver, Upstream};

use reader::{Notes, Reader};

/// Everything an operator can decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    pub listen: Vec<Listen>,
    /// Empty only in the sandbox.
    pub domains: Vec<Domain>,
    pub upstream: Upstream,
    pub resolver: Resolver,
    pub bosh: Bosh,
    pub websocket: WebSocket,
    pub http_polling: HttpPolling,
    pub discovery: Discovery,
    pub limits: Limits,
    pub cors: Cors,
    pub shutdown: Shutdown,
    pub log: Log,
}

/// A configuration that boshd can start with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loaded {
    pub config: Config,
    /// Every key with the value in force, in the order of the sections.
    pub settings: Vec<Setting>,
    /// What is legal but unwise.
    pub warnings: Vec<Problem>,
}

impl Config {
    /// Reads a file and the environment.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let text = format!("cannot be read: {error}");
            ConfigError(vec![Problem {
                severity: Severity::Wrong,
                place: file.clone(),
                key: String::new(),
                text,
            }])
        })?;
        let readable =
            |(name, value): (std::ffi::OsString, std::ffi::OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self::parse(&file, &text, std::env::vars_os().filter_map(readable))
    }

    /// The same from a text, with a name for it, and variables.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn parse(file: &str, text: &str, variables: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, ConfigError> {
        let mut reader = Reader::new(file, text, variables);
        let listen = reader.sections("listen", Listen::read);
        let domains = reader.sections("domain", Domain::read);
        let upstream = reader.section("upstream", Upstream::read);
        let config = Self {
            listen,
            domains: domains.into_iter().map(|domain| domain(&upstream)).collect(),
            upstream,
            resolver: reader.section("resolver", Resolver::read),
            bosh: reader.section("bosh", Bosh::read),
            websocket: reader.section("websocket", WebSocket::read),
            http_polling: reader.section("http_polling", HttpPolling::read),
            discovery: reader.section("discovery", Discovery::read),
            limits: reader.section("limits", Limits::read),
            cors: reader.section("cors", Cors::read),
            shutdown: reader.section("shutdown", Shutdown::read),
            log: reader.section("log", Log::read),
        };
        if config.listen.is_empty() {
            reader.wrong("listen", "at least one [[listen]] with an address is needed");
        }
        if config.domains.is_empty() {
            reader.wrong("domain", "at least one [[domain]] with a name is needed");
        }
        let mut notes = reader.finish();
        config.judge(&mut notes);
        if notes.problems.iter().any(|problem| problem.severity == Severity::Wrong) {
            return Err(ConfigError(notes.problems));
        }
        Ok(Loaded {
            config,
            settings: notes.settings,
            warnings: notes.problems,
        })
    }

    /// Without a configuration: a domain inside the process, on loopback.
    pub fn sandbox(listen: Listen) -> Self {
        Self {
            listen: vec![listen],
            domains: Vec::new(),
            upstream: Upstream::default(),
            resolver: Resolver::default(),
            bosh: Bosh::default(),
            websocket: WebSocket::default(),
            http_polling: HttpPolling::default(),
            discovery: Discovery::default(),
            limits: Limits::default(),
            cors: Cors::default(),
            // Nobody but the person at the keyboard would wait for it.
            shutdown: Shutdown {
                grace: Duration::ZERO,
                ..Shutdown::default()
            },
            log: Log::default(),
        }
    }

    fn judge(&self, notes: &mut Notes) {
        for (holds, key, text) in self.wrong() {
            if holds {
                notes.about(Severity::Wrong, key, text.to_owned());
            }
        }
        for (holds, key, text) in self.unwise() {
            if holds {
                notes.about(Severity::Unwise, key, text.to_owned());
            }
        }
        listener::judge(&self.listen, notes);
        self.judge_domains(notes);
    }

    /// What only shows when values are seen together.
    fn wrong(&self) -> [(bool, &'static str, &'static str); 7] {
        let Self {
            bosh,
            limits,
            cors,
            shutdown,
            ..
        } = self;
        [
            (
                [&bosh.path, &self.http_polling.path].contains(&&self.websocket.path) && !self.websocket.path.is_empty(),
                "websocket.path",
                "is the path of another endpoint; give it one of its own",
            ),
            (
                self.http_polling.path == bosh.path,
                "http_polling.path",
                "is the path of the BOSH endpoint; give it another",
            ),
            (
                cors.credentials && cors.origins.iter().any(|origin| origin == "*"),
                "cors.credentials",
                "browsers refuse credentials together with origins = [\"*\"]; list the origins",
            ),
            (
                limits.session_memory < limits.body_bytes + limits.stanza_bytes,
                "limits.session_memory",
                "must hold at least one body and one stanza (body_bytes + stanza_bytes)",
            ),
            (
                limits.memory < limits.session_memory,
                "limits.memory",
                "is less than one session may use (session_memory)",
            ),
            (
                self.upstream.reach.retry_max < self.upstream.reach.retry,
                "upstream.retry_max",
                "is shorter than upstream.retry",
            ),
            (
                shutdown.deadline < shutdown.grace,
                "shutdown.deadline",
                "lies before the end of shutdown.grace",
            ),
        ]
    }

    /// Values that are legal but that users will suffer from.
    fn unwise(&self) -> [(bool, &'static str, &'static str); 4] {
        let Self { bosh, limits, .. } = self;
        [
            (
                bosh.max_wait > Duration::from_secs(55),
                "bosh.max_wait",
                "nginx and many middleboxes cut requests that are silent for 60 s; 55s is safe",
            ),
            (
                bosh.max_hold > 1,
                "bosh.max_hold",
                "stanza.js stalls when more than one request is held",
            ),
            (
                bosh.inactivity < Duration::from_secs(60),
                "bosh.inactivity",
                "browsers let a hidden tab act once a minute: such users lose their sessions below 60s",
            ),
            (
                limits.body_timeout < Duration::from_secs(5),
                "limits.body_timeout",
                "mobile networks pause for seconds: below 5s their users cannot send",
            ),
        ]
    }

    fn judge_domains(&self, notes: &mut Notes) {
        for (index, domain) in self.domains.iter().enumerate() {
            let path = if self.domains.len() > 1 {
                format!("domain[{}]", index + 1)
            } else {
                "domain".to_owned()
            };
            if let Some(earlier) = self.domains[..index].iter().find(|earlier| earlier.covers(domain)) {
                let text = format!("never reached: {:?} above it matches first", earlier.name);
                notes.about(Severity::Unwise, &format!("{path}.name"), text);
            }
            for server in domain.exposed_servers() {
                let text = format!("{server} is a public address: passwords would cross the network in plain text");
                notes.about(Severity::Unwise, &format!("{path}.servers"), text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str =
        "[[listen]]\naddress = '127.0.0.1:0'\n[[domain]]\nname = '*'\nservers = ['127.0.0.1:5222']\ntls = 'none'\n";

    fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, String> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::parse("boshd.toml", text, variables).map_err(|error| error.to_string())
    }

    #[test]
    fn the_sandbox_has_the_defaults() {
        let loaded = parse(SMALLEST, &[]).unwrap();
        let sandbox = Config::sandbox(Listen::SANDBOX);
        assert_eq!(
            Config {
                listen: vec![Listen::SANDBOX],
                domains: Vec::new(),
                shutdown: sandbox.shutdown.clone(),
                ..loaded.config
            },
            sandbox
        );
        assert_eq!(loaded.warnings, []);
    }

    #[test]
    fn every_problem_at_once() {
        let text = format!(
            "{SMALLEST}[bosh]\nmax_wiat = '55s'\ninactivity = 'soon'\n[limit]\nsessions = 1\n[cors]\ncredentials = true\n"
        );
        let expected = [
            "boshd.toml:9: bosh.inactivity: \"soon\" is not a duration such as \"55s\", \"500ms\", \"2m\"",
            "boshd.toml:8: bosh.max_wiat: unknown key; did you mean max_wait?",
            "boshd.toml:10: limit: unknown section; did you mean limits?",
            "boshd.toml:13: cors.credentials: browsers refuse credentials together with origins = [\"*\"]; list the origins",
        ];
        assert_eq!(parse(&text, &[]).unwrap_err(), expected.join("\n"));
    }

    #[test]
    fn what_must_be_there() {
        let expected = [
            "boshd.toml: listen: at least one [[listen]] with an address is needed",
            "boshd.toml: domain: at least one [[domain]] with a name is needed",
        ];
        assert_eq!(parse("", &[]).unwrap_err(), expected.join("\n"));
        let text = "[[listen]]\n[[domain]]\nname = 'a.example'\nservers = ['a']\ntls = 'starttsl'\n";
        let error = parse(text, &[]).unwrap_err();
        assert!(error.contains("boshd.toml:1: listen.address: is missing"), "{error}");
        assert!(
            error.contains("boshd.toml:5: domain.tls: \"starttsl\" is not one of direct, starttls, none"),
            "{error}"
        );
        assert!(
            error.contains("boshd.toml:4: domain.servers: \"a\" is not a host with a port"),
            "{error}"
        );
    }

    #[test]
    fn broken_toml_has_a_line() {
        let error = parse(&format!("{SMALLEST}[bosh\nmax_wait = 5\n[cors]\norigins = [\n"), &[]).unwrap_err();
        assert!(error.contains("boshd.toml:7: "), "{error}");
        assert!(
            parse("bosh = 5\n", &[])
                .unwrap_err()
                .starts_with("boshd.toml:1: bosh: is a section")
        );
    }

    #[test]
    fn variables_override() {
        let variables = [
            ("BOSHD_BOSH__MAX_WAIT", "50s"),
            ("BOSHD_DOMAIN__NAME", "example.org"),
            ("BOSHD_HOME", "/"),
            ("PATH", "/"),
        ];
        let loaded = parse(SMALLEST, &variables).unwrap();
        assert_eq!(loaded.config.bosh.max_wait, Duration::from_secs(50));
        assert_eq!(loaded.config.domains[0].name, "example.org");
        let setting = loaded.settings.iter().find(|setting| setting.key == "bosh.max_wait").unwrap();
        assert_eq!(setting.origin, Origin::Variable("BOSHD_BOSH__MAX_WAIT".to_owned()));
    }

    #[test]
    fn variables_are_strict_too() {
        let variables = [
            ("BOSHD_BOSH__MAX_WIAT", "50s"),
            ("BOSHD_BSOH__MAX_WAIT", "50s"),
            ("BOSHD_LOG__LEVEL", "loud"),
        ];
        let expected = [
            "BOSHD_BOSH__MAX_WIAT: bosh.max_wiat: unknown key; did you mean max_wait?",
            "BOSHD_LOG__LEVEL: log.level: \"loud\" is not one of error, warn, info, debug, trace",
            "BOSHD_BSOH__MAX_WAIT: bsoh: unknown section; did you mean bosh?",
        ];
        assert_eq!(parse(SMALLEST, &variables).unwrap_err(), expected.join("\n"));
    }

    #[test]
    fn unwise_is_not_wrong() {
        let text = format!(
            "{SMALLEST}[[domain]]\nname = 'a.example'\nservers = ['192.0.2.1:5222']\ntls = 'none'\n[bosh]\nmax_wait = '60s'\n"
        );
        let loaded = parse(&text, &[]).unwrap();
        let warnings: Vec<String> = loaded.warnings.iter().map(Problem::to_string).collect();
        let starts = [
            "boshd.toml:12: bosh.max_wait: unwise: ",
            "boshd.toml:8: domain[2].name: unwise: ",
            "boshd.toml:9: domain[2].servers: unwise: ",
        ];
        assert_eq!(warnings.len(), starts.len());
        assert!(
            warnings.iter().zip(starts).all(|(warning, start)| warning.starts_with(start)),
            "{warnings:?}"
        );
    }
}
