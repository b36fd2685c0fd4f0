//! Between the words of [`crate::xmpp`] and those of [`crate::bosh`], which know nothing of one another.

use crate::bosh::{self, Opening, ServerEvent, ServerFailure};
use crate::upstream::stream::StreamFailure;
use crate::xml::XmlError;
use crate::xml::scope::standing;
use crate::xmpp::managed::Managed;
use crate::xmpp::{self, Domain, STREAMS, StreamEvent, StreamHeader};

/// The header that opens a stream: version 1.0 unless the client says otherwise (Q01), and only a valid bare JID in `from` (C13).
pub(super) fn header(domain: &Domain, opening: Opening) -> StreamHeader {
    StreamHeader {
        to: Some(domain.as_str().into()),
        from: opening.from.and_then(|from| xmpp::bare_jid(&from)),
        version: Some(opening.version.unwrap_or_else(|| "1.0".into())),
        lang: opening.lang,
        id: None,
    }
}

/// `proto:host:port`: the host and the port, whatever the protocol (C14).
pub(super) fn route(text: &str) -> Option<(String, u16)> {
    let (_, place) = text.split_once(':')?;
    let (host, port) = xmpp::host_and_port(place)?;
    Some((host, port?))
}

pub(super) fn event(event: StreamEvent) -> ServerEvent {
    match event {
        StreamEvent::Opened(StreamHeader { version, from, id, .. }) => ServerEvent::Opened { version, from, id },
        StreamEvent::Features(features) => ServerEvent::Features(features),
        StreamEvent::Authenticated(success) => ServerEvent::Authenticated(success),
        StreamEvent::Managed(Managed::Resumable, payload) => ServerEvent::Managed(bosh::Managed::Resumable, payload),
        StreamEvent::Managed(Managed::Acknowledged, payload) => ServerEvent::Managed(bosh::Managed::Acknowledged, payload),
        StreamEvent::Payload(payload) => ServerEvent::Payload(payload),
        StreamEvent::Error(error) => ServerEvent::Failed(ServerFailure::StreamError(error.element)),
        StreamEvent::Closed => ServerEvent::Closed,
    }
}

pub(super) fn failure(failure: &StreamFailure) -> ServerEvent {
    match failure {
        StreamFailure::Ended => ServerEvent::Closed,
        StreamFailure::Xml(error @ XmlError::Foreign) => {
            let condition = stream_condition(*error);
            let detail = format!("<{condition} xmlns='{STREAMS}'/>");
            ServerEvent::Failed(ServerFailure::Foreign(standing(detail.into(), STREAMS.into(), condition)))
        }
        StreamFailure::Io(_) | StreamFailure::Xml(_) => ServerEvent::Failed(ServerFailure::Unreachable),
    }
}

/// What the server is told of its own mistake (RFC 6120 section 4.9.3).
pub(super) fn stream_condition(error: XmlError) -> &'static str {
    match error {
        XmlError::NotUtf8 => "unsupported-encoding",
        XmlError::Restricted => "restricted-xml",
        XmlError::UnboundPrefix => "bad-namespace-prefix",
        XmlError::TooLarge => "policy-violation",
        XmlError::Foreign => "invalid-namespace",
        XmlError::NotWellFormed | XmlError::StrayText => "not-well-formed",
    }
}
