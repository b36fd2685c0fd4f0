//! The floor's client: one connection holds, the other pushes, as a BOSH client does, without XML.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};

use super::http::Http;

const HOST: &str = "floor";

pub struct Floor {
    server: SocketAddr,
    hold_path: String,
    address: String,
    holding: Http,
    held: bool,
    pushing: Option<Http>,
    inbox: Vec<u8>,
}

impl Floor {
    /// As many exchanges as a BOSH login: two bodies pushed and fetched.
    pub async fn login(server: SocketAddr, wait: u32) -> Result<Floor> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let address = format!("/push/{number}");
        let hold_path = format!("/hold/{number}?{wait}");
        let mut holding = Http::connect(server, HOST).await?;
        for _ in 0..2 {
            for path in [&address, &hold_path] {
                holding.post(path, b"login").await?;
                holding.answer().await?;
            }
        }
        Ok(Floor {
            server,
            hold_path,
            address,
            holding,
            held: false,
            pushing: None,
            inbox: Vec::new(),
        })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub async fn hold(&mut self) -> Result<()> {
        if !self.held {
            self.holding.post(&self.hold_path, b"").await?;
            self.held = true;
        }
        Ok(())
    }

    pub async fn send(&mut self, to: &str, payload: &[u8]) -> Result<()> {
        if self.pushing.is_none() {
            self.pushing = Some(Http::connect(self.server, HOST).await?);
        }
        let pushing = self.pushing.as_mut().context("no connection")?;
        pushing.post(to, payload).await?;
        pushing.answer().await?;
        Ok(())
    }

    pub async fn receive(&mut self) -> Result<&[u8]> {
        self.hold().await?;
        let answer = self.holding.answer().await?;
        self.inbox.clear();
        self.inbox.extend_from_slice(answer);
        self.holding.post(&self.hold_path, b"").await?;
        Ok(&self.inbox)
    }
}
