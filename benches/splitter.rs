//! MB/s of reading stanzas: framing, framing and checking, rewriting, and a plain tokenizer over the same bytes beside them.
//!
//! `cargo bench --bench splitter`; compare the ratios of one run, not the numbers of two.

use std::hint::black_box;
use std::time::{Duration, Instant};

use boshd::xml::XmlLimits;
use boshd::xml::scope::{Carriage, Scope, carry};
use boshd::xml::splitter::{Fragment, Splitter};
use bytes::BytesMut;
use quick_xml::Reader;
use quick_xml::events::Event;

const CARRIAGE: Carriage = Carriage {
    rehome: Some(("http://jabber.org/protocol/httpbind", "jabber:client")),
    prefixes: &[("jabber:client", "")],
};
const ROUNDS: usize = 9;
/// What a TCP segment holds.
const SEGMENT: usize = 1448;

/// A stanza of each kind of traffic, `~` for the prefix of what is in jabber:client and `^` for its declaration.
const STANZAS: [&str; 4] = [
    "<~presence^ from='romeo@example.net/orchard' to='juliet@example.com'><~show>away</~show><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' \
     node='https://example.net/client' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/></~presence>",
    "<~message^ from='room@chat.example.org/nurse' to='juliet@example.com/balcony' type='groupchat' id='f1a5bb6c-6d5e'><~body>Wherefore art thou, \
     Romeo? &lt;sigh&gt;</~body><stanza-id xmlns='urn:xmpp:sid:0' id='5f3dbc5e' by='room@chat.example.org'/></~message>",
    "<~iq^ type='get' id='p1' to='example.com'><ping xmlns='urn:xmpp:ping'/></~iq>",
    "<~message^ from='juliet@example.com' to='juliet@example.com/chamber'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
     <message xmlns='jabber:client' from='romeo@example.net/orchard' to='juliet@example.com/balcony' type='chat'><body>What man art thou that, thus \
     bescreen'd in night, so stumblest on my counsel?</body><thread>0e3141cd80894871a68e6fe6b1ec56fa</thread></message></forwarded></received></~message>",
];

/// What it is called, the document it takes, and the work.
type Case<'a> = (&'a str, &'a str, &'a dyn Fn(&str));

fn main() {
    let standing = document("", " xmlns='jabber:client'");
    let inheriting = document("", "");
    let prefixed = document("c:", " xmlns:c='jabber:client'");
    let mut scope = Scope::default();
    scope.declare("".into(), "jabber:client".into());
    let carried = |text: &str| split(text, |element| check(element, &scope));
    let cases: [Case; 5] = [
        ("quick-xml Reader, end names checked", &standing, &tokenize),
        ("splitter", &standing, &|text: &str| split(text, drop)),
        ("splitter and carry, nothing to do", &standing, &carried),
        ("splitter and carry, a declaration added", &inheriting, &carried),
        ("splitter and carry, prefixes taken away", &prefixed, &carried),
    ];
    let mut best = [Duration::MAX; 5];
    // round by round, so that a busy machine is as busy for all of them
    for _ in 0..ROUNDS {
        for ((_, text, work), best) in cases.iter().zip(&mut best) {
            let start = Instant::now();
            work(text);
            *best = start.elapsed().min(*best);
        }
    }
    let rates = cases
        .iter()
        .zip(best)
        .map(|((name, text, _), took)| (name, text.len() as f64 / 1e6 / took.as_secs_f64()));
    let rates: Vec<_> = rates.collect();
    for (name, rate) in &rates {
        println!("{name:42} {rate:7.0} MB/s {:6.2}", rate / rates[0].1);
    }
}

/// About 10 MB of stanzas.
fn document(prefix: &str, declaration: &str) -> String {
    let stanzas = STANZAS.concat().replace('~', prefix).replace('^', declaration);
    format!("<r xmlns='jabber:client'>{}</r>", stanzas.repeat(10_000_000 / stanzas.len()))
}

fn split(document: &str, mut element: impl FnMut(bytes::Bytes)) {
    let mut splitter = Splitter::new(XmlLimits::default());
    let mut input = BytesMut::new();
    for segment in document.as_bytes().chunks(SEGMENT) {
        input.extend_from_slice(segment);
        while let Some(fragment) = splitter.next(&mut input).unwrap_or_else(|error| panic!("{error}")) {
            if let Fragment::Element(bytes) = black_box(fragment) {
                element(bytes);
            }
        }
    }
    assert!(splitter.is_closed());
}

fn check(element: bytes::Bytes, scope: &Scope) {
    black_box(carry(element, scope, &CARRIAGE, &XmlLimits::default()).unwrap_or_else(|error| panic!("{error}")));
}

fn tokenize(document: &str) {
    let mut reader = Reader::from_str(document);
    while black_box(reader.read_event().unwrap_or_else(|error| panic!("{error}"))) != Event::Eof {}
}
