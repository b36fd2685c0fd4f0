//! What else goes to boshd, and what does not.

use super::deployment::Deployment;
use crate::support::prosody::Prosody;
use crate::support::recipe::Recipe;
use crate::support::server::{Options, Server as _};

behind_each_proxy!(host_meta_leads_to_the_endpoint);

// as a trusted proxy says that its client came over TLS
async fn host_meta_leads_to_the_endpoint(recipe: &Recipe) {
    let prosody = Prosody::with(&[], &Options::default());
    let deployment = Deployment::of(recipe, prosody.address, "").await;
    for page in ["/.well-known/host-meta", "/.well-known/host-meta.json"] {
        let (status, body) = deployment.endpoint().get(page).await.expect("an answer");
        assert_eq!(status, 200, "{page}: {body}");
        for place in ["https://chat.example.org/http-bind", "wss://chat.example.org/ws"] {
            assert!(body.contains(place), "{page}: {body}");
        }
    }
}
