//! A name server of the tests' own on loopback, over UDP and TCP: it says what its table says, which a test may change at any time, and
//! counts what it is asked. A name that is not in the table does not exist.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, MutexGuard};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, SOA, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::AbortHandle;

/// Of what a test does not care to see expire.
pub const LONG: u32 = 600;

#[derive(Clone, Debug)]
pub enum Says {
    Records(Vec<RData>),
    NoSuchName,
    /// The name exists, with other types.
    Nothing,
    /// SERVFAIL
    Fails,
    Silence,
    /// These bytes behind the id.
    Garbage(Vec<u8>),
}

type Question = (String, RecordType);

#[derive(Default)]
struct Table {
    /// With the time for which it may be remembered, in seconds.
    answers: HashMap<Question, (Says, u32)>,
    asked: HashMap<Question, usize>,
    over_tcp: usize,
}

pub struct NameServer {
    pub address: SocketAddr,
    table: Arc<Mutex<Table>>,
    serving: [AbortHandle; 2],
}

impl NameServer {
    pub async fn start() -> Self {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            // The same port need not be free for UDP.
            match UdpSocket::bind(tcp.local_addr().unwrap()).await {
                Ok(udp) => break (tcp, udp),
                Err(taken) => assert_eq!(taken.kind(), io::ErrorKind::AddrInUse),
            }
        };
        let address = tcp.local_addr().unwrap();
        let table = Arc::default();
        let serving = [
            tokio::spawn(serve_udp(udp, Arc::clone(&table))).abort_handle(),
            tokio::spawn(serve_tcp(tcp, Arc::clone(&table))).abort_handle(),
        ];
        Self { address, table, serving }
    }

    pub fn says(&self, name: &str, kind: RecordType, ttl: u32, says: Says) {
        self.table().answers.insert((name.to_owned(), kind), (says, ttl));
    }

    /// `priority weight port target`, each.
    pub fn srv(&self, service: &str, ttl: u32, records: &[&str]) {
        let records = records.iter().map(|record| srv(record)).collect();
        self.says(service, RecordType::SRV, ttl, Says::Records(records));
    }

    /// Those of one family.
    pub fn addresses(&self, name: &str, ttl: u32, addresses: &[&str]) {
        let addresses = addresses
            .iter()
            .map(|address| RData::from(address.parse::<IpAddr>().unwrap()));
        let addresses: Vec<RData> = addresses.collect();
        self.says(name, addresses[0].record_type(), ttl, Says::Records(addresses));
    }

    pub fn alias(&self, name: &str, ttl: u32, target: &str) {
        let target = RData::CNAME(CNAME(absolute(target)));
        self.says(name, RecordType::CNAME, ttl, Says::Records(vec![target]));
    }

    /// How often it was asked for this.
    pub fn asked(&self, name: &str, kind: RecordType) -> usize {
        self.table().asked.get(&(name.to_owned(), kind)).copied().unwrap_or(0)
    }

    /// How often it was asked for anything.
    pub fn asked_at_all(&self) -> usize {
        self.table().asked.values().sum()
    }

    pub fn asked_over_tcp(&self) -> usize {
        self.table().over_tcp
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.serving.iter().for_each(AbortHandle::abort);
    }
}

async fn serve_udp(socket: UdpSocket, table: Arc<Mutex<Table>>) {
    let mut buffer = vec![0; 4096];
    loop {
        let (length, client) = socket.recv_from(&mut buffer).await.unwrap();
        let request = Message::from_vec(&buffer[..length]).unwrap();
        let most = usize::from(request.max_payload());
        let answer = table.lock().unwrap().answer(&request, most);
        if let Some(answer) = answer {
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, table: Arc<Mutex<Table>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(answer_over_tcp(stream, Arc::clone(&table)));
    }
}

/// Until the other side closes the connection.
async fn answer_over_tcp(mut stream: TcpStream, table: Arc<Mutex<Table>>) -> io::Result<()> {
    loop {
        let mut request = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut request).await?;
        table.lock().unwrap().over_tcp += 1;
        let request = Message::from_vec(&request).unwrap();
        let answer = table.lock().unwrap().answer(&request, usize::from(u16::MAX));
        if let Some(answer) = answer {
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await?;
            stream.write_all(&answer).await?;
        }
    }
}

impl Table {
    /// What is longer than `most` is left out, and the client told so.
    fn answer(&mut self, request: &Message, most: usize) -> Option<Vec<u8>> {
        let question = &request.queries[0];
        *self.asked.entry(key(question.name(), question.query_type())).or_default() += 1;
        let mut message = Message::response(request.id, request.op_code);
        message.metadata.recursion_available = true;
        message.metadata.recursion_desired = request.recursion_desired;
        message.add_query(question.clone());
        let name = self.follow(question.name(), question.query_type(), &mut message);
        let entry = self.answers.get(&key(&name, question.query_type())).cloned();
        match entry.unwrap_or((Says::NoSuchName, 0)) {
            (Says::Records(records), ttl) => {
                message.add_answers(records.into_iter().map(|data| Record::from_rdata(name.clone(), ttl, data)));
            }
            (Says::NoSuchName, ttl) => {
                message.metadata.response_code = ResponseCode::NXDomain;
                message.add_authority(authority(&name, ttl));
            }
            (Says::Nothing, ttl) => {
                message.add_authority(authority(&name, ttl));
            }
            (Says::Fails, _) => message.metadata.response_code = ResponseCode::ServFail,
            (Says::Silence, _) => return None,
            (Says::Garbage(bytes), _) => return Some([&request.id.to_be_bytes(), &bytes[..]].concat()),
        }
        let bytes = message.to_vec().unwrap();
        if bytes.len() <= most {
            return Some(bytes);
        }
        Some(message.truncate().to_vec().unwrap())
    }

    /// Puts the aliases into the answer, as a server that asks others does, and returns what they lead to.
    fn follow(&self, name: &Name, kind: RecordType, message: &mut Message) -> Name {
        let mut name = name.clone();
        for _ in 0..8 {
            let alias = self.answers.get(&key(&name, RecordType::CNAME));
            let Some((Says::Records(alias), ttl)) = alias.filter(|_| kind != RecordType::CNAME) else {
                break;
            };
            message.add_answer(Record::from_rdata(name.clone(), *ttl, alias[0].clone()));
            let RData::CNAME(CNAME(next)) = &alias[0] else {
                panic!("no alias: {alias:?}");
            };
            name = next.clone();
        }
        name
    }
}

fn key(name: &Name, kind: RecordType) -> Question {
    (name.to_lowercase().to_ascii().trim_end_matches('.').to_owned(), kind)
}

/// How long a client may remember that there is nothing (RFC 2308 section 5).
fn authority(name: &Name, ttl: u32) -> Record {
    let soa = SOA::new(Name::root(), Name::root(), 1, 1, 1, 1, ttl);
    Record::from_rdata(name.clone(), ttl, RData::SOA(soa))
}

fn srv(text: &str) -> RData {
    let [priority, weight, port, target] = text.split(' ').collect::<Vec<_>>()[..] else {
        panic!("priority weight port target: {text}");
    };
    let number = |text: &str| text.parse::<u16>().unwrap();
    RData::SRV(SRV::new(number(priority), number(weight), number(port), absolute(target)))
}

fn absolute(name: &str) -> Name {
    let mut name = Name::from_str(name).unwrap();
    name.set_fqdn(true);
    name
}
