//! Debian's nginx, with the settings that its own `nginx.conf` has.

use std::process::Command;

use super::{Place, Recipe};

pub const NGINX: Recipe = Recipe {
    packages: &["nginx"],
    file: "deploy/nginx/boshd.conf",
    // a machine without IPv6 has another loopback address
    listens: &[
        ("listen 443 ssl", "listen 127.0.0.1:PORT ssl"),
        ("listen [::]:443 ssl", "listen 127.0.0.2:PORT ssl"),
    ],
    speaks_http2: true,
    unix: ("127.0.0.1:5280", "unix:PATH"),
    frame,
    command,
};

/// One process, which needs no right to change its user.
fn frame(place: &Place) -> String {
    let folder = place.folder().display();
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = kinds.map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n")).concat();
    format!(
        r#"daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{
    worker_connections 768;
}}
http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers on;
    gzip on;
    access_log off;
{temporary}    include {recipe};
}}
"#,
        recipe = place.recipe.display()
    )
}

fn command(place: &Place) -> Command {
    let mut command = Command::new("/usr/sbin/nginx");
    command
        .arg("-e")
        .arg("stderr")
        .arg("-p")
        .arg(place.folder())
        .arg("-c")
        .arg(&place.frame);
    command
}
