//! Where a domain's endpoints are: host-meta in XML and in JSON (XEP-0156), for clients that know nothing but the domain. Of host-meta 2
//! (XEP-0487) nothing is said that a reader of the first would not know (HM05).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use bytes::Bytes;
use http::header;
use http::{HeaderMap, HeaderValue, Response as HttpResponse, Uri};

use super::FrontState;
use super::door::Door;
use super::reply::{self, Form, Rejection};
use crate::manager::Peer;
use crate::xml::escape_attribute;

/// What an operator decides about it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// The endpoints as the outside sees them: of BOSH, `https://...`, and of WebSocket, `wss://...`.
    pub bosh: Option<String>,
    pub websocket: Option<String>,
    /// The hosts that one may ask for, besides those that our certificates name: names, or `*.example.org` for whatever is below one.
    pub hosts: Vec<String>,
}

pub const XML: &str = "/.well-known/host-meta";
pub const JSON: &str = "/.well-known/host-meta.json";

const XRD: HeaderValue = HeaderValue::from_static("application/xrd+xml; charset=utf-8");
const JRD: HeaderValue = HeaderValue::from_static("application/json");

/// Both documents, ready to be handed out.
#[derive(Debug)]
pub struct Discovery {
    hosts: Vec<String>,
    xml: Bytes,
    json: Bytes,
}

impl Discovery {
    /// `None`: there is nothing to name.
    pub fn new(options: &Options) -> Option<Self> {
        let named = |kind, url: &Option<String>| Some((kind, url.clone()?));
        let links: Vec<(&str, String)> = [named("xbosh", &options.bosh), named("websocket", &options.websocket)]
            .into_iter()
            .flatten()
            .collect();
        (!links.is_empty()).then(|| Self {
            hosts: options.hosts.clone(),
            xml: xrd(&links).into(),
            json: jrd(&links).into(),
        })
    }

    /// Is this one of the hosts that we speak for (HM04)?
    fn speaks_for(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.hosts.iter().any(|known| match known.strip_prefix('*') {
            Some(tail) => host.len() > tail.len() && host.ends_with(tail),
            None => *known == host,
        })
    }
}

type Asked = (State<Arc<FrontState>>, Extension<Peer>, Extension<Arc<Door>>);

pub async fn xml(asked: Asked, request: Request) -> HttpResponse<Body> {
    serve(&asked, &request, |discovery| (XRD, discovery.xml.clone()))
}

pub async fn json(asked: Asked, request: Request) -> HttpResponse<Body> {
    serve(&asked, &request, |discovery| (JRD, discovery.json.clone()))
}

/// Over a way that others could have written on, it would lead users anywhere (HM02).
fn serve(
    (State(state), Extension(peer), Extension(door)): &Asked,
    request: &Request,
    choose: impl FnOnce(&Discovery) -> (HeaderValue, Bytes),
) -> HttpResponse<Body> {
    let host = host(request.uri(), request.headers());
    let proven = |host| door.tls.as_ref().is_some_and(|tls| tls.proves(host));
    let is_ours = |discovery: &&Discovery| host.is_some_and(|host| discovery.speaks_for(host) || proven(host));
    match state.discovery.as_ref().filter(|_| peer.is_secure()).filter(is_ours) {
        Some(discovery) => {
            let (kind, document) = choose(discovery);
            reply::document(kind, document)
        }
        None => Form::new(state, request.headers()).refusal(Rejection::NotFound),
    }
}

/// The name of the host that a request is for, without a port: of the target, which counts first (RFC 9112 section 3.2.2), or `Host`.
fn host<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    if let Some(host) = uri.host() {
        return Some(host);
    }
    let host = headers.get(header::HOST)?.to_str().ok()?;
    match host.rsplit_once(':') {
        Some((name, _)) if !host.ends_with(']') => Some(name),
        _ => Some(host),
    }
}

fn xrd(links: &[(&str, String)]) -> String {
    let mut xml =
        String::from("<?xml version='1.0' encoding='utf-8'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\n");
    for (kind, url) in links {
        let url = escape_attribute(url);
        xml += &format!("  <Link rel='urn:xmpp:alt-connections:{kind}' href='{url}'/>\n");
    }
    xml + "</XRD>\n"
}

/// A URL has no character that JSON would have to escape (`config` has checked that).
fn jrd(links: &[(&str, String)]) -> String {
    let link = |(kind, url): &(&str, String)| format!(r#"{{"rel":"urn:xmpp:alt-connections:{kind}","href":"{url}"}}"#);
    let links: Vec<String> = links.iter().map(link).collect();
    format!("{{\"links\":[{}]}}\n", links.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    // HM04
    #[test]
    fn hosts() {
        let options = Options {
            bosh: Some("https://chat.example.org/http-bind".to_owned()),
            hosts: vec!["example.org".to_owned(), "*.example.net".to_owned()],
            ..Options::default()
        };
        let discovery = Discovery::new(&options).expect("an endpoint");
        for known in [
            "example.org",
            "EXAMPLE.org",
            "example.org.",
            "a.example.net",
            "a.b.example.net",
        ] {
            assert!(discovery.speaks_for(known), "{known}");
        }
        for unknown in [
            "",
            ".",
            "example.com",
            "a.example.org",
            "example.net",
            ".example.net",
            "badexample.net",
        ] {
            assert!(!discovery.speaks_for(unknown), "{unknown}");
        }
        assert!(Discovery::new(&Options::default()).is_none());
    }

    // HM04
    #[test]
    fn which_host_is_asked_for() {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("example.org:443"))]);
        assert_eq!(host(&Uri::from_static("/x"), &headers), Some("example.org"));
        assert_eq!(
            host(&Uri::from_static("https://example.net:1/x"), &headers),
            Some("example.net")
        );
        assert_eq!(host(&Uri::from_static("/x"), &HeaderMap::new()), None);
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("[2001:db8::1]"))]);
        assert_eq!(host(&Uri::from_static("/x"), &headers), Some("[2001:db8::1]"));
    }

    // HM01
    #[test]
    fn urls_are_escaped() {
        let links = [("xbosh", "https://a.example/b?c='1'&d".to_owned())];
        assert!(
            xrd(&links).contains("href='https://a.example/b?c=&apos;1&apos;&amp;d'"),
            "{}",
            xrd(&links)
        );
    }
}
