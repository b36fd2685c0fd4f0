//! `loadtest null`: the cheapest server that an XMPP client accepts, so that what stands before it can be measured.
//! SASL ANONYMOUS, bind to `N@null/r`, messages routed by their `to`; each stream's queue and input are bounded.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::scan;

/// Pieces waiting for a stream that is not read: above that the stream ends, since nothing may be lost in silence.
const QUEUE: usize = 4096;
/// One element.
const ELEMENT: usize = 1 << 20;

/// The only domain that is served.
pub const DOMAIN: &str = "null";

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' id='null' from='null' version='1.0'>";
const MECHANISMS: &str = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
    <mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>";
const BIND: &str = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
    <session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session></stream:features>";
const SUCCESS: &[u8] = b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
const CLOSE: &[u8] = b"</stream:stream>";

type Streams = Arc<Mutex<HashMap<u64, Sender<Bytes>>>>;

pub async fn serve(listen: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen).await.context("listen")?;
    let streams = Streams::default();
    for number in 0.. {
        let (socket, _) = listener.accept().await.context("accept")?;
        tokio::spawn(serve_stream(socket, number, streams.clone()));
    }
    Ok(())
}

async fn serve_stream(socket: TcpStream, number: u64, streams: Streams) -> Result<()> {
    socket.set_nodelay(true)?;
    let (input, output) = socket.into_split();
    let (sender, queue) = channel(QUEUE);
    lock(&streams).insert(number, sender.clone());
    let mut stream = Stream {
        number,
        streams: streams.clone(),
        own: sender,
        authenticated: false,
    };
    let outcome = tokio::select! {
        outcome = stream.read(input) => outcome,
        outcome = write(output, queue) => outcome,
    };
    lock(&streams).remove(&number);
    outcome
}

fn lock(streams: &Streams) -> std::sync::MutexGuard<'_, HashMap<u64, Sender<Bytes>>> {
    streams.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that waits goes out in one write.
async fn write(mut output: OwnedWriteHalf, mut queue: Receiver<Bytes>) -> Result<()> {
    let mut joined = Vec::new();
    while let Some(first) = queue.recv().await {
        let Ok(second) = queue.try_recv() else {
            output.write_all(&first).await?;
            continue;
        };
        joined.clear();
        joined.extend_from_slice(&first);
        joined.extend_from_slice(&second);
        while let Ok(piece) = queue.try_recv() {
            joined.extend_from_slice(&piece);
        }
        output.write_all(&joined).await?;
    }
    Ok(())
}

struct Stream {
    number: u64,
    streams: Streams,
    own: Sender<Bytes>,
    authenticated: bool,
}

impl Stream {
    async fn read(&mut self, mut input: OwnedReadHalf) -> Result<()> {
        let mut buffer = BytesMut::new();
        loop {
            // As much again as is there, so that a long element is not scanned for each packet.
            buffer.reserve(buffer.len().max(2048));
            if input.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
            while let Some(piece) = next(&mut buffer) {
                self.handle(piece)?;
            }
            ensure!(buffer.len() < ELEMENT, "an element is too long");
        }
    }

    fn handle(&mut self, piece: Bytes) -> Result<()> {
        match scan::name(&piece) {
            b"message" => self.route(piece),
            b"iq" => self.answer(&piece),
            b"stream:stream" => {
                let features = if self.authenticated { BIND } else { MECHANISMS };
                self.reply(format!("{HEADER}{features}"))
            }
            b"auth" => {
                self.authenticated = true;
                self.reply(SUCCESS)
            }
            b"" if piece.starts_with(CLOSE) => self.reply(CLOSE),
            _ => Ok(()),
        }
    }

    /// A message to nobody is dropped; the generator will report it as lost.
    fn route(&self, message: Bytes) -> Result<()> {
        let target = recipient(&message).and_then(|number| lock(&self.streams).get(&number).cloned());
        match target {
            Some(target) => Ok(target.try_send(message)?),
            None => Ok(()),
        }
    }

    fn answer(&self, iq: &[u8]) -> Result<()> {
        let tag = &iq[..scan::tag(iq).unwrap_or(iq.len())];
        if !matches!(scan::attribute(tag, "type"), Some(b"get" | b"set")) {
            return Ok(());
        }
        let id = String::from_utf8_lossy(scan::attribute(tag, "id").unwrap_or_default());
        if !scan::contains(iq, "<bind") {
            return self.reply(format!("<iq type='result' id='{id}'/>"));
        }
        let number = self.number;
        self.reply(format!(
            "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
            <jid>{number}@null/r</jid></bind></iq>"
        ))
    }

    fn reply(&self, bytes: impl Into<Bytes>) -> Result<()> {
        Ok(self.own.try_send(bytes.into())?)
    }
}

/// Takes the next whole piece: an element, a stream header, a closing tag or a declaration.
fn next(buffer: &mut BytesMut) -> Option<Bytes> {
    let space = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    buffer.advance(space);
    let tag = scan::tag(buffer)?;
    let alone = buffer.starts_with(b"<stream:stream") || matches!(buffer[1], b'/' | b'?');
    let length = if alone { tag } else { scan::element(buffer)? };
    Some(buffer.split_to(length).freeze())
}

fn recipient(message: &[u8]) -> Option<u64> {
    let to = scan::attribute(&message[..scan::tag(message)?], "to")?;
    let local = to.split(|byte| *byte == b'@').next()?;
    std::str::from_utf8(local).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_taken_one_by_one() {
        let mut buffer =
            BytesMut::from("<?xml version='1.0'?><stream:stream to='null'> <iq id='1'><ping/></iq>\n</stream:stream><mess");
        let mut pieces = std::iter::from_fn(|| next(&mut buffer));
        assert_eq!(pieces.next().as_deref(), Some(&b"<?xml version='1.0'?>"[..]));
        assert_eq!(pieces.next().as_deref(), Some(&b"<stream:stream to='null'>"[..]));
        assert_eq!(pieces.next().as_deref(), Some(&b"<iq id='1'><ping/></iq>"[..]));
        assert_eq!(pieces.next().as_deref(), Some(CLOSE));
        assert_eq!(pieces.next(), None);
        assert_eq!(&buffer[..], b"<mess");
    }

    #[test]
    fn the_recipient_is_the_number_before_the_at() {
        assert_eq!(recipient(b"<message id='a' to='17@null/r'><body/></message>"), Some(17));
        assert_eq!(recipient(b"<message to='x@null'/>"), None);
        assert_eq!(recipient(b"<message/>"), None);
    }
}
