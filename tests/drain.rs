//! The real process: how it stops, what it writes into its log, and what it costs while nothing happens.

#[path = "support/bench.rs"]
mod bench;
#[path = "support"]
mod support {
    pub mod boshd;
    pub mod process;
    pub mod server;
}

use std::time::Duration;

use bench::poster::{Client, Connection, Reply, creation};
use bench::upstream::{CLOSING, FEATURES, HEADER, Link, Upstream};
use bench::{SOON, USUAL};
use support::boshd::Boshd;
use tokio::time::{Instant, sleep};

const AT_ONCE: &str = "[shutdown]\ngrace = '0s'\ndeadline = '10s'\n";

async fn ask(process: &Boshd, body: &str) -> Reply {
    Connection::open(process.address).await.ask(body).await
}

async fn session(process: &Boshd, upstream: &Upstream) -> (Client, Link) {
    let mut connection = Connection::open(process.address).await;
    connection.post(&creation(USUAL)).await;
    let mut link = upstream.accept().await;
    link.opens().await;
    (Client::of(process.address, &connection.reply().await), link)
}

// J15, J18, DL07: SIGTERM: the held and the deferred request get system-shutdown; creations meanwhile, too; the server's streams close cleanly;
// exit code 0
#[tokio::test]
async fn sigterm() {
    let upstream = Upstream::listen().await;
    let mut process = Boshd::with("example.org", upstream.address, AT_ONCE);
    let (mut client, mut link) = session(&process, &upstream).await;
    let (idle, mut idles) = session(&process, &upstream).await;
    let (gapped, mut gaps) = session(&process, &upstream).await;
    let mut held = client.next("").await;
    let mut deferred = gapped.send(gapped.rid + 2, "").await;
    assert!(held.is_held_for(bench::WHILE).await && deferred.is_held_for(bench::WHILE).await);
    process.terminate();
    for request in [&mut held, &mut deferred] {
        let reply = request.reply_within(SOON).await;
        assert!(reply.is_terminate("system-shutdown"), "{}", reply.text);
    }
    link.sees(CLOSING).await;
    let reply = ask(&process, &creation(USUAL)).await;
    assert!(reply.is_terminate("system-shutdown"), "{}", reply.text);
    let reply = ask(&process, &idle.body(idle.rid + 1, "", "")).await;
    assert!(reply.is_terminate("system-shutdown"), "{}", reply.text);
    for link in [&mut link, &mut idles, &mut gaps] {
        link.says(CLOSING).await;
        link.ends().await;
        assert!(link.seen().ends_with(CLOSING));
    }
    let (status, log) = process.ends();
    assert_eq!(status.code(), Some(0), "{log}");
}

// J15: a client that never comes back and a server that never answers cannot keep the process beyond its deadline
#[tokio::test]
async fn a_deadline_for_the_end() {
    let upstream = Upstream::listen().await;
    let mut process = Boshd::with("example.org", upstream.address, "[shutdown]\ngrace = '0s'\ndeadline = '2s'\n");
    let (_client, mut link) = session(&process, &upstream).await;
    let began = Instant::now();
    process.terminate();
    link.sees(CLOSING).await;
    let (status, log) = process.ends();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

// P05: at the finest level the log holds no sid, rid, password, SASL data, message or key: after a login, errors and an end
#[tokio::test]
async fn nothing_secret_in_the_log() {
    const RID: u64 = 731_649_825_073;
    // hex(SHA-1) of "seed-for-tests", and so on; shown from the end
    const KEYS: [&str; 5] = [
        "486e87bf18b28b17c609c76a45a382058d1f2575",
        "0489da4a5e248e3f3b7ed5d23c066990ea6ea617",
        "28b853b21e0ee53dec6e8b40445d497365a42c53",
        "084fe6fa5cf2f61817eec9f732f4049fe28d7897",
        "52ec812aee335b1a5d56c44b954e9dccf6c74644",
    ];
    // "\0romeo\0s3cr3t-passw0rd"
    const PLAIN: &str = "AHJvbWVvAHMzY3IzdC1wYXNzdzByZA==";
    let upstream = Upstream::listen().await;
    let settings = [AT_ONCE, "[log]\nlevel = 'trace'\n"].concat();
    let mut process = Boshd::with("example.org", upstream.address, &settings);
    let mut connection = Connection::open(process.address).await;
    let body = creation(&format!("newkey='{}' {USUAL}", KEYS[0])).replace("rid='1000'", &format!("rid='{RID}'"));
    connection.post(&body).await;
    let mut link = upstream.accept().await;
    link.opens().await;
    let mut client = Client::of(process.address, &connection.reply().await);
    client.rid = RID;
    let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{PLAIN}</auth>");
    let mut held = client.next_with(&format!("key='{}'", KEYS[1]), &auth).await;
    link.sees(PLAIN).await;
    link.says("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>dj1zZXJ2ZXItc2lnbmF0dXJl</success>")
        .await;
    held.reply().await;
    let restart = format!("key='{}' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'", KEYS[2]);
    let mut held = client.next_with(&restart, "").await;
    link.header().await;
    link.says(&[HEADER, FEATURES].concat()).await;
    held.reply().await;
    let words = "<message><body>private-words</body></message>";
    let mut held = client.next_with(&format!("key='{}'", KEYS[3]), words).await;
    link.says("<message><body>private-reply</body></message>").await;
    held.reply().await;
    // mistakes are logged, too, but not what was in them
    ask(&process, &format!("<body sid='{}' rid='x'>{PLAIN}</body>", client.sid)).await;
    let stranger = Client {
        sid: "c3RyYW5nZXItc2VjcmV0".to_owned(),
        ..client.clone()
    };
    ask(&process, &stranger.body(RID, "", "")).await;
    link.says("<private-garbage></private-rubbish>").await;
    let reply = client.next_with(&format!("key='{}'", KEYS[4]), "").await.reply().await;
    assert_eq!(reply.attribute("type"), Some("terminate"));
    process.terminate();
    let (_, log) = process.ends();
    assert!(log.contains("session begins") && log.contains("session ended"), "{log}");
    let rid = (RID / 1000).to_string();
    let secrets = [
        &client.sid,
        &stranger.sid,
        KEYS[0],
        KEYS[1],
        PLAIN,
        &rid,
        "s3cr3t",
        "romeo",
        "private-",
        "dj1zZXJ2",
        "stream-1",
    ];
    for secret in secrets {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

// FX19: 40 sessions with a held request each, half of their connections dead: under 20 % of one core over 3 s
#[tokio::test]
async fn waiting_costs_nothing() {
    let upstream = Upstream::listen().await;
    let process = Boshd::with("example.org", upstream.address, "[shutdown]\ngrace = '0s'\ndeadline = '1s'\n");
    let (mut alive, mut links) = (Vec::new(), Vec::new());
    for n in 0..40 {
        let (mut client, link) = session(&process, &upstream).await;
        let mut held = client.next("").await;
        assert!(held.is_held_for(Duration::from_millis(5)).await);
        if n % 4 == 0 {
            held.reset();
        } else if n % 4 == 2 {
            drop(held);
        } else {
            alive.push(held);
        }
        links.push(link);
    }
    let before = process.processor_time();
    sleep(Duration::from_secs(3)).await;
    let spent = process.processor_time() - before;
    assert!(spent < Duration::from_millis(600), "{spent:?} of 3 s");
}
