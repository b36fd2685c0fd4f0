//! Debian's Squid as a company's way out: a forward proxy on a free loopback port, everything in a folder of its own.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::packages;
use super::process::{Process, free_port};

pub struct Squid {
    pub address: SocketAddr,
    /// Writes a line like `TCP_MISS/200 POST http://127.0.0.1:5280/http-bind` for each exchange.
    pub process: Process,
    _folder: TempDir,
}

/// Squid's own time-outs are minutes.
const PATIENT: Duration = Duration::from_secs(15 * 60);
/// Squid's own program.
const MAKER: &str = "/usr/lib/squid/security_file_certgen";

/// What a company's proxy is told to do.
pub struct Orders {
    /// It gives up on a server that says nothing for so long.
    pub silence: Duration,
    /// It opens what is encrypted, with certificates that it makes itself.
    pub opens_tls: bool,
}

impl Default for Orders {
    fn default() -> Self {
        Self {
            silence: PATIENT,
            opens_tls: false,
        }
    }
}

impl Squid {
    pub fn with(orders: &Orders) -> Self {
        packages::ensure(&["squid-openssl"]);
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        let log = folder.path().join("squid.log");
        std::fs::write(&log, "").expect("squid.log");
        // it leaves root behind before it opens its files
        for path in [folder.path(), &log] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).expect("permissions");
        }
        let address = free_port();
        let port = match orders.opens_tls {
            true => opening_port(address, folder.path()),
            false => format!("http_port {address}\n"),
        };
        let configuration = format!(
            "{port}\
             http_access allow localhost\n\
             read_timeout {silence} seconds\n\
             cache deny all\n\
             access_log stdio:{log}\n\
             cache_log {log}\n\
             netdb_filename none\n\
             pid_filename none\n\
             shutdown_lifetime 0 seconds\n\
             coredump_dir {folder}\n",
            silence = orders.silence.as_secs(),
            log = log.display(),
            folder = folder.path().display(),
        );
        let file = folder.path().join("squid.conf");
        std::fs::write(&file, configuration).expect("squid.conf");
        let mut command = Command::new("/usr/sbin/squid");
        command.arg("--foreground").arg("-N").arg("-f").arg(&file);
        let mut process = Process::spawn("squid", &mut command, log);
        process.wait_for(address);
        Self {
            address,
            process,
            _folder: folder,
        }
    }
}

/// Where connections are opened whatever is in them, and what makes the certificates for that.
fn opening_port(address: SocketAddr, folder: &Path) -> String {
    let authority = folder.join("authority.pem");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "The company");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("key");
    let certificate = params.self_signed(&key).expect("certificate").pem();
    std::fs::write(&authority, certificate + &key.serialize_pem()).expect("authority");
    format!(
        "http_port {address} ssl-bump tls-cert={authority} generate-host-certificates=on\n\
         sslcrtd_program {MAKER}\n\
         ssl_bump bump all\n\
         tls_outgoing_options flags=DONT_VERIFY_PEER\n\
         sslproxy_cert_error allow all\n",
        authority = authority.display(),
    )
}
