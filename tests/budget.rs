//! The budget of memory: many clients that are away while their server says much more than fits. boshd stays within it, nobody is ended, and
//! everything arrives when they are back (DL04).

#[path = "support"]
mod support {
    pub mod boshd;
    pub mod http;
    pub mod process;
    pub mod server;
}

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::boshd::Boshd;
use support::http::Endpoint;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const CLIENTS: usize = 200;

/// Bytes of text in one message.
const TEXT: usize = 2000;

/// A budget, and how many messages each client gets.
struct Size {
    budget: usize,
    messages: usize,
}

/// Several times what fits; in a soak, a gigabyte.
fn size() -> Size {
    let (mebibytes, messages) = match std::env::var_os("BOSHD_SOAK") {
        Some(_) => (256, 2600),
        None => (24, 300),
    };
    Size {
        budget: mebibytes << 20,
        messages,
    }
}

/// A server that says all of it when it is told to `<go/>`, as fast as it is read.
async fn serve(listener: TcpListener, messages: usize, pushed: Arc<AtomicUsize>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a stream");
        tokio::spawn(push(stream, messages, Arc::clone(&pushed)));
    }
}

async fn push(mut stream: TcpStream, messages: usize, pushed: Arc<AtomicUsize>) {
    let opening = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='i' version='1.0'>\
                   <stream:features/>";
    sees(&mut stream, "<stream:stream").await;
    stream.write_all(opening.as_bytes()).await.expect("boshd reads");
    sees(&mut stream, "<go").await;
    let text = "x".repeat(TEXT);
    for number in 0..messages {
        let message = format!("<message n='{number}'><body>{text}</body></message>");
        stream.write_all(message.as_bytes()).await.expect("boshd reads");
        pushed.fetch_add(message.len(), Ordering::Relaxed);
    }
    sees(&mut stream, "</stream:stream>").await;
}

async fn sees(stream: &mut TcpStream, text: &str) {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        assert!(stream.read_buf(&mut seen).await.expect("boshd") > 0, "the end before {text}");
    }
}

struct Client {
    endpoint: Endpoint,
    sid: String,
    rid: u64,
    messages: usize,
}

impl Client {
    async fn open(address: SocketAddr) -> Self {
        let endpoint = Endpoint::new(address, "/http-bind");
        let creation =
            "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='example.test' wait='30' hold='1' ver='1.6'/>";
        let answer = endpoint.post(creation).await;
        let sid = answer
            .split(" sid='")
            .nth(1)
            .and_then(|rest| rest.split('\'').next())
            .expect("a sid");
        Self {
            endpoint,
            sid: sid.to_owned(),
            rid: 1,
            messages: 0,
        }
    }

    /// One request; the messages in the answer follow those that came before.
    async fn ask(&mut self, attributes: &str, payload: &str) {
        self.rid += 1;
        let body = format!(
            "<body xmlns='http://jabber.org/protocol/httpbind' rid='{}' sid='{}' {attributes}>{payload}</body>",
            self.rid, self.sid
        );
        let answer = self.endpoint.post(&body).await;
        assert!(!answer.contains("type='terminate'"), "{}", &answer[..answer.len().min(300)]);
        for piece in answer.split(" n='").skip(1) {
            assert_eq!(piece.split('\'').next(), Some(self.messages.to_string().as_str()));
            assert!(piece.contains(&"x".repeat(TEXT)), "cut");
            self.messages += 1;
        }
    }
}

async fn all(clients: Vec<Client>, act: impl AsyncFnOnce(&mut Client) + Copy) -> Vec<Client> {
    let mut back = Vec::new();
    for mut client in clients {
        act(&mut client).await;
        back.push(client);
    }
    back
}

// DL04, DL03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_budget_holds_and_nothing_is_lost() {
    let Size { budget, messages } = size();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let server = listener.local_addr().expect("its address");
    let pushed = Arc::new(AtomicUsize::new(0));
    tokio::spawn(serve(listener, messages, Arc::clone(&pushed)));
    let boshd = Boshd::with(
        "example.test",
        server,
        &format!("[limits]\nmemory = {budget}\n[bosh]\nmax_pause = '10m'\n"),
    );
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Client::open(boshd.address).await);
    }
    let before = boshd.resident();
    let clients = all(clients, async |client| {
        client.ask("pause='600'", "<go xmlns='urn:go'/>").await;
    })
    .await;

    let (mut seen, mut still) = (0, Instant::now());
    while still.elapsed() < Duration::from_secs(2) {
        let now = pushed.load(Ordering::Relaxed);
        if now != seen {
            (seen, still) = (now, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let waiting = boshd.resident().saturating_sub(before);
    println!(
        "{} MiB of {} MiB pushed, {} MiB more resident, budget {} MiB",
        seen >> 20,
        (CLIENTS * messages * TEXT) >> 20,
        waiting >> 20,
        budget >> 20
    );
    assert!(waiting < budget as u64, "{waiting} bytes");
    // the rest waits where it should: in the sockets
    assert!(seen > 2 * budget, "too little was said");

    let mut back = JoinSet::new();
    for mut client in clients {
        back.spawn(async move {
            while client.messages < messages {
                client.ask("", "").await;
            }
        });
    }
    while let Some(done) = back.join_next().await {
        done.expect("everything arrives");
    }
}
