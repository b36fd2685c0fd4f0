//! A page that acts as JSJaC does: keys, and a pause when the page is left. JSJaC pauses by a synchronous request while it is being left, which
//! browsers do not allow any more; here it is made right before. What they offer instead is used while it is being left.

use std::process::Command;
use std::time::Duration;

use crate::play::{Cut, talk};
use crate::stage::{Client, Stage, http_bind};
use crate::support::backend::Kind;
use crate::support::{chromium, npm};

const fn jsjac(options: &'static [&'static str]) -> Client {
    Client {
        name: "jsjac",
        command,
        options,
        endpoint: http_bind,
    }
}

fn command() -> Command {
    chromium::ensure();
    npm::script("jsjac-user.mjs")
}

/// A session that says nothing ends so soon; a page that has paused may be away for longer.
const SILENCE: &str = "[cors]\norigins = ['*']\n[bosh]\ninactivity = '5s'\nmax_pause = '60s'\n";
const AWAY: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn jsjac_talks() {
    jsjac(&["leave=synchronous"]).plays(Cut::GoesOn).await;
}

// contract L10, contract L11: as JSJaC does it
#[tokio::test(flavor = "multi_thread")]
async fn a_synchronous_pause() {
    leaves_its_page("leave=synchronous", jsjac(&["leave=synchronous"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_by_beacon() {
    leaves_its_page("leave=beacon", jsjac(&["leave=beacon"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_by_a_request_that_is_kept_alive() {
    leaves_its_page("leave=keepalive", jsjac(&["leave=keepalive"])).await;
}

/// Reloads its page, leaves it with a last word for longer than a silent session lives, and is the same when it comes back.
async fn leaves_its_page(manner: &str, client: Client) {
    let stage = Stage::set(Kind::Ejabberd, &["alice", "bob"], SILENCE).await;
    let (alice, bob) = tokio::join!(stage.visitor(&client, "alice"), stage.visitor(&client, "bob"));
    let mut pair = [alice, bob];
    talk(&mut pair, "before", 10).await;
    let jids = [pair[0].jid.clone(), pair[1].jid.clone()];
    pair[1].does("reload");
    assert_eq!(pair[1].tells("resumed").await, jids[1]);
    talk(&mut pair, "reloaded", 10).await;
    pair[1].does(&format!("away {} I'll be back", jids[0]));
    pair[1].tells("away").await;
    pair[0].hears(&jids[1], "I'll be back").await;
    for number in 0..3 {
        pair[0].does(&format!("say {} meanwhile {number}", jids[1]));
    }
    tokio::time::sleep(AWAY).await;
    pair[1].does("back");
    assert_eq!(pair[1].tells("resumed").await, jids[1]);
    for number in 0..3 {
        pair[1].hears(&jids[0], &format!("meanwhile {number}")).await;
    }
    talk(&mut pair, "back", 10).await;
    assert_eq!(stage.boshd.wrote("session begins"), 2, "they are the same sessions");
    stage.record(&pair[1], &format!("reload and pause, {manner}"));
    let [alice, bob] = pair;
    tokio::join!(alice.leaves(), bob.leaves());
    stage.is_left_with(0).await;
}
