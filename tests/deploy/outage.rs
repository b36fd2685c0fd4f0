//! boshd is away for a moment: when it is back, so is its service.

use super::deployment::Deployment;
use crate::support::prosody::Prosody;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _};

behind_each_proxy!(boshd_is_served_again_at_once);

pub const CREATION: &str = "<body xmlns='http://jabber.org/protocol/httpbind' rid='7' to='example.test' wait='30' hold='1' ver='1.6' content='text/xml'/>";

async fn boshd_is_served_again_at_once(recipe: &Recipe) {
    let prosody = Prosody::with(&["alice"], &Options::default());
    let mut deployment = Deployment::of(recipe, prosody.address, "").await.without_counter(recipe);
    deployment.login("alice").await;
    deployment.stop_boshd();
    let meanwhile = deployment.endpoint().attempt(CREATION).await;
    assert!(!matches!(meanwhile, Ok((200, _))), "{meanwhile:?}");
    deployment.start_boshd();
    let (status, body) = deployment.endpoint().attempt(CREATION).await.expect("an answer");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains(" sid='"), "{body}");
}
