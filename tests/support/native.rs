//! The clients in `tests/clients/` that are compiled: when one is needed, and once for each state of its source.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// A program of one file.
pub struct Source {
    pub file: &'static str,
    pub compiler: &'static [&'static str],
    /// Of Debian, for all that it takes.
    pub packages: &'static [&'static str],
    pub libraries: Libraries,
}

/// How the linker is told of them.
pub enum Libraries {
    Named(&'static [&'static str]),
    PkgConfig(&'static str),
}

impl Source {
    /// What starts the program.
    pub fn command(&self) -> Command {
        packages::ensure(self.packages);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("native");
        fs::create_dir_all(&folder).expect("folder of the programs");
        let lock = File::create(folder.join("lock")).expect("lock file for the compiler");
        lock.lock().expect("waiting for other tests that compile");
        let (source, program) = (Path::new(SOURCES).join(self.file), folder.join(self.file).with_extension(""));
        let written = |file: &PathBuf| fs::metadata(file).and_then(|about| about.modified());
        if written(&program).ok() < written(&source).ok() {
            self.compile(&source, &program);
        }
        Command::new(program)
    }

    fn compile(&self, source: &Path, program: &Path) {
        // so that what is there is whole
        let fresh = program.with_extension("new");
        let mut compiler = Command::new(self.compiler[0]);
        compiler.args(&self.compiler[1..]).args(["-Wall", "-Wextra", "-o"]);
        compiler.arg(&fresh).arg(source).args(self.libraries.flags());
        let run = compiler.output().expect("a compiler");
        assert!(run.status.success(), "{compiler:?}: {}", String::from_utf8_lossy(&run.stderr));
        fs::rename(fresh, program).expect("the program");
    }
}

impl Libraries {
    fn flags(&self) -> Vec<String> {
        let name = match self {
            Self::Named(flags) => return flags.iter().map(|flag| (*flag).to_owned()).collect(),
            Self::PkgConfig(name) => name,
        };
        let run = Command::new("pkg-config").args(["--cflags", "--libs", name]).output();
        let run = run.expect("pkg-config");
        assert!(run.status.success(), "{name}: {}", String::from_utf8_lossy(&run.stderr));
        let flags = String::from_utf8(run.stdout).expect("flags");
        flags.split_whitespace().map(str::to_owned).collect()
    }
}
