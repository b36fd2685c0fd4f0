//! Pages of other origins than the endpoint's, by what `[cors]` allows them. A browser asks first, by OPTIONS, and keeps the answer for a while; each
//! page has a cookie of the endpoint's host, which goes along only if the page says so and boshd allows it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::guest::Guest;
use crate::play::talk;
use crate::stage::{CORS, Stage, http_bind};
use crate::strophe::STROPHE;
use crate::support::backend::Kind;
use crate::support::network::Entrance;
use crate::support::process::free_port;
use crate::support::server::{jid, password_of};
use crate::tap::Tap;

const TALK: usize = 10;

/// All that passes between one page and boshd.
struct Way {
    tap: Arc<Tap>,
    entrance: Entrance,
}

impl Way {
    async fn to(stage: &Stage) -> Self {
        let tap = Tap::new();
        let entrance = Entrance::to(tap.clone(), stage.boshd.address).await;
        Self { tap, entrance }
    }

    /// A user whose page comes from this port and goes this way.
    fn page(&self, user: &str, port: u16, options: &[&str]) -> Guest {
        let mut command = (STROPHE.command)();
        command.args([http_bind(self.entrance.address), jid(user), password_of(user)]);
        command.args(STROPHE.options).arg(format!("port={port}")).args(options);
        Guest::start(STROPHE.name, user, command)
    }

    fn cookies(&self) -> HashSet<Option<String>> {
        let requests = self.tap.requests().into_iter();
        requests.map(|request| request.cookie).collect()
    }

    /// One question has opened the way for all requests.
    fn was_asked_for_once(&self) {
        let requests = self.tap.requests().len();
        assert!(requests > TALK, "{requests} requests");
        assert_eq!(self.tap.preflights(), 1, "of {requests} requests");
    }

    /// What the browser was told did not satisfy it, each time: no request followed.
    fn was_asked_for_in_vain(&self) {
        assert_eq!(self.tap.requests().len(), 0);
        assert!(self.tap.preflights() > 1, "a refusal is not kept");
    }
}

fn cookie(text: &str) -> HashSet<Option<String>> {
    HashSet::from([Some(text.to_owned())])
}

/// A page that gives up soon does so.
async fn is_refused(mut guest: Guest) {
    guest.does("enter");
    guest.introduces_itself().await;
    guest.tells("gone").await;
}

// a stranger has a cookie as good as theirs
#[tokio::test(flavor = "multi_thread")]
async fn listed_pages_and_a_stranger() {
    let [page, other, stranger] = [(); 3].map(|()| free_port().port());
    let cors = format!("[cors]\norigins = ['http://127.0.0.1:{page}', 'http://127.0.0.1:{other}']\ncredentials = true\n");
    let stage = Stage::set(Kind::Prosody, &["alice", "bob"], &cors).await;
    let [with, without, refused] = [Way::to(&stage).await, Way::to(&stage).await, Way::to(&stage).await];
    let mut pair = [with.page("alice", page, &["credentials"]), without.page("bob", other, &[])];
    let [alice, bob] = &mut pair;
    tokio::join!(alice.enters(), bob.enters());
    talk(&mut pair, "across origins", TALK).await;
    assert_eq!(with.cookies(), cookie("visitor=somebody"));
    assert_eq!(without.cookies(), HashSet::from([None]));
    with.was_asked_for_once();
    without.was_asked_for_once();
    stage.record(&pair[0], "another origin, with credentials");
    stage.record(&pair[1], "another origin");
    is_refused(refused.page("alice", stranger, &["credentials", "retries=1"])).await;
    refused.was_asked_for_in_vain();
    assert_eq!(stage.sessions(), 2, "the stranger has none");
    let [alice, bob] = pair;
    tokio::join!(alice.leaves(), bob.leaves());
}

// a browser does not take `*` for an answer where cookies are sent
#[tokio::test(flavor = "multi_thread")]
async fn any_page_but_none_with_credentials() {
    let stage = Stage::set(Kind::Prosody, &["alice", "bob"], CORS).await;
    let [any, other, refused] = [Way::to(&stage).await, Way::to(&stage).await, Way::to(&stage).await];
    let mut pair = [
        any.page("alice", free_port().port(), &[]),
        other.page("bob", free_port().port(), &[]),
    ];
    let [alice, bob] = &mut pair;
    tokio::join!(alice.enters(), bob.enters());
    talk(&mut pair, "across origins", TALK).await;
    for way in [&any, &other] {
        assert_eq!(way.cookies(), HashSet::from([None]));
        way.was_asked_for_once();
    }
    is_refused(refused.page("alice", free_port().port(), &["credentials", "retries=1"])).await;
    refused.was_asked_for_in_vain();
    assert_eq!(stage.sessions(), 2);
    let [alice, bob] = pair;
    tokio::join!(alice.leaves(), bob.leaves());
}
