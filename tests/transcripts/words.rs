//! What the words of a play stand for, and whether elements are the same.

use boshd::bosh::{self, EndReason, Hold, Output, ServerCommand};
use boshd::xml::Payload;
use boshd::xml::scope::standing;

pub fn may_stay_unnamed(output: &Output) -> bool {
    matches!(
        output,
        Output::ToServer(_, ServerCommand::Open(_)) | Output::Confirmed(..) | Output::LoggedIn | Output::Observed(_)
    )
}

pub fn payload(element: &str) -> Payload {
    let name = element[1..]
        .split(|c: char| !c.is_alphanumeric() && c != '-')
        .next()
        .unwrap_or_default();
    standing(element.to_owned().into(), "jabber:client".into(), name)
}

pub fn stream_element(local: &str, inside: &str) -> Payload {
    let text = format!("<stream:{local} xmlns:stream='{}'>{inside}</stream:{local}>", bosh::STREAM);
    standing(text.into(), bosh::STREAM.into(), local)
}

pub fn reason_word(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Terminated => "terminated",
        EndReason::Inactive => "inactive",
        EndReason::Left => "left",
        EndReason::NotLoggedIn => "not-logged-in",
        EndReason::Condition(condition) => condition.as_str(),
    }
}

/// `cut 15s`, `answered 55s`
pub fn hold_words(hold: Hold) -> [String; 2] {
    let (word, age) = match hold {
        Hold::Cut(age) => ("cut", age),
        Hold::Answered(age) => ("answered", age),
    };
    [word.to_owned(), format!("{}s", age / 1000)]
}

pub fn same_elements(expected: &[String], payloads: &[Payload]) -> Result<(), String> {
    same(
        expected,
        &payloads.iter().map(|payload| payload.as_str().to_owned()).collect::<Vec<_>>(),
    )
}

/// Compares element by element; declarations of jabber:client, which is the usual, do not count.
pub fn same(expected: &[String], found: &[String]) -> Result<(), String> {
    let plain = |element: &String| {
        let stream = format!(" xmlns:stream='{}'", bosh::STREAM);
        element
            .replace(" xmlns='jabber:client'", "")
            .replace(" xmlns=\"jabber:client\"", "")
            .replace(&stream, "")
    };
    let (expected, found): (Vec<_>, Vec<_>) = (expected.iter().map(plain).collect(), found.iter().map(plain).collect());
    if expected == found {
        Ok(())
    } else {
        Err(format!("expected {expected:?}, found {found:?}"))
    }
}
