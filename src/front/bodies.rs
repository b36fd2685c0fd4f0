//! The bodies that pass through hyper, which say when a request has arrived whole and when its response is buffered in full.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use super::tap::{Arrival, Turn};
use super::turn::Persistence;
use crate::manager::Exchange;

/// Why the rest of a request's body will not come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BodyLost {
    #[error("it is malformed, or the connection broke")]
    Broken,
    #[error("it took too long")]
    Late,
}

/// A request's body, which says when the handler has it whole.
pub struct Arriving {
    body: Option<Incoming>,
    turn: Arc<Turn>,
}

impl Arriving {
    pub fn new(body: Incoming, turn: Arc<Turn>) -> Self {
        Self { body: Some(body), turn }
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = BodyLost;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyLost>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = match Pin::new(body).poll_frame(cx) {
            Poll::Ready(frame) => frame.map(|frame| frame.map_err(|_| BodyLost::Broken)),
            Poll::Pending if self.turn.arrival() == Arrival::GivenUp => Some(Err(BodyLost::Late)),
            Poll::Pending => return Poll::Pending,
        };
        if frame.is_none() {
            self.turn.arrived();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Incoming::size_hint).unwrap_or_default()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if self.is_end_stream() {
            self.turn.arrived();
        } else {
            self.turn.set_aside(self.body.take());
        }
    }
}

/// A response's body. hyper drops it when it has buffered all of it.
pub struct Departing {
    body: Body,
    turn: Arc<Turn>,
    exchange: Option<Exchange>,
    persistence: Persistence,
}

impl Departing {
    pub fn new(body: Body, turn: Arc<Turn>, exchange: Option<Exchange>, persistence: Persistence) -> Self {
        Self {
            body,
            turn,
            exchange,
            persistence,
        }
    }
}

impl HttpBody for Departing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Departing {
    fn drop(&mut self) {
        self.turn.buffered(self.exchange.take(), self.persistence);
    }
}
