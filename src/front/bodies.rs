//! The bodies that pass through hyper, which say when a request has arrived whole and when its response is buffered in full.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use super::tap::Turn;
use super::turn::Persistence;
use crate::manager::Exchange;

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
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
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
