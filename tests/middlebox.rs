//! Networks that cut what is silent for a while: what their users lose, and what is left of that once it is known (spec.md E01, O06).

#[path = "support/stack.rs"]
mod stack;
#[path = "support/wire.rs"]
mod wire;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use boshd::bosh::Limits;
use boshd::front::Options;
use boshd::manager;
use stack::{PATIENCE, Session, Stack, post};
use tokio::time::{Instant, sleep, timeout};
use wire::Reply;

const WAIT: u32 = 50;

/// At what age the network cuts.
const CUT: Duration = Duration::from_secs(15);

/// How long a client takes to come back after that; Strophe's first delay.
const RETRY: Duration = Duration::from_secs(2);

const HOUR: Duration = Duration::from_secs(3600);

fn stack(middlebox: bool) -> Arc<Stack> {
    let limits = manager::Options {
        session: Arc::new(Limits::default()),
        middlebox,
        ..manager::Options::default()
    };
    Arc::new(Stack::managing(Options::default(), limits))
}

/// A client behind a network, which cuts or does not.
struct Client {
    stack: Arc<Stack>,
    session: Session,
    address: IpAddr,
    network: Duration,
    requests: usize,
    died: usize,
    /// How long the last one was held.
    held: Duration,
}

impl Client {
    async fn new(stack: &Arc<Stack>, address: &str, network: Duration) -> Self {
        Self {
            stack: Arc::clone(stack),
            session: stack.session(WAIT).await,
            address: address.parse().unwrap(),
            network,
            requests: 0,
            died: 0,
            held: Duration::ZERO,
        }
    }

    /// One request with nothing to say, repeated until it is answered.
    async fn polls(&mut self) -> Reply {
        let request = post(&self.session.body(""));
        self.requests += 1;
        loop {
            let mut wire = self.stack.connect_from(self.address);
            let began = Instant::now();
            wire.send(&request).await;
            let reply = timeout(self.network, wire.reply()).await;
            self.held = began.elapsed();
            match reply {
                Ok(reply) => {
                    assert!(!reply.text().contains("terminate"), "{}", reply.text());
                    return reply;
                }
                Err(_) => {
                    self.died += 1;
                    drop(wire);
                    sleep(RETRY).await;
                }
            }
        }
    }

    async fn polls_for(&mut self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            self.polls().await;
        }
    }

    /// Its page is reloaded at this age of its request, and goes on with the next one.
    async fn reloads_after(&mut self, age: Duration) {
        let mut wire = self.stack.connect_from(self.address);
        wire.send(post(&self.session.body(""))).await;
        assert!(wire.is_silent_for(age).await);
        drop(wire);
        sleep(RETRY).await;
    }
}

/// Clients that have learned, each by itself, in the same network.
async fn taught(stack: &Arc<Stack>, addresses: [&str; 3]) {
    for address in addresses {
        let mut client = Client::new(stack, address, CUT).await;
        client.polls().await;
        assert_eq!(client.died, 2, "{address}");
    }
}

/// Ten minutes of somebody who gets a message every seven seconds, in pauses of the conversation, and otherwise nothing for a minute.
async fn chat(middlebox: bool) -> [usize; 4] {
    const MESSAGES: usize = 60;
    let stack = stack(middlebox);
    let mut client = Client::new(&stack, "192.0.2.7", CUT).await;
    let server = Arc::clone(&stack.server);
    let began = Instant::now();
    let at = |n: usize| Duration::from_secs(7 * n as u64 + 60 * (n as u64 / 10));
    tokio::spawn(async move {
        for n in 0..MESSAGES {
            tokio::time::sleep_until(began + at(n)).await;
            server.push(0, &format!("<message xmlns='jabber:client' id='m{n}'/>"));
        }
    });
    let (mut next, mut late) = (0, 0);
    while next < MESSAGES {
        let reply = client.polls().await;
        let text = reply.text();
        while text.contains(&format!("id='m{next}'")) {
            late += usize::from(began.elapsed() > at(next) + Duration::from_millis(100));
            next += 1;
        }
        assert_eq!(text.matches("<message").count(), text.matches("id='m").count());
    }
    [client.requests, client.died, MESSAGES, late]
}

// O06: the figures, before and after
#[tokio::test(start_paused = true)]
async fn what_a_network_that_cuts_at_15_s_costs() {
    let before = chat(false).await;
    let after = chat(true).await;
    for (name, [requests, died, messages, late]) in [("off", before), ("on", after)] {
        println!("middlebox {name}: {requests} requests, {died} died, {late} of {messages} messages came late");
    }
    let ([_, died, _, late], [_, died_after, _, late_after]) = (before, after);
    assert!(died >= 20 && late > 2, "{before:?}");
    assert!(died_after == 2 && late_after < late, "{after:?}");
}

// E01: from two cuts that agree
#[tokio::test(start_paused = true)]
async fn a_session_learns_by_itself() {
    let stack = stack(true);
    let mut client = Client::new(&stack, "192.0.2.7", CUT).await;
    client.polls().await;
    assert_eq!(client.died, 2);
    client.polls_for(HOUR / 2).await;
    assert_eq!(client.died, 2, "and never again");
    assert!((12..14).contains(&client.held.as_secs()), "{:?}", client.held);
    let lessons = stack.manager.lessons().unwrap();
    assert_eq!((lessons.sessions, lessons.networks), (1, 0));
    // a neighbour has to learn it for itself
    let mut neighbour = Client::new(&stack, "192.0.2.8", CUT).await;
    neighbour.polls().await;
    assert_eq!(neighbour.died, 2);
}

#[tokio::test(start_paused = true)]
async fn three_sessions_spare_their_neighbours() {
    for (addresses, neighbour, other) in [
        (["192.0.2.1", "192.0.2.2", "192.0.2.200"], "192.0.2.3", "192.0.3.3"),
        (
            ["2001:db8::1", "2001:db8::2", "2001:db8::9:0:0:1"],
            "2001:db8::3",
            "2001:db8:0:1::3",
        ),
    ] {
        let stack = stack(true);
        taught(&stack, addresses).await;
        let mut neighbour = Client::new(&stack, neighbour, CUT).await;
        neighbour.polls_for(HOUR / 2).await;
        assert_eq!(neighbour.died, 0);
        let mut other = Client::new(&stack, other, CUT).await;
        other.polls().await;
        assert_eq!(other.died, 2, "another network");
        assert_eq!(stack.manager.lessons().unwrap().networks, 1);
    }
}

// what is in step would come in bursts
#[tokio::test(start_paused = true)]
async fn neighbours_do_not_poll_in_step() {
    let stack = stack(true);
    taught(&stack, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut client = Client::new(&stack, "192.0.2.9", CUT).await;
        client.polls().await;
        held.push(client.held.as_millis());
    }
    let (least, most) = (held.iter().min().unwrap(), held.iter().max().unwrap());
    assert!(
        (11_900..=13_500).contains(least) && *most <= 13_500 && most - least > 300,
        "{held:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_client_alone_teaches_nobody() {
    let stack = stack(true);
    let mut client = Client::new(&stack, "192.0.2.7", CUT).await;
    // whatever it does
    for network in [15, 12, 10, 9, 8] {
        client.network = Duration::from_secs(network);
        for _ in 0..4 {
            client.polls().await;
        }
    }
    assert!(client.died >= 6);
    let mut neighbour = Client::new(&stack, "192.0.2.8", PATIENCE).await;
    neighbour.polls().await;
    assert_eq!(neighbour.held.as_secs(), 49);
}

// Page reloads, also three at the same age in as many sessions, are no cuts
#[tokio::test(start_paused = true)]
async fn who_hangs_up_on_purpose_teaches_nothing() {
    let stack = stack(true);
    for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        let mut client = Client::new(&stack, address, PATIENCE).await;
        for _ in 0..5 {
            client.reloads_after(CUT).await;
        }
        // nor do repeats of what has just begun
        client.network = Duration::from_millis(4_900);
        let polls = timeout(Duration::from_secs(40), client.polls());
        assert!(polls.await.is_err());
        client.session.rid -= 1;
        client.network = PATIENCE;
        client.polls().await;
        assert_eq!(client.held.as_secs(), 49);
    }
    let lessons = stack.manager.lessons().unwrap();
    assert_eq!((lessons.sessions, lessons.networks), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn who_moves_to_another_network_starts_anew() {
    let stack = stack(true);
    let mut client = Client::new(&stack, "192.0.2.7", CUT).await;
    client.polls().await;
    client.polls().await;
    assert!(client.held < CUT && client.died == 2);
    (client.address, client.network) = ("198.51.100.7".parse().unwrap(), PATIENCE);
    client.polls().await;
    assert_eq!(client.held.as_secs(), 49);
    assert_eq!(stack.manager.lessons().unwrap().forgotten, 1);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_was_mended_is_believed_again() {
    let stack = stack(true);
    taught(&stack, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]).await;
    let mut client = Client::new(&stack, "192.0.2.7", PATIENCE).await;
    client.polls().await;
    assert!(client.held < CUT);
    // once an hour one request is held in full, and shows it
    client.polls_for(HOUR).await;
    client.polls().await;
    assert_eq!(client.held.as_secs(), 49);
    assert_eq!(stack.manager.lessons().unwrap().forgotten, 1);
    let mut neighbour = Client::new(&stack, "192.0.2.8", PATIENCE).await;
    neighbour.polls().await;
    assert_eq!(neighbour.held.as_secs(), 49);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_still_cuts_costs_one_request_an_hour() {
    let stack = stack(true);
    taught(&stack, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(Client::new(&stack, "192.0.2.7", CUT).await);
    }
    let tasks = clients.into_iter().map(|mut client| {
        tokio::spawn(async move {
            client.polls_for(HOUR * 4 + HOUR / 2).await;
            client.died
        })
    });
    let mut died = 0;
    for task in tasks.collect::<Vec<_>>() {
        died += task.await.unwrap();
    }
    assert!((4..=4 * 5).contains(&died), "{died}");
    assert_eq!(stack.manager.lessons().unwrap().forgotten, 0);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_switched_off() {
    let stack = stack(false);
    let mut client = Client::new(&stack, "192.0.2.7", CUT).await;
    let polls = timeout(HOUR, client.polls());
    assert!(polls.await.is_err(), "nothing is ever answered in time");
    assert!(client.died > 200);
    assert_eq!(stack.manager.lessons(), None);
}
