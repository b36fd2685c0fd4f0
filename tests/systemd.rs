//! boshd under systemd, without systemd: the units are judged by its own tools, sockets are handed over as it does, and what it is told of
//! a start, a life and a stop is heard.

#[path = "support/packages.rs"]
mod packages;
#[path = "support/process.rs"]
mod process;

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use process::{Process, free_port};
use tempfile::TempDir;

const BOSHD: &str = env!("CARGO_BIN_EXE_boshd");

/// Longer than anything takes that is expected to happen at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most that `systemd-analyze security` may find exposed, of 100; a service that protects itself from nothing comes to 95. What is left
/// to us is the network, and one capability.
const EXPOSURE: &str = "20";

/// Both units in a folder, the program where it really is.
fn units() -> TempDir {
    packages::ensure(&["systemd"]);
    let folder = TempDir::with_prefix("boshd-test-").unwrap();
    for name in ["boshd.service", "boshd.socket"] {
        let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd").join(name);
        let text = std::fs::read_to_string(unit).unwrap();
        std::fs::write(folder.path().join(name), text.replace("/usr/bin/boshd", BOSHD)).unwrap();
    }
    folder
}

fn analyze(arguments: &[&str], unit: &Path) -> (bool, String) {
    let mut command = Command::new("systemd-analyze");
    let Output { status, stdout, stderr } = command.args(arguments).arg(unit).output().unwrap();
    (status.success(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[test]
fn the_units_are_right() {
    let folder = units();
    for name in ["boshd.service", "boshd.socket"] {
        let (accepted, said) = analyze(&["verify"], &folder.path().join(name));
        assert!(accepted && !said.contains("boshd."), "{name}: {said}");
    }
}

#[test]
fn little_is_exposed() {
    let folder = units();
    let service = folder.path().join("boshd.service");
    let (accepted, said) = analyze(
        &["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE],
        &service,
    );
    assert!(accepted, "{said}");
    println!("{}", said.lines().last().unwrap_or_default());
    // and the threshold is one that counts
    let text = std::fs::read_to_string(&service).unwrap();
    std::fs::write(&service, text.replace("\nSystemCallFilter=", "\n#")).unwrap();
    let (accepted, said) = analyze(
        &["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE],
        &service,
    );
    assert!(!accepted, "{said}");
}

/// A configuration with this one `[[listen]]`.
fn configuration(folder: &TempDir, listen: &str) -> PathBuf {
    let file = folder.path().join("boshd.toml");
    let text = format!(
        "[[listen]]\n{listen}\n[[domain]]\nname = 'example.test'\nservers = ['127.0.0.1:9']\ntls = 'none'\n\
         [shutdown]\ngrace = '0s'\ndeadline = '2s'\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// boshd, started as systemd does with these sockets when somebody comes.
fn activated(folder: &TempDir, sockets: &[&str]) -> Process {
    packages::ensure(&["systemd"]);
    let file = configuration(folder, "address = 'systemd'\nclient_address = 'x_forwarded_for'");
    let mut command = Command::new("systemd-socket-activate");
    command.args(sockets).args([BOSHD, "run", "--config"]).arg(file);
    let mut process = Process::spawn("boshd", &mut command, folder.path().join("boshd.log"));
    process.wait_for_line("Listening on ");
    process
}

/// A session, with this header line; the domain's server is not there, and an answer of ours is all that is wanted.
fn asks(mut stream: impl std::io::Read + std::io::Write, line: &str) {
    let body = "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='example.test' wait='60' hold='1' ver='1.6'/>";
    let head = "POST /http-bind HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
    let request = format!("{head}{line}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("remote-connection-failed"), "{answer}");
}

fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn ends_well(mut process: Process) {
    process.terminate();
    let status = process.wait(PATIENCE).expect("the end in time");
    assert!(status.success(), "{status}\n{}", process.log());
}

// O06
#[test]
fn sockets_are_handed_over() {
    let folder = TempDir::with_prefix("boshd-test-").unwrap();
    let (address, path) = (free_port(), folder.path().join("http.sock"));
    let sockets = ["-l", &address.to_string(), "-l", path.to_str().unwrap()];
    let process = activated(&folder, &sockets);
    asks(tcp(address), "X-Forwarded-For: 192.0.2.1");
    asks(UnixStream::connect(&path).unwrap(), "X-Forwarded-For: 192.0.2.2");
    let log = process.log();
    for client in ["192.0.2.1", "192.0.2.2"] {
        assert!(log.contains(&format!(" client={client}\n")), "{log}");
    }
    for place in [address.to_string(), format!("unix:{}", path.display())] {
        assert!(log.contains(&format!("listening address={place}")), "{log}");
    }
    ends_well(process);
    // it is systemd's, which goes on listening there
    assert!(path.exists());
}

#[test]
fn other_sockets_are_refused() {
    let folder = TempDir::with_prefix("boshd-test-").unwrap();
    let address = free_port();
    let mut process = activated(&folder, &["--datagram", "-l", &address.to_string()]);
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", address).unwrap();
    let status = process.wait(PATIENCE).expect("the end in time");
    assert_eq!(status.code(), Some(3), "{}", process.log());
    assert!(
        process.log().contains("is not a TCP or Unix socket that listens"),
        "{}",
        process.log()
    );
}

#[test]
fn without_systemd_there_are_none() {
    let folder = TempDir::with_prefix("boshd-test-").unwrap();
    let file = configuration(&folder, "address = 'systemd'");
    let mut command = Command::new(BOSHD);
    let ended = command.args(["run", "--config"]).arg(file).output().unwrap();
    assert_eq!(ended.status.code(), Some(3));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("systemd has passed no socket"), "{said}");
}

#[test]
fn start_life_and_stop_are_told() {
    let folder = TempDir::with_prefix("boshd-test-").unwrap();
    let path = folder.path().join("notify.sock");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = free_port();
    let mut command = Command::new(BOSHD);
    command
        .args(["run", "--config"])
        .arg(configuration(&folder, &format!("address = '{address}'")));
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let process = Process::spawn("boshd", &mut command, folder.path().join("boshd.log"));
    let hears = || {
        let mut message = [0; 256];
        let length = systemd.recv(&mut message).expect("a message in time");
        String::from_utf8(message[..length].trim_ascii().to_vec()).unwrap()
    };
    assert_eq!(hears(), "READY=1");
    // it is true
    asks(tcp(address), "X: y");
    for _ in 0..3 {
        assert_eq!(hears(), "WATCHDOG=1");
    }
    process.terminate();
    let mut last = hears();
    while last == "WATCHDOG=1" {
        last = hears();
    }
    assert_eq!(last, "STOPPING=1");
    ends_well(process);
}

// a Unix socket of boshd's own goes away at a clean stop
#[test]
fn a_unix_socket_goes_with_us() {
    let folder = TempDir::with_prefix("boshd-test-").unwrap();
    let path = folder.path().join("http.sock");
    let listen = format!("address = 'unix:{}'\nclient_address = 'forwarded'", path.display());
    let mut command = Command::new(BOSHD);
    command.args(["run", "--config"]).arg(configuration(&folder, &listen));
    let mut process = Process::spawn("boshd", &mut command, folder.path().join("boshd.log"));
    process.wait_for_line("listening");
    asks(UnixStream::connect(&path).unwrap(), "Forwarded: for=192.0.2.1");
    assert!(process.log().contains(" client=192.0.2.1\n"), "{}", process.log());
    ends_well(process);
    assert!(!path.exists());
}
