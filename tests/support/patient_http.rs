//! POST as clients on the web have it done, over any [`Network`](super::network): an answer may be framed in every way, anything but a
//! `<body/>` with status 200 is a failure, and what failed is posted again, at once or as hesitantly as Strophe.js does it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::timeout;

use super::message::{Framing, Message, Messages};
use super::network::{Dial, Io};

#[derive(Clone)]
pub struct Endpoint {
    dial: Dial,
    manner: Manner,
    idle: Arc<Mutex<Vec<Messages<Io>>>>,
    figures: Arc<Figures>,
}

#[derive(Clone, Copy, Debug)]
pub enum Manner {
    Keen,
    /// A request that failed once is repeated at once, and then after the cube of the number of times, in seconds (`_processRequest`).
    Strophe,
}

/// The first repeat of an eager client: a network that is away is not hammered.
const PAUSE: Duration = Duration::from_millis(20);
/// Web clients wait for an answer, and between two tries, no longer than for `wait` and a tenth; that of `bosh` is 30 s.
const LONGEST: u64 = 33;
/// Failures in a row after which Strophe takes the session for lost (`_hitError`).
const TOO_MANY: u64 = 5;

#[derive(Default)]
pub struct Figures {
    /// Requests that did not get an answer, each time.
    pub died: AtomicU64,
    /// How often Strophe would have given up.
    pub given_up: AtomicU64,
    in_a_row: AtomicU64,
}

impl Endpoint {
    pub fn over(dial: Dial, manner: Manner) -> Self {
        Self {
            dial,
            manner,
            idle: Arc::default(),
            figures: Arc::default(),
        }
    }

    pub fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.figures)
    }

    /// The body of the answer.
    pub async fn post(&self, body: &str) -> String {
        let request = Message {
            first: "POST /http-bind HTTP/1.1".to_owned(),
            headers: vec![
                ("Host".to_owned(), "chat.example.org".to_owned()),
                ("Content-Type".to_owned(), "text/xml; charset=utf-8".to_owned()),
            ],
            body: body.as_bytes().to_vec(),
        };
        for failures in 1.. {
            let given = timeout(Duration::from_secs(LONGEST), self.exchange(&request)).await;
            match given.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into())) {
                Ok(answer) => {
                    self.figures.in_a_row.store(0, Ordering::Relaxed);
                    return answer;
                }
                Err(_) => self.fails(failures).await,
            }
        }
        unreachable!("it is posted for ever")
    }

    pub fn repeats(&self) -> u64 {
        self.figures.died.load(Ordering::Relaxed)
    }

    async fn fails(&self, failures: u64) {
        // the others may have met with the same
        self.idle.lock().expect("no holder panics").clear();
        self.figures.died.fetch_add(1, Ordering::Relaxed);
        if self.figures.in_a_row.fetch_add(1, Ordering::Relaxed) + 1 == TOO_MANY {
            self.figures.given_up.fetch_add(1, Ordering::Relaxed);
        }
        let pause = match (self.manner, failures) {
            (Manner::Keen, _) | (Manner::Strophe, 1) => PAUSE,
            (Manner::Strophe, times) => Duration::from_secs(times.pow(3).min(LONGEST)),
        };
        tokio::time::sleep(pause).await;
    }

    /// A connection that has carried something and still can.
    fn idle(&self) -> Option<Messages<Io>> {
        let mut idle = self.idle.lock().expect("no holder panics");
        idle.retain_mut(Messages::is_open);
        idle.pop()
    }

    async fn exchange(&self, request: &Message) -> Result<String> {
        let mut connection = match self.idle() {
            Some(connection) => connection,
            None => Messages::on((self.dial)().await?),
        };
        connection.send(request, Framing::Length).await?;
        let answer = connection.answer().await?;
        if answer.persists() {
            self.idle.lock().expect("no holder panics").push(connection);
        }
        let is_ours = answer.status() == "200" && answer.body.starts_with(b"<body");
        match is_ours {
            true => String::from_utf8(answer.body).map_err(Error::other),
            false => Err(Error::other(answer.first)),
        }
    }
}
