//! What a client never got goes back to the server, which keeps it for its user: through us, and, for comparison, through the servers' own
//! connection managers. No answer that the manager believes delivered is enough for that: only the client knows.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::element::Element;
use crate::support::http::Endpoint;
use crate::support::server::{AnyServer, Options, Server, domain, jid};
use crate::support::thief::Thief;

before_each_server!(
    a_lost_answer_is_delivered_later;
    "it need not have one": the_servers_own_managers_compared,
);

/// Logins after a loss. A server may still be busy storing what it got back while its user logs in, and gives it out the next time.
const VISITS: usize = 5;

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

/// How often a message was delivered by the logins after a loss.
#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    never: usize,
    once: usize,
    more: usize,
}

/// When a session that was lost is over in the eyes of the server.
#[derive(Clone, Copy)]
enum End {
    /// Once nobody is there whom Bob could ask.
    Seen,
    /// It need not be: the next login takes its place.
    Replaced,
}

/// A domain behind a connection manager, and what its users have seen.
struct Stage {
    manager: SocketAddr,
    end: End,
    bob: Bosh,
    copies: HashMap<String, usize>,
}

impl Stage {
    async fn new(manager: SocketAddr, end: End) -> Self {
        Self {
            manager,
            end,
            bob: Bosh::login(manager, "bob", "PLAIN").await,
            copies: HashMap::new(),
        }
    }

    /// So many messages, each of them lost in this way.
    async fn play(mut self, times: usize, loss: Loss, visits: usize) -> Tally {
        let mut texts = Vec::new();
        for _ in 0..times {
            let text = format!("precious {:x}", fastrand::u64(..));
            self.lose(&text, loss).await;
            for _ in 0..visits {
                if !self.copies.contains_key(&text) {
                    self.visit().await;
                }
            }
            texts.push(text);
        }
        // what came twice came by now
        self.visit().await;
        self.bob.terminate().await;
        let mut tally = Tally::default();
        for text in texts {
            match self.copies.get(&text) {
                None => tally.never += 1,
                Some(1) => tally.once += 1,
                Some(_) => tally.more += 1,
            }
        }
        tally
    }

    /// Bob writes to Alice, and she is lost on the way.
    async fn lose(&mut self, text: &str, loss: Loss) {
        let thief = Thief::start(self.manager, if loss == Loss::Client { "nothing of this kind" } else { text }).await;
        let mut alice = Bosh::login(thief.address, "alice", "PLAIN").await;
        // so that her poll is held
        alice.settle().await;
        self.bob.send(&message("alice", text)).await;
        let polling = alice.expect("the message", |stanza| stanza.text_of("body") == Some(text));
        if loss == Loss::Client {
            polling.await;
        } else {
            tokio::select! {
                () = thief.has_struck() => {}
                _ = polling => panic!("stolen goods arrived"),
            }
        }
        if loss == Loss::AnswerCrossed {
            let crossing = alice.body(&message("bob", "crossing"));
            let other = Endpoint::new(self.manager, "/http-bind");
            tokio::select! {
                _ = other.post(&crossing) => {}
                _ = self.bob.expect("what crossed it", |stanza| stanza.text_of("body") == Some("crossing")) => {}
            }
        }
        drop((alice, thief));
        self.parted().await;
    }

    /// Alice logs in and reads what there is.
    async fn visit(&mut self) {
        let mut alice = Bosh::login(self.manager, "alice", "PLAIN").await;
        let last = format!("last {:x}", fastrand::u64(..));
        self.bob.send(&message("alice", &last)).await;
        loop {
            let message = alice.expect("a message", |stanza| stanza.name == "message").await;
            match message.text_of("body") {
                Some(text) if text == last => break,
                Some(text) => *self.copies.entry(text.to_owned()).or_default() += 1,
                None => {}
            }
        }
        alice.settle().await;
        alice.terminate().await;
        self.parted().await;
    }

    /// Returns when Alice's session is over. Bob asks for her, and asks again, as a server need not say that a question never reached her.
    async fn parted(&mut self) {
        let alice = format!("{}/test", jid("alice"));
        let visit = fastrand::u64(..);
        let gone = |stanza: &Element| {
            stanza.attribute("id") == Some(&*format!("{visit:x}")) && stanza.attribute("type") == Some("error")
        };
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            assert!(Instant::now() < deadline, "the session must end");
            if matches!(self.end, End::Seen) {
                let ping = "<ping xmlns='urn:xmpp:ping'/>";
                let question = format!("<iq xmlns='jabber:client' type='get' id='{visit:x}' to='{alice}'>{ping}</iq>");
                self.bob.send(&question).await;
            }
            let answered = timeout(Duration::from_secs(1), self.bob.expect("that she is gone", gone)).await;
            if answered.is_ok() || matches!(self.end, End::Replaced) {
                return;
            }
        }
    }
}

fn message(to: &str, text: &str) -> String {
    format!(
        "<message xmlns='jabber:client' type='chat' to='{}'><body>{text}</body></message>",
        jid(to)
    )
}

// ER08: an answer that was cut before the client saw it is delivered by a later login, exactly once. Doubled is at most what the client got
// without having said so
async fn a_lost_answer_is_delivered_later<S: AnyServer>() {
    let server = S::start(&["alice", "bob"]);
    let boshd = Boshd::with(domain(), server.address(), "[bosh]\ninactivity = '1s'\n");
    for loss in [Loss::Answer, Loss::AnswerCrossed, Loss::Client] {
        let stage = Stage::new(boshd.address, End::Seen).await;
        let tally = stage.play(rounds(), loss, VISITS).await;
        println!("{loss:?}: {tally:?}");
        assert_eq!((tally.never, tally.more), (0, 0), "{loss:?}: {tally:?}");
    }
}

// what clients of the servers' own connection managers get of an answer that was cut: shown, not judged
async fn the_servers_own_managers_compared<S: Server>() {
    let options = Options {
        stream_management_settings: S::KEEPS_FOR_LATER,
        bosh: true,
        ..Options::default()
    };
    let server = S::with(&["alice", "bob"], &options);
    let manager = server.bosh().expect("its own connection manager");
    for loss in [Loss::Answer, Loss::AnswerCrossed] {
        // they give a lost client up after a minute or two
        let stage = Stage::new(manager, End::Replaced).await;
        println!("its own connection manager, {loss:?}: {:?}", stage.play(1, loss, 2).await);
    }
}
