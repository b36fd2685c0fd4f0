//! From bytes to a request: what is decided before any session is asked.

use boshd::bosh::{BodyError, Condition, Decoder, HTTPBIND, Request, Restart, Sid, decode_script};
use boshd::xml::XmlLimits;

fn decoded(document: &str) -> Result<Box<Request>, BodyError> {
    let mut decoder = Decoder::new(XmlLimits::default());
    decoder.feed(document.as_bytes())?;
    decoder.finish()
}

fn scripted(document: &str) -> Result<Box<Request>, BodyError> {
    decode_script(document.as_bytes(), XmlLimits::default())
}

fn wrapper(attributes: &str, rest: &str) -> String {
    format!("<body xmlns='{HTTPBIND}' rid='7' {attributes}{rest}")
}

// A19
#[test]
fn a_session_can_be_looked_up_while_its_request_arrives() {
    let mut decoder = Decoder::new(XmlLimits::default());
    let mut feed = |piece: &str| decoder.feed(piece.as_bytes()).map(|early| early.map(|sid| sid.cloned()));
    assert_eq!(feed(&wrapper("sid='s'", "")), Ok(None));
    assert_eq!(feed("><message>"), Ok(Some(Some(Sid("s".into())))));
    assert_eq!(feed("</message></body>"), Ok(None));
}

// A10
#[test]
fn a_request_is_one_wrapper_and_white_space() {
    let fault = |rest: &str| decoded(&wrapper("", rest)).map(|request| request.fault);
    for good in ["/>", "></body>", "/> \r\n\t", "><presence/></body>\n"] {
        assert_eq!(fault(good), Ok(None), "{good:?}");
    }
    for bad in [
        "/>x",
        "/><a/>",
        ">",
        "><presence/>",
        "><presence>",
        "><presence/></body></body>",
    ] {
        assert_eq!(fault(bad), Ok(Some(Condition::BadRequest)), "{bad:?}");
    }
    assert_eq!(decoded(&wrapper("", "")), Err(BodyError::Truncated));
    assert_eq!(decoded(""), Err(BodyError::Empty));
}

// P07, S08, T31
#[test]
fn what_a_stream_says_to_itself_is_not_for_clients() {
    for namespace in [
        "http://etherx.jabber.org/streams",
        "urn:ietf:params:xml:ns:xmpp-framing",
        "urn:ietf:params:xml:ns:xmpp-tls",
        "http://jabber.org/protocol/compress",
    ] {
        let request = decoded(&wrapper("", &format!("><x xmlns='{namespace}'/></body>"))).expect("a wrapper");
        assert_eq!(request.fault, Some(Condition::BadRequest), "{namespace}");
        assert!(request.payloads.is_empty(), "{namespace}");
    }
}

// A16, C12, C16
#[test]
fn an_attribute_is_what_its_namespace_says() {
    let read = |attributes: &str| decoded(&wrapper(attributes, "/>")).expect("a wrapper");
    let foreign = read("xmlns:f='urn:f' f:lang='it' f:sid='s' f:version='1.0'");
    assert_eq!(
        (&foreign.opening.lang, &foreign.sid, &foreign.opening.version),
        (&None, &None, &None)
    );
    assert_eq!(read("xml:lang='it'").opening.lang, Some("it".into()));
    for (attributes, restart) in [
        ("xmpp:restart='1'", Restart::Yes),
        ("xmlns:x='urn:xmpp:xbosh' x:restart='true'", Restart::Yes),
        ("restart='true'", Restart::WrongNamespace),
        ("restart='true' xmpp:restart='true'", Restart::Yes),
        ("xmpp:restart='true' restart='true'", Restart::Yes),
        ("restart='false'", Restart::No),
        ("xmpp:restart='false'", Restart::No),
    ] {
        assert_eq!(read(attributes).restart, restart, "{attributes}");
    }
}

// N02
#[test]
fn script_syntax_carries_octets_between_its_tags() {
    let read = |rest: &str| scripted(&wrapper("", rest)).map(|request| (request.octets.clone(), request.fault));
    assert_eq!(read("><mess</body>"), Ok(("<mess".into(), None)));
    assert_eq!(read(">age/></body>\n"), Ok(("age/>".into(), None)));
    assert_eq!(read("/>"), Ok(("".into(), None)));
    for bad in ["/>x", "><presence/>", ">"] {
        assert_eq!(read(bad), Ok(("".into(), Some(Condition::BadRequest))), "{bad:?}");
    }
    assert_eq!(scripted(&wrapper("", "")), Err(BodyError::Truncated));
}
