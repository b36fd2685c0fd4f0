//! The connection manager: sessions that are alive.

use std::future::Future as _;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::bosh::{Condition, Request, RequestId, Response, Sid};
use crate::upstream::Connect;

/// The client's true address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    pub address: IpAddr,
}

/// All live sessions.
pub struct ConnectionManager {
    connector: Arc<dyn Connect>,
}

impl ConnectionManager {
    /// Is there a session of this name? Asked as soon as a request's `<body ...>` tag has been read.
    pub fn knows(&self, sid: &Sid) -> bool {
        let _ = (sid, &self.connector);
        todo!()
    }

    /// Carries one request out, at once and whole, whatever happens to its connection; the answer is awaited on the [`Exchange`].
    pub fn exchange(&self, request: Request, peer: &Peer) -> Exchange {
        let _ = (request, peer);
        todo!()
    }
}

/// One request with its way back: a future of the answer, and what the connection has to say meanwhile.
///
/// Dropped before [`Exchange::written`], it tells the session that the connection died (`HungUp`).
pub struct Exchange {
    answer: Answer,
    session: Option<(Arc<dyn Tied>, RequestId)>,
}

enum Answer {
    Ready(Option<Response>),
    Waiting(oneshot::Receiver<Response>),
}

/// What a live session wants to know of a request's connection.
pub trait Tied: Send + Sync {
    fn release(&self, id: RequestId);
    fn written(&self, id: RequestId);
    fn hung_up(&self, id: RequestId);
}

impl Exchange {
    /// An exchange that is over before it began.
    pub fn answered(response: Response) -> Self {
        Self {
            answer: Answer::Ready(Some(response)),
            session: None,
        }
    }

    /// The client has sent more behind this request: answer it now, as the next one waits for that (O01).
    pub fn release(&self) {
        if let Some((session, id)) = &self.session {
            session.release(*id);
        }
    }

    /// The answer has left in full. Inactivity runs from now (XEP-0124 section 10).
    pub fn written(mut self) {
        if let Some((session, id)) = self.session.take() {
            session.written(id);
        }
    }

    /// The answer, once. After `Ready` it must not be polled again.
    pub fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Response> {
        match &mut self.answer {
            Answer::Ready(response) => Poll::Ready(
                response
                    .take()
                    .unwrap_or_else(|| Response::fatal(Condition::InternalServerError)),
            ),
            Answer::Waiting(receiver) => Pin::new(receiver)
                .poll(cx)
                .map(|r| r.unwrap_or_else(|_| Response::fatal(Condition::InternalServerError))),
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some((session, id)) = self.session.take() {
            session.hung_up(id);
        }
    }
}
