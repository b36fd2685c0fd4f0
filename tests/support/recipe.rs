//! A proxy started with its recipe from `deploy/`, as an operator would: in the frame that Debian's package gives it, with nothing
//! replaced in the recipe but addresses and certificates. It listens on loopback and is ended by SIGTERM.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::certificates::Certificates;
use super::packages;
use super::process::{Process, free_port};

pub mod apache;
pub mod caddy;
pub mod haproxy;
pub mod nginx;

/// The name in all recipes.
pub const NAME: &str = "chat.example.org";
/// Where boshd is in all recipes.
pub const BOSHD: &str = "127.0.0.1:5280";

pub const CERTIFICATE: &str = "/etc/ssl/certs/chat.example.org.pem";
pub const KEY: &str = "/etc/ssl/private/chat.example.org.key";
/// HAProxy wants both in one file.
const BOTH: &str = "/etc/haproxy/chat.example.org.pem";

/// How long a proxy may take to end, at most.
const END: Duration = Duration::from_secs(15);

pub struct Recipe {
    pub packages: &'static [&'static str],
    /// From the top of the project.
    pub file: &'static str,
    /// Where it listens, and what is written there instead; `PORT` stands for a free one.
    pub listens: &'static [(&'static str, &'static str)],
    /// To browsers.
    pub speaks_http2: bool,
    /// How boshd's place is written there, and how if it is a Unix socket; `PATH` stands for that.
    pub unix: (&'static str, &'static str),
    /// What Debian's package has around it.
    pub frame: fn(&Place) -> String,
    /// Starts the proxy in the foreground.
    pub command: fn(&Place) -> Command,
}

/// Where one proxy runs.
pub struct Place {
    /// For HTTPS.
    pub address: SocketAddr,
    /// The recipe, and the file around it.
    pub recipe: PathBuf,
    pub frame: PathBuf,
    folder: TempDir,
}

impl Place {
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A proxy that runs.
pub struct Proxy {
    pub address: SocketAddr,
    pub process: Process,
    _place: Place,
}

impl Recipe {
    pub fn text(&self) -> String {
        read(self.file)
    }

    /// The `boshd.toml` that goes with it.
    pub fn settings(&self) -> String {
        let folder = Path::new(self.file).parent().expect("a folder");
        read(folder.join("boshd.toml").to_str().expect("a name"))
    }

    /// Before boshd, or whatever is before that.
    pub fn start(&self, boshd: &str, certificates: &Certificates) -> Proxy {
        self.start_altered(&self.text(), boshd, certificates)
    }

    /// The same with another text.
    pub fn start_altered(&self, text: &str, boshd: &str, certificates: &Certificates) -> Proxy {
        packages::ensure(self.packages);
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let place = Place {
            address: free_port(),
            recipe: folder.path().join("recipe"),
            frame: folder.path().join("frame"),
            folder,
        };
        let text = self.localized(text, &place, certificates).replace(BOSHD, boshd);
        std::fs::write(&place.recipe, text).expect("recipe");
        std::fs::write(&place.frame, (self.frame)(&place)).expect("frame");
        let log = place.folder().join("log");
        let mut process = Process::spawn(self.file, &mut (self.command)(&place), log);
        process.wait_for(place.address);
        Proxy {
            address: place.address,
            process,
            _place: place,
        }
    }

    fn localized(&self, text: &str, place: &Place, certificates: &Certificates) -> String {
        let mut text = text.to_owned();
        let port = place.address.port().to_string();
        for (from, to) in self.listens {
            assert!(text.contains(from), "{}: {from}", self.file);
            text = text.replace(from, &to.replace("PORT", &port));
        }
        let identity = &certificates.good;
        let both = place.folder().join("both.pem");
        let contents = [&identity.certificate, &identity.key].map(|file| std::fs::read_to_string(file).expect("PEM"));
        std::fs::write(&both, contents.concat()).expect("PEM");
        let files = [(CERTIFICATE, &identity.certificate), (KEY, &identity.key), (BOTH, &both)];
        assert!(
            files.iter().any(|(from, _)| text.contains(from)),
            "{}: no certificate",
            self.file
        );
        for (from, to) in files {
            text = text.replace(from, to.to_str().expect("a name"));
        }
        text
    }
}

/// A file of the project, by its path from the top.
pub fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if self.process.wait(Duration::ZERO).is_none() {
            self.process.terminate();
        }
        let ended = self.process.wait(END).is_some();
        assert!(ended || std::thread::panicking(), "the proxy did not end after SIGTERM");
    }
}
