//! An XMPP client over TCP without TLS, to see what the stream side alone costs.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{null, scan};

const AUTH: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
const BIND: &str = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
/// The largest run of bytes without a whole element.
const ELEMENT: usize = 4 << 20;

pub struct Tcp {
    stream: TcpStream,
    address: String,
    input: Vec<u8>,
    /// The elements at the front of `input`, already handed out.
    taken: usize,
}

impl Tcp {
    pub async fn login(server: SocketAddr) -> Result<Tcp> {
        let stream = super::connect(server).await?;
        let mut client = Tcp {
            stream,
            address: String::new(),
            input: Vec::new(),
            taken: 0,
        };
        let header = format!(
            "<?xml version='1.0'?><stream:stream to='{}' version='1.0' xmlns='jabber:client' \
            xmlns:stream='http://etherx.jabber.org/streams'>",
            null::DOMAIN
        );
        client.step(&header, "</stream:features>").await?;
        client.step(AUTH, "<success").await?;
        client.step(&header, "</stream:features>").await?;
        client.step(BIND, "</iq>").await?;
        let address = scan::between(&client.input, "<jid>", "</jid>").context("no jid")?;
        client.address = String::from_utf8(address.to_vec())?;
        client.input.clear();
        Ok(client)
    }

    async fn step(&mut self, payload: &str, expected: &str) -> Result<()> {
        self.input.clear();
        self.send(payload.as_bytes()).await?;
        while !scan::contains(&self.input, expected) {
            self.read().await?;
        }
        Ok(())
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub async fn send(&mut self, payload: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(payload).await?)
    }

    /// As many whole elements as have come, at least one.
    pub async fn receive(&mut self) -> Result<&[u8]> {
        self.input.drain(..self.taken);
        self.taken = 0;
        while self.taken == 0 {
            self.read().await?;
            while let Some(length) = scan::element(&self.input[self.taken..]) {
                self.taken += length;
            }
        }
        Ok(&self.input[..self.taken])
    }

    async fn read(&mut self) -> Result<()> {
        ensure!(self.input.len() < ELEMENT, "an element is too long");
        self.input.reserve(self.input.len().max(1024));
        let read = self.stream.read_buf(&mut self.input).await?;
        ensure!(read > 0, "the server closed the stream");
        Ok(())
    }
}
