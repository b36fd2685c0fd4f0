//! Debian's Apache, with the modules and settings that are on there or that the recipe says to switch on.

use std::process::Command;

use super::{Place, Recipe};

pub const APACHE: Recipe = Recipe {
    packages: &["apache2"],
    file: "deploy/apache/boshd.conf",
    listens: &[("*:443", "127.0.0.1:PORT")],
    speaks_http2: false,
    unix: ("http://127.0.0.1:5280/", "unix:PATH|http://localhost/"),
    frame,
    command,
};

const MODULES: [&str; 9] = [
    "authz_core",
    "headers",
    "mime",
    "mpm_event",
    "proxy",
    "proxy_http",
    "reqtimeout",
    "socache_shmcb",
    "ssl",
];

/// Debian's files for these say more than which module is loaded.
const SETTINGS: [&str; 3] = ["mpm_event", "reqtimeout", "ssl"];

fn frame(place: &Place) -> String {
    let load = |name: &str| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
    let include = |name: &str| format!("Include /etc/apache2/mods-available/{name}.conf\n");
    format!(
        r#"ServerRoot {folder}
ServerName localhost
Define APACHE_RUN_DIR {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog /dev/stderr
LogLevel warn
Timeout 300
KeepAlive On
MaxKeepAliveRequests 100
KeepAliveTimeout 5
TypesConfig /etc/mime.types
Listen {address}
{modules}{settings}
<IfModule unixd_module>
    User www-data
    Group www-data
</IfModule>
Include {recipe}
"#,
        folder = place.folder().display(),
        address = place.address,
        modules = MODULES.map(load).concat(),
        settings = SETTINGS.map(include).concat(),
        recipe = place.recipe.display(),
    )
}

fn command(place: &Place) -> Command {
    let mut command = Command::new("/usr/sbin/apache2");
    command.arg("-DFOREGROUND").arg("-f").arg(&place.frame);
    command
}
