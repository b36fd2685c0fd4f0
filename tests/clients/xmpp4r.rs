//! xmpp4r, the way of Ruby clients, as it is in Debian, on Debian's Ruby.

use std::process::Command;

use crate::play::Cut;
use crate::stage::{Client, http_bind};
use crate::support::packages;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/xmpp4r.rb");

const XMPP4R: Client = Client {
    name: "xmpp4r",
    command,
    options: &[],
    endpoint: http_bind,
};

fn command() -> Command {
    packages::ensure(&["ruby", "ruby-xmpp4r"]);
    // another Ruby would not have it
    let mut command = Command::new("/usr/bin/ruby");
    command.arg(PROGRAM);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn xmpp4r() {
    XMPP4R.plays(Cut::SaysAgain).await;
}
