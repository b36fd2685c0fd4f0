//! What has to hold for any bytes: the bodies of the fuzz targets, and of the test that replays their corpora.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use boshd::bosh::{
    Admitted, Decoder, Input, Limits, Output, Request, RequestId, ServerCommand, ServerEvent, ServerFailure, Session, Sid,
    StreamId, Time, decode_script, script_call,
};
use boshd::http_polling::Poll;
use boshd::proxy_protocol::{self, Decoded};
use boshd::xml::scope::{Carriage, Scope, carry, standing};
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
                let most = XmlLimits::default().element_bytes;
                let stripped = features::strip(payload, most);
                assert_stands(&stripped);
                assert_eq!(features::strip(stripped.clone(), most), stripped);
            }
            StreamEvent::Payload(payload) | StreamEvent::Authenticated(payload) | StreamEvent::Managed(_, payload) => {
                assert_stands(&payload);
            }
            StreamEvent::Error(error) => assert_stands(&error.element),
            StreamEvent::Opened(_) | StreamEvent::Closed => {}
        }
    }
}

/// Whatever happens to a session, in whatever order: each request is answered at most once, nothing is said after the end, and until then
/// there is a next deadline, which comes to an end. (The session checks its own invariants, too.)
pub fn session(data: &[u8]) {
    let mut stage = Stage::new(data.first().copied().unwrap_or_default());
    for step in data.get(1..).unwrap_or_default().chunks_exact(2) {
        stage.step(step[0], step[1]);
    }
}

/// Requests in script syntax: wherever they are cut, the server is told the same; and a call is one line of ASCII quotes and escapes.
pub fn script(data: &[u8]) {
    let Some((cut, octets)) = data.split_first() else { return };
    let (first, second) = octets.split_at(usize::from(*cut).min(octets.len()));
    // an end tag at the cut would be taken for the wrapper's
    let clean = |piece: &[u8]| !piece.trim_ascii_end().ends_with(b"</body>") && piece.trim_ascii_end() == piece;
    if let (Some(whole), Some(parts)) = (said(&[octets]), said(&[first, second]))
        && clean(first)
        && clean(octets)
    {
        assert_eq!(whole, parts);
    }
    let text = String::from_utf8_lossy(octets);
    let call = script_call(&text);
    assert!(call.starts_with("_BOSH_(\"") && call.ends_with("\")") && !call.contains(['\n', '\r', '\u{2028}', '\u{feff}']));
}

/// A poll of XEP-0025 is its head, a comma, and the octets as they came.
pub fn polling(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    if let Ok(poll) = Poll::decode(&body) {
        assert!(data.ends_with(&poll.octets) && data[data.len() - poll.octets.len() - 1] == b',');
    }
}

/// A PROXY header ends where it says, however much has come: before that more is asked for, and never more than it has.
pub fn proxy(data: &[u8]) {
    let Ok(Decoded::Whole(introduction, length)) = proxy_protocol::decode(data) else {
        return;
    };
    for cut in 0..length {
        let Ok(Decoded::Lacks(least)) = proxy_protocol::decode(&data[..cut]) else {
            panic!("cut at {cut}");
        };
        assert!(least > 0 && cut + least <= length, "cut at {cut}");
    }
    assert_eq!(
        proxy_protocol::decode(&data[..length]),
        Ok(Decoded::Whole(introduction, length))
    );
}

/// A session, and what it owes.
struct Stage {
    session: Session,
    now: u64,
    rid: u64,
    requests: u64,
    open: BTreeSet<u64>,
    /// Answered, and not yet written.
    leaving: BTreeMap<u64, u64>,
    ended: bool,
}

impl Stage {
    fn new(kind: u8) -> Self {
        let limits = Limits {
            max_hold: kind % 3,
            streams: 1 + kind / 3 % 2,
            overactivity: kind & 64 != 0,
            session_memory: if kind & 128 == 0 { 1 << 20 } else { 100 },
            ..Limits::default()
        };
        let creation = request("rid='1' to='example.org' ver='1.6' ack='1' hold='2' wait='60'", "");
        let admitted = Admitted {
            id: RequestId(0),
            sid: Sid("s".into()),
            limits: Arc::new(limits),
        };
        let mut stage = Self {
            session: Session::open(creation, admitted, Time(0)),
            now: 0,
            rid: 1,
            requests: 0,
            open: BTreeSet::from([0]),
            leaving: BTreeMap::new(),
            ended: false,
        };
        stage.outputs();
        stage
    }

    fn step(&mut self, what: u8, which: u8) {
        if self.ended {
            return;
        }
        let pick = |ids: &mut dyn Iterator<Item = u64>| ids.nth(usize::from(which) % 4);
        match what % 12 {
            0..=3 => self.request(what, which),
            4 => {
                if let Some(id) = pick(&mut self.leaving.keys().copied()) {
                    self.leaving.remove(&id);
                    self.handle(Input::Written { id: RequestId(id) });
                }
            }
            5 => {
                let answered = pick(&mut self.leaving.keys().copied());
                if let Some(id) = answered.or_else(|| pick(&mut self.open.iter().copied())) {
                    self.leaving.remove(&id);
                    self.open.remove(&id);
                    self.handle(Input::HungUp { id: RequestId(id) });
                }
            }
            6..=8 => self.server(which),
            9 => self.now += u64::from(which) * 100,
            10 => {
                if let Some(id) = pick(&mut self.open.iter().copied()) {
                    self.handle(Input::Release { id: RequestId(id) });
                }
            }
            _ if which == 255 => self.handle(Input::Drain),
            _ => {
                let deadline = self.session.poll_timeout().expect("a deadline until the end");
                self.now = self.now.max(deadline.0);
                self.handle(Input::Timeout);
                let next = self.session.poll_timeout();
                assert!(self.ended || next.is_some_and(|next| next.0 > self.now), "due again at once");
            }
        }
    }

    fn request(&mut self, what: u8, which: u8) {
        let rid = match which % 8 {
            0..=4 => self.rid + 1,
            5 => self.rid + 2,
            6 => self.rid,
            _ => (self.rid + 1).saturating_sub(u64::from(which / 8)).max(1),
        };
        self.rid = self.rid.max(rid);
        let (attributes, inside) = match (what / 12 + which / 8) % 12 {
            0..=3 => ("", ""),
            4 | 5 => ("", "<message/>"),
            6 => ("xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'", ""),
            7 => ("pause='20'", ""),
            8 => ("ack='1'", "<presence/>"),
            9 => ("to='example.net'", ""),
            10 => ("stream='other'", "<iq/>"),
            _ => ("type='terminate'", "<presence/>"),
        };
        self.requests += 1;
        let id = self.requests;
        self.open.insert(id);
        let request = request(&format!("rid='{rid}' sid='s' {attributes}"), inside);
        self.handle(Input::Request {
            id: RequestId(id),
            request,
        });
    }

    fn server(&mut self, which: u8) {
        let stream = StreamId(u32::from(which / 128));
        let payload = || standing("<message xmlns='jabber:client'/>".into(), "jabber:client".into(), "message");
        let event = match which % 16 {
            0 | 1 => ServerEvent::Opened {
                version: Some("1.0".into()),
                from: None,
                id: Some("i".into()),
            },
            2 | 3 => ServerEvent::Features(payload()),
            4 => ServerEvent::Authenticated(payload()),
            5 => ServerEvent::Closed,
            6 => ServerEvent::Failed(ServerFailure::StreamError(payload())),
            _ => ServerEvent::Payload(payload()),
        };
        self.handle(Input::Server(stream, event));
    }

    fn handle(&mut self, input: Input) {
        if !self.ended {
            self.session.handle(input, Time(self.now));
            self.outputs();
        }
    }

    fn outputs(&mut self) {
        while let Some(output) = self.session.poll_output() {
            assert!(!self.ended, "after the end: {output:?}");
            match output {
                Output::Respond { to, .. } => {
                    assert!(self.open.remove(&to.0), "answered twice, or not asked");
                    self.leaving.insert(to.0, self.now);
                }
                Output::Ended(_) => self.ended = true,
                _ => {}
            }
        }
        assert_eq!(self.session.poll_timeout().is_none(), self.ended);
        assert!(!self.ended || self.open.is_empty(), "nobody is left behind");
    }
}

fn request(attributes: &str, inside: &str) -> Box<Request> {
    let mut decoder = Decoder::new(XmlLimits::default());
    let body = format!("<body xmlns='{HTTPBIND}' {attributes}>{inside}</body>");
    decoder.feed(body.as_bytes()).expect("a wrapper");
    decoder.finish().expect("a request")
}

/// What a server is told by a session whose client says this, request by request; `None` where the session was ended for it.
fn said(pieces: &[&[u8]]) -> Option<Vec<Payload>> {
    let creation = request("rid='1' to='example.org' ver='1.6'", "");
    let admitted = Admitted {
        id: RequestId(0),
        sid: Sid("s".into()),
        limits: Arc::default(),
    };
    let mut session = Session::open(creation, admitted, Time(0));
    let mut heard = Vec::new();
    for (n, piece) in (2..).zip(pieces) {
        let tag = format!("<body xmlns='{HTTPBIND}' rid='{n}' sid='s'>");
        let document = [tag.as_bytes(), piece, b"</body>"].concat();
        let request = decode_script(&document, XmlLimits::default()).expect("a wrapper");
        let id = RequestId(n);
        session.handle(Input::Request { id, request }, Time(0));
        while let Some(output) = session.poll_output() {
            match output {
                Output::ToServer(_, ServerCommand::Send(payloads)) => heard.extend(payloads),
                Output::Ended(_) => return None,
                _ => {}
            }
        }
    }
    Some(heard)
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
