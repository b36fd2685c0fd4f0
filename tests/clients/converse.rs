//! Converse.js in Chromium: besides the play, what users of web pages do with it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::guest::Guest;
use crate::play::{Cut, talk};
use crate::stage::{Client, Stage, http_bind};
use crate::support::backend::Kind;
use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::certificates::Certificates;
use crate::support::doorman::Doorman;
use crate::support::network::Entrance;
use crate::support::process::free_port;
use crate::support::server::{Identity, domain, jid, password_of, rooms};
use crate::support::{chromium, npm};
use crate::tap::Tap;

const CONVERSE: Client = Client {
    name: "converse",
    command: || {
        chromium::ensure();
        npm::script("converse-user.mjs")
    },
    options: &[],
    endpoint: http_bind,
};

const OVER_WEBSOCKET: Client = Client {
    endpoint: |boshd| format!("ws://{boshd}/ws"),
    ..CONVERSE
};

const TALK: usize = 3;

/// Longer than a tab has to be hidden for its timers to run once per minute, and than a request is held.
const HIDDEN: Duration = Duration::from_secs(70);

/// What the other user of most acts speaks.
const MECHANISM: &str = "SCRAM-SHA-1";

#[tokio::test(flavor = "multi_thread")]
async fn converse() {
    CONVERSE.plays(Cut::GoesOn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn group_chat() {
    for kind in Kind::all() {
        let stage = Stage::with(kind, &["alice", "bob"]).await;
        let (mut alice, mut bob) = (stage.guest(&CONVERSE, "alice"), stage.guest(&CONVERSE, "bob"));
        tokio::join!(alice.enters(), bob.enters());
        let room = format!("den@{}", rooms());
        for guest in [&mut alice, &mut bob] {
            guest.does(&format!("join {room} {}", guest.user));
            assert_eq!(guest.tells("joined").await, room);
        }
        for number in 0..TALK {
            for speaker in [&mut alice, &mut bob] {
                speaker.does(&format!("tell {room} {number} by {}", speaker.user));
            }
            // in the room's order
            let heard = [both(&mut alice).await, both(&mut bob).await];
            assert_eq!(heard[0], heard[1]);
            for user in ["alice", "bob"] {
                let told = format!("{room}/{user} {number} by {user}");
                assert!(heard[0].contains(&told), "{told}: {heard:?}");
            }
        }
        stage.record(&alice, "group chat");
        tokio::join!(alice.leaves(), bob.leaves());
        stage.is_left_with(0).await;
    }
}

/// What it is told in a room by two.
async fn both(guest: &mut Guest) -> [String; 2] {
    [guest.tells("told").await, guest.tells("told").await]
}

/// What bob says before a page is reloaded and behind that, and what he says meanwhile: for longer than it takes, on a machine that is not busy.
const BEFORE: usize = 10;
const MEANWHILE: usize = 40;
const PACE: Duration = Duration::from_millis(50);

/// Converse goes on with the next rid (`keepalive`). What came to the page as it went, or before the next one listens, is lost to Converse; so
/// what boshd has sent counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_reloaded_goes_on() {
    let stage = Stage::with(Kind::Prosody, &["alice", "bob"]).await;
    let tap = Tap::new();
    let entrance = Entrance::to(tap.clone(), stage.boshd.address).await;
    let mut alice = guest(entrance.address, "alice", &[]);
    alice.enters().await;
    let mut flood = Flood::begin(&stage, &alice).await;
    let sid = session(&mut alice).await;
    let sessions = stage.boshd.wrote("session begins");

    flood.goes_on(&mut alice, BEFORE, |flood| flood.heard_from(0)).await;
    alice.does("reload");
    let online = format!("online {}", alice.jid);
    flood
        .goes_on(&mut alice, MEANWHILE, |flood| flood.told.contains(&online))
        .await;
    let after = flood.said;
    flood.goes_on(&mut alice, BEFORE, |flood| flood.heard_from(after)).await;

    assert_eq!(session(&mut alice).await, sid);
    assert_eq!(stage.boshd.wrote("session begins"), sessions);
    let logins = tap
        .requests()
        .iter()
        .filter(|request| request.body.contains("<auth "))
        .count();
    assert_eq!(logins, 1);
    for number in 0..flood.said {
        let body = format!("<body>{}</body>", Flood::text(number));
        assert_eq!(tap.answered(&body), 1, "{body} is neither lost nor doubled");
    }
    let lost: Vec<usize> = (0..flood.said).filter(|number| !flood.heard(*number)).collect();
    println!("around the reload Converse has lost {lost:?} of {}", flood.said);
    assert!(lost.iter().all(|number| (BEFORE..after).contains(number)), "{lost:?}");
    stage.record(&alice, "page reload");
    alice.leaves().await;
}

/// Bob, who goes on writing to alice, and what she tells meanwhile.
struct Flood {
    bob: Bosh,
    to: String,
    said: usize,
    told: Vec<String>,
}

impl Flood {
    async fn begin(stage: &Stage, alice: &Guest) -> Self {
        Self {
            bob: Bosh::login(stage.boshd.address, "bob", MECHANISM).await,
            to: alice.jid.clone(),
            said: 0,
            told: Vec::new(),
        }
    }

    fn text(number: usize) -> String {
        format!("reload {number}.")
    }

    /// Has she heard this one? None twice.
    fn heard(&self, number: usize) -> bool {
        let wanted = format!("heard {} {}", bob_jid(), Self::text(number));
        let times = self.told.iter().filter(|what| **what == wanted).count();
        assert!(times <= 1, "{:?}", self.told);
        times == 1
    }

    /// Has she heard this one and all behind it? After a pause Converse may tell of the first ones in another order.
    fn heard_from(&self, first: usize) -> bool {
        (first..self.said).all(|number| self.heard(number))
    }

    /// So many more, at his pace, and until that has happened.
    async fn goes_on(&mut self, alice: &mut Guest, messages: usize, done: impl Fn(&Self) -> bool) {
        for _ in 0..messages {
            say(&mut self.bob, &self.to, &Self::text(self.said)).await;
            self.said += 1;
            tokio::time::sleep(PACE).await;
        }
        while !done(self) {
            self.told.push(alice.next().await.what);
        }
    }
}

/// The session is made and logged in by a program of the site, and handed to the page by `prebind_url`.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_made_by_the_site_is_attached_to() {
    let stage = Stage::with(Kind::Prosody, &["alice", "bob"]).await;
    let site = Bosh::bound(stage.boshd.address, "alice", MECHANISM).await;
    let (sid, rid) = site.hand_over();
    let bound = format!("{}/test", jid("alice"));
    let prebound = json!({ "jid": bound, "sid": sid, "rid": rid });
    let mut alice = guest(stage.address, "alice", &[format!("prebound={prebound}")]);
    let mut bob = stage.guest(&CONVERSE, "bob");
    tokio::join!(alice.enters(), bob.enters());
    assert_eq!(alice.jid, bound);
    assert_eq!(session(&mut alice).await, sid);
    let mut pair = [alice, bob];
    talk(&mut pair, "attached", TALK).await;
    let [alice, bob] = pair;
    assert_eq!(stage.boshd.wrote("session begins"), 2);
    stage.record(&alice, "prebind");
    tokio::join!(alice.leaves(), bob.leaves());
    stage.is_left_with(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_have_a_session_each() {
    let stage = Stage::with(Kind::Prosody, &["alice", "bob"]).await;
    let mut alice = stage.visitor(&CONVERSE, "alice").await;
    alice.does("other enter");
    let other = alice.tells("other online").await;
    assert_ne!(alice.jid, other);
    let mut bob = Bosh::login(stage.boshd.address, "bob", MECHANISM).await;
    for number in 0..TALK {
        say(&mut bob, &alice.jid, &format!("to one {number}")).await;
        alice.hears(&bob_jid(), &format!("to one {number}")).await;
        say(&mut bob, &other, &format!("to the other {number}")).await;
        let heard = alice.tells("other heard").await;
        assert_eq!(heard, format!("{} to the other {number}", bob_jid()));
    }
    alice.does("other close");
    goes_on_talking(&mut alice, &mut bob, "alone").await;
    stage.record(&alice, "two tabs");
    alice.leaves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_tab_hears_and_goes_on() {
    let stage = Stage::with(Kind::Prosody, &["alice", "bob"]).await;
    let mut alice = stage.visitor(&CONVERSE, "alice").await;
    let mut bob = Bosh::login(stage.boshd.address, "bob", MECHANISM).await;
    let sid = session(&mut alice).await;
    alice.does("hide");
    alice.tells("hidden").await;
    say(&mut bob, &alice.jid, "early").await;
    alice.hears(&bob_jid(), "early").await;
    tokio::time::sleep(HIDDEN).await;
    say(&mut bob, &alice.jid, "late").await;
    alice.does("show");
    // it may poll before it is shown
    let told = [alice.next().await.what, alice.next().await.what];
    let late = format!("heard {} late", bob_jid());
    assert!(told.contains(&late), "{told:?}");
    println!("hidden: {told:?}");
    goes_on_talking(&mut alice, &mut bob, "in sight").await;
    assert_eq!(session(&mut alice).await, sid);
    stage.record(&alice, "hidden tab");
    alice.leaves().await;
}

/// The page comes from another origin than the endpoint in all of these tests; here it sends its cookie, too.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_to_another_origin_if_the_page_says_so() {
    let (page, stranger) = (free_port().port(), free_port().port());
    let cors = format!("[cors]\norigins = ['http://127.0.0.1:{page}', 'http://127.0.0.1:{stranger}']\ncredentials = true\n");
    let stage = Stage::set(Kind::Prosody, &["alice", "bob"], &cors).await;
    let (with, without) = (Tap::new(), Tap::new());
    let before = [
        Entrance::to(with.clone(), stage.boshd.address).await,
        Entrance::to(without.clone(), stage.boshd.address).await,
    ];
    let credentials = "connection_options={\"withCredentials\":true}".to_owned();
    let mut alice = guest(before[0].address, "alice", &[credentials, format!("port={page}")]);
    let mut bob = guest(before[1].address, "bob", &[format!("port={stranger}")]);
    tokio::join!(alice.enters(), bob.enters());
    let mut pair = [alice, bob];
    talk(&mut pair, "across origins", TALK).await;
    let [alice, bob] = pair;
    let cookies = |tap: &Tap| HashSet::from_iter(tap.requests().into_iter().map(|request| request.cookie));
    assert_eq!(cookies(&with), HashSet::from([Some("visitor=somebody".to_owned())]));
    assert_eq!(cookies(&without), HashSet::from([None]));
    stage.record(&alice, "another origin, with credentials");
    stage.record(&bob, "another origin");
    tokio::join!(alice.leaves(), bob.leaves());
}

#[tokio::test(flavor = "multi_thread")]
async fn converse_over_websocket() {
    OVER_WEBSOCKET.plays(Cut::ComesBack).await;
}

/// Not by a login: by XEP-0198, with its server.
#[tokio::test(flavor = "multi_thread")]
async fn whose_websocket_is_cut_resumes() {
    let stage = Stage::with(Kind::Prosody, &["alice", "bob"]).await;
    let mut alice = stage.visitor(&OVER_WEBSOCKET, "alice").await;
    let mut bob = Bosh::login(stage.boshd.address, "bob", MECHANISM).await;
    let (jid, id) = (alice.jid.clone(), session(&mut alice).await);
    stage.network.cut();
    alice.is_back().await;
    assert_eq!(alice.jid, jid);
    assert_eq!(session(&mut alice).await, id);
    goes_on_talking(&mut alice, &mut bob, "resumed").await;
    stage.record(&alice, "resumption by XEP-0198");
    alice.leaves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_websocket_is_blocked_bosh_takes_its_place() {
    let stage = Stage::with(Kind::Prosody, &["alice", "bob"]).await;
    let before = [
        Entrance::to(Arc::new(Doorman::Refuses), stage.boshd.address).await,
        Entrance::to(Arc::new(Doorman::HangsUp), stage.boshd.address).await,
    ];
    let mut pair =
        ["alice", "bob"].map(|user| guest(before[usize::from(user == "bob")].address, user, &["websocket".to_owned()]));
    for guest in &mut pair {
        guest.does("enter");
        guest.introduces_itself().await;
        guest.tells("falls-back").await;
        guest.is_back().await;
    }
    talk(&mut pair, "without WebSocket", TALK).await;
    assert_eq!(stage.boshd.wrote("session begins"), 2);
    stage.record(&pair[0], "BOSH where WebSocket is blocked");
    let [alice, bob] = pair;
    tokio::join!(alice.leaves(), bob.leaves());
}

/// Who knows only the domain finds boshd by host-meta: one where it names BOSH alone, the other where it names WebSocket, too.
#[tokio::test(flavor = "multi_thread")]
async fn found_by_host_meta() {
    let stage = Stage::with(Kind::Prosody, &["alice", "bob"]).await;
    let domain = domain();
    let certificates = Certificates::make(domain);
    let bosh = format!("bosh = 'https://{domain}/http-bind'\n");
    let boshd = [bosh.clone(), format!("{bosh}websocket = 'wss://{domain}/ws'\n")]
        .map(|found| discoverable(&stage, &certificates, &found));
    let found_at = |boshd: &Boshd| [format!("found_at={}", boshd.address)];
    let mut alice = guest(boshd[0].address, "alice", &found_at(&boshd[0]));
    let mut bob = guest(boshd[1].address, "bob", &found_at(&boshd[1]));
    tokio::join!(alice.enters(), bob.enters());
    let mut pair = [alice, bob];
    talk(&mut pair, "found", TALK).await;
    let transports = boshd
        .each_ref()
        .map(|boshd| [boshd.wrote("session begins"), boshd.wrote("transport=\"websocket\"")]);
    assert_eq!(transports, [[1, 0], [1, 1]]);
    let [alice, bob] = pair;
    stage.record(&alice, "host-meta: BOSH");
    stage.record(&bob, "host-meta: WebSocket");
    tokio::join!(alice.leaves(), bob.leaves());
}

/// boshd with HTTPS before the stage's server, and these lines in its `[discovery]`.
fn discoverable(stage: &Stage, certificates: &Certificates, found: &str) -> Boshd {
    let address = free_port();
    let Identity { certificate, key } = &certificates.good;
    let settings = format!(
        "[[listen]]\naddress = '{address}'\ntls = {{ certificate = {certificate:?}, key = {key:?} }}\n[shutdown]\ngrace = '0s'\ndeadline = '2s'\n\
         [[domain]]\nname = '{}'\nservers = ['{}']\ntls = 'none'\n[discovery]\n{found}",
        domain(),
        stage.backend.address()
    );
    Boshd::told(address, &settings)
}

/// Of the other user of most acts.
fn bob_jid() -> String {
    format!("{}/test", jid("bob"))
}

/// With options that only the test knows.
fn guest(boshd: SocketAddr, user: &str, options: &[String]) -> Guest {
    let mut command = (CONVERSE.command)();
    command.args([http_bind(boshd), jid(user), password_of(user)]);
    command.args(options);
    Guest::start(CONVERSE.name, user, command)
}

async fn session(guest: &mut Guest) -> String {
    guest.does("session");
    guest.tells("session").await
}

async fn say(bob: &mut Bosh, to: &str, text: &str) {
    bob.send(&format!(
        "<message xmlns='jabber:client' type='chat' to='{to}'><body>{text}</body></message>"
    ))
    .await;
}

/// Both ways.
async fn goes_on_talking(alice: &mut Guest, bob: &mut Bosh, about: &str) {
    for number in 0..TALK {
        let text = format!("{about} {number}");
        say(bob, &alice.jid, &text).await;
        alice.hears(&bob_jid(), &text).await;
        alice.does(&format!("say {} {text}", bob_jid()));
        bob.expect("alice's answer", |stanza| stanza.text_of("body") == Some(&text))
            .await;
    }
}
