//! Three servers behind one domain, as a cluster has them: sessions spread over them, the death of one ends those alone that are on it, and it
//! is used again once it is back.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::process::Process;
use crate::support::prosody::Prosody;
use crate::support::server::{Server as _, jid, password_of};

const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Logins at once: more would wait in a server's backlog.
const AT_ONCE: usize = 16;

/// In which the end of a server is noticed, and its return.
const SOON: Duration = Duration::from_secs(10);

/// Where all tests run, and in a soak.
fn sessions() -> usize {
    if std::env::var_os("BOSHD_SOAK").is_some() { 1000 } else { 90 }
}

/// One of many: its number is its resource.
struct Client {
    bosh: Bosh,
    jid: String,
}

#[derive(PartialEq, Eq, Debug)]
enum Fate {
    Alive,
    Ended(String),
}

impl Client {
    async fn log_in(address: SocketAddr, number: usize) -> Self {
        let user = USERS[number % USERS.len()];
        let mut bosh = Bosh::open(address).await;
        let outcome = bosh.authenticate("PLAIN", user, &password_of(user)).await;
        assert_eq!(outcome.name, "success", "{outcome:?}");
        bosh.bind_as(&number.to_string()).await;
        let jid = format!("{}/{number}", jid(user));
        Self { bosh, jid }
    }

    /// Writes to itself.
    async fn fate(&mut self) -> Fate {
        let text = format!("{:x}", fastrand::u64(..));
        let to = &self.jid;
        self.bosh
            .send(&format!(
                "<message xmlns='jabber:client' to='{to}'><body>{text}</body></message>"
            ))
            .await;
        while let Some(stanza) = self.bosh.next().await {
            if stanza.text_of("body") == Some(&text) {
                return Fate::Alive;
            }
        }
        Fate::Ended(self.bosh.end.clone().unwrap_or_default())
    }
}

async fn log_in(address: SocketAddr, numbers: Range<usize>) -> Vec<Client> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut logins = JoinSet::new();
    for number in numbers {
        let room = Arc::clone(&room);
        logins.spawn(async move {
            let _place = room.acquire_owned().await.expect("it stays open");
            Client::log_in(address, number).await
        });
    }
    logins.join_all().await
}

/// Those that live, and the ends of the others.
async fn fates(clients: Vec<Client>) -> (Vec<Client>, Vec<Fate>) {
    let mut questions = JoinSet::new();
    for mut client in clients {
        questions.spawn(async move {
            let fate = client.fate().await;
            (client, fate)
        });
    }
    let (alive, ended): (Vec<_>, Vec<_>) = questions
        .join_all()
        .await
        .into_iter()
        .partition(|(_, fate)| *fate == Fate::Alive);
    let alive = alive.into_iter().map(|(client, _)| client).collect();
    (alive, ended.into_iter().map(|(_, fate)| fate).collect())
}

/// How many have logged in there, ever.
fn logins(server: &Process) -> usize {
    server.wrote("Authenticated as")
}

// DN01, DN02: weights, health, and who is told of a server's end (J12)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_servers_dies_and_returns() {
    let mut servers = [(); 3].map(|()| Prosody::start(&USERS));
    let addresses = servers.each_ref().map(|server| format!("'{}'", server.address));
    let boshd = Boshd::reaching(&format!(
        "servers = [{}]\ntls = 'none'\nretry_max = '1s'",
        addresses.join(", ")
    ));
    let many = sessions();
    let begin = Instant::now();
    let mut clients = log_in(boshd.address, 0..many).await;
    let shares = servers.each_ref().map(|server| logins(server.process()));
    println!("{many} logins in {:?}: {shares:?}", begin.elapsed());
    assert_eq!(shares.iter().sum::<usize>(), many);
    // five standard deviations of a third
    let deviation = (25 * many * 2 / 9).isqrt();
    assert!(shares.iter().all(|share| share.abs_diff(many / 3) <= deviation), "{shares:?}");

    let begin = Instant::now();
    servers[0].kill();
    let mut next = many;
    // each of them finds a server, and sooner or later one tries the dead one first
    while boshd.wrote("server out of service") == 0 {
        clients.extend(log_in(boshd.address, next..next + 1).await);
        next += 1;
        assert!(next < many + 100, "{}", boshd.log());
    }
    println!("{} logins until the dead one was tried, {:?}", next - many, begin.elapsed());
    let (mut clients, ended) = fates(clients).await;
    println!("{} sessions ended, {:?} after the kill", ended.len(), begin.elapsed());
    assert!(begin.elapsed() < SOON);
    assert_eq!(ended.len(), shares[0], "those on the server that died");
    let failed = Fate::Ended("remote-connection-failed".to_owned());
    assert!(ended.iter().all(|fate| *fate == failed), "{ended:?}");
    assert_eq!(boshd.wrote("server back in service"), 0);

    servers[0].launch();
    let begin = Instant::now();
    boshd.writes("server back in service").await;
    assert!(begin.elapsed() < SOON);
    println!("back in service {:?} after its start", begin.elapsed());
    while logins(servers[0].process()) == shares[0] {
        clients.extend(log_in(boshd.address, next..next + 1).await);
        next += 1;
        assert!(next < many + 200, "nobody comes to the server that is back");
    }
    let (_alive, ended) = fates(clients).await;
    assert_eq!(ended, [], "those who are left go on");
    assert_eq!(boshd.wrote("server out of service"), 1);
}
