//! A client that speaks XMPP over WebSocket (RFC 7395), message by message.
#![allow(dead_code, reason = "each test file uses its part")]

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Longer than anything takes that is expected to happen at all.
const PATIENCE: Duration = Duration::from_secs(20);

pub const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

/// One WebSocket.
pub struct Client<S> {
    pub socket: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Asks for a WebSocket with the subprotocol `xmpp` and these headers.
    pub async fn on(io: S, headers: &[(&'static str, &'static str)]) -> Result<(Self, Response), Error> {
        let mut request = "ws://chat.example.org/ws".into_client_request()?;
        for (name, value) in [("Sec-WebSocket-Protocol", "xmpp")].iter().chain(headers) {
            request.headers_mut().insert(*name, value.parse().expect("a value"));
        }
        let (socket, response) = client_async(request, io).await?;
        Ok((Self { socket }, response))
    }

    pub async fn say(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    pub async fn send(&mut self, message: Message) {
        let sent = timeout(PATIENCE, self.socket.send(message)).await;
        sent.expect("to be heard in time").expect("a connection");
    }

    /// The next text.
    pub async fn hear(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.to_string(),
            other => panic!("no text: {other}"),
        }
    }

    /// The next text, which begins with this.
    pub async fn hears(&mut self, start: &str) -> String {
        let heard = self.hear().await;
        assert!(heard.starts_with(start), "{heard} instead of {start}");
        heard
    }

    /// The condition of a stream error, which is the next text, and its end, which is the last but for the close frame with this code.
    pub async fn fails(&mut self, code: u16) -> String {
        let error = self
            .hears("<stream:error xmlns:stream='http://etherx.jabber.org/streams'><")
            .await;
        let (_, condition) = error.split_once("streams'><").expect("a condition");
        let condition = condition.split([' ', '/']).next().expect("a name").to_owned();
        assert_eq!(self.hear().await, CLOSE);
        self.is_closed(code).await;
        condition
    }

    /// The connection is closed with this code.
    pub async fn is_closed(&mut self, expected: u16) {
        match self.next().await {
            Message::Close(Some(frame)) => assert_eq!(u16::from(frame.code), expected),
            other => panic!("no close frame: {other}"),
        }
        self.ends().await;
    }

    /// Nothing more comes.
    pub async fn ends(&mut self) {
        let end = timeout(PATIENCE, self.socket.next()).await.expect("the end in time");
        assert!(matches!(end, None | Some(Err(_))), "{end:?}");
    }

    /// Nothing comes within this time but pings.
    pub async fn is_silent_for(&mut self, time: Duration) -> bool {
        let text = async { while let Some(Ok(Message::Ping(_))) = self.socket.next().await {} };
        timeout(time, text).await.is_err()
    }

    /// The next message that is no ping.
    pub async fn next(&mut self) -> Message {
        let message = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Ping(_))) => {}
                    Some(Ok(message)) => return message,
                    other => panic!("no message: {other:?}"),
                }
            }
        };
        timeout(PATIENCE, message).await.expect("a message in time")
    }
}
