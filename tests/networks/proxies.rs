//! Proxies that understand HTTP, each with a habit of its own: one exchange after the other, and what is done to it.

use std::io::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::support::message::{Framing, Message, Messages};
use crate::support::network::{Dial, Io, Later, Network};

pub struct Proxy {
    habit: Habit,
    /// Requests so far.
    requests: AtomicU64,
    again: AtomicU64,
}

#[derive(Clone, Copy)]
pub enum Habit {
    /// Holds an answer back until it is complete, scans it, and passes it on in other pieces.
    Buffers,
    /// Speaks HTTP/1.0 both ways, one request a connection.
    Antique,
    /// Sends a request again, on another connection, when no answer comes for this time, or when the connection breaks, as that of each fifth does.
    Retries(Duration),
    /// Changes heads to its taste.
    Rewrites,
    /// Has a page of its own for the tenth request, and lets it pass when it comes again.
    Captive,
}

/// How long an answer is scanned for what must not come in.
const SCAN: Duration = Duration::from_millis(700);
/// Small, so that one answer has several.
const CHUNK: usize = 100;
/// The connection of each fifth request breaks.
const FRAGILE: u64 = 5;
/// The request that gets a page instead of an answer.
const CAPTURED: u64 = 10;
const PORTAL: &str =
    "<!DOCTYPE html><html><head><title>Welcome to our Wi-Fi</title></head><body>Please accept our terms.</body></html>";

impl Proxy {
    pub fn which(habit: Habit) -> Arc<Self> {
        Arc::new(Self {
            habit,
            requests: AtomicU64::new(0),
            again: AtomicU64::new(0),
        })
    }

    /// Requests that were sent once more.
    pub fn repeats(&self) -> u64 {
        self.again.load(Ordering::Relaxed)
    }

    async fn serve(&self, client: Io, dial: Dial) -> Result<()> {
        let mut client = Messages::on(client);
        let mut server = Messages::on(dial().await?);
        loop {
            let mut request = client.request().await?;
            let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
            if matches!(self.habit, Habit::Captive) && number == CAPTURED {
                client.send(&portal(), Framing::Length).await?;
                continue;
            }
            self.change_request(&mut request);
            let answer = tokio::select! {
                answer = self.ask(&mut server, &request, &dial, number) => answer?,
                () = client.is_gone() => return Ok(()),
            };
            if !self.give(&mut client, answer).await? {
                return Ok(());
            }
        }
    }

    fn change_request(&self, request: &mut Message) {
        match self.habit {
            Habit::Antique => {
                request.first = request.first.replace("HTTP/1.1", "HTTP/1.0");
                request.remove("host");
                request.set("Connection", "close");
            }
            Habit::Rewrites => {
                for (name, _) in &mut request.headers {
                    name.make_ascii_lowercase();
                }
                request.remove("origin");
                request.set("content-type", "application/octet-stream");
                request.set("via", "1.1 gateway.example.com (Scanner/7)");
                request.set("x-forwarded-for", "unknown, 192.168.7.9");
                request.set("accept-encoding", "identity;q=1, *;q=0");
            }
            Habit::Buffers | Habit::Retries(_) | Habit::Captive => {}
        }
    }

    /// The answer to this, however often it has to be sent.
    async fn ask(&self, server: &mut Messages<Io>, request: &Message, dial: &Dial, number: u64) -> Result<Message> {
        let Habit::Retries(patience) = self.habit else {
            server.send(request, Framing::Length).await?;
            return server.answer().await;
        };
        if number.is_multiple_of(FRAGILE) {
            // it may never have left, or its answer may be what got lost: nobody here can tell
            if number.is_multiple_of(2 * FRAGILE) {
                server.send(request, Framing::Length).await?;
                drop(timeout(patience, server.answer()).await);
            }
            *server = Messages::on(dial().await?);
            self.again.fetch_add(1, Ordering::Relaxed);
        }
        loop {
            server.send(request, Framing::Length).await?;
            if let Ok(Ok(answer)) = timeout(patience, server.answer()).await {
                return Ok(answer);
            }
            *server = Messages::on(dial().await?);
            self.again.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Passes an answer on; may the connection carry another one?
    async fn give(&self, client: &mut Messages<Io>, mut answer: Message) -> Result<bool> {
        match self.habit {
            Habit::Buffers => {
                sleep(SCAN).await;
                client.send(&answer, Framing::Chunks(CHUNK)).await?;
            }
            Habit::Antique => {
                answer.first = answer.first.replace("HTTP/1.1", "HTTP/1.0");
                if answer.persists() {
                    return Err(Error::other("an answer in HTTP/1.0 whose connection stays open"));
                }
                client.send(&answer, Framing::Close).await?;
                return Ok(false);
            }
            Habit::Rewrites => {
                for (name, _) in &mut answer.headers {
                    name.make_ascii_lowercase();
                }
                answer.set("content-type", "text/html");
                answer.set("via", "1.1 gateway.example.com (Scanner/7)");
                // the length goes, and the end of the connection tells it
                client.send(&answer, Framing::Close).await?;
                return Ok(false);
            }
            Habit::Retries(_) | Habit::Captive => client.send(&answer, Framing::Length).await?,
        }
        Ok(answer.persists())
    }
}

fn portal() -> Message {
    Message {
        first: "HTTP/1.1 200 OK".to_owned(),
        headers: vec![("Content-Type".to_owned(), "text/html; charset=utf-8".to_owned())],
        body: PORTAL.as_bytes().to_vec(),
    }
}

impl Network for Proxy {
    fn carry(self: Arc<Self>, client: Io, server: Dial) -> Later<Result<()>> {
        Box::pin(async move { self.serve(client, server).await })
    }
}
