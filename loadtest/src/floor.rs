//! `loadtest floor`: plain hyper that pairs POSTs, without XML, sessions or upstream; no long-poll push can cost much less.
//! `/hold/N?W` waits up to W seconds for what is posted to `/push/N`, which itself is answered at once.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// One pushed body.
const BODY: usize = 1 << 20;
/// Pushed bodies that nobody has fetched yet.
const QUEUE: usize = 4096;

#[derive(Default)]
struct Mailbox {
    waiting: Option<oneshot::Sender<Bytes>>,
    queued: Vec<Bytes>,
}

#[derive(Default)]
struct Mailboxes(Mutex<HashMap<u64, Mailbox>>);

pub async fn serve(listen: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen).await.context("listen")?;
    let mailboxes = Arc::new(Mailboxes::default());
    loop {
        let (socket, _) = listener.accept().await.context("accept")?;
        socket.set_nodelay(true)?;
        let mailboxes = mailboxes.clone();
        let service = service_fn(move |request| answer(mailboxes.clone(), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

async fn answer(mailboxes: Arc<Mailboxes>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let target = Target::parse(request.uri());
    let body = Limited::new(request.into_body(), BODY).collect().await;
    let (status, body) = match (target, body) {
        (Some(Target::Push(number)), Ok(body)) => mailboxes.push(number, body.to_bytes()),
        (Some(Target::Hold(number, wait)), Ok(_)) => (StatusCode::OK, mailboxes.hold(number, wait).await),
        _ => (StatusCode::BAD_REQUEST, Bytes::new()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

enum Target {
    Push(u64),
    Hold(u64, Duration),
}

impl Target {
    fn parse(uri: &http::Uri) -> Option<Target> {
        let (verb, number) = uri.path().strip_prefix('/')?.split_once('/')?;
        let number = number.parse().ok()?;
        match verb {
            "push" => Some(Target::Push(number)),
            "hold" => {
                let wait = uri.query()?.parse().ok()?;
                Some(Target::Hold(number, Duration::from_secs(wait)))
            }
            _ => None,
        }
    }
}

impl Mailboxes {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Mailbox>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, number: u64, body: Bytes) -> (StatusCode, Bytes) {
        let mut mailboxes = self.lock();
        let mailbox = mailboxes.entry(number).or_default();
        let refused = match mailbox.waiting.take() {
            Some(waiting) => waiting.send(body),
            None => Err(body),
        };
        match refused {
            Ok(()) => (StatusCode::OK, Bytes::new()),
            Err(_) if mailbox.queued.len() == QUEUE => (StatusCode::SERVICE_UNAVAILABLE, Bytes::new()),
            Err(body) => {
                mailbox.queued.push(body);
                (StatusCode::OK, Bytes::new())
            }
        }
    }

    /// A second request on hold answers the first one empty, as BOSH does.
    async fn hold(&self, number: u64, wait: Duration) -> Bytes {
        let mut answer = match self.take(number) {
            Ok(queued) => return queued,
            Err(answer) => answer,
        };
        if let Ok(answer) = tokio::time::timeout(wait, &mut answer).await {
            return answer.unwrap_or_default();
        }
        let _mailboxes = self.lock();
        answer.close();
        answer.try_recv().unwrap_or_default()
    }

    fn take(&self, number: u64) -> Result<Bytes, oneshot::Receiver<Bytes>> {
        let mut mailboxes = self.lock();
        let mailbox = mailboxes.entry(number).or_default();
        match mailbox.queued.len() {
            0 => {
                let (sender, receiver) = oneshot::channel();
                mailbox.waiting = Some(sender);
                Err(receiver)
            }
            1 => Ok(mailbox.queued.remove(0)),
            _ => {
                let mut joined = BytesMut::new();
                for body in mailbox.queued.drain(..) {
                    joined.extend_from_slice(&body);
                }
                Ok(joined.freeze())
            }
        }
    }
}
