//! Stands before a server and counts the connections to it, and the bytes that it is sent.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub struct Counter {
    pub address: SocketAddr,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    opened: AtomicU64,
    closed: AtomicU64,
    bytes: AtomicU64,
}

impl Counter {
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let counts = Arc::<Counts>::default();
        let kept = Arc::clone(&counts);
        let accepting = tokio::spawn(async move {
            // they end with this task
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.expect("a client");
                kept.opened.fetch_add(1, Ordering::Relaxed);
                connections.spawn(carry(client, server, Arc::clone(&kept)));
            }
        });
        Self {
            address,
            counts,
            accepting,
        }
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.counts.opened.load(Ordering::Relaxed)
    }

    /// Of these, those that are open.
    pub fn open(&self) -> u64 {
        let closed = self.counts.closed.load(Ordering::Relaxed);
        self.connections() - closed
    }

    /// Of what clients sent, in all.
    pub fn bytes(&self) -> u64 {
        self.counts.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Errors are the end of a connection like any other.
async fn carry(mut client: TcpStream, server: SocketAddr, counts: Arc<Counts>) {
    if let Ok(mut server) = TcpStream::connect(server).await {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let up = async {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                counts.bytes.fetch_add(length as u64, Ordering::Relaxed);
                let _ = to_server.write_all(&buffer[..length]).await;
            }
            let _ = to_server.shutdown().await;
        };
        let down = async {
            let _ = copy(&mut from_server, &mut to_client).await;
            let _ = to_client.shutdown().await;
        };
        tokio::join!(up, down);
    }
    counts.closed.fetch_add(1, Ordering::Relaxed);
}
