//! One request with its way back: what its connection waits for, and what the connection has to say meanwhile.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::bosh::LiveSession;
use crate::bosh::{Condition, Input, RequestId, Response};

/// A future of the answer. Dropped before [`Exchange::written`], it tells the session that the connection died (`HungUp`).
pub struct Exchange {
    answer: Answer,
    session: Option<(Arc<LiveSession>, RequestId)>,
}

enum Answer {
    Ready(Option<Response>),
    Waiting(oneshot::Receiver<Response>),
}

impl Exchange {
    /// An exchange that is over before it began.
    pub fn answered(response: Response) -> Self {
        Self {
            answer: Answer::Ready(Some(response)),
            session: None,
        }
    }

    pub(super) fn waiting(session: Arc<LiveSession>, id: RequestId, answer: oneshot::Receiver<Response>) -> Self {
        Self {
            answer: Answer::Waiting(answer),
            session: Some((session, id)),
        }
    }

    /// The client has sent more behind this request: answer it now, as the next one waits for that (O01).
    pub fn release(&self) {
        if let Some((session, id)) = &self.session {
            session.tell(Input::Release { id: *id });
        }
    }

    /// The answer has left in full. Inactivity runs from now (XEP-0124 section 10).
    pub fn written(mut self) {
        if let Some((session, id)) = self.session.take() {
            session.tell(Input::Written { id });
        }
    }

    /// The answer, once; after that it is `internal-server-error`.
    pub fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Response> {
        let lost = || Response::fatal(Condition::InternalServerError);
        match &mut self.answer {
            Answer::Ready(response) => Poll::Ready(response.take().unwrap_or_else(lost)),
            Answer::Waiting(receiver) => match Pin::new(receiver).poll(cx) {
                Poll::Ready(response) => {
                    self.answer = Answer::Ready(None);
                    Poll::Ready(response.unwrap_or_else(|_| lost()))
                }
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some((session, id)) = self.session.take() {
            session.tell(Input::HungUp { id });
        }
    }
}
