//! TLS towards the server: from the first byte or within the stream, which certificates are believed, and that there is no way around it
//! (spec.md DN04, DN08, DN09, P04, S05).

#[path = "support/bench.rs"]
mod bench;
#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/logs.rs"]
mod logs;
#[path = "support/process.rs"]
mod process;
#[path = "support/server.rs"]
mod server;
#[path = "support/tls.rs"]
mod tls;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bench::poster::{Client, Connection, FIRST_RID, HTTPBIND};
use bench::upstream::{FEATURES, HEADER, Link, Upstream};
use bench::{Bench, SOON, USUAL, WHILE, connector_on, plain};
use boshd::bosh::Limits;
use boshd::upstream::pool::Retry;
use boshd::upstream::secure::{self, Secure, Trust};
use boshd::upstream::target::{Security, Target};
use boshd::upstream::way::Terms;
use certificates::Certificates;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use tls::{Hello, SecureLink, Tls, chain, fingerprint, key, roots};

const OFFER: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>\
                     <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>X-BEFORE-TLS</mechanism></mechanisms></stream:features>";

const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

/// What goes out behind the stream header as soon as there is a stream to send it in.
const SECRET: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHVzZXIAc2VjcmV0</auth>";

/// The header that goes in plain text: not whose stream it is.
const PLAIN_HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
                            xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0' xml:lang='en'>";

const BOTH: [Security; 2] = [Security::Direct, Security::StartTls];

fn certificates() -> Certificates {
    Certificates::make("example.org")
}

/// Terms under which this authority is believed.
fn terms(certificates: &Certificates) -> Terms {
    terms_of(Trust::Roots(roots(&certificates.authority)))
}

fn terms_of(trust: Trust) -> Terms {
    Terms {
        secure: Some(Secure::new(trust, None).unwrap()),
        // nobody else connects meanwhile
        retry: Retry {
            first: Duration::from_secs(600),
            most: Duration::from_secs(600),
        },
        ..Terms::default()
    }
}

/// Before a server that is reached like this.
async fn bench(security: Security, terms: Terms) -> Bench {
    logs::listen();
    let upstream = Upstream::listen().await;
    let target = Target {
        security,
        ..plain(upstream.address)
    };
    Bench::before(Arc::new(connector_on(vec![target], terms)), upstream, Limits::default())
}

/// A client with something to hide, whose creation has reached the server.
async fn creates(bench: &Bench) -> (Connection, Link) {
    let attributes = format!("{USUAL} from='user@example.org'");
    let body = format!("<body xmlns='{HTTPBIND}' rid='{FIRST_RID}' {attributes}>{SECRET}</body>");
    let client = bench.post(&body).await;
    (client, bench.upstream.accept().await)
}

/// One creation, as far as the TLS handshake takes it.
struct Attempt {
    client: Connection,
    /// All that the server saw before TLS.
    plain: String,
    hello: Hello,
    secured: io::Result<SecureLink>,
}

impl Attempt {
    async fn new(bench: &Bench, security: Security, tls: &Tls) -> Self {
        let (client, mut link) = creates(bench).await;
        if security == Security::StartTls {
            consents(&mut link).await;
        }
        let plain = link.seen().to_owned();
        let (hello, secured) = tls.accept(link).await;
        Self {
            client,
            plain,
            hello,
            secured,
        }
    }

    /// Nobody is told anything without TLS, and the client that there is no way.
    async fn fails(mut self, bench: &Bench, cause: &str) {
        assert!(self.plain.is_empty() || self.plain == [PLAIN_HEADER, STARTTLS].concat());
        assert!(self.secured.is_err(), "{cause}");
        fails(&mut self.client, bench, cause).await;
    }

    async fn succeeds(mut self, bench: &Bench) -> (Client, SecureLink) {
        let mut link = self.secured.expect("TLS");
        link.opens().await;
        link.sees(SECRET).await;
        let reply = self.client.reply_within(SOON).await;
        assert!(reply.payloads()[0].name.ends_with("}features"), "{}", reply.text);
        (Client::of(bench.address, &reply), link)
    }
}

/// Agrees to TLS in the stream.
async fn consents(link: &mut Link) {
    link.header().await;
    link.says(&[HEADER, OFFER].concat()).await;
    link.sees(STARTTLS).await;
    link.says(PROCEED).await;
}

async fn fails(client: &mut Connection, bench: &Bench, cause: &str) {
    let reply = client.reply_within(SOON).await;
    assert!(reply.is_terminate("remote-connection-failed"), "{cause}: {}", reply.text);
    bench.is_left_with(0).await;
    let line = &logs::hears("server not reached", 1).await[0];
    assert!(line.says("domain", "example.org") && line.says("target", bench.upstream.address));
    assert!(line.says("stage", "Tls"), "{line:?}");
    assert!(line.get("cause").unwrap().contains(cause), "{line:?}");
    assert!(bench.upstream.is_left_alone_for(WHILE).await, "{cause}: it was tried again");
}

// DN04, P04: the ClientHello names the domain and the protocol; inside is the stream at once, and no STARTTLS although it is offered
#[tokio::test]
async fn tls_from_the_first_byte() {
    let certificates = certificates();
    let bench = bench(Security::Direct, terms(&certificates)).await;
    let mut attempt = Attempt::new(&bench, Security::Direct, &Tls::showing(&certificates.good)).await;
    assert_eq!(attempt.hello.server_name.as_deref(), Some("example.org"));
    assert_eq!(attempt.hello.protocols, ["xmpp-client"]);
    assert_eq!(attempt.plain, "");
    let mut link = attempt.secured.unwrap();
    let header = link.header().await;
    assert_eq!(header.attributes.get("from").map(String::as_str), Some("user@example.org"));
    link.says(&[HEADER, OFFER].concat()).await;
    let reply = attempt.client.reply_within(SOON).await;
    assert!(
        reply.text.contains("X-BEFORE-TLS") && !reply.text.contains("starttls"),
        "{}",
        reply.text
    );
    let mut client = Client::of(bench.address, &reply);
    let mut held = client.next("<message id='out'/>").await;
    link.sees("id='out'").await;
    assert!(!link.seen().contains("starttls"));
    link.says("<message id='in'/>").await;
    assert_eq!(held.reply_within(SOON).await.payloads().len(), 1);
    client.next_with("type='terminate'", "").await.reply().await;
    link.says_goodbye().await;
    bench.is_left_with(0).await;
}

// DN08, P04: what the client gets is of the stream after TLS, and `from` goes there only
#[tokio::test]
async fn tls_within_the_stream() {
    let certificates = certificates();
    let bench = bench(Security::StartTls, terms(&certificates)).await;
    let mut attempt = Attempt::new(&bench, Security::StartTls, &Tls::showing(&certificates.good)).await;
    assert_eq!(attempt.plain, [PLAIN_HEADER, STARTTLS].concat());
    assert_eq!(attempt.hello.server_name.as_deref(), Some("example.org"));
    assert!(attempt.hello.protocols.is_empty());
    let mut link = attempt.secured.unwrap();
    let header = link.header().await;
    assert_eq!(header.attributes.get("from").map(String::as_str), Some("user@example.org"));
    link.says(&[&HEADER.replace("stream-1", "stream-2"), FEATURES].concat()).await;
    let reply = attempt.client.reply_within(SOON).await;
    assert_eq!(reply.attribute("authid"), Some("stream-2"));
    assert_eq!(reply.payloads().len(), 1);
    assert!(
        reply.text.contains("PLAIN") && !reply.text.contains("X-BEFORE-TLS"),
        "{}",
        reply.text
    );
    link.sees(SECRET).await;
    let mut client = Client::of(bench.address, &reply);
    client.next_with("type='terminate'", "").await.reply().await;
    link.says_goodbye().await;
}

// DN09: a certificate counts that an authority of ours vouches for, in time, and for the domain
#[tokio::test]
async fn which_certificates_are_believed() {
    let (certificates, strangers) = (certificates(), self::certificates());
    for security in BOTH {
        for (identity, cause) in [
            (&certificates.good, None),
            (&certificates.expired, Some("the server's certificate expired")),
            (&certificates.wrong_name, Some("not valid for name")),
            (&certificates.unknown, Some("no authority that is trusted has signed")),
            (&strangers.good, Some("no authority that is trusted has signed")),
        ] {
            let bench = bench(security, terms(&certificates)).await;
            let attempt = Attempt::new(&bench, security, &Tls::showing(identity)).await;
            match cause {
                Some(cause) => attempt.fails(&bench, cause).await,
                None => _ = attempt.succeeds(&bench).await,
            }
        }
    }
}

// DN01, DN04, DN09: the name that the operator writes down has to be proved instead; what the server is told is the domain
#[tokio::test]
async fn another_name() {
    let certificates = certificates();
    for security in BOTH {
        for (identity, cause) in [
            (&certificates.wrong_name, None),
            (&certificates.good, Some("not valid for name")),
        ] {
            let name = ServerName::try_from("elsewhere.test").unwrap();
            let trust = Trust::Named(roots(&certificates.authority), name);
            let bench = bench(security, terms_of(trust)).await;
            let attempt = Attempt::new(&bench, security, &Tls::showing(identity)).await;
            assert_eq!(attempt.hello.server_name.as_deref(), Some("example.org"));
            match cause {
                Some(cause) => attempt.fails(&bench, cause).await,
                None => _ = attempt.succeeds(&bench).await,
            }
        }
    }
}

// DN09: pinned is a certificate itself, whoever signed it, whatever it says
#[tokio::test]
async fn pinned_certificates() {
    let certificates = certificates();
    for security in BOTH {
        for (identity, is_believed) in [(&certificates.unknown, true), (&certificates.good, false)] {
            let pins = vec![[7; 32], fingerprint(&certificates.unknown)];
            let bench = bench(security, terms_of(Trust::Pinned(pins))).await;
            let attempt = Attempt::new(&bench, security, &Tls::showing(identity)).await;
            if is_believed {
                attempt.succeeds(&bench).await;
            } else {
                attempt.fails(&bench, "not among the pins").await;
            }
        }
    }
}

// DN09: a server that does not offer TLS, refuses it, or talks of something else gets nothing
#[tokio::test]
async fn servers_without_tls() {
    let certificates = certificates();
    let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>";
    let see_other =
        "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>127.0.0.1</see-other-host></stream:error>";
    let no_version = HEADER.replace(" version='1.0' xml", " xml");
    for (opening, answer, cause) in [
        ([HEADER, FEATURES], None, "does not offer STARTTLS"),
        ([&no_version, ""], None, "does not offer STARTTLS"),
        ([HEADER, "<message/>"], None, "does not offer STARTTLS"),
        ([HEADER, OFFER], Some(failure), "refused STARTTLS"),
        ([HEADER, OFFER], Some(FEATURES), "refused STARTTLS"),
        ([HEADER, OFFER], Some("<proceed xmlns='urn:other'/>"), "refused STARTTLS"),
        ([HEADER, OFFER], Some(see_other), "refused STARTTLS"),
    ] {
        let bench = bench(Security::StartTls, terms(&certificates)).await;
        let (mut client, mut link) = creates(&bench).await;
        link.header().await;
        link.says(&opening.concat()).await;
        if let Some(answer) = answer {
            link.sees(STARTTLS).await;
            link.says(answer).await;
        }
        fails(&mut client, &bench, cause).await;
        link.ends().await;
        let asked = if answer.is_some() { STARTTLS } else { "" };
        assert_eq!(link.seen(), [PLAIN_HEADER, asked].concat());
    }
}

// DN09: nor does one that speaks plain text where TLS is expected
#[tokio::test]
async fn plain_text_where_tls_begins() {
    let certificates = certificates();
    for security in BOTH {
        let bench = bench(security, terms(&certificates)).await;
        let (mut client, mut link) = creates(&bench).await;
        if security == Security::StartTls {
            consents(&mut link).await;
        }
        assert!(!link.hears_nothing_for(SOON).await, "a ClientHello");
        link.says(&[HEADER, FEATURES].concat()).await;
        fails(&mut client, &bench, "does not speak TLS").await;
        link.ends().await;
        assert!(!link.seen().contains("secret") && !link.seen().contains("user@"));
        assert!(!link.seen().contains(SECRET), "{}", link.seen());
    }
}

// P04, DN09: where the operator has ruled TLS out, a server that demands it gets nothing, and one that merely offers it is not asked
#[tokio::test]
async fn tls_that_is_ruled_out() {
    let terms = || Terms {
        secure: None,
        ..terms_of(Trust::Pinned(vec![[7; 32]]))
    };
    let bench_of = |terms| bench(Security::Plain, terms);
    let bench = bench_of(terms()).await;
    let (mut client, mut link) = creates(&bench).await;
    link.header().await;
    link.says(&[HEADER, OFFER].concat()).await;
    fails(&mut client, &bench, "the server requires TLS").await;
    link.ends().await;
    assert!(!link.seen().contains("<auth"), "{}", link.seen());
    let bench = bench_of(terms()).await;
    let (mut client, mut link) = creates(&bench).await;
    link.header().await;
    link.says(&[HEADER, &OFFER.replace("<required/>", "")].concat()).await;
    let reply = client.reply_within(SOON).await;
    assert!(reply.text.contains("X-BEFORE-TLS") && !reply.text.contains("starttls"));
    link.sees(SECRET).await;
    assert!(!link.seen().contains("starttls"));
}

// DN08: what somebody on the way puts behind the consent, in the same packet, is nothing that the server says
#[tokio::test]
async fn plain_text_behind_the_consent() {
    let certificates = certificates();
    let injected = [HEADER, "<stream:features><x xmlns='urn:injected'/></stream:features>"].concat();
    for injected in ["<x xmlns='urn:injected'/>", &injected, &injected.repeat(9)] {
        let bench = bench(Security::StartTls, terms(&certificates)).await;
        let (mut client, mut link) = creates(&bench).await;
        link.header().await;
        link.says(&[HEADER, OFFER].concat()).await;
        link.sees(STARTTLS).await;
        link.says(&[PROCEED, injected].concat()).await;
        let (_, secured) = Tls::showing(&certificates.good).accept(link).await;
        let mut link = secured.expect("TLS");
        link.opens().await;
        let reply = client.reply_within(SOON).await;
        assert_eq!(reply.payloads().len(), 1);
        assert!(
            reply.text.contains("PLAIN") && !reply.text.contains("injected"),
            "{}",
            reply.text
        );
    }
}

// S05: a server that knows us by our certificate offers EXTERNAL, to us: no client sees it
#[tokio::test]
async fn our_own_certificate() {
    let certificates = certificates();
    let ours = &certificates.client;
    for security in BOTH {
        let identity = secure::Identity {
            chain: chain(&ours.certificate),
            key: key(ours),
        };
        let trust = Trust::Roots(roots(&certificates.authority));
        let terms = Terms {
            secure: Some(Secure::new(trust, Some(identity)).unwrap()),
            ..terms(&certificates)
        };
        let bench = bench(security, terms).await;
        let mut attempt = Attempt::new(&bench, security, &Tls::mutual(&certificates)).await;
        let mut link = attempt.secured.expect("TLS");
        assert_eq!(link.certificate().as_ref(), chain(&ours.certificate).first());
        link.header().await;
        let external = FEATURES.replace("<mechanism>", "<mechanism>EXTERNAL</mechanism><mechanism>");
        link.says(&[HEADER, &external].concat()).await;
        let reply = attempt.client.reply_within(SOON).await;
        assert!(
            reply.text.contains("PLAIN") && !reply.text.contains("EXTERNAL"),
            "{}",
            reply.text
        );
    }
}

// DN09: a server that wants to see a certificate of ours where we have none
#[tokio::test]
async fn no_certificate_to_show() {
    let certificates = certificates();
    for security in BOTH {
        let bench = bench(security, terms(&certificates)).await;
        let mut attempt = Attempt::new(&bench, security, &Tls::mutual(&certificates)).await;
        assert!(attempt.secured.is_err());
        let reply = attempt.client.reply_within(SOON).await;
        assert!(reply.is_terminate("remote-connection-failed"), "{}", reply.text);
        let line = &logs::hears("server not reached", 1).await[0];
        assert!(line.get("cause").unwrap().contains("CertificateRequired"), "{line:?}");
        bench.is_left_with(0).await;
    }
}

// DN04, DN08: the second stream resumes the TLS session of the first
#[tokio::test]
async fn tls_sessions_are_resumed() {
    let certificates = certificates();
    for security in BOTH {
        for version in [&TLS12, &TLS13] {
            let tls = Tls::speaking(&certificates.good, &[version]);
            let bench = bench(security, terms(&certificates)).await;
            for is_resumed in [false, true, true] {
                let attempt = Attempt::new(&bench, security, &tls).await;
                let (_, link) = attempt.succeeds(&bench).await;
                assert_eq!(link.is_resumed(), is_resumed, "{security:?} {version:?}");
            }
        }
    }
}
