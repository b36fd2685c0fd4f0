//! A way between one client and boshd on which a test sees each request and each answer: which connection a request is on, how many others are
//! unanswered before it there, and when it passed.

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{join, split};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::guest::PATIENCE;
use crate::support::message::{Framing, Messages};
use crate::support::network::{Dial, Io, Later, Network};

pub struct Tap {
    seen: watch::Sender<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    /// Their bodies.
    answers: Vec<String>,
}

#[derive(Clone)]
pub struct Request {
    pub method: String,
    pub body: String,
    pub cookie: Option<String>,
    /// Requests before it on its connection that had no answer yet.
    pub behind: usize,
    pub at: Instant,
}

impl Tap {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            seen: watch::Sender::default(),
        })
    }

    /// Waits until just one request has no answer, and nothing has moved for so long: the client waits for news and has nothing to say.
    pub async fn is_held_for(&self, quiet: Duration) {
        let mut seen = self.seen.subscribe();
        let held = async {
            loop {
                let held = seen.wait_for(|seen| seen.requests.len() == seen.answers.len() + 1).await;
                drop(held.expect("its sender is here"));
                if timeout(quiet, seen.changed()).await.is_err() {
                    return;
                }
            }
        };
        timeout(PATIENCE, held).await.expect("a request is held");
    }

    /// The request that said this.
    pub fn request(&self, text: &str) -> Request {
        let seen = self.seen.borrow();
        let request = seen.requests.iter().find(|request| request.body.contains(text));
        request.unwrap_or_else(|| panic!("nobody said {text}")).clone()
    }

    /// All that had something to say.
    pub fn requests(&self) -> Vec<Request> {
        let seen = self.seen.borrow();
        seen.requests
            .iter()
            .filter(|request| !request.body.is_empty())
            .cloned()
            .collect()
    }

    /// How often a browser asked whether it may.
    pub fn preflights(&self) -> usize {
        let seen = self.seen.borrow();
        seen.requests.iter().filter(|request| request.method == "OPTIONS").count()
    }

    /// How often boshd has answered this.
    pub fn answered(&self, text: &str) -> usize {
        let seen = self.seen.borrow();
        seen.answers.iter().map(|answer| answer.matches(text).count()).sum()
    }

    async fn forward(&self, client: Io, server: Dial) -> Result<()> {
        let (from_server, to_server) = split(server().await?);
        let (from_client, to_client) = split(client);
        let (mut up, mut down) = (
            Messages::on(join(from_client, to_server)),
            Messages::on(join(from_server, to_client)),
        );
        let unanswered = AtomicUsize::new(0);
        let requests = async {
            while let Ok(request) = up.request().await {
                let behind = unanswered.fetch_add(1, Ordering::Relaxed);
                let body = String::from_utf8_lossy(&request.body).into_owned();
                let seen = Request {
                    method: request.first.split(' ').next().unwrap_or_default().to_owned(),
                    body,
                    cookie: request.header("cookie").map(str::to_owned),
                    behind,
                    at: Instant::now(),
                };
                self.seen.send_modify(|all| all.requests.push(seen));
                up.send(&request, Framing::Length).await?;
            }
            up.finish().await
        };
        let answers = async {
            loop {
                let answer = down.answer().await?;
                unanswered.fetch_sub(1, Ordering::Relaxed);
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                self.seen.send_modify(|seen| seen.answers.push(body));
                down.send(&answer, Framing::Length).await?;
            }
        };
        tokio::pin!(answers);
        tokio::select! {
            end = requests => end?,
            end = &mut answers => return end,
        }
        // a client that is gone may have an answer on its way
        answers.await
    }
}

impl Network for Tap {
    fn carry(self: Arc<Self>, client: Io, server: Dial) -> Later<Result<()>> {
        Box::pin(async move { self.forward(client, server).await })
    }
}
