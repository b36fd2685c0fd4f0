//! A network between client and connection manager that takes one answer away: it is read to its end, as far as the manager can tell it has
//! arrived, and the client gets nothing any more.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Thief {
    pub address: SocketAddr,
    theft: Arc<Notify>,
    accepting: JoinHandle<()>,
}

impl Thief {
    /// Waits before `server` for an answer with this text.
    pub async fn start(server: SocketAddr, text: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let theft = Arc::new(Notify::new());
        let (seen, text) = (Arc::clone(&theft), Arc::<str>::from(text));
        let accepting = tokio::spawn(async move {
            // they end with this task
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.expect("a client");
                connections.spawn(carry(client, server, Arc::clone(&text), Arc::clone(&seen)));
            }
        });
        Self {
            address,
            theft,
            accepting,
        }
    }

    /// Returns when it has happened.
    pub async fn has_struck(&self) {
        timeout(PATIENCE, self.theft.notified()).await.expect("the answer in time");
    }
}

impl Drop for Thief {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr, text: Arc<str>, theft: Arc<Notify>) {
    let mut server = TcpStream::connect(server).await.expect("the manager");
    let (mut asked, mut said) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(length @ 1..) => server.write_all(&asked[..length]).await.expect("the manager listens"),
                _ => return,
            },
            read = server.read(&mut said) => match read {
                // small answers come in one piece
                Ok(length @ 1..) if String::from_utf8_lossy(&said[..length]).contains(&*text) => break,
                Ok(length @ 1..) if client.write_all(&said[..length]).await.is_ok() => {}
                _ => return,
            },
        }
    }
    theft.notify_one();
    // both connections stay, and nothing moves on them
    std::future::pending().await
}
