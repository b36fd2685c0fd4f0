//! Who is the client, behind proxies and on listeners of every kind: seen in the log, and by a server that wants PROXY headers
//! (spec.md O06, FX14).

#[path = "support/bench.rs"]
mod bench;
#[path = "support/logs.rs"]
mod logs;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use bench::poster::{Connection, creation};
use bench::upstream::Upstream;
use bench::{Bench, USUAL, WHILE, connector_on, plain};
use boshd::bosh::Limits;
use boshd::front::door::{ClientAddress, Door};
use boshd::front::{self, Front};
use boshd::net::{Listener, Sharing};
use boshd::network::Network;
use boshd::proxy_protocol::{self, Header, Tls, TlsVersion, Version};
use boshd::upstream::way::Terms;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

/// boshd before a server that hears of clients in this way.
async fn before(version: Version) -> Bench {
    logs::listen();
    let upstream = Upstream::listen().await;
    let terms = Terms {
        proxy_protocol: Some(version),
        ..Terms::default()
    };
    let connector = connector_on(vec![plain(upstream.address)], terms);
    Bench::before(Arc::new(connector), upstream, Limits::default())
}

/// A door that believes these networks.
fn door(client_address: ClientAddress, networks: &[&str]) -> Door {
    Door {
        client_address,
        trusted: networks.iter().map(|text| Network::parse(text).unwrap()).collect(),
        ..Door::default()
    }
}

const LOCAL: [&str; 1] = ["127.0.0.0/8"];

/// Opens one more listener of this boshd; it closes when the token is dropped.
fn serve(bench: &Bench, listener: Listener, door: Door) -> CancellationToken {
    let front = Arc::new(Front::new(front::Options::default(), bench.manager.clone()));
    let closing = CancellationToken::new();
    tokio::spawn(front.serve(listener, Arc::new(door), closing.clone()));
    closing
}

fn listen(bench: &Bench, door: Door) -> SocketAddr {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.address().unwrap();
    serve(bench, listener, door);
    address
}

/// Makes a session with these header lines: the line (version 1) by which the server hears of it, and the log's address.
async fn introduced<I>(bench: &Bench, connection: &mut Connection<I>, headers: &str) -> (String, String)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let begun = logs::lines("session begins").len();
    connection.post_with(headers, creation(USUAL)).await;
    let told = told(bench, begun).await;
    assert!(connection.reply().await.text.contains("PLAIN"));
    told
}

/// Of the session that is just made, behind so many.
async fn told(bench: &Bench, begun: usize) -> (String, String) {
    let mut link = bench.upstream.accept().await;
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(link.takes(1).await);
    }
    link.opens().await;
    let logged = logs::hears("session begins", begun + 1).await[begun]
        .get("client")
        .unwrap()
        .to_owned();
    (String::from_utf8(line).unwrap(), logged)
}

fn line(from: &str, to: SocketAddr) -> String {
    let (ip, port) = from.rsplit_once(' ').unwrap_or((from, "0"));
    format!("PROXY TCP4 {ip} {} {port} {}\r\n", to.ip(), to.port())
}

// O06: one connection of a proxy carries many clients; some requests are read without hyper, some with it
#[tokio::test]
async fn many_clients_on_one_connection() {
    let bench = before(Version::V1).await;
    for (kind, name) in [
        (ClientAddress::XForwardedFor, "X-Forwarded-For: "),
        (ClientAddress::Forwarded, "Forwarded: for="),
    ] {
        let address = listen(&bench, door(kind, &LOCAL));
        let mut proxy = Connection::open(address).await;
        for more in ["", "Trailer: x\r\n"] {
            for client in ["192.0.2.1", "192.0.2.2", "192.0.2.1"] {
                // what the client itself has sent is left of it
                let headers = format!(
                    "{more}{name}198.51.100.66, {}{client}\r\n",
                    if name.contains("for=") { "for=" } else { "" }
                );
                let told = introduced(&bench, &mut proxy, &headers).await;
                assert_eq!(told, (line(client, address), client.to_owned()), "{headers}");
            }
            // a request without the header is the proxy's own
            let (_, logged) = introduced(&bench, &mut proxy, more).await;
            assert_eq!(logged, "127.0.0.1");
        }
    }
}

// O06: the same over HTTP/2, stream by stream
#[tokio::test]
async fn many_clients_on_one_connection_of_http2() {
    let bench = before(Version::V1).await;
    let address = listen(&bench, door(ClientAddress::Forwarded, &LOCAL));
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut proxy, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for (begun, client) in ["192.0.2.1", "192.0.2.2", "192.0.2.1"].into_iter().enumerate() {
        let request = http::Request::post("http://h/http-bind").header("forwarded", format!("for=_x, for={client}"));
        proxy = proxy.ready().await.unwrap();
        let (answer, mut body) = proxy.send_request(request.body(()).unwrap(), false).unwrap();
        body.send_data(creation(USUAL).into(), true).unwrap();
        assert_eq!(told(&bench, begun).await, (line(client, address), client.to_owned()));
        answers.push(answer);
    }
    for answer in answers {
        assert_eq!(answer.await.unwrap().status(), 200);
    }
}

// O06: nobody is believed who is not trusted, and of a trusted proxy only what it is asked for
#[tokio::test]
async fn spoofed_headers_are_ignored() {
    let bench = before(Version::V1).await;
    let spoofed = "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2;proto=https\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 192.0.2.3\r\n";
    for (kind, networks) in [
        (ClientAddress::XForwardedFor, &["10.0.0.0/8"]),
        (ClientAddress::Forwarded, &["10.0.0.0/8"]),
        (ClientAddress::ProxyProtocol, &["10.0.0.0/8"]),
        (ClientAddress::Socket, &LOCAL),
    ] {
        let address = listen(&bench, door(kind, networks));
        let mut client = Connection::open(address).await;
        let own = client.io.local_addr().unwrap();
        let expected = line(&format!("{} {}", own.ip(), own.port()), address);
        for more in ["", "Trailer: x\r\n"] {
            let told = introduced(&bench, &mut client, &[spoofed, more].concat()).await;
            assert_eq!(told, (expected.clone(), "127.0.0.1".to_owned()), "{kind:?}");
        }
    }
}

// FX14: from a trusted proxy; the socket's address is used
#[tokio::test]
async fn unparsable_headers_count_as_absent() {
    let bench = before(Version::V1).await;
    for (kind, name) in [
        (ClientAddress::XForwardedFor, "X-Forwarded-For"),
        (ClientAddress::Forwarded, "Forwarded"),
    ] {
        let address = listen(&bench, door(kind, &LOCAL));
        let mut proxy = Connection::open(address).await;
        for value in ["", "unknown", "for=;", "for=\"", "\u{fc}ber", "999.0.0.1", ",,,"] {
            let (_, logged) = introduced(&bench, &mut proxy, &format!("{name}: {value}\r\n")).await;
            assert_eq!(logged, "127.0.0.1", "{name}: {value}");
        }
    }
}

// O06: a PROXY header names the client of all requests behind it, and how it came; the server hears of that, too
#[tokio::test]
async fn a_proxy_header_in_and_out() {
    let bench = before(Version::V2).await;
    let address = listen(&bench, door(ClientAddress::ProxyProtocol, &LOCAL));
    for (sessions, version) in [(1, Version::V1), (2, Version::V2)] {
        let mut header = Header {
            source: "192.0.2.1:4711".parse().unwrap(),
            destination: "198.51.100.2:443".parse().unwrap(),
            unique_id: None,
            tls: Some(Tls {
                version: TlsVersion::V1_3,
                certificate: false,
            }),
        };
        let mut proxy = Connection::open(address).await;
        let bytes = proxy_protocol::encode(&header, version);
        // in two pieces, the second one with the request
        proxy.send(&bytes[..20]).await;
        assert!(proxy.is_held_for(WHILE).await);
        proxy.send(&bytes[20..]).await;
        proxy.post_with("X-Forwarded-For: 192.0.2.9\r\n", creation(USUAL)).await;
        if version == Version::V1 {
            header.tls = None;
        }
        let mut link = bench.upstream.accept().await;
        let begun = logs::hears("session begins", sessions).await.pop().unwrap();
        assert!(begun.says("client", "192.0.2.1"));
        header.unique_id = proxy_protocol::UniqueId::new(begun.get("session").unwrap().as_bytes());
        let expected = proxy_protocol::encode(&header, Version::V2);
        assert_eq!(link.takes(expected.len()).await, expected);
        link.opens().await;
        assert!(proxy.reply().await.text.contains("PLAIN"));
    }
}

// O06: who checks whether we live, and clients that their proxy knows nothing of
#[tokio::test]
async fn headers_that_name_nobody() {
    let bench = before(Version::V1).await;
    let address = listen(&bench, door(ClientAddress::ProxyProtocol, &LOCAL));
    for header in [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0"] {
        let mut proxy = Connection::open(address).await;
        proxy.send(header).await;
        let (_, logged) = introduced(&bench, &mut proxy, "").await;
        assert_eq!(logged, "127.0.0.1");
    }
}

// O06: a trusted proxy has to begin with the header, and nobody else may
#[tokio::test]
async fn wrong_introductions_end_the_connection() {
    let bench = before(Version::V1).await;
    let trusting = listen(&bench, door(ClientAddress::ProxyProtocol, &LOCAL));
    for bytes in [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "PROXY TCP4 1 2 3 4\r\n",
        "PROXY UNKNOWNPROXY\r\n",
    ] {
        let mut proxy = Connection::open(trusting).await;
        proxy.send(bytes).await;
        assert!(proxy.next_reply().await.is_none(), "{bytes}");
    }
    let wary = listen(&bench, door(ClientAddress::ProxyProtocol, &["10.0.0.0/8"]));
    let header = Header {
        source: "192.0.2.1:4711".parse().unwrap(),
        destination: "198.51.100.2:443".parse().unwrap(),
        unique_id: None,
        tls: None,
    };
    for version in [Version::V1, Version::V2] {
        let mut client = Connection::open(wary).await;
        client.send(proxy_protocol::encode(&header, version)).await;
        client.post(creation(USUAL)).await;
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut client.io, &mut answer);
        let _ = tokio::time::timeout(bench::PATIENCE, read)
            .await
            .expect("the end of the connection");
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert!(bench.upstream.is_left_alone_for(WHILE).await);
}

// O06: a Unix socket has no addresses. Whoever may open it is trusted; of a client that nobody names the server hears our own
#[tokio::test]
async fn a_unix_socket() {
    let bench = before(Version::V1).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http.sock");
    let closing = serve(&bench, Listener::unix(&path).unwrap(), door(ClientAddress::Forwarded, &[]));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    let mut proxy = Connection::on(UnixStream::connect(&path).await.unwrap());
    let (told, logged) = introduced(&bench, &mut proxy, "Forwarded: for=192.0.2.1\r\n").await;
    assert_eq!((&*told, &*logged), ("PROXY TCP4 192.0.2.1 0.0.0.0 0 0\r\n", "192.0.2.1"));
    let (told, _) = introduced(&bench, &mut proxy, "").await;
    assert!(told.starts_with("PROXY TCP4 127.0.0.1 127.0.0.1 "), "{told}");

    // another boshd does not take it away, and at the end it is gone
    let taken = Listener::unix(&path).unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    assert!(UnixStream::connect(&path).await.is_ok());
    closing.cancel();
    let began = tokio::time::Instant::now();
    while path.exists() {
        assert!(began.elapsed() < bench::PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

// a file that a dead process has left is replaced, one that is something else is not
#[tokio::test]
async fn what_lies_at_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let first = Listener::unix(&path).unwrap();
    // who replaces a file keeps it when the one before goes
    std::fs::remove_file(&path).unwrap();
    let second = Listener::unix(&path).unwrap();
    drop(first);
    assert!(UnixStream::connect(&path).await.is_ok());
    drop(second);
    assert!(!path.exists());
    std::fs::write(&path, "precious").unwrap();
    let refused = Listener::unix(&path).unwrap_err();
    assert!(refused.to_string().contains("no socket"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

// O06: [::] takes both families, and who comes by IPv4 is told of as that
#[tokio::test]
async fn both_families() {
    let bench = before(Version::V1).await;
    let listener = Listener::bind("[::]:0".parse().unwrap()).unwrap();
    let port = listener.address().unwrap().port();
    serve(&bench, listener, Door::default());
    for (host, family) in [("127.0.0.1", "TCP4"), ("[::1]", "TCP6")] {
        let to: SocketAddr = format!("{host}:{port}").parse().unwrap();
        let mut client = Connection::open(to).await;
        let from = client.io.local_addr().unwrap();
        let (told, logged) = introduced(&bench, &mut client, "").await;
        let expected = format!("PROXY {family} {} {} {} {port}\r\n", from.ip(), to.ip(), from.port());
        assert_eq!((told, logged), (expected, from.ip().to_string()));
    }
}

// a port is ours alone, unless it was said that it is to be shared
#[tokio::test]
async fn shared_ports() {
    let any = (Ipv4Addr::LOCALHOST, 0).into();
    let alone = Listener::bind(any).unwrap();
    for sharing in [Sharing::Alone, Sharing::Shared] {
        let taken = Listener::tcp(alone.address().unwrap(), sharing).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }
    let shared = Listener::tcp(any, Sharing::Shared).unwrap();
    assert!(Listener::tcp(shared.address().unwrap(), Sharing::Shared).is_ok());
    assert!(Listener::bind(shared.address().unwrap()).is_err());
}
