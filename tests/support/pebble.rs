//! Pebble, Let's Encrypt's own ACME server for tests: it visits whoever asks for a certificate, under names that a name server of ours
//! leads to us.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use hickory_resolver::proto::rr::RecordType::AAAA;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::authority::Algorithm::Ecdsa;
use crate::authority::{Authority, visit};
use crate::dns::{LONG, NameServer, Says};
use crate::support::packages;
use crate::support::process::{Process, free_port};

pub struct Pebble {
    pub directory: String,
    pub names: NameServer,
    management: SocketAddr,
    process: Process,
    _folder: TempDir,
}

impl Pebble {
    /// Visits `visited` under each of these names; `authority` certifies Pebble itself.
    pub async fn start(authority: &Authority, visited: SocketAddr, domains: &[&str]) -> Self {
        packages::ensure(&["pebble"]);
        let names = NameServer::start().await;
        for name in domains {
            names.addresses(name, LONG, &["127.0.0.1"]);
            names.says(name, AAAA, LONG, Says::Nothing);
        }
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let (address, management) = (free_port(), free_port());
        let itself = authority.certifies("pebble", &["localhost"], Ecdsa);
        let config = serde_json::json!({ "pebble": {
            "listenAddress": address.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": itself.certificate,
            "privateKey": itself.key,
            "httpPort": free_port().port(),
            "tlsPort": visited.port(),
            "externalAccountBindingRequired": false,
        }});
        let file = folder.path().join("pebble.json");
        std::fs::write(&file, config.to_string()).expect("pebble.json");
        let mut command = Command::new("pebble");
        command
            .arg("-config")
            .arg(&file)
            .args(["-dnsserver", &names.address.to_string()]);
        command.envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "0")]);
        let mut process = Process::spawn("pebble", &mut command, folder.path().join("pebble.log"));
        process.wait_for(address);
        process.wait_for(management);
        Self {
            directory: format!("https://localhost:{}/dir", address.port()),
            names,
            management,
            process,
            _folder: folder,
        }
    }

    /// Does nothing any more, until it goes on.
    pub fn halt(&self) {
        self.signal("-STOP");
    }

    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Whom to believe in order to believe its certificates: it is another one at each start.
    pub async fn root(&self, authority: &Authority) -> RootCertStore {
        let config = Arc::new(authority.client());
        let mut management = visit(self.management, "localhost", &config).await.expect("Pebble");
        let request = b"GET /roots/0 HTTP/1.0\r\nHost: localhost\r\n\r\n";
        management.write_all(request).await.expect("Pebble");
        let mut answer = Vec::new();
        management.read_to_end(&mut answer).await.expect("its root");
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&answer).expect("PEM"))
            .expect("a root");
        roots
    }
}
