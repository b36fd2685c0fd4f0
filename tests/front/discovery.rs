//! host-meta: where a domain's endpoints are (spec.md group HM, XEP-0156).

use boshd::front::{Options, discovery};
use boshd::manager::{Peer, PeerSecurity, TlsVersion};
use tokio::io::DuplexStream;

use super::stack::Stack;
use super::wire::{Reply, Wire};

const XML: &str = "/.well-known/host-meta";
const JSON: &str = "/.well-known/host-meta.json";

const BOSH: &str = "https://chat.example.org/http-bind";
const WEBSOCKET: &str = "wss://chat.example.org/ws";

const OVER_TLS: PeerSecurity = PeerSecurity::Tls {
    version: TlsVersion::V1_3,
    certificate: None,
};

fn connect(security: PeerSecurity) -> Wire<DuplexStream> {
    let stack = Stack::new(Options {
        discovery: discovery::Options {
            bosh: Some(BOSH.to_owned()),
            websocket: Some(WEBSOCKET.to_owned()),
            hosts: vec!["example.org".to_owned(), "chat.example.org".to_owned()],
        },
        ..Options::default()
    });
    let peer = Peer {
        security,
        ..Peer::unknown()
    };
    stack.connect_as(peer, 1 << 16)
}

async fn ask(wire: &mut Wire<DuplexStream>, path: &str, host: &str) -> Reply {
    wire.ask(format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: https://a.example\r\n\r\n"
    ))
    .await
}

// HM01, HM03, HM05
#[tokio::test(start_paused = true)]
async fn both_documents_name_the_same_endpoints() {
    let mut wire = connect(OVER_TLS);
    for host in ["example.org", "chat.example.org:443"] {
        let xml = ask(&mut wire, XML, host).await;
        assert_eq!(xml.header("content-type"), Some("application/xrd+xml; charset=utf-8"));
        let json = ask(&mut wire, JSON, host).await;
        assert_eq!(json.header("content-type"), Some("application/json"));
        for reply in [&xml, &json] {
            assert_eq!(reply.status(), 200);
            assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        }
        let expected = [("xbosh", BOSH), ("websocket", WEBSOCKET)];
        let parsed: serde_json::Value = serde_json::from_str(json.text()).unwrap();
        let links =
            expected.map(|(kind, url)| serde_json::json!({ "rel": format!("urn:xmpp:alt-connections:{kind}"), "href": url }));
        assert_eq!(parsed, serde_json::json!({ "links": links }));
        for (kind, url) in expected {
            let link = format!("<Link rel='urn:xmpp:alt-connections:{kind}' href='{url}'/>");
            assert!(xml.text().contains(&link), "{}", xml.text());
        }
        assert!(xml.text().contains("<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>"));
    }
}

// HM02
#[tokio::test(start_paused = true)]
async fn over_a_way_that_is_not_secured_nothing_is_said() {
    for (security, status) in [(PeerSecurity::Plain, 404), (PeerSecurity::Vouched, 200)] {
        let mut wire = connect(security);
        for path in [XML, JSON] {
            assert_eq!(ask(&mut wire, path, "example.org").await.status(), status);
        }
    }
}

// HM04
#[tokio::test(start_paused = true)]
async fn other_hosts_are_not_ours_to_speak_for() {
    let mut wire = connect(OVER_TLS);
    for host in ["example.net", "example.org.example.net", "x"] {
        assert_eq!(ask(&mut wire, XML, host).await.status(), 404, "{host}");
    }
    let none = wire.ask(format!("GET {XML} HTTP/1.1\r\n\r\n")).await;
    assert_eq!(none.status(), 404);
    let mut off = Stack::new(Options::default()).connect();
    assert_eq!(ask(&mut off, XML, "example.org").await.status(), 404, "off by default");
}
