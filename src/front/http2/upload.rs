//! A request's body on its stream.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use http::header::{self, HeaderMap};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::front::bodies::BodyLost;

/// A body, with the deadline for its last byte.
pub struct Upload {
    stream: RecvStream,
    /// What its length, if the head had one, says of what is still to come. `h2` sees to it that no more and no less comes.
    rest: Option<u64>,
    timeout: Duration,
    /// Set for what does not come at once.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Upload {
    pub fn new(stream: RecvStream, head: &HeaderMap, timeout: Duration) -> Self {
        let length = head.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        Self {
            stream,
            rest: length.and_then(|length| length.parse().ok()),
            timeout,
            patience: None,
        }
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = BodyLost;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyLost>>> {
        match self.stream.poll_data(cx) {
            Poll::Ready(Some(Ok(data))) => {
                // the window opens again as fast as we read; an error is one of the stream, which the next look at it tells
                let _ = self.stream.flow_control().release_capacity(data.len());
                self.rest = self.rest.map(|rest| rest.saturating_sub(data.len() as u64));
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Poll::Ready(None) => Poll::Ready(None),
            // it was whole before the stream or its connection ended, and is carried out (FX01)
            Poll::Ready(Some(Err(_))) if self.rest == Some(0) => Poll::Ready(None),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(BodyLost::Broken))),
            Poll::Pending => {
                let timeout = self.timeout;
                let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(timeout)));
                patience.as_mut().poll(cx).map(|()| Some(Err(BodyLost::Late)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.rest.map(SizeHint::with_exact).unwrap_or_default()
    }
}
