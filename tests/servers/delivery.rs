//! What a client never got goes back to the server, which keeps it for its user: through us, and, for comparison, through the servers' own
//! connection managers. No answer that the manager believes delivered is enough for that: only the client knows.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::http::Endpoint;
use crate::support::server::{Options, Server};
use crate::support::thief::Thief;

before_each_server!(a_lost_answer_is_delivered_later, the_servers_own_managers_compared);

/// In the message whose answer is lost.
const MARK: &str = "precious";

/// Where all tests run, and in a soak.
fn rounds() -> usize {
    if std::env::var_os("BOSHD_SOAK").is_some() { 50 } else { 3 }
}

/// How a client is lost.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Loss {
    /// The answer is cut on its way, and nothing comes any more.
    Answer,
    /// The same, but the client, which does not know it yet, has something to say on its other connection.
    AnswerCrossed,
    /// The client gets the answer, and vanishes before it could confirm it.
    Client,
}

/// How often the message was delivered after a loss, at the next login.
#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    never: usize,
    once: usize,
    more: usize,
}

fn options() -> Options {
    Options {
        stream_management_settings: "",
        bosh: true,
        ..Options::default()
    }
}

/// Bob writes to Alice; she is lost on the way; what does she find when she is back? `gone` returns when her old session is over.
async fn round(address: SocketAddr, bob: &mut Bosh, loss: Loss, gone: impl AsyncFn()) -> usize {
    let thief = Thief::start(address, if loss == Loss::Client { "nothing of this kind" } else { MARK }).await;
    let mut alice = Bosh::login(thief.address, "alice", "PLAIN").await;
    // so that her poll is held
    alice.iq("get", "example.test", "<ping xmlns='urn:xmpp:ping'/>").await;
    let polling = async {
        alice
            .expect("the message", |stanza| stanza.text_of("body") == Some(MARK))
            .await
    };
    bob.send(&format!(
        "<message xmlns='jabber:client' type='chat' to='alice@example.test'><body>{MARK}</body></message>"
    ))
    .await;
    if loss == Loss::Client {
        polling.await;
    } else {
        tokio::select! {
            () = thief.has_struck() => {}
            _ = polling => panic!("stolen goods arrived"),
        }
    }
    if loss == Loss::AnswerCrossed {
        let crossing =
            alice.body("<message xmlns='jabber:client' type='chat' to='bob@example.test'><body>crossing</body></message>");
        let other = Endpoint::new(address, "/http-bind");
        tokio::select! {
            _ = other.post(&crossing) => {}
            _ = bob.expect("what crossed it", |stanza| stanza.text_of("body") == Some("crossing")) => {}
        }
    }
    drop((alice, thief));
    // bob's own session goes on meanwhile
    tokio::select! {
        () = gone() => {}
        _ = bob.expect("nothing", |_| false) => {}
    }
    let mut alice = Bosh::login(address, "alice", "PLAIN").await;
    bob.send("<message xmlns='jabber:client' type='chat' to='alice@example.test'><body>later</body></message>")
        .await;
    let mut copies = 0;
    loop {
        let message = alice.expect("a message", |stanza| stanza.name == "message").await;
        match message.text_of("body") {
            Some(MARK) => copies += 1,
            Some("later") => break,
            _ => {}
        }
    }
    alice.terminate().await;
    copies
}

async fn rounds_of(times: usize, loss: Loss, address: SocketAddr, gone: impl AsyncFn()) -> Tally {
    let mut bob = Bosh::login(address, "bob", "PLAIN").await;
    let mut tally = Tally::default();
    for _ in 0..times {
        match round(address, &mut bob, loss, &gone).await {
            0 => tally.never += 1,
            1 => tally.once += 1,
            _ => tally.more += 1,
        }
    }
    bob.terminate().await;
    tally
}

// ER08, design: an answer that was cut before the client saw it arrives exactly once with the next login
async fn a_lost_answer_is_delivered_later<S: Server>() {
    let settings = Options {
        stream_management_settings: S::KEEPS_FOR_LATER,
        ..options()
    };
    let server = S::with(&["alice", "bob"], &settings);
    let boshd = Boshd::with("example.test", server.address(), "[bosh]\ninactivity = '1s'\n");
    let idle = boshd.open_files();
    for loss in [Loss::Answer, Loss::AnswerCrossed, Loss::Client] {
        let gone = async || {
            let deadline = Instant::now() + Duration::from_secs(30);
            // bob's is left, with a socket towards the server and two towards him at most
            while boshd.wrote("session begins") - boshd.wrote("session ended") > 1 || boshd.open_files() > idle + 3 {
                assert!(Instant::now() < deadline, "the session must end: {}", boshd.log());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let tally = rounds_of(rounds(), loss, boshd.address, gone).await;
        println!("{loss:?}: {tally:?}");
        assert_eq!((tally.never, tally.more), (0, 0), "{loss:?}: {tally:?}");
    }
}

// what a client that gets its answer cut has with the servers' own connection managers: shown, not judged
async fn the_servers_own_managers_compared<S: Server>() {
    let server = S::with(&["alice", "bob"], &options());
    let address = server.bosh().expect("its own connection manager");
    for loss in [Loss::Answer, Loss::AnswerCrossed] {
        let gone = async || tokio::time::sleep(Duration::from_secs(3)).await;
        let tally = rounds_of(2, loss, address, gone).await;
        println!("its own connection manager, {loss:?}: {tally:?}");
    }
}
