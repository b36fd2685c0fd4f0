//! Plays a script: a client that says what is written, polls as it does, and hears answers in the order of its requests.

use std::collections::VecDeque;
use std::net::SocketAddr;

use tokio::time::timeout;

use super::answer::Answer;
use super::bench::PATIENCE;
use super::bench::poster::Connection;
use super::script::{Act, Check, Connections, Script, Step};
use super::secrets::{Keys, Scram, USER, plain};

pub struct Client<'a> {
    script: &'a Script,
    address: SocketAddr,
    domain: &'a str,
    head: &'a str,
    /// Those that are closed are gone.
    connections: Vec<Option<Connection>>,
    /// Requests without an answer, by connection, the oldest first.
    open: VecDeque<usize>,
    /// Of the next request.
    rid: u64,
    keys: Option<Keys>,
    scram: Scram,
    /// The answer that made the session.
    creation: Option<Answer>,
    jid: String,
    /// What the last challenge held.
    challenge: String,
    /// The payloads of all requests.
    said: String,
}

impl<'a> Client<'a> {
    pub fn new(script: &'a Script, address: SocketAddr, domain: &'a str) -> Self {
        Self {
            script,
            address,
            domain,
            head: "",
            connections: Vec::new(),
            open: VecDeque::new(),
            rid: script.rid,
            keys: script.keys.map(Keys::new),
            scram: Scram::default(),
            creation: None,
            jid: String::new(),
            challenge: String::new(),
            said: String::new(),
        }
    }

    /// Plays all of it: the payloads that were sent.
    pub async fn play(mut self) -> String {
        for Step { line, act } in &self.script.steps {
            let done = timeout(PATIENCE, self.act(act)).await;
            done.unwrap_or_else(|_| panic!("line {line}: nothing like it came"))
                .unwrap_or_else(|why| panic!("line {line}: {why}"));
        }
        self.said
    }

    async fn act(&mut self, act: &'a Act) -> Result<(), String> {
        match act {
            Act::Head(head) => self.head = head,
            Act::Send(body) => self.send(body).await,
            Act::Poll => self.poll().await?,
            Act::Answer(checks) => {
                let answer = self.next_answer().await?;
                if let Some(check) = self.failing(&answer, checks) {
                    return Err(format!("{check:?} in {}", answer.text));
                }
            }
            Act::Hear(checks) => self.hear(checks).await?,
            Act::End => self.end().await?,
            Act::HangUp => {
                self.open.clear();
                self.connections.clear();
            }
        }
        Ok(())
    }

    async fn hear(&mut self, checks: &[Check]) -> Result<(), String> {
        loop {
            if self.open.is_empty() {
                self.poll().await?;
            }
            let answer = self.next_answer().await?;
            if self.failing(&answer, checks).is_none() {
                return Ok(());
            }
        }
    }

    /// One of the answers that are missing is the end, with nothing wrong; those behind it are empty.
    async fn end(&mut self) -> Result<(), String> {
        let mut ended = false;
        while !self.open.is_empty() {
            let answer = self.take().await?;
            if answer.attribute("condition").is_some() || (ended && !answer.payload().is_empty()) {
                return Err(answer.text);
            }
            ended |= answer.is_the_end();
        }
        ended.then_some(()).ok_or("no answer was the end".to_owned())
    }

    async fn poll(&mut self) -> Result<(), String> {
        let poll = self.script.poll.as_ref().ok_or("this client does not poll")?;
        self.send(poll).await;
        Ok(())
    }

    async fn send(&mut self, body: &str) {
        let body = self.fill(body);
        let (_, root) = body.split_once("<body").expect("a body");
        if let Some(content) = root.trim_end().strip_suffix("</body>") {
            self.said.push_str(content.split_once('>').expect("a tag").1);
        }
        let head = self.fill(&self.head.replace("{length}", &body.len().to_string()));
        let place = self.free_connection().await;
        let connection = self.connections[place].as_mut().expect("an open connection");
        connection.send([&head, "\r\n", &body].concat()).await;
        self.open.push_back(place);
        self.rid += 1;
    }

    async fn free_connection(&mut self) -> usize {
        let free = |place: &usize| match self.script.connections {
            Connections::Pipelined => true,
            Connections::Kept => !self.open.contains(place),
            Connections::OneEach => false,
        };
        if let Some(place) = (0..self.connections.len()).find(free) {
            return place;
        }
        self.connections.push(Some(Connection::open(self.address).await));
        self.connections.len() - 1
    }

    /// An answer that is not the end.
    async fn next_answer(&mut self) -> Result<Answer, String> {
        let answer = self.take().await?;
        match answer.is_the_end() {
            true => Err(format!("the end: {}", answer.text)),
            false => Ok(answer),
        }
    }

    /// The answer to the oldest request.
    async fn take(&mut self) -> Result<Answer, String> {
        let place = self.open.pop_front().ok_or("nothing is open")?;
        let connection = self.connections[place].as_mut().expect("an open connection");
        let reply = connection.next_reply().await.ok_or("the connection ended")?;
        let answer = Answer::of(&reply);
        if self.script.connections == Connections::OneEach {
            self.connections[place] = None;
        }
        self.learn(&answer);
        match &self.creation {
            None => self.creation = Some(answer.clone()),
            // to some clients this would be a session of its own
            Some(_) if answer.attribute("sid").is_some() => return Err(format!("a second session: {}", answer.text)),
            Some(_) => {}
        }
        Ok(answer)
    }

    fn learn(&mut self, answer: &Answer) {
        if let Some(jid) = answer.content_of("jid") {
            self.jid = jid.to_owned();
        }
        if let Some(challenge) = answer.content_of("challenge") {
            self.challenge = challenge.to_owned();
        }
        if let Some(proof) = answer.content_of("success")
            && self.scram.is_under_way()
        {
            self.scram.answer(proof);
        }
    }

    fn failing<'c>(&self, answer: &Answer, checks: &'c [Check]) -> Option<&'c Check> {
        let known = |text: &str| filled(text, |name| self.known(name));
        checks.iter().find(|check| !answer.passes(check, known))
    }

    fn fill(&mut self, template: &str) -> String {
        filled(template, |name| self.value(name))
    }

    /// What stands for this in a request. Some of it can be had once.
    fn value(&mut self, name: &str) -> String {
        let keys = self.keys.as_mut();
        match name {
            "newkey" => keys.expect("keys").announced(),
            "keys" => keys.expect("keys").shown(),
            "plain" => plain(""),
            "plain-as-jid" => plain(&format!("{USER}@{}", self.domain)),
            "scram-sha-1" => self.scram.start("SCRAM-SHA-1"),
            "scram-sha-256" => self.scram.start("SCRAM-SHA-256"),
            "scram" => self.scram.answer(&self.challenge),
            _ => self.known(name),
        }
    }

    fn known(&self, name: &str) -> String {
        match name {
            "rid" => self.rid.to_string(),
            "first-rid" => self.script.rid.to_string(),
            "newest" => (self.rid - 1).to_string(),
            "heard" => (self.rid - 1 - self.open.len() as u64).to_string(),
            "host" => self.address.to_string(),
            "hostname" => self.address.ip().to_string(),
            "domain" => self.domain.to_owned(),
            "user" => USER.to_owned(),
            "jid" => self.jid.clone(),
            "newline" => "\n".to_owned(),
            _ => {
                let creation = self.creation.as_ref().and_then(|answer| answer.attribute(name));
                creation.unwrap_or_else(|| panic!("no {name} is known")).to_owned()
            }
        }
    }
}

/// The template with its words in braces replaced.
fn filled(template: &str, mut value: impl FnMut(&str) -> String) -> String {
    let (mut text, mut rest) = (String::new(), template);
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}').expect("a closing brace");
        text.push_str(before);
        text.push_str(&value(name));
        rest = after;
    }
    text + rest
}
