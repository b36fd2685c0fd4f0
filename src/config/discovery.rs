//! `[discovery]`: what host-meta says, which leads clients from a domain to its endpoints (XEP-0156).

use super::reader::Section;

/// `[discovery]`; empty: not named.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Discovery {
    pub bosh: String,
    pub websocket: String,
}

impl Discovery {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let mut endpoint = |key, scheme| section.get(key, String::new(), move |text: &String| url(text, scheme));
        Self {
            bosh: endpoint("bosh", "https://"),
            websocket: endpoint("websocket", "wss://"),
        }
    }

    /// The hosts of the endpoints.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        [&self.bosh, &self.websocket].into_iter().filter_map(|url| host(url))
    }
}

/// Only of these schemes (HM02), and of characters that a URL has (RFC 3986).
fn url(text: &str, scheme: &str) -> Result<(), String> {
    let is_plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c));
    if text.is_empty() || is_plain && text.starts_with(scheme) && host(text).is_some() {
        return Ok(());
    }
    Err(format!("{text:?} is not a URL that begins with {scheme} and a host"))
}

/// Without a port.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    (!host.is_empty() && !host.contains('@')).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    // HM02
    #[test]
    fn urls() {
        for good in [
            "",
            "https://chat.example.org/http-bind",
            "https://a.example:5281/b",
            "https://[2001:db8::1]:1/",
        ] {
            assert_eq!(url(good, "https://"), Ok(()), "{good}");
        }
        for bad in [
            "http://a.example/b",
            "a.example",
            "https://",
            "https:///b",
            "https://a@b/",
            "https://a.example/\"b",
        ] {
            assert!(url(bad, "https://").is_err(), "{bad}");
        }
        assert_eq!(host("wss://chat.example.org:443/ws"), Some("chat.example.org"));
        assert_eq!(host("wss://[2001:db8::1]"), Some("[2001:db8::1]"));
    }
}
