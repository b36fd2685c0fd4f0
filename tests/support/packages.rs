//! Debian packages that a test needs: installed when missing, never skipped. Services are kept from starting by a
//! `policy-rc.d` of ours, which goes away afterwards; other installations are waited for.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// How long another holder of apt's or dpkg's locks is waited for.
const PATIENCE: Duration = Duration::from_secs(600);

/// A policy that somebody else wrote stays in force; one of ours that an aborted run left behind is taken over.
const INSTALL: &str = r#"
set -e
policy=/usr/sbin/policy-rc.d
mark='# boshd tests: nothing is started'
if [ ! -e "$policy" ] || grep -qF "$mark" "$policy"; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=600 "$@"
"#;

/// Returns once all of them are installed; panics if that cannot be done.
pub fn ensure(packages: &[&str]) {
    if missing(packages).is_empty() {
        return;
    }
    let path = std::env::temp_dir().join("boshd-tests-packages.lock");
    let lock = File::create(path).expect("lock file for the installation");
    lock.lock().expect("waiting for other tests that install");
    let missing = missing(packages);
    if !missing.is_empty() {
        ask(&missing);
        install(&missing);
    }
}

/// Of an installed package, without the revisions of Debian's own: `0.12.3`.
pub fn version(package: &str) -> String {
    let query = Command::new("dpkg-query")
        .args(["--show", "--showformat=${source:Upstream-Version}", package])
        .output()
        .expect("dpkg-query");
    assert!(query.status.success(), "{package} is not installed");
    String::from_utf8_lossy(&query.stdout).into_owned()
}

fn missing<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    packages.iter().copied().filter(|package| !is_installed(package)).collect()
}

fn is_installed(package: &str) -> bool {
    let query = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .output()
        .expect("dpkg-query: these tests install what they need from Debian's archive");
    query.status.success() && query.stdout == b"installed"
}

/// A person is asked first; a machine without a terminal has already said yes by running the tests.
fn ask(packages: &[&str]) {
    let (input, mut terminal) = (std::io::stdin(), std::io::stderr());
    if !input.is_terminal() || !terminal.is_terminal() {
        return;
    }
    let question = format!("\nThese tests need {}. Install with apt-get? [y/N] ", packages.join(", "));
    terminal.write_all(question.as_bytes()).expect("terminal");
    let mut answer = String::new();
    input.read_line(&mut answer).expect("terminal");
    assert!(
        answer.trim().eq_ignore_ascii_case("y"),
        "not installed: {}",
        packages.join(", ")
    );
}

fn install(packages: &[&str]) {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let run = as_root()
            .args(["sh", "-c", INSTALL, "install"])
            .args(packages)
            .output()
            .expect("sh");
        if run.status.success() {
            return;
        }
        let errors = String::from_utf8_lossy(&run.stderr).into_owned();
        let busy = errors.contains("Could not get lock") || errors.contains("is another process using it");
        assert!(
            busy && Instant::now() < give_up,
            "apt-get install {}: {errors}",
            packages.join(" ")
        );
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// `env` for root, `sudo` for everybody else.
fn as_root() -> Command {
    let Output { stdout, .. } = Command::new("id").arg("-u").output().expect("id");
    Command::new(if stdout.trim_ascii() == b"0" { "env" } else { "sudo" })
}
