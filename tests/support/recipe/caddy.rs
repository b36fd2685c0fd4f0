//! Debian's Caddy.

use std::process::Command;

use super::{Place, Recipe};
use crate::support::process::free_port;

pub const CADDY: Recipe = Recipe {
    packages: &["caddy"],
    file: "deploy/caddy/Caddyfile",
    // it has no port: the frame says which is the one for HTTPS
    listens: &[],
    speaks_http2: true,
    unix: ("127.0.0.1:5280", "unix/PATH"),
    frame,
    command,
};

/// It asks nobody for a certificate, has no port to command it by, and waits for nobody when it ends.
fn frame(place: &Place) -> String {
    format!(
        r#"{{
	admin off
	grace_period 1s
	default_bind 127.0.0.1
	http_port {plain}
	https_port {secure}
	storage file_system {folder}/storage
}}
import {recipe}
"#,
        plain = free_port().port(),
        secure = place.address.port(),
        folder = place.folder().display(),
        recipe = place.recipe.display(),
    )
}

fn command(place: &Place) -> Command {
    let mut command = Command::new("/usr/bin/caddy");
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(&place.frame)
        .env("HOME", place.folder())
        .env("XDG_CONFIG_HOME", place.folder())
        .env("XDG_DATA_HOME", place.folder());
    command
}
