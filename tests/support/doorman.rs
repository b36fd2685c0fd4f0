//! A network that lets no WebSocket through, in one of the ways that there are.

use std::io::Result;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};

use super::network::{Dial, Io, Later, Network};

#[derive(Clone, Copy)]
pub enum Doorman {
    /// Says that it is forbidden.
    Refuses,
    /// Ends the connection without a word.
    HangsUp,
}

/// A handshake is the first on its connection, and shorter than this.
const HEAD: usize = 8 * 1024;

impl Doorman {
    async fn meet(self, mut client: Io, server: Dial) -> Result<()> {
        let mut head = Vec::new();
        while head.len() < HEAD && !head.windows(4).any(|window| window == b"\r\n\r\n") {
            if client.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        if !String::from_utf8_lossy(&head)
            .to_lowercase()
            .contains("\r\nupgrade: websocket\r\n")
        {
            let mut server = server().await?;
            server.write_all(&head).await?;
            return copy_bidirectional(&mut client, &mut server).await.map(|_| ());
        }
        match self {
            Self::Refuses => {
                client
                    .write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .await
            }
            Self::HangsUp => Ok(()),
        }
    }
}

impl Network for Doorman {
    fn carry(self: Arc<Self>, client: Io, server: Dial) -> Later<Result<()>> {
        Box::pin(self.meet(client, server))
    }
}
