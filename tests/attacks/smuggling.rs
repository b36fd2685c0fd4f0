//! Requests that two readers would cut differently, so that a proxy before us lets one pass inside another. Each is refused, or answered once
//! with the connection closed behind it (RFC 9112 section 6.3 and 11.2), whoever reads it here, and however it is cut on its way.

use std::time::Duration;

use boshd::front::{Options, Waiting};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::stack::{Stack, creation, post};

/// Longer than anything is held here.
const SILENCE: Duration = Duration::from_secs(3);

/// What came back.
#[derive(Debug)]
struct Outcome {
    answers: usize,
    first: String,
    closed: bool,
}

impl Outcome {
    fn is_told(&self) -> String {
        let first = self.first.lines().next().unwrap_or("nothing");
        format!("{first}, {}", if self.closed { "closed" } else { "open" })
    }
}

/// A server of its own for each probe, so that what it makes is its.
async fn play(waiting: Waiting, pieces: &[&[u8]]) -> Outcome {
    let options = Options {
        waiting,
        ..Options::default()
    };
    let stack = Stack::new(options);
    let (mut reader, mut writer) = tokio::io::split(stack.connect().io);
    let send = async {
        for piece in pieces {
            // it may have closed already
            let _ = writer.write_all(piece).await;
            sleep(Duration::from_millis(1)).await;
        }
    };
    let hear = async {
        let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            match timeout(SILENCE, reader.read(&mut buffer)).await {
                Ok(Ok(length @ 1..)) => heard.extend_from_slice(&buffer[..length]),
                end => return (String::from_utf8(heard).unwrap(), end.is_ok()),
            }
        }
    };
    let ((), (first, closed)) = tokio::join!(send, hear);
    let continued = first.matches("HTTP/1.1 100 ").count();
    Outcome {
        answers: first.matches("HTTP/1.").count() - continued,
        first,
        closed,
    }
}

/// As it is, cut at each place near its head, and byte by byte; read by us, by hyper for us, and by hyper alone.
async fn outcomes(probe: &[u8]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for waiting in [Waiting::Parked, Waiting::Inside] {
        outcomes.push(play(waiting, &[probe]).await);
        for cut in (1..probe.len()).step_by(7) {
            let (before, after) = probe.split_at(cut);
            outcomes.push(play(waiting, &[before, after]).await);
        }
        let crumbs: Vec<&[u8]> = probe.chunks(1).collect();
        outcomes.push(play(waiting, &crumbs).await);
    }
    outcomes
}

/// At most one answer, and nothing after it.
async fn are_stopped(probes: &[(&str, String)]) {
    for (name, probe) in probes {
        let all = outcomes(probe.as_bytes()).await;
        println!("{name}: {}", all[0].is_told());
        for outcome in all {
            assert!(outcome.answers <= 1 && outcome.closed, "{name}: {outcome:?}");
        }
    }
}

/// The request that nobody must see: it would make a session.
fn hidden() -> String {
    post(&creation(1))
}

/// A request with these header lines, whose body is the hidden one.
fn hiding(headers: &str) -> String {
    format!("POST /http-bind HTTP/1.1\r\nHost: a\r\n{headers}\r\n{}", hidden())
}

/// A chunked request of these chunks, and the hidden one behind it.
fn chunked(headers: &str, chunks: &str) -> String {
    format!("POST /http-bind HTTP/1.1\r\nHost: a\r\n{headers}\r\n{chunks}{}", hidden())
}

// A19, DL03: Transfer-Encoding together with a length
#[tokio::test(start_paused = true)]
async fn two_framings() {
    let size = hidden().len();
    let one_chunk = format!("{size:x}\r\n{}\r\n0\r\n\r\n", hidden());
    let te = |value: &str| chunked(&format!("Content-Length: 6\r\nTransfer-Encoding:{value}\r\n"), "0\r\n\r\n");
    are_stopped(&[
        ("CL.TE", te(" chunked")),
        (
            "TE.CL",
            chunked("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", &one_chunk),
        ),
        ("TE.TE, first chunked", te(" chunked\r\nTransfer-Encoding: cow")),
        ("TE.TE, last chunked", te(" cow\r\nTransfer-Encoding: chunked")),
        ("TE.TE, identity", te(" identity")),
        ("TE, a tab", te("\tchunked")),
        ("TE, a vertical tab", te(" \u{b}chunked")),
        ("TE, another case", te(" CHUNKED")),
        ("TE, another word", te(" xchunked")),
        ("TE, quoted", te(" \"chunked\"")),
        ("TE, a parameter", te(" chunked;x=y")),
        ("TE, a comma", te(" chunked,")),
        ("TE, twice in one line", te(" chunked, chunked")),
        ("TE, not the last", te(" chunked, gzip")),
        ("TE, in a fold", te("\r\n chunked")),
        (
            "TE, a space before the colon",
            chunked("Content-Length: 6\r\nTransfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ),
        (
            "TE, behind a bare CR",
            chunked("X: y\rTransfer-Encoding: chunked\r\nContent-Length: 6\r\n", "0\r\n\r\n"),
        ),
        (
            "TE, behind a bare LF",
            chunked("X: y\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n", "0\r\n\r\n"),
        ),
        (
            "TE in HTTP/1.0",
            te(" chunked").replacen("HTTP/1.1", "HTTP/1.0\r\nConnection: keep-alive", 1),
        ),
    ])
    .await;
}

// A19, DL03: lengths that are none, or more than one
#[tokio::test(start_paused = true)]
async fn odd_lengths() {
    let size = hidden().len();
    let length = |value: &str| hiding(&format!("Content-Length:{value}\r\n"));
    are_stopped(&[
        ("CL.CL, different", length(&format!(" 0\r\nContent-Length: {size}"))),
        ("CL.CL, in one line", length(&format!(" 0, {size}"))),
        ("CL, a sign", length(" +0")),
        ("CL, negative", length(" -1")),
        ("CL, a space inside", length(" 0 0")),
        ("CL, hexadecimal", length(" 0x0")),
        ("CL, empty", length("")),
        ("CL, a point", length(" 0.0")),
        ("CL, beyond 64 bits", length(" 18446744073709551616")),
        ("CL, a NUL", length(" 0\0")),
        ("CL, a space before the colon", hiding("Content-Length : 0\r\n")),
        ("CL, a space before the name", hiding("X: y\r\n Content-Length: 0\r\n")),
        ("CL, no colon", hiding("Content-Length 0\r\n")),
        ("CL, in a fold", length(&format!(" {size}\r\n 0"))),
        (
            "CL, behind a bare CR",
            hiding(&format!("X: y\rContent-Length: 0\r\nContent-Length: {size}\r\n")),
        ),
    ])
    .await;
}

// A03, DL03: chunks that are none
#[tokio::test(start_paused = true)]
async fn odd_chunks() {
    let chunks = |chunks: &str| chunked("Transfer-Encoding: chunked\r\n", chunks);
    are_stopped(&[
        ("a size beyond 64 bits", chunks("10000000000000000\r\n\r\n0\r\n\r\n")),
        ("a size that overflows to 0", chunks("ffffffffffffffff0\r\n\r\n0\r\n\r\n")),
        ("a size with a sign", chunks("+0\r\n\r\n")),
        ("a size in C's hexadecimal", chunks("0x0\r\n\r\n")),
        ("no size", chunks("\r\n\r\n")),
        ("an extension", chunks("0;a=b\r\n\r\n")),
        ("an extension with a bare LF", chunks("0;a=\nb\r\n\r\n")),
        ("a size that ends with a bare LF", chunks("0\n\r\n")),
        ("a chunk that ends with a bare LF", chunks("1\r\na\n0\r\n\r\n")),
        ("a chunk longer than its size", chunks("1\r\naa\r\n0\r\n\r\n")),
        ("a trailer", chunks("0\r\nContent-Length: 5\r\n\r\n")),
    ])
    .await;
}

// DL03: an extension of a chunk is read to a bound and no further
#[tokio::test(start_paused = true)]
async fn an_endless_extension() {
    let probe = chunked(
        "Transfer-Encoding: chunked\r\n",
        &format!("0;{}\r\n\r\n", "a".repeat(1 << 20)),
    );
    for waiting in [Waiting::Parked, Waiting::Inside] {
        let outcome = play(waiting, &[probe.as_bytes()]).await;
        println!("an extension of 1 MiB: {}", outcome.is_told());
        assert!(outcome.answers <= 1 && outcome.closed, "{outcome:?}");
    }
}

// A18, DL03: lines and targets that no client writes
#[tokio::test(start_paused = true)]
async fn odd_lines() {
    let line = |line: &str| format!("{line}\r\nHost: a\r\nContent-Length: 0\r\n\r\n{}", hidden());
    are_stopped(&[
        ("a NUL in a header", hiding("X: a\0b\r\nContent-Length: 0\r\n")),
        ("a NUL in a name", hiding("X\0: a\r\nContent-Length: 0\r\n")),
        ("a bare CR in a header", hiding("X: a\rb\r\nContent-Length: 0\r\n")),
        ("a fold", hiding("X: a\r\n b\r\nContent-Length: 0\r\n")),
        ("a colon at the start", hiding(": a\r\nContent-Length: 0\r\n")),
        ("two spaces", line("POST /http-bind  HTTP/1.1")),
        ("no target", line("POST HTTP/1.1")),
        ("a space in the target", line("POST /http bind HTTP/1.1")),
        ("a NUL in the target", line("POST /http\0bind HTTP/1.1")),
        ("another version", line("POST /http-bind HTTP/1.2")),
        ("HTTP/0.9", line("POST /http-bind")),
        ("the preface of HTTP/2 behind a request line", line("PRI * HTTP/2.0")),
        ("a method that is none", line("PO(ST /http-bind HTTP/1.1")),
    ])
    .await;
}

// RFC 9112: what is one request, and then another, is no probe, and both are answered, whoever reads them
#[tokio::test(start_paused = true)]
async fn what_is_in_order() {
    let two = |headers: &str| {
        let body = creation(1);
        let head = format!(
            "POST /http-bind HTTP/1.1\r\nHost: a\r\n{}\r\n",
            headers.replace("LENGTH", &body.len().to_string())
        );
        format!("{head}{body}{}", hidden())
    };
    let absolute = two("Content-Length: LENGTH\r\n").replacen("/http-bind", "http://other.example/http-bind", 1);
    for (name, probe) in [
        ("a length", two("Content-Length: LENGTH\r\n")),
        ("a length with zeros before it", two("Content-Length: 00LENGTH\r\n")),
        ("a target with a host", absolute),
    ] {
        let all = outcomes(probe.as_bytes()).await;
        println!("{name}: {} answers", all[0].answers);
        assert!(all.iter().all(|outcome| outcome.answers == 2), "{name}: {all:?}");
    }
}
