//! A small BOSH client (XEP-0124, XEP-0206): one request is held while nothing is to be said, a second one
//! carries stanzas, and a request whose connection broke is repeated with the same rid and body until it is answered.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rsasl::prelude::{Mechname, SASLClient, SASLConfig};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::element::Element;
use super::http::Endpoint;
use super::server::{domain, jid, password_of};

/// The longest that anything here should take, on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

/// In the creation of all clients but the oldest.
const USUAL: &str = "wait='30' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'";
const OLDEST: &str = "wait='30'";
/// Asks to be held for longer than boshd grants.
const PATIENT: &str = "wait='60' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'";

pub struct Bosh {
    endpoint: Endpoint,
    sid: String,
    next_rid: u64,
    requests: u64,
    /// The lowest rid without an answer; the window of two begins here.
    unanswered: u64,
    in_flight: JoinSet<(u64, String)>,
    /// Answers that overtook another.
    early: BTreeMap<u64, Element>,
    inbox: VecDeque<Element>,
    /// What the server offers before the login.
    pub features: Option<Element>,
    /// The id of the server's stream (XEP-0206 section 4).
    pub authid: Option<String>,
    /// The condition of the terminal answer, once there was one.
    pub end: Option<String>,
}

impl Bosh {
    /// Opens a session and waits for the server's features.
    pub async fn open(at: impl Into<Endpoint>) -> Self {
        Self::open_on(at.into(), USUAL).await
    }

    /// The same with requests that are held for as long as boshd allows.
    pub async fn open_patiently(at: impl Into<Endpoint>) -> Self {
        Self::open_on(at.into(), PATIENT).await
    }

    async fn open_on(endpoint: Endpoint, terms: &str) -> Self {
        let mut bosh = Self::create(endpoint, terms, "").await;
        let features = bosh.expect("features", |stanza| stanza.name == "stream:features").await;
        bosh.features = Some(features);
        bosh
    }

    /// The same as clients did it before there were versions and features.
    pub async fn open_without_version(at: impl Into<Endpoint>) -> Self {
        let mut bosh = Self::create(at.into(), OLDEST, "").await;
        while bosh.authid.is_none() {
            timeout(PATIENCE, bosh.answer()).await.expect("nothing arrived");
            assert_eq!(bosh.end, None);
        }
        bosh
    }

    /// Asks for a session that cannot be, and already says something in it: the condition with which it ends.
    pub async fn refused(at: impl Into<Endpoint>, payload: &str) -> String {
        let mut bosh = Self::create(at.into(), USUAL, payload).await;
        let stanza = bosh.next().await;
        assert_eq!(stanza, None);
        bosh.end.expect("a condition")
    }

    async fn create(endpoint: Endpoint, terms: &str, payload: &str) -> Self {
        let mut bosh = Self {
            endpoint,
            sid: String::new(),
            next_rid: fastrand::u64(1..1 << 40),
            requests: 0,
            unanswered: 0,
            in_flight: JoinSet::new(),
            early: BTreeMap::new(),
            inbox: VecDeque::new(),
            features: None,
            authid: None,
            end: None,
        };
        bosh.unanswered = bosh.next_rid;
        let to = domain();
        let creation = format!("to='{to}' hold='1' ver='1.6' content='text/xml; charset=utf-8' xml:lang='en' {terms}");
        bosh.request(&creation, payload).await;
        bosh
    }

    /// A session that is logged in and bound, and has sent presence.
    pub async fn login(at: impl Into<Endpoint>, user: &str, mechanism: &str) -> Self {
        let mut bosh = Self::bound(at, user, mechanism).await;
        bosh.appear().await;
        bosh
    }

    /// A session that is logged in and bound.
    pub async fn bound(at: impl Into<Endpoint>, user: &str, mechanism: &str) -> Self {
        let mut bosh = Self::open(at).await;
        bosh.enter(user, mechanism).await;
        bosh
    }

    /// Logs in and binds a resource.
    pub async fn enter(&mut self, user: &str, mechanism: &str) {
        let outcome = self.authenticate(mechanism, user, &password_of(user)).await;
        assert_eq!(outcome.name, "success", "{outcome:?}");
        self.bind().await;
    }

    /// Sends presence, and sees it.
    pub async fn appear(&mut self) {
        self.send("<presence xmlns='jabber:client'/>").await;
        self.expect("own presence", |stanza| stanza.name == "presence").await;
    }

    /// The next request with this payload, should it be sent some other way.
    pub fn body(&self, payload: &str) -> String {
        self.body_of(self.next_rid, payload)
    }

    /// The one behind that, empty.
    pub fn body_behind(&self) -> String {
        self.body_of(self.next_rid + 1, "")
    }

    fn body_of(&self, rid: u64, payload: &str) -> String {
        let sid = &self.sid;
        format!("<body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>{payload}</body>")
    }

    /// One SASL exchange, the server's signature checked; its `<success/>` or `<failure/>`.
    pub async fn authenticate(&mut self, mechanism: &str, user: &str, password: &str) -> Element {
        let credentials = SASLConfig::with_credentials(None, user.to_owned(), password.to_owned());
        let offered = [Mechname::parse(mechanism.as_bytes()).expect("mechanism")];
        let mut sasl = SASLClient::new(credentials.expect("credentials"))
            .start_suggested(&offered)
            .expect("mechanism");
        let mut first = Vec::new();
        sasl.step64(None, &mut first).expect("first SASL message");
        let first = String::from_utf8(first).expect("base64");
        self.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{first}</auth>"
        ))
        .await;
        loop {
            let turn = self
                .expect("SASL", |stanza| ["challenge", "success", "failure"].contains(&&*stanza.name))
                .await;
            if turn.name == "failure" || (turn.name == "success" && turn.text.is_empty()) {
                return turn;
            }
            let mut reply = Vec::new();
            sasl.step64(Some(turn.text.as_bytes()), &mut reply)
                .expect("the server's proof");
            if turn.name == "success" {
                return turn;
            }
            let reply = String::from_utf8(reply).expect("base64");
            self.send(&format!(
                "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{reply}</response>"
            ))
            .await;
        }
    }

    /// Restarts the stream after a successful login; what the server offers then.
    pub async fn restart(&mut self) -> Element {
        let restart = format!("to='{}' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'", domain());
        self.request(&restart, "").await;
        self.expect("features", |stanza| stanza.name == "stream:features").await
    }

    /// The same, and binds a resource.
    pub async fn bind(&mut self) {
        self.bind_as("test").await;
    }

    /// The same with this one.
    pub async fn bind_as(&mut self, resource: &str) {
        let features = self.restart().await;
        assert!(features.child("bind").is_some(), "{features:?}");
        let bind = format!("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind>");
        let bound = self.iq("set", "", &bind).await;
        assert_eq!(bound.attribute("type"), Some("result"), "{bound:?}");
    }

    /// Sends an iq (`to` may be empty) and returns the answer to it.
    pub async fn iq(&mut self, kind: &str, to: &str, payload: &str) -> Element {
        let id = format!("{:x}", fastrand::u64(..));
        let to = if to.is_empty() { String::new() } else { format!(" to='{to}'") };
        self.send(&format!(
            "<iq xmlns='jabber:client' type='{kind}' id='{id}'{to}>{payload}</iq>"
        ))
        .await;
        self.expect("answer to an iq", |stanza| {
            stanza.name == "iq" && stanza.attribute("id") == Some(&id)
        })
        .await
    }

    /// Sends stanzas in one request, as soon as the window has room for it.
    pub async fn send(&mut self, stanzas: &str) {
        self.request("", stanzas).await;
    }

    /// Alice and Bob write to one another.
    pub async fn converse(alice: &mut Self, bob: &mut Self) {
        alice.write("bob", "hello, Bob").await;
        bob.write("alice", "hello, Alice").await;
        let said = |text| move |stanza: &Element| stanza.text_of("body") == Some(text);
        bob.expect("Alice's message", said("hello, Bob")).await;
        alice.expect("Bob's message", said("hello, Alice")).await;
    }

    async fn write(&mut self, user: &str, text: &str) {
        let head = format!("<message xmlns='jabber:client' type='chat' to='{}'>", jid(user));
        self.send(&format!("{head}<body>{text}</body></message>")).await;
    }

    /// The next stanza in the order of the stream, or `None` at the end of the session.
    pub async fn next(&mut self) -> Option<Element> {
        timeout(PATIENCE, self.advance()).await.expect("nothing arrived");
        self.inbox.pop_front()
    }

    /// The first stanza that fits; those before it stay for later.
    pub async fn expect(&mut self, what: &str, fits: impl Fn(&Element) -> bool) -> Element {
        let mut passed = VecDeque::new();
        let found = loop {
            match self.next().await {
                Some(stanza) if fits(&stanza) => break stanza,
                Some(stanza) => passed.push_back(stanza),
                None => panic!("session over ({:?}) before {what}; seen: {passed:?}", self.end),
            }
        };
        passed.append(&mut self.inbox);
        self.inbox = passed;
        found
    }

    /// Has a stanza like this come that nobody asked for?
    pub fn has(&self, fits: impl Fn(&Element) -> bool) -> bool {
        self.inbox.iter().any(fits)
    }

    /// Is a few requests further, so that what it was given before counts as received: who leaves at once is given the last of it again.
    pub async fn settle(&mut self) {
        for _ in 0..2 {
            self.iq("get", domain(), "<ping xmlns='urn:xmpp:ping'/>").await;
        }
    }

    /// Leaves the session to somebody else, who goes on with this sid and this rid.
    pub fn hand_over(self) -> (String, u64) {
        assert!(self.in_flight.is_empty(), "somebody else would have its answer");
        (self.sid, self.next_rid)
    }

    /// Ends the session with a farewell to the server.
    pub async fn terminate(&mut self) {
        let farewell = "<presence xmlns='jabber:client' type='unavailable'/>";
        self.request("type='terminate'", farewell).await;
        while self.next().await.is_some() {}
    }

    /// Forgets what has come, and polls for so long, in which nothing may come.
    pub async fn hear_nothing(&mut self, length: Duration) {
        self.inbox.clear();
        if timeout(length, self.advance()).await.is_ok() {
            panic!("no silence: {:?}, {:?}", self.inbox, self.end);
        }
    }

    /// Requests so far, repeats not counted.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Requests that were repeated because their connection broke.
    pub fn repeats(&self) -> u64 {
        self.endpoint.repeats()
    }

    async fn advance(&mut self) {
        while self.inbox.is_empty() && self.end.is_none() {
            self.answer().await;
        }
    }

    /// Waits for one answer and takes all that are now in order; with nothing else to wait for it polls.
    async fn answer(&mut self) {
        if self.unanswered == self.next_rid {
            self.spawn("", "");
        }
        let answered = self.in_flight.join_next().await.expect("a request in flight");
        let (rid, body) = answered.expect("a request's task");
        self.early.insert(rid, Element::parse(&body));
        while let Some(body) = self.early.remove(&self.unanswered) {
            self.unanswered += 1;
            self.take(body);
        }
    }

    fn take(&mut self, body: Element) {
        assert_eq!(body.name, "body", "{body:?}");
        if let Some(sid) = body.attribute("sid") {
            self.sid = sid.to_owned();
        }
        if let Some(authid) = body.attribute("authid") {
            self.authid = Some(authid.to_owned());
        }
        match body.attribute("type") {
            Some("terminate") => {
                self.end = Some(body.attribute("condition").unwrap_or_default().to_owned());
            }
            other => assert_eq!(other, None, "{body:?}"),
        }
        self.inbox.extend(body.children);
    }

    /// Two requests may be without an answer; a third waits for the first of them.
    async fn request(&mut self, attributes: &str, payload: &str) {
        let room = async {
            while self.next_rid >= self.unanswered + 2 && self.end.is_none() {
                self.answer().await;
            }
        };
        timeout(PATIENCE, room).await.expect("requests are not answered");
        self.spawn(attributes, payload);
    }

    fn spawn(&mut self, attributes: &str, payload: &str) {
        let rid = self.next_rid;
        self.next_rid += 1;
        self.requests += 1;
        let sid = match self.sid.as_str() {
            "" => String::new(),
            sid => format!("sid='{sid}' "),
        };
        let xmlns = "http://jabber.org/protocol/httpbind";
        let body = format!("<body rid='{rid}' {sid}{attributes} xmlns='{xmlns}'>{payload}</body>");
        let endpoint = self.endpoint.clone();
        self.in_flight.spawn(async move {
            loop {
                let answer = endpoint.post(&body).await;
                // another copy of it has come later and waits for the answer: ask again (section 17.3)
                let superseded = answer.split('>').next().is_some_and(|tag| tag.contains(" type='error'"));
                if !superseded {
                    return (rid, answer);
                }
            }
        });
    }
}
