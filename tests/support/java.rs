//! The Java clients, each a folder of `tests/clients/`: its libraries fetched by Maven as its `pom.xml` says, each of them the one that
//! `sha256sums` knows, and its program compiled, all below the folder's `target/`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages;

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// Each program's class with the `main`.
const MAIN: &str = "User";

/// Virtual machines that share two cores with others: the compiler and the collector that take the least of them.
const MODEST: [&str; 2] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/// What starts the program of this folder, compiled from this source.
pub fn program(folder: &str, source: &str) -> Command {
    let client = Client::of(folder, source);
    client.prepare();
    let mut command = Command::new("java");
    command.args(MODEST).args(["-classpath", &client.class_path(), MAIN]);
    command
}

struct Client {
    folder: PathBuf,
    source: PathBuf,
    /// The lock file: a line for each library, as sha256sum(1) writes and reads it.
    sums: String,
}

impl Client {
    fn of(folder: &str, source: &str) -> Self {
        let folder = Path::new(CLIENTS).join(folder);
        Self {
            source: folder.join(source),
            sums: fs::read_to_string(folder.join("sha256sums")).expect("sha256sums"),
            folder,
        }
    }

    fn jars(&self) -> PathBuf {
        self.folder.join("target/jars")
    }

    fn classes(&self) -> PathBuf {
        self.folder.join("target/classes")
    }

    fn class_path(&self) -> String {
        let names = self
            .sums
            .lines()
            .map(|line| line.split_once("  ").expect("a sum and a name").1);
        let jars = names.map(|name| self.jars().join(name));
        let all = jars.chain([self.classes()]).map(|path| path.display().to_string());
        all.collect::<Vec<_>>().join(":")
    }

    /// Once for each state of these files.
    fn prepare(&self) {
        let tools = ["javac", "mvn"];
        if !tools.iter().all(|tool| Command::new(tool).arg("--version").output().is_ok()) {
            packages::ensure(&["default-jdk-headless", "maven"]);
        }
        let lock = File::create(std::env::temp_dir().join("boshd-tests-java.lock")).expect("lock file for Java");
        lock.lock().expect("waiting for other tests that install");
        let inputs = [
            self.folder.join("pom.xml"),
            self.folder.join("sha256sums"),
            self.source.clone(),
        ];
        let wanted: Vec<u8> = inputs
            .iter()
            .flat_map(|input| fs::read(input).expect("a file of the client"))
            .collect();
        let stamp = self.folder.join("target/.made-from");
        if fs::read(&stamp).is_ok_and(|made| made == wanted) {
            return;
        }
        self.fetch();
        self.verify();
        self.compile();
        fs::write(stamp, wanted).expect("note of what is there");
    }

    /// By Maven, which knows the way to its registry that this machine's owner has set up.
    fn fetch(&self) {
        let mut maven = Command::new("mvn");
        maven.args(["--batch-mode", "--quiet", "dependency:copy-dependencies"]);
        succeeds(maven.current_dir(&self.folder));
    }

    fn verify(&self) {
        let mut check = Command::new("sha256sum");
        check
            .args(["--check", "--strict", "--quiet"])
            .arg(self.folder.join("sha256sums"));
        succeeds(check.current_dir(self.jars()));
    }

    fn compile(&self) {
        fs::create_dir_all(self.classes()).expect("folder of the classes");
        let mut compiler = Command::new("javac");
        // not of paths: manifests of libraries name neighbours that nobody needs
        compiler.args(["-Xlint:all,-path", "-Werror", "-classpath", &self.class_path(), "-d"]);
        succeeds(compiler.arg(self.classes()).arg(&self.source));
    }
}

fn succeeds(command: &mut Command) {
    let run = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (output, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{command:?}: {}\n{output}\n{errors}", run.status);
}
