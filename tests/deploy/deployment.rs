//! Clients, a proxy with its recipe, boshd with the settings that go with it, and what is between them.

use std::fs::{Permissions, set_permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::certificates::Certificates;
use crate::support::counter::Counter;
use crate::support::http::Endpoint;
use crate::support::process::free_port;
use crate::support::recipe::{BOSHD, NAME, Proxy, Recipe};
use crate::support::server::domain;

/// Where the XMPP server is in all recipes, and whom it serves.
const SERVER: &str = "127.0.0.1:5222";
const SERVED: &str = "\"example.org\"";

/// The clients are gone by then.
const SHUTDOWN: &str = "[shutdown]\ngrace = '0s'\ndeadline = '100ms'\n";

/// Its parts end in this order: a proxy waits for what boshd still holds.
pub struct Deployment {
    boshd: Option<Boshd>,
    pub proxy: Proxy,
    /// Between the proxy and boshd.
    pub counter: Counter,
    address: SocketAddr,
    settings: String,
    /// Of boshd's Unix socket.
    folder: TempDir,
    certificates: Certificates,
}

impl Deployment {
    /// Before this server, which speaks plain text; `keys` are further ones of `[[domain]]`.
    pub async fn of(recipe: &Recipe, server: SocketAddr, keys: &str) -> Self {
        Self::altered(recipe, &recipe.text(), server, keys).await
    }

    /// The same with another text for the proxy.
    pub async fn altered(recipe: &Recipe, text: &str, server: SocketAddr, keys: &str) -> Self {
        let certificates = Certificates::make(NAME);
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let address = free_port();
        let mut settings = recipe.settings();
        // the same once more on a Unix socket
        let listen = settings
            .split("\n\n")
            .find(|section| section.starts_with("[[listen]]"))
            .expect("a listener");
        let socket = format!("unix:{}", folder.path().join("http.sock").display());
        let unix = listen.replace(BOSHD, &socket);
        settings = format!("{settings}tls = 'none'\n{keys}\n{SHUTDOWN}{unix}\n");
        for (from, to) in [
            (BOSHD, &*address.to_string()),
            (SERVER, &*server.to_string()),
            (SERVED, &*format!("'{}'", domain())),
        ] {
            assert!(settings.contains(from), "{settings}");
            settings = settings.replace(from, to);
        }
        let boshd = Some(Boshd::told(address, &settings));
        let counter = Counter::before(address).await;
        let proxy = recipe.start_altered(text, &counter.address.to_string(), &certificates);
        Self {
            proxy,
            counter,
            address,
            boshd,
            settings,
            folder,
            certificates,
        }
    }

    /// For clients, over HTTPS.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::from(self.proxy.address).secured(NAME, &self.certificates.authority)
    }

    /// The same for a browser, which prefers HTTP/2.
    pub async fn endpoint_for_browsers(&self) -> Endpoint {
        Endpoint::from(self.proxy.address)
            .secured_as_browsers_do(NAME, &self.certificates.authority)
            .await
    }

    /// The same for a client with this address.
    pub fn endpoint_from(&self, source: Ipv4Addr) -> Endpoint {
        self.endpoint().coming_from(source)
    }

    /// The same with nothing between the proxy and boshd, so that the proxy cannot connect when boshd is away.
    pub fn without_counter(self, recipe: &Recipe) -> Self {
        Self {
            proxy: recipe.start(&self.address.to_string(), &self.certificates),
            ..self
        }
    }

    /// The same over boshd's Unix socket.
    pub fn over_unix_socket(self, recipe: &Recipe) -> Self {
        // as it is for a proxy whose user is in boshd's group
        let open_to = |file: &Path, mode| set_permissions(file, Permissions::from_mode(mode)).expect("permissions");
        open_to(self.folder.path(), 0o711);
        open_to(&self.socket(), 0o666);
        let (tcp, unix) = recipe.unix;
        let text = recipe.text();
        assert!(text.contains(tcp), "{}: {tcp}", recipe.file);
        let text = text.replace(tcp, &unix.replace("PATH", self.socket().to_str().expect("a name")));
        Self {
            proxy: recipe.start_altered(&text, BOSHD, &self.certificates),
            ..self
        }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("http.sock")
    }

    /// What boshd says of its clients.
    pub fn boshd(&self) -> &Boshd {
        self.boshd.as_ref().expect("it runs")
    }

    pub async fn login(&self, user: &str) -> Bosh {
        Bosh::login(self.endpoint(), user, "PLAIN").await
    }

    pub fn stop_boshd(&mut self) {
        drop(self.boshd.take());
    }

    pub fn start_boshd(&mut self) {
        self.boshd = Some(Boshd::told(self.address, &self.settings));
    }
}
