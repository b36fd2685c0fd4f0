//! What has to hold for any bytes: the bodies of the fuzz targets, and of the test that replays their corpora.

use boshd::xml::scope::{Carriage, Scope, carry};
use boshd::xml::splitter::{Fragment, Splitter};
use boshd::xml::tag::Tag;
use boshd::xml::{Payload, XmlError, XmlLimits};
use boshd::xmpp::inbound::Inbound;
use boshd::xmpp::{StreamEvent, features};
use bytes::{Bytes, BytesMut};

const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";
const CARRIAGE: Carriage = Carriage {
    rehome: Some((HTTPBIND, "jabber:client")),
    prefixes: &[("jabber:client", ""), ("http://etherx.jabber.org/streams", "stream")],
};

/// The first byte says how the rest is cut; that makes no difference.
pub fn splitter(data: &[u8]) {
    let Some((size, document)) = data.split_first() else { return };
    let whole = split(document.chunks(document.len().max(1)));
    assert_eq!(split(document.chunks(usize::from(size % 16) + 1)), whole);
}

/// The children of a wrapper stand alone once they were carried, and the wrapper's namespace is gone.
pub fn body(data: &[u8]) {
    let limits = XmlLimits::default();
    let mut scope = Scope::default();
    for fragment in split([data]).0 {
        match fragment {
            Fragment::Opened(bytes) => match Tag::parse(&bytes, &scope, &limits, &["xmpp"]) {
                Ok(tag) => scope = tag.scope,
                Err(_) => return,
            },
            Fragment::Element(bytes) => {
                if let Ok(payload) = carry(bytes, &scope, &CARRIAGE, &limits) {
                    assert_ne!(payload.namespace(), HTTPBIND);
                    assert_stands(&payload);
                }
            }
            Fragment::Closed => {}
        }
    }
}

/// What a stream says stands alone, and so do features without what was taken out; there is no more to be taken out then.
pub fn stream(data: &[u8]) {
    let mut inbound = Inbound::new(XmlLimits::default());
    let mut input = BytesMut::from(data);
    while let Ok(Some(event)) = inbound.next(&mut input) {
        match event {
            StreamEvent::Features(payload) => {
                assert_stands(&payload);
                assert_eq!(features::strip(payload.clone(), XmlLimits::default().element_bytes), payload);
            }
            StreamEvent::Payload(payload) | StreamEvent::Authenticated(payload) | StreamEvent::Managed(_, payload) => {
                assert_stands(&payload);
            }
            StreamEvent::Error(error) => assert_stands(&error.element),
            StreamEvent::Opened(_) | StreamEvent::Closed => {}
        }
    }
}

fn split<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Fragment>, Option<XmlError>) {
    let mut splitter = Splitter::new(XmlLimits::default());
    let (mut input, mut fragments) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match splitter.next(&mut input) {
                Ok(Some(fragment)) => fragments.push(fragment),
                Ok(None) => break,
                Err(error) => return (fragments, Some(error)),
            }
        }
    }
    (fragments, None)
}

/// Carrying it again, out of no scope at all, finds nothing to do.
fn assert_stands(payload: &Payload) {
    let alone = Carriage {
        rehome: None,
        ..CARRIAGE
    };
    // rewriting may have made it longer than an element may be that arrives
    let limits = XmlLimits {
        element_bytes: usize::MAX / 2,
        attributes: usize::MAX,
        ..XmlLimits::default()
    };
    let again = carry(Bytes::clone(payload.bytes()), &Scope::default(), &alone, &limits);
    assert_eq!(again.as_ref(), Ok(payload));
}
