//! tsung, whose many users speak a BOSH of its own (not a library's), as Debian has it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::stage::Stage;
use crate::support::backend::Kind;
use crate::support::packages;
use crate::support::process::{Process, free_port};
use crate::support::server::{domain, password_of};

const SCENARIO: &str = include_str!("tsung.xml");

const USERS: usize = 500;

/// It takes half a minute on a machine that has little else to do.
const PATIENCE: Duration = Duration::from_secs(180);
/// Of one that is asked to end.
const END: Duration = Duration::from_secs(15);

struct Tsung {
    process: Process,
    /// Where nodes of Erlang find each other: it has no other than itself, and yet wants to be found.
    _epmd: Process,
    folder: TempDir,
}

impl Tsung {
    fn start(boshd: SocketAddr, users: &[String]) -> Self {
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let at = |name: &str| folder.path().join(name);
        let names = free_port();
        let mut command = Command::new("epmd");
        command.args(["-address", &names.ip().to_string(), "-port", &names.port().to_string()]);
        let mut epmd = Process::spawn("epmd", &mut command, at("epmd.log"));
        epmd.wait_for(names);
        let line = |user: &String| format!("{user},{}\n", password_of(user));
        fs::write(at("accounts.csv"), users.iter().map(line).collect::<String>()).expect("accounts.csv");
        let scenario = SCENARIO
            .replace("PORT", &boshd.port().to_string())
            .replace("USERS", &users.len().to_string())
            .replace("DOMAIN", domain())
            .replace("ACCOUNTS", &at("accounts.csv").display().to_string());
        fs::write(at("tsung.xml"), scenario).expect("tsung.xml");
        // `tsung` is a script: who is told to end here tells all that it has started
        let mut command = Command::new("timeout");
        command
            .arg(PATIENCE.as_secs().to_string())
            .args(["tsung", "-n", "-I", &names.ip().to_string()])
            .arg("-f")
            .arg(at("tsung.xml"))
            .arg("-l")
            .arg(at("log"))
            .arg("start")
            .env("ERL_EPMD_PORT", names.port().to_string())
            .env("ERL_AFLAGS", "+sbwt none -kernel inet_dist_use_interface {127,0,0,1}")
            .env("HOME", folder.path());
        Self {
            process: Process::spawn("tsung", &mut command, at("tsung.log")),
            _epmd: epmd,
            folder,
        }
    }

    /// What it has counted, from the last of the reports that it writes now and then: lines of a name, a number since the report before, and
    /// one since the start.
    fn counts(&mut self) -> Vec<(String, String)> {
        let status = self.process.wait(PATIENCE).expect("its end in time");
        assert!(status.success(), "tsung: {status}\n{}", self.process.log());
        let report = fs::read_to_string(self.report()).expect("its report");
        let last = report.rsplit("# stats: dump at").next().unwrap_or_default();
        let counts = last.lines().filter_map(|line| line.strip_prefix("stats: "));
        let counts = counts.filter_map(|line| Some((line.split_once(' ')?.0, line.rsplit_once(' ')?.1)));
        counts.map(|(name, total)| (name.to_owned(), total.to_owned())).collect()
    }

    /// In a folder named by the time of its start.
    fn report(&self) -> PathBuf {
        let mut folders = fs::read_dir(self.folder.path().join("log")).expect("folder of the logs");
        let folder = folders.next().expect("a folder of this run").expect("its name");
        folder.path().join("tsung.log")
    }
}

impl Drop for Tsung {
    fn drop(&mut self) {
        if self.process.wait(Duration::ZERO).is_none() {
            self.process.terminate();
            self.process.wait(END);
        }
    }
}

// contract H3, contract H7: it takes an answer for one by `200 OK`, and writes no space behind the colon of a header.
//
// contract C1: it does not poll before it has logged in, and takes features that come late for the answer to its login. So it plays with the
// server that is soon there for all at once.
#[tokio::test(flavor = "multi_thread")]
async fn tsung() {
    packages::ensure(&["tsung"]);
    let users: Vec<String> = (0..USERS).map(|number| format!("user{number}")).collect();
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let stage = Stage::with(Kind::Ejabberd, &names).await;
    let endpoint = stage.boshd.address;
    let counts = spawn_blocking(move || Tsung::start(endpoint, &users).counts()).await;
    let counts = counts.expect("tsung's counts");
    println!("tsung, {}: {counts:?}", stage.backend.name());
    let finished = counts.iter().find(|(name, _)| name == "finish_users_count");
    assert_eq!(finished.map(|(_, total)| total.as_str()), Some("500"), "{counts:?}");
    let errors: Vec<_> = counts.iter().filter(|(name, _)| name.starts_with("error")).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(stage.boshd.wrote("session begins"), USERS);
    stage.is_left_with(0).await;
    stage.record_of("tsung", &packages::version("tsung"), "500 users");
}
