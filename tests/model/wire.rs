//! What goes over the wire in the model: requests made from their form, the server's elements by number, answers read back.

use boshd::bosh::{self, Decoder, Request, Response};
use boshd::xml::scope::standing;
use boshd::xml::{Payload, XmlLimits};

pub const SID: &str = "the-sid";

/// What a request says; with its rid that makes its bytes, so that a repeat is always byte-identical.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    Empty,
    Payload,
    Restart,
    /// Well, but not without a last word.
    Terminate {
        payload: bool,
    },
    /// Seconds.
    Pause(u16),
    /// Its wrapper is acceptable, what it holds is not.
    Fault,
}

pub fn creation(rid: u64, acks: bool) -> Box<Request> {
    let acks = if acks { "ack='1'" } else { "" };
    decode(
        &format!("rid='{rid}' to='example.org' ver='1.6' hold='255' wait='65535' {acks}"),
        "",
    )
}

pub fn request(rid: u64, form: Form, ack: Option<u64>) -> Box<Request> {
    let attribute = match form {
        Form::Restart => "xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'".to_owned(),
        Form::Terminate { .. } => "type='terminate'".to_owned(),
        Form::Pause(seconds) => format!("pause='{seconds}'"),
        Form::Empty | Form::Payload | Form::Fault => String::new(),
    };
    let inside = match form {
        Form::Payload | Form::Terminate { payload: true } => format!("<message id='{rid}'/>"),
        Form::Fault => "no element".to_owned(),
        Form::Empty | Form::Restart | Form::Pause(_) | Form::Terminate { payload: false } => String::new(),
    };
    let ack = ack.map_or(String::new(), |ack| format!("ack='{ack}'"));
    decode(&format!("rid='{rid}' sid='{SID}' {ack} {attribute}"), &inside)
}

fn decode(attributes: &str, inside: &str) -> Box<Request> {
    let body = format!("<body xmlns='{}' {attributes}>{inside}</body>", bosh::HTTPBIND);
    let mut decoder = Decoder::new(XmlLimits::default());
    decoder.feed(body.as_bytes()).expect("the wrapper is good");
    decoder.finish().expect("the wrapper is whole")
}

/// The server's element number `n`, made longer by `padding`.
pub fn message(n: usize, padding: usize) -> Payload {
    let text = format!("<m xmlns='{}' n='{n}' p='{}'/>", bosh::CLIENT, "-".repeat(padding));
    standing(text.into(), bosh::CLIENT.into(), "m")
}

pub fn features() -> Payload {
    stream_element("features")
}

pub fn stream_error() -> Payload {
    stream_element("error")
}

fn stream_element(local: &str) -> Payload {
    standing(format!("<stream:{local}/>").into(), bosh::STREAM.into(), local)
}

/// An answer as a client reads it.
pub struct Answer {
    pub kind: Option<String>,
    pub condition: Option<String>,
    pub has_sid: bool,
    pub has_introduction: bool,
    pub ack: Option<u64>,
    pub elements: Vec<String>,
}

impl Answer {
    pub fn read(response: &Response) -> Self {
        let text = std::str::from_utf8(&response.body).expect("UTF-8");
        let (head, inside) = text.split_once('>').expect("a body");
        let attribute = |name: &str| {
            let (_, rest) = head.split_once(&format!(" {name}='"))?;
            Some(rest.split('\'').next()?.to_owned())
        };
        let inside = inside.strip_suffix("</body>").unwrap_or_default();
        Self {
            kind: attribute("type"),
            condition: attribute("condition"),
            has_sid: attribute("sid").is_some(),
            has_introduction: attribute("authid").is_some(),
            ack: attribute("ack").map(|ack| ack.parse().expect("a rid")),
            elements: inside.split_inclusive('>').map(str::to_owned).collect(),
        }
    }

    pub fn is_terminate(&self) -> bool {
        self.kind.as_deref() == Some("terminate")
    }

    /// Is it an error for a request that has no session, or no place in it? (Such answers are not kept.)
    pub fn is_refusal(&self) -> bool {
        let conditions = ["item-not-found", "bad-request", "policy-violation", "other-request"];
        self.condition
            .as_deref()
            .is_some_and(|condition| conditions.contains(&condition))
            && self.elements.is_empty()
    }
}
