//! XMPP over WebSocket (spec.md group WS), in memory under a paused clock. Handshakes are in `tests/front/upgrade.rs`.

#[path = "../support/framed.rs"]
mod framed;
mod large;
mod limits;
#[path = "../support/logs.rs"]
mod logs;
mod stream;
#[path = "../support/websocket.rs"]
mod websocket;
