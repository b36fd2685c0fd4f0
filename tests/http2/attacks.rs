//! What HTTP/2 lets an attacker try, frame by frame: each prints what was sent and what came of it, and a user on another connection is
//! served meanwhile.

use std::time::{Duration, Instant};

use boshd::manager::Peer;
use tokio::io::DuplexStream;
use tokio::time::timeout;

use super::client::Client;
use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, PING, PROTOCOL_ERROR, REFUSED_STREAM,
    RST_STREAM, Raw, SETTINGS, Told, WINDOW_UPDATE, frame, head, reset,
};
use super::stack::{Session, Stack, creation};
use super::{WHILE, session, stack};

/// Far more than any of it should take.
const FLOOD: u32 = 20_000;

/// So many pieces into a flood the user next door is looked after.
const MEANWHILE: usize = 50;

/// Nobody's trusted proxy.
fn attacker() -> Peer {
    Peer {
        address: ([192, 0, 2, 66], 1024).into(),
        ..Peer::unknown()
    }
}

/// A user who knows nothing of it.
struct Bystander {
    stack: Stack,
    client: Client,
    session: Session,
    messages: usize,
}

impl Bystander {
    async fn new() -> Self {
        let stack = stack();
        let mut client = Client::new(stack.connect().io).await;
        let session = session(&mut client, 55).await;
        Self {
            stack,
            client,
            session,
            messages: 0,
        }
    }

    /// Gets a message, and says after how long; by a real clock, beside the paused one.
    async fn is_served(&mut self) -> Duration {
        let mut held = self.client.post(&self.session.body("")).await;
        assert!(held.is_held_for(WHILE).await);
        self.messages += 1;
        let began = Instant::now();
        let message = format!("<message id='for the bystander {}'/>", self.messages);
        self.stack.server.push(0, &message);
        assert!(held.answer().await.text().contains(&format!("bystander {}'", self.messages)));
        began.elapsed()
    }

    /// Sends a flood in pieces, which may be cut off, and hears what came of it.
    async fn suffers(&mut self, what: &str, flood: impl Iterator<Item = Vec<u8>>) -> Told {
        let mut raw = Raw::new(self.stack.connect_as(attacker(), 64 * 1024).io).await;
        let (mut sent, mut slowest) = (0, Duration::ZERO);
        for (nth, piece) in flood.enumerate() {
            sent += piece.len();
            // who is not read any more waits, and that is the bound
            match timeout(WHILE, raw.try_send(&piece)).await {
                Ok(true) => {}
                Ok(false) | Err(_) => break,
            }
            if nth == MEANWHILE {
                slowest = self.is_served().await;
            }
        }
        slowest = slowest.max(self.is_served().await);
        let told = raw.told().await;
        slowest = slowest.max(self.is_served().await);
        println!("{what}: {sent} bytes sent; {told:?}; the user next door got each message within {slowest:?}");
        told
    }
}

fn odd(nth: u32) -> u32 {
    2 * nth + 1
}

// CVE-2023-44487: requests that are taken back in the same breath
#[tokio::test(start_paused = true)]
async fn rapid_reset() {
    let mut bystander = Bystander::new().await;
    let flood = (0..FLOOD / 100).map(|hundred| {
        let pairs = (100 * hundred..100 * (hundred + 1))
            .map(|nth| [frame(HEADERS, END_HEADERS, odd(nth), &head(&[])), reset(odd(nth))].concat());
        pairs.collect::<Vec<_>>().concat()
    });
    let told = bystander.suffers("rapid reset", flood).await;
    assert_eq!(told.goaway, Some(ENHANCE_YOUR_CALM), "{told:?}");
}

// the same one by one: each costs what a request costs that nobody waits for, and nothing stays
#[tokio::test(start_paused = true)]
async fn patient_reset() {
    let mut bystander = Bystander::new().await;
    let mut raw = Raw::new(bystander.stack.connect_from(attacker().address.ip()).io).await;
    let creation = creation(55);
    for nth in 0..200 {
        raw.send(&frame(HEADERS, END_HEADERS, odd(nth), &head(&[]))).await;
        raw.send(&frame(DATA, 0, odd(nth), &creation.as_bytes()[..40])).await;
        tokio::time::sleep(WHILE).await;
        raw.send(&reset(odd(nth))).await;
    }
    bystander.is_served().await;
    assert_eq!(bystander.stack.manager.sessions(), 1, "half a creation is none");
}

// a head without an end
#[tokio::test(start_paused = true)]
async fn continuation_flood() {
    let mut bystander = Bystander::new().await;
    for (what, piece) in [
        ("CONTINUATION, 1 KiB each", vec![b'y'; 1024]),
        ("CONTINUATION, empty", Vec::new()),
    ] {
        let field = [&[0, 1, b'x', 127, 0x81, 7][..], &piece].concat();
        let block = if piece.is_empty() { Vec::new() } else { field };
        let begin = frame(HEADERS, 0, 1, &head(&[]));
        let flood = std::iter::once(begin).chain((0..FLOOD).map(|_| frame(CONTINUATION, 0, 1, &block)));
        let told = bystander.suffers(what, flood).await;
        assert!(told.goaway.is_some_and(|code| code != 0), "{told:?}");
    }
}

// a small block that unpacks to a large head: one entry of the table, named over and over
#[tokio::test(start_paused = true)]
async fn header_bomb() {
    let mut bystander = Bystander::new().await;
    // literal with incremental indexing, a value of 3000 bytes; then the first dynamic entry, 10000 times
    let mut block = [head(&[]), vec![0x40, 1, b'x', 127, 0xb9, 0x16]].concat();
    block.extend([b'y'; 3000]);
    block.extend([0xbe; 10_000]);
    let flood = (0..200).map(|nth| frame(HEADERS, END_HEADERS | END_STREAM, odd(nth), &block));
    let mut raw = Raw::new(bystander.stack.connect_from(attacker().address.ip()).io).await;
    raw.send(&flood.collect::<Vec<_>>().concat()).await;
    bystander.is_served().await;
    drop(raw);
    let flood = (0..200).map(|nth| frame(HEADERS, END_HEADERS | END_STREAM, odd(nth), &block));
    let seen = bystander.stack.server.seen();
    let told = bystander.suffers("header bomb", flood).await;
    assert!(told.goaway.is_some_and(|code| code != 0), "{told:?}");
    assert_eq!(bystander.stack.server.seen(), seen, "nothing of it was carried out");
}

// frames that want an answer each, from a client that reads none: it is not read any more, and let go of as dead
#[tokio::test(start_paused = true)]
async fn ping_and_settings_floods() {
    let mut bystander = Bystander::new().await;
    let pings = (0..FLOOD).map(|nth| frame(PING, 0, 0, &u64::from(nth).to_be_bytes()));
    bystander.suffers("PING", pings).await;
    let settings = (0..FLOOD).map(|nth| frame(SETTINGS, 0, 0, &[&[0, 4][..], &(65_535 + nth).to_be_bytes()].concat()));
    bystander.suffers("SETTINGS", settings).await;
}

// frames without content on a request's stream
#[tokio::test(start_paused = true)]
async fn empty_data() {
    let mut bystander = Bystander::new().await;
    let begin = frame(HEADERS, END_HEADERS, 1, &head(&[]));
    let flood = std::iter::once(begin).chain((0..FLOOD).map(|_| frame(DATA, 0, 1, &[])));
    let told = bystander.suffers("empty DATA", flood).await;
    assert_eq!(told.goaway, Some(ENHANCE_YOUR_CALM), "{told:?}");
}

// more requests at once than were granted: the excess is refused, and who goes on is shown out
#[tokio::test(start_paused = true)]
async fn too_many_streams() {
    let mut bystander = Bystander::new().await;
    let flood = (0..FLOOD).map(|nth| frame(HEADERS, END_HEADERS, odd(nth), &head(&[])));
    let told = bystander.suffers("streams", flood).await;
    assert!(told.resets.iter().all(|code| *code == REFUSED_STREAM), "{told:?}");
    assert_eq!(told.goaway, Some(ENHANCE_YOUR_CALM), "{told:?}");
}

// nonsense about windows
#[tokio::test(start_paused = true)]
async fn window_nonsense() {
    let mut bystander = Bystander::new().await;
    let largest = 0x7fff_ffff_u32.to_be_bytes();
    let told = bystander
        .suffers("window overflow", (0..2).map(|_| frame(WINDOW_UPDATE, 0, 0, &largest)))
        .await;
    assert!(told.goaway.is_some_and(|code| code != 0), "{told:?}");
    let told = bystander
        .suffers("window of nothing", std::iter::once(frame(WINDOW_UPDATE, 0, 0, &[0; 4])))
        .await;
    assert!(told.goaway.is_some_and(|code| code != 0), "{told:?}");
}

/// By which error a creation with such headers is refused, on its stream or for the whole connection.
async fn refused(stack: &Stack, further: &[(&str, &str)]) -> u32 {
    let mut raw: Raw<DuplexStream> = Raw::new(stack.connect().io).await;
    raw.send(&frame(HEADERS, END_HEADERS, 1, &head(further))).await;
    raw.send(&frame(DATA, 0, 1, creation(1).as_bytes())).await;
    raw.send(&frame(DATA, END_STREAM, 1, &[])).await;
    loop {
        let frame = raw.next().await.expect("a refusal");
        match frame.kind {
            RST_STREAM => return frame.number(0),
            GOAWAY => return frame.number(4),
            HEADERS => panic!("an answer"),
            _ => {}
        }
    }
}

// what would be two requests, or half a one, to somebody else (RFC 9113 sections 8.1.1 and 8.2)
#[tokio::test(start_paused = true)]
async fn smuggling() {
    let stack = stack();
    let length = creation(1).len();
    for further in [
        [("content-length", (length - 1).to_string())],
        [("content-length", (length + 1).to_string())],
        [("transfer-encoding", "chunked".to_owned())],
        [("connection", "close".to_owned())],
        [("X-Upper", "case".to_owned())],
        [(":late", "pseudo".to_owned())],
    ] {
        let [(name, value)] = &further;
        let code = refused(&stack, &[(name, value)]).await;
        assert_eq!(code, PROTOCOL_ERROR, "{name}: {value}");
    }
    assert_eq!(stack.manager.sessions(), 0);
}
