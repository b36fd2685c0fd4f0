//! The Content-Type of answers (spec.md group M).

use super::stack::{Session, creation, post};
use super::wire::Reply;
use super::{is_proper, stack};

fn wants(content: &str) -> String {
    creation(1).replacen("<body", &format!("<body content='{content}'"), 1)
}

fn is_sandboxed(reply: &Reply) -> bool {
    reply.header("content-security-policy") == Some("default-src 'none'; sandbox")
}

// M02, C10
#[tokio::test(start_paused = true)]
async fn a_client_chooses_it_for_every_answer() {
    let stack = stack();
    let mut wire = stack.connect();
    let created = wire.ask(post(&wants("text/html; charset=utf-8"))).await;
    let mut session = Session::of(&created);
    let first = session.body("<a xmlns='x'/>");
    let answered = wire.ask(post(&first)).await;
    let repeated = wire.ask(post(&first)).await;
    let late = session.body("").replacen("<body", "<body content='text/plain'", 1);
    let ignored = wire.ask(post(&late)).await;
    let over = wire.ask(post(&session.terminate(""))).await;
    for reply in [created, answered, repeated, ignored, over] {
        assert_eq!(
            reply.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{}",
            reply.head
        );
        assert!(is_proper(&reply) && is_sandboxed(&reply), "{}", reply.head);
    }
}

// M02
#[tokio::test(start_paused = true)]
async fn a_refused_creation_has_it_too() {
    let stack = stack();
    let body = "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' content='text/html'/>";
    let reply = stack.connect().ask(post(body)).await;
    assert!(reply.is_terminate("improper-addressing"), "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("text/html"));
    assert!(is_sandboxed(&reply));
}

// M01, M03
#[tokio::test(start_paused = true)]
async fn what_is_no_media_type_is_not_there() {
    let stack = stack();
    for content in [
        "a/b&#13;&#10;X: y",
        "a/b&#10;X: y",
        "text",
        "",
        "a/b; c=\"",
        "text/xml; charset=utf-8",
    ] {
        let reply = stack.connect().ask(post(&wants(content))).await;
        assert_eq!(reply.header("content-type"), Some("text/xml; charset=utf-8"), "{content}");
        assert_eq!(reply.header("x"), None, "{}", reply.head);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(!is_sandboxed(&reply));
    }
}
