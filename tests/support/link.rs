//! A slow link that loses packets, between this machine and a network namespace of its own: the kernel's TCP runs over it. The kernel delays
//! and drops where it has netem; where it has none, the packets of two TUN devices pass through this process, which does the same.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::packages;
use super::process::Process;

/// In each direction.
#[derive(Clone, Copy)]
pub struct Quality {
    pub delay: Duration,
    /// Of a hundred packets.
    pub loss: u8,
}

pub struct Link {
    /// Our end.
    pub near: Ipv4Addr,
    /// Who delays and drops.
    pub by: &'static str,
    namespace: Namespace,
    forwarding: Vec<AbortHandle>,
    _devices: [Process; 2],
    _folder: TempDir,
}

/// More than a packet on Ethernet has.
const PACKET: usize = 2048;

impl Link {
    pub async fn with(quality: Quality, seed: u64) -> Self {
        packages::ensure(&["iproute2", "socat"]);
        let folder = TempDir::with_prefix("boshd-test-").expect("temporary folder");
        // a network for measurements (RFC 2544), in which each link has four addresses
        let [high, low] = fastrand::u16(..1 << 14).rotate_left(2).to_be_bytes();
        let [near, far] = [1, 2].map(|end| Ipv4Addr::new(198, 18, high, low & !3 | end));
        let namespace = Namespace::new();
        let names = ["n", "f"].map(|end| format!("{}{end}", namespace.0));
        // before there is a packet
        let [a, b] = names.each_ref().map(|name| folder.path().join(name));
        let ends = [&a, &b].map(|end| UnixDatagram::bind(hub(end)).expect("socket"));
        let [from_a, from_b] = ends.map(Arc::new);
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &namespace.0, "socat"]);
        let devices = [
            device(Command::new("socat"), &names[0], near, folder.path()),
            device(inside, &names[1], far, folder.path()),
        ];
        let in_kernel = delayed_by_kernel(&namespace.0, &names, quality);
        let (by, rest) = match in_kernel {
            true => (
                "netem",
                Quality {
                    delay: Duration::ZERO,
                    loss: 0,
                },
            ),
            false => ("packets through the test", quality),
        };
        let forwarding = [
            tokio::spawn(forward(from_a.clone(), from_b.clone(), b, rest, Rng::with_seed(seed))),
            tokio::spawn(forward(from_b, from_a, a, rest, Rng::with_seed(!seed))),
        ];
        Self {
            near,
            by,
            namespace,
            forwarding: forwarding.map(|task| task.abort_handle()).to_vec(),
            _devices: devices,
            _folder: folder,
        }
    }

    /// Runs this at the far end.
    pub fn beyond(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace.0, program]);
        command
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for task in &self.forwarding {
            task.abort();
        }
    }
}

struct Namespace(String);

impl Namespace {
    fn new() -> Self {
        let name = format!("boshd{:x}", fastrand::u32(..));
        ip(&["netns", "add", &name]);
        Self(name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.0]);
    }
}

/// Where the packets of this device are put.
fn hub(device: &Path) -> PathBuf {
    device.with_extension("hub")
}

/// A TUN device with this address, whose packets are datagrams from the socket of its name.
fn device(mut socat: Command, name: &str, address: Ipv4Addr, folder: &Path) -> Process {
    let socket = folder.join(name);
    socat.args(["-d", "-d"]);
    socat.arg(format!("TUN:{address}/30,up,tun-name={name}"));
    socat.arg(format!("UNIX-SENDTO:{},bind={}", hub(&socket).display(), socket.display()));
    let mut process = Process::spawn("socat", &mut socat, folder.join("socat.log"));
    process.wait_for_line("starting data transfer loop");
    process
}

/// Has the kernel netem, for both ends?
fn delayed_by_kernel(namespace: &str, devices: &[String; 2], quality: Quality) -> bool {
    let (delay, loss) = (format!("{}ms", quality.delay.as_millis()), format!("{}%", quality.loss));
    let netem = ["root", "netem", "delay", &delay, "loss", &loss];
    let near = ["qdisc", "add", "dev", &devices[0]];
    let far = ["netns", "exec", namespace, "tc", "qdisc", "add", "dev", &devices[1]];
    let succeeds = |program: &str, device: &[&str]| {
        let run = Command::new(program).args(device).args(netem).output();
        run.is_ok_and(|run| run.status.success())
    };
    succeeds("tc", &near) && succeeds("ip", &far)
}

/// Datagrams that come in at `from` leave at `to` for `device`, in order.
async fn forward(from: Arc<UnixDatagram>, to: Arc<UnixDatagram>, device: PathBuf, quality: Quality, mut random: Rng) {
    let (sender, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let arriving = async {
        while let Some((arrival, packet)) = under_way.recv().await {
            sleep_until(arrival).await;
            // a device that is full or gone loses packets, too
            drop(to.send_to(&packet, &device).await);
        }
    };
    let leaving = async move {
        let mut packet = [0; PACKET];
        while let Ok(count) = from.recv(&mut packet).await {
            if random.u8(..100) >= quality.loss {
                drop(sender.send((Instant::now() + quality.delay, packet[..count].to_vec())));
            }
        }
    };
    tokio::join!(arriving, leaving);
}

fn ip(arguments: &[&str]) {
    let run = Command::new("ip").args(arguments).output().expect("ip");
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() || std::thread::panicking(), "ip {arguments:?}: {errors}");
}
