//! What clients find: the endpoint and the terms it offers in `[bosh]`, XEP-0025, and which pages may use them in `[cors]`.

use std::time::Duration;

use super::reader::Section;
use super::value::{any, within};

/// `[bosh]`: the endpoint, and the most that a session is granted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bosh {
    pub path: String,
    pub max_wait: Duration,
    pub max_hold: u8,
    pub inactivity: Duration,
    pub max_pause: Duration,
    pub polling: Duration,
    pub overactivity: bool,
    pub streams: u8,
    pub compression: bool,
    pub charsets: Vec<String>,
    pub script: bool,
    /// `Name: value`, of every answer.
    pub headers: Vec<String>,
    pub middlebox: bool,
}

/// `[http_polling]`: XEP-0025.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HttpPolling {
    /// Empty: it is not spoken.
    pub path: String,
}

/// `[websocket]`: XMPP over WebSocket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebSocket {
    /// Empty: it is not spoken.
    pub path: String,
}

/// `[cors]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cors {
    pub origins: Vec<String>,
    pub credentials: bool,
    pub expose: Vec<String>,
}

impl Bosh {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        let seconds = |key| move |value: &Duration| whole_seconds(key, *value);
        Self {
            path: section.get("path", default.path, |path: &String| endpoint(path)),
            max_wait: section.get("max_wait", default.max_wait, seconds("max_wait")),
            max_hold: section.get("max_hold", default.max_hold, within(1..=254)),
            inactivity: section.get("inactivity", default.inactivity, seconds("inactivity")),
            max_pause: section.get("max_pause", default.max_pause, |value: &Duration| match *value {
                Duration::ZERO => Ok(()),
                value => whole_seconds("max_pause", value),
            }),
            polling: section.get("polling", default.polling, seconds("polling")),
            overactivity: section.get("overactivity", default.overactivity, any),
            streams: section.get("streams", default.streams, within(1..=16)),
            compression: section.get("compression", default.compression, any),
            charsets: section.get("charsets", default.charsets, |names: &Vec<String>| {
                names.iter().try_for_each(|name| charset(name))
            }),
            script: section.get("script", default.script, any),
            headers: section.get("headers", default.headers, |headers: &Vec<String>| {
                headers.iter().try_for_each(|each| header(each))
            }),
            middlebox: section.get("middlebox", default.middlebox, any),
        }
    }
}

impl Default for Bosh {
    fn default() -> Self {
        Self {
            path: "/http-bind".to_owned(),
            // nginx and many middleboxes cut what is silent for 60 s.
            max_wait: Duration::from_secs(55),
            // Two held requests make stanza.js stall.
            max_hold: 1,
            // Browsers let the timers of a hidden tab run once a minute; this allows for one that was missed.
            inactivity: Duration::from_secs(120),
            // A page that reloads, a laptop that sleeps over a short walk.
            max_pause: Duration::from_secs(120),
            // Only who cannot be held polls; each poll costs a request.
            polling: Duration::from_secs(2),
            // What stanza.js and libpurple send on a good day can look like it.
            overactivity: false,
            // libpurple and agsXMPP name the domain in every request, which would open a stream each.
            streams: 1,
            // Short answers gain nothing, and lengths can tell what is inside.
            compression: false,
            // Some clients name a charset that they do not use.
            charsets: Vec::new(),
            // It runs with all rights of the page that asked for it.
            script: false,
            headers: Vec::new(),
            // Who is never cut never notices it.
            middlebox: true,
        }
    }
}

impl HttpPolling {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let path = section.get("path", Self::default().path, |path: &String| endpoint_or_none(path));
        Self { path }
    }
}

impl WebSocket {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let path = section.get("path", Self::default().path, |path: &String| endpoint_or_none(path));
        Self { path }
    }
}

impl Default for WebSocket {
    fn default() -> Self {
        Self { path: "/ws".to_owned() }
    }
}

impl Cors {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            origins: section.get("origins", default.origins, |origins: &Vec<String>| {
                origins.iter().try_for_each(|o| origin(o))
            }),
            credentials: section.get("credentials", default.credentials, any),
            expose: section.get("expose", default.expose, |names: &Vec<String>| {
                names.iter().try_for_each(|n| header_name(n))
            }),
        }
    }
}

impl Default for Cors {
    fn default() -> Self {
        // The endpoint knows no cookies, so a foreign page gains nothing that a program of its own would not have.
        Self {
            origins: vec!["*".to_owned()],
            credentials: false,
            expose: Vec::new(),
        }
    }
}

/// XEP-0124 carries both times as whole seconds in an unsigned short.
fn whole_seconds(key: &str, value: Duration) -> Result<(), String> {
    if value.subsec_millis() != 0 || !(1..=65_535).contains(&value.as_secs()) {
        return Err(format!("{key} goes to clients as whole seconds, 1 to 65535"));
    }
    Ok(())
}

fn charset(name: &str) -> Result<(), String> {
    let is_token = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    match encoding_rs::Encoding::for_label(name.as_bytes()) {
        Some(encoding) if is_token && encoding != encoding_rs::UTF_8 => Ok(()),
        _ => Err(format!(
            "{name:?} is not a charset that can be converted, such as \"ISO-8859-1\""
        )),
    }
}

fn endpoint_or_none(path: &str) -> Result<(), String> {
    if path.is_empty() { Ok(()) } else { endpoint(path) }
}

fn endpoint(path: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    if !path.starts_with('/') || (path.len() > 1 && path.ends_with('/')) || !path.chars().all(plain) {
        return Err(format!(
            "{path:?} is not a path such as \"/http-bind\" (the one with a trailing slash is served as well)"
        ));
    }
    Ok(())
}

fn origin(text: &str) -> Result<(), String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_origin = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ', '*', '?', '#']));
    if text == "*" || text == "null" || is_origin {
        return Ok(());
    }
    Err(format!(
        "{text:?} is not an origin such as \"https://chat.example.org\" (no path, no slash at the end), \"null\" or \"*\""
    ))
}

/// A whole header; those that say how an answer is framed, and to whom it is shown, are ours.
fn header(text: &str) -> Result<(), String> {
    let Some((name, value)) = text.split_once(':') else {
        return Err(format!("{text:?} is not a header, such as \"X-Shard: 3\""));
    };
    header_name(name)?;
    if !value.chars().all(|c| c.is_ascii_graphic() || c == ' ') || value.trim().is_empty() {
        return Err(format!("{value:?} is not the value of a header"));
    }
    let lower = name.to_ascii_lowercase();
    if OURS.contains(&lower.as_str()) || OUR_FAMILIES.iter().any(|family| lower.starts_with(family)) {
        return Err(format!("{name} is set by boshd itself"));
    }
    Ok(())
}

const OUR_FAMILIES: [&str; 2] = ["access-control-", "content-"];

const OURS: [&str; 12] = [
    "cache-control",
    "connection",
    "date",
    "keep-alive",
    "pragma",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "x-accel-buffering",
    "x-content-type-options",
];

fn header_name(text: &str) -> Result<(), String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() || !text.chars().all(token) {
        return Err(format!("{text:?} is not the name of a header"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert!(endpoint("/http-bind").is_ok() && endpoint("/").is_ok() && endpoint("/a/b").is_ok());
        assert!(endpoint("http-bind").is_err() && endpoint("/a/").is_err() && endpoint("/a?b").is_err());
    }

    #[test]
    fn origins() {
        assert!(
            ["*", "null", "https://a.example", "http://localhost:8080"]
                .iter()
                .all(|text| origin(text).is_ok())
        );
        assert!(
            ["https://a/", "a.example", "https://*.a.example", "https://"]
                .iter()
                .all(|text| origin(text).is_err())
        );
    }

    #[test]
    fn headers() {
        assert!(header("X-Jitsi-Shard: shard-3").is_ok() && header("Alt-Svc: h3=\":443\"; ma=60").is_ok());
        for bad in [
            "X-Shard",
            "X Shard: 3",
            "X-Shard:",
            "X-Shard: a\r\nb",
            "Content-Length: 3",
            "Access-Control-Allow-Origin: *",
        ] {
            assert!(header(bad).is_err(), "{bad}");
        }
    }
}
