//! Debian's HAProxy, with the settings that its own `haproxy.cfg` has.

use std::process::Command;

use super::{Place, Recipe};

/// For a name that is boshd's alone.
pub const HAPROXY: Recipe = Recipe {
    packages: &["haproxy"],
    file: "deploy/haproxy/haproxy.cfg",
    listens: &[(" :443 ", " 127.0.0.1:PORT ")],
    speaks_http2: true,
    unix: ("127.0.0.1:5280", "unix@PATH"),
    frame,
    command,
};

/// Beside a web site.
pub const HAPROXY_HTTP: Recipe = Recipe {
    file: "deploy/haproxy-http/haproxy.cfg",
    ..HAPROXY
};

/// What Debian's `haproxy.cfg` says, but for users, folders and pages.
fn frame(_: &Place) -> String {
    r#"global
    log stdout format raw daemon info
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
defaults
    log global
    mode http
    option httplog
    option dontlognull
    timeout connect 5000
    timeout client 50000
    timeout server 50000
"#
    .to_owned()
}

fn command(place: &Place) -> Command {
    let mut command = Command::new("/usr/sbin/haproxy");
    command.arg("-db").arg("-f").arg(&place.frame).arg("-f").arg(&place.recipe);
    command
}
