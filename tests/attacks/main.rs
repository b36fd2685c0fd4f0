//! Attacks on the open internet's side, one after the other. Each prints what was sent, what was refused, and how long legitimate users waited
//! meanwhile; they have to be served, however fast this machine is.

#[path = "../support/bench.rs"]
mod bench;
mod bystander;
mod floods;
mod guessing;
mod proxied;
mod slow;
mod smuggling;
#[path = "../support/stack.rs"]
mod stack;
#[path = "../support/wire.rs"]
mod wire;

use std::net::Ipv4Addr;

use bench::Bench;
use boshd::front::{self, shield};
use boshd::manager::{self, PerAddress};
use boshd::network::rate::Rate;
use tokio::net::{TcpSocket, TcpStream};

/// Where the attacks come from; everybody else is at 127.0.0.1.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// Limits as small as a test wants them, for loopback, too.
struct Limits {
    sessions: PerAddress,
    front: front::Options,
}

impl Limits {
    fn new() -> Self {
        Self {
            sessions: PerAddress {
                exempt: Vec::new(),
                ..PerAddress::default()
            },
            front: front::Options {
                shield: shield::Options {
                    exempt: Vec::new(),
                    ..shield::Options::default()
                },
                ..front::Options::default()
            },
        }
    }

    fn new_sessions(mut self, per_second: u32) -> Self {
        self.sessions.new_sessions = Rate::per_second(per_second);
        self
    }

    async fn bench(self) -> Bench {
        let options = manager::Options {
            per_address: self.sessions,
            ..manager::Options::default()
        };
        Bench::behind(self.front, options).await
    }
}

/// A connection from the attacker's address.
async fn attack(bench: &Bench) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((ATTACKER, 0).into()).unwrap();
    let io = socket.connect(bench.address).await.unwrap();
    io.set_nodelay(true).unwrap();
    io
}
