//! Many clients on one proxy's connections: what one has too many of is not held against the others.

use std::sync::Arc;

use boshd::front::door::{ClientAddress, Door};
use boshd::front::turn::Caller;
use boshd::front::{Front, Options, shield};
use boshd::manager::Peer;
use boshd::network::rate::Rate;
use tokio::io::DuplexStream;
use tokio::time::Instant;

use crate::stack::{Stack, post_with};
use crate::wire::Wire;

/// A connection of a proxy on this machine, which names its clients.
fn connect(stack: &Stack) -> Wire<DuplexStream> {
    let (near, far) = tokio::io::duplex(1 << 20);
    let door = Door {
        client_address: ClientAddress::Forwarded,
        ..Door::default()
    };
    let caller = Caller {
        front: stack.front.clone(),
        door: Arc::new(door),
        peer: Peer::unknown(),
        shutdown: stack.shutdown.clone(),
    };
    tokio::spawn(Front::connection(far, Arc::new(caller)));
    Wire::new(near)
}

/// After how many milliseconds a request of this client is answered.
async fn ask(wire: &mut Wire<DuplexStream>, client: &str) -> u128 {
    let began = Instant::now();
    let unknown = "<body xmlns='http://jabber.org/protocol/httpbind' rid='5' sid='nobody'/>";
    let request = post_with(&format!("Forwarded: for={client}\r\n"), unknown);
    assert!(wire.ask(request).await.is_terminate("item-not-found"));
    began.elapsed().as_millis()
}

// DL06: requests are delayed by their client, not by their connection; IPv6 clients of one /64 are one
#[tokio::test(start_paused = true)]
async fn one_client_of_many() {
    let stack = Stack::new(Options {
        shield: shield::Options {
            requests_per_address: Rate::per_second(10),
            ..shield::Options::default()
        },
        ..Options::default()
    });
    let (mut one, mut other) = (connect(&stack), connect(&stack));
    for (flood, neighbour, bystander) in [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("\"[2001:db8::1]\"", "\"[2001:db8::ffff:0:0:1]\"", "\"[2001:db8:0:1::1]\""),
    ] {
        for _ in 0..10 {
            assert_eq!(ask(&mut one, flood).await, 0);
        }
        // a timer counts whole milliseconds, and rounds up
        assert!((100..=101).contains(&ask(&mut one, flood).await));
        assert_eq!(ask(&mut one, bystander).await, 0, "on the same connection");
        assert!((99..=101).contains(&ask(&mut other, neighbour).await), "on another");
        assert_eq!(ask(&mut other, bystander).await, 0);
    }
}
