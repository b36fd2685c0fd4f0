//! Messages between pairs of clients: sent in a closed loop, at a given pace, or back and forth; each one verified.

use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::{Client, Endpoint};
use crate::lifecycle;
use crate::message::{Faults, Message, Tally};

/// A message that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long after the last message a second copy of it may still come.
const AFTERMATH: Duration = Duration::from_millis(50);
/// The metronome sleeps to within this of a beat, and spins for the rest.
const SPIN: Duration = Duration::from_micros(200);

#[derive(Clone, Copy)]
pub struct Plan {
    pub pairs: usize,
    /// Messages of a pair that may be under way.
    pub window: u32,
    /// Messages in one request.
    pub batch: u32,
    /// Bytes of a message's text.
    pub size: usize,
    /// Idle sessions in the same server.
    pub beside: usize,
    pub traffic: Traffic,
}

#[derive(Clone, Copy)]
pub enum Traffic {
    /// The next message goes as soon as the window has room.
    Closed,
    /// So many messages a second by all pairs together, come what may.
    Paced(f64),
    /// Both clients send, each when it has received.
    PingPong,
}

pub struct Pair {
    number: u64,
    players: [Player; 2],
}

struct Player {
    client: Client,
    address: String,
    sent: u64,
    received: Tally,
    latencies: Vec<u64>,
}

/// When a sender's next request is due.
enum Pace {
    Until(Instant),
    Beats(UnboundedReceiver<u64>),
}

/// Microseconds since the first call.
fn micros(at: Instant) -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    at.saturating_duration_since(*START).as_micros() as u64
}

pub async fn pairs(endpoint: &Endpoint, count: usize) -> Result<Vec<Pair>> {
    let clients = lifecycle::swarm(endpoint, 2 * count, lifecycle::LONG_WAIT).await?;
    let mut clients = clients.into_iter();
    let mut pairs = Vec::new();
    while let (Some(first), Some(second)) = (clients.next(), clients.next()) {
        let players = [Player::new(first).await?, Player::new(second).await?];
        pairs.push(Pair {
            number: pairs.len() as u64,
            players,
        });
    }
    Ok(pairs)
}

/// Runs all pairs until every message has come, or is given up.
pub async fn run(pairs: &mut Vec<Pair>, plan: Plan, duration: Duration) -> Result<()> {
    let start = Instant::now();
    micros(start);
    let mut tasks = JoinSet::new();
    let mut beats = Vec::new();
    for pair in pairs.drain(..) {
        let pace = match plan.traffic {
            Traffic::Closed | Traffic::PingPong => Pace::Until(start + duration),
            Traffic::Paced(_) => {
                let (sender, receiver) = unbounded_channel();
                beats.push(sender);
                Pace::Beats(receiver)
            }
        };
        tasks.spawn(pair.run(plan, pace));
    }
    if let Traffic::Paced(rate) = plan.traffic {
        thread::spawn(move || metronome(&beats, rate, duration));
    }
    while let Some(pair) = tasks.join_next().await {
        pairs.push(pair??);
    }
    Ok(())
}

/// Beats for each sender in turn; its own thread, because tokio's timers are only good to a millisecond.
fn metronome(senders: &[UnboundedSender<u64>], rate: f64, duration: Duration) {
    let start = Instant::now();
    let beats = (duration.as_secs_f64() * rate) as u32;
    for (beat, sender) in (0..beats).zip(senders.iter().cycle()) {
        let due = start + Duration::from_secs_f64(f64::from(beat) / rate);
        thread::sleep(due.saturating_duration_since(Instant::now() + SPIN));
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        if sender.send(micros(due)).is_err() {
            return;
        }
    }
}

impl Pace {
    async fn next(&mut self) -> Option<u64> {
        match self {
            Pace::Until(end) => {
                let now = Instant::now();
                (now < *end).then(|| micros(now))
            }
            Pace::Beats(beats) => beats.recv().await,
        }
    }
}

impl Pair {
    pub fn sent(&self) -> u64 {
        self.players.iter().map(|player| player.sent).sum()
    }

    pub fn faults(&self) -> Faults {
        let [first, second] = &self.players;
        let mut faults = first.received.faults(second.sent);
        faults += second.received.faults(first.sent);
        faults
    }

    /// From when a message was due until it was there, in microseconds; forgotten by the asking.
    pub fn take_latencies(&mut self) -> Vec<u64> {
        let [first, second] = &mut self.players;
        let mut latencies = std::mem::take(&mut first.latencies);
        latencies.append(&mut second.latencies);
        latencies
    }

    pub fn into_clients(self) -> impl Iterator<Item = Client> {
        self.players.into_iter().map(|player| player.client)
    }

    async fn run(mut self, plan: Plan, pace: Pace) -> Result<Pair> {
        match plan.traffic {
            Traffic::Closed | Traffic::Paced(_) => self.one_way(plan, pace).await?,
            Traffic::PingPong => self.both_ways(plan, pace).await?,
        }
        Ok(self)
    }

    async fn one_way(&mut self, plan: Plan, pace: Pace) -> Result<()> {
        let [sender, receiver] = &mut self.players;
        let window = Semaphore::new(plan.window as usize);
        let to = Route {
            pair: self.number,
            address: &receiver.address.clone(),
        };
        tokio::select! {
            outcome = sender.send_all(to, plan, pace, &window) => outcome,
            outcome = receiver.receive_all(to, plan, &window) => outcome,
        }
    }

    async fn both_ways(&mut self, plan: Plan, mut pace: Pace) -> Result<()> {
        let [mut sender, mut receiver] = self.players.each_mut();
        while let Some(due) = pace.next().await {
            let to = Route {
                pair: self.number,
                address: &receiver.address.clone(),
            };
            sender.send(to, plan, due).await?;
            let outcome = timeout(PATIENCE, receiver.receive(to, plan)).await;
            let Ok(received) = outcome else { break };
            received?;
            std::mem::swap(&mut sender, &mut receiver);
        }
        Ok(())
    }
}

/// To whom a pair's messages go.
#[derive(Clone, Copy)]
struct Route<'a> {
    pair: u64,
    address: &'a str,
}

impl Player {
    async fn new(mut client: Client) -> Result<Player> {
        client.hold().await?;
        Ok(Player {
            address: client.address().to_owned(),
            client,
            sent: 0,
            received: Tally::default(),
            latencies: Vec::new(),
        })
    }

    async fn send_all(&mut self, to: Route<'_>, plan: Plan, mut pace: Pace, window: &Semaphore) -> Result<()> {
        while let Ok(room) = timeout(PATIENCE, window.acquire_many(plan.batch)).await {
            let Some(due) = pace.next().await else { break };
            room?.forget();
            self.send(to, plan, due).await?;
        }
        // The whole window is free when everything has come; if not, the tally will tell.
        let _ = timeout(PATIENCE, window.acquire_many(plan.window)).await;
        sleep(AFTERMATH).await;
        Ok(())
    }

    /// Goes on until it is dropped.
    async fn receive_all(&mut self, from: Route<'_>, plan: Plan, window: &Semaphore) -> Result<()> {
        loop {
            window.add_permits(self.receive(from, plan).await?);
        }
    }

    async fn send(&mut self, to: Route<'_>, plan: Plan, due: u64) -> Result<()> {
        let mut payload = Vec::new();
        for _ in 0..plan.batch {
            let message = Message {
                pair: to.pair,
                number: self.sent,
                due,
            };
            message.write(to.address, plan.size, &mut payload)?;
            self.sent += 1;
        }
        self.client.send(to.address, &payload).await
    }

    /// Waits for messages, and says how many new ones have come.
    async fn receive(&mut self, from: Route<'_>, plan: Plan) -> Result<usize> {
        loop {
            let mut count = 0;
            let payload = self.client.receive().await?;
            let now = micros(Instant::now());
            for message in Message::read_all(payload, plan.size) {
                let message = message?;
                let right = (message.pair == from.pair).then_some(message);
                let message = right.context("a message came to the wrong client")?;
                if self.received.count(message.number) {
                    self.latencies.push(now.saturating_sub(message.due));
                    count += 1;
                }
            }
            if count > 0 {
                return Ok(count);
            }
        }
    }
}
