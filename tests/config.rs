//! The committed `boshd.toml` is the manual of the settings: it must be accepted, complete, and right about the defaults.

use std::path::Path;
use std::process::{Command, Output};

use boshd::config::{Address, Config, Listen, Loaded, Origin, Server, Shutdown, Tls};
use boshd::network::LOOPBACK;

/// Keys without a default: what stands in the file is an example.
const EXAMPLES: [&str; 4] = ["listen.address", "domain.name", "domain.servers", "domain.tls"];

/// Keys of a domain that have no value when they are absent.
const OPTIONAL: [&str; 8] = [
    "server_name",
    "ca_file",
    "pins",
    "client_certificate",
    "connect_timeout",
    "retry",
    "networks",
    "redirects",
];

/// The same of a listener.
const OPTIONAL_AT_LISTENERS: [&str; 3] = ["tls", "client_ca_file", "redirect"];

/// As short as a configuration can be.
const SHORTEST: &str =
    "[[listen]]\naddress = '127.0.0.1:0'\n[[domain]]\nname = '*'\nservers = ['127.0.0.1:5222']\ntls = 'none'\n";

fn committed() -> Loaded {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("boshd.toml")).unwrap();
    Config::parse("boshd.toml", &text, []).unwrap()
}

#[test]
fn every_key_is_documented() {
    let undocumented: Vec<String> = committed()
        .settings
        .into_iter()
        .filter(|setting| setting.origin == Origin::Default)
        .map(|setting| setting.key)
        .collect();
    assert_eq!(undocumented, [""; 0], "boshd.toml must show every key");
}

#[test]
fn every_key_that_may_be_absent_is_documented() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("boshd.toml")).unwrap();
    for key in OPTIONAL.iter().chain(&OPTIONAL_AT_LISTENERS) {
        assert!(text.contains(&format!("\n# {key} = ")), "{key}");
    }
    // and each can be written as it is shown there
    let shown = |keys: &[&str]| {
        let lines = text.lines().filter_map(|line| line.strip_prefix("# "));
        let shown = lines.filter(|line| keys.iter().any(|key| line.starts_with(&format!("{key} = "))));
        shown.map(|line| format!("{line}\n")).collect::<String>()
    };
    let listen = "[[listen]]\naddress = '127.0.0.1:1'\n";
    let keys = [shown(&OPTIONAL), listen.to_owned(), shown(&OPTIONAL_AT_LISTENERS)].concat();
    Config::parse("shown", &[SHORTEST, &keys].concat(), []).unwrap();
}

#[test]
fn every_default_is_the_built_in_one() {
    let written = committed().settings;
    let built_in = Config::parse("shortest", SHORTEST, []).unwrap().settings;
    assert_eq!(written.len(), built_in.len());
    for (written, built_in) in written
        .iter()
        .zip(&built_in)
        .filter(|(written, _)| !EXAMPLES.contains(&written.key.as_str()))
    {
        assert_eq!((&written.key, &written.value), (&built_in.key, &built_in.value));
    }
}

#[test]
fn nothing_in_it_is_unwise() {
    assert_eq!(committed().warnings, []);
}

#[test]
fn values_arrive() {
    let Config {
        listen,
        domains,
        shutdown,
        ..
    } = committed().config;
    assert_eq!(
        listen,
        [Listen::on(Address::Tcp("127.0.0.1:5280".parse().unwrap()))].map(|listen| Listen {
            trusted_proxies: Some(LOOPBACK.map(str::to_owned).to_vec()),
            ..listen
        })
    );
    let server = Server {
        host: "10.0.0.5".to_owned(),
        port: 5222,
        priority: 0,
        weight: 1,
    };
    assert_eq!(domains.len(), 1);
    assert_eq!(
        (domains[0].name.as_str(), domains[0].tls),
        ("example.org", Some(Tls::StartTls))
    );
    assert_eq!(domains[0].servers, [server]);
    assert_eq!(shutdown, Shutdown::default());
}

#[test]
fn check_has_three_exit_codes() {
    let check = |name: &str, more: &str| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&file, format!("{SHORTEST}{more}")).unwrap();
        boshd(&["check", file.to_str().unwrap()])
    };
    let well = check("well.toml", "");
    assert_eq!((well.status.code(), said(&well)), (Some(0), String::new()));
    let unwise = check("unwise.toml", "[bosh]\nmax_wait = '60s'\n");
    assert_eq!(unwise.status.code(), Some(1));
    assert!(said(&unwise).contains("unwise.toml:8: bosh.max_wait: unwise: "));
    let wrong = check("wrong.toml", "[bosh]\nmax_wiat = '55s'\n");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(said(&wrong).ends_with("wrong.toml:8: bosh.max_wiat: unknown key; did you mean max_wait?\n"));
    assert_eq!(boshd(&["check", "/nonexistent/boshd.toml"]).status.code(), Some(2));
}

#[test]
fn run_on_a_wrong_file_says_what_check_says() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("refused.toml");
    std::fs::write(&file, "[[listen]]\n").unwrap();
    let (checked, run) = (
        boshd(&["check", file.to_str().unwrap()]),
        boshd(&["run", "--config", file.to_str().unwrap()]),
    );
    assert_eq!(run.status.code(), Some(2));
    assert_eq!(said(&run), said(&checked));
}

#[test]
fn every_endpoint_has_a_path_of_its_own() {
    for clash in [
        "[websocket]\npath = '/http-bind'\n",
        "[websocket]\npath = '/a'\n[http_polling]\npath = '/a'\n",
        "[http_polling]\npath = '/http-bind'\n",
    ] {
        let problems = Config::parse("clash", &format!("{SHORTEST}{clash}"), []).unwrap_err();
        assert!(problems.to_string().contains("path: is the path of "), "{problems}");
    }
    let off = Config::parse("off", &format!("{SHORTEST}[websocket]\npath = ''\n"), []).unwrap();
    assert_eq!(off.config.websocket.path, "");
}

#[test]
fn config_shows_where_values_come_from() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shown.toml");
    std::fs::write(&file, SHORTEST).unwrap();
    let shown = boshd(&["config", "--config", file.to_str().unwrap()]);
    let text = String::from_utf8(shown.stdout).unwrap();
    let line = |key: &str| {
        text.lines()
            .find(|line| line.starts_with(key))
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(line("bosh.max_wait"), "bosh.max_wait = \"50s\" # BOSHD_BOSH__MAX_WAIT");
    assert_eq!(line("bosh.max_hold"), "bosh.max_hold = 1 # default");
    assert!(line("domain.name").ends_with("shown.toml:4"));
}

fn boshd(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_boshd"));
    let shown = arguments.first() == Some(&"config");
    let variables = shown.then_some(("BOSHD_BOSH__MAX_WAIT", "50s"));
    command.args(arguments).env_clear().envs(variables).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
