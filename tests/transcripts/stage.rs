//! The stage: a session in virtual time, what it said and nobody has named yet, and the judge of each line.

use std::collections::{HashMap, HashSet, VecDeque};

use boshd::bosh::{
    self, Admitted, Close, Condition, Decoder, Input, Limits, Managed, Opening, Output, Request, RequestId, Response,
    ServerCommand, ServerEvent, ServerFailure, Session, Sid, StreamId, Time,
};
use boshd::xml::XmlLimits;
use boshd::xml::scope::{Scope, standing};
use boshd::xml::splitter::{Fragment, Splitter};
use boshd::xml::tag::Tag;
use bytes::BytesMut;

use super::line::{Line, elements, time};
use super::words::{hold_words, may_stay_unnamed, payload, reason_word, same, same_elements, stream_element};

const SID: &str = "the-sid";

#[derive(Default)]
struct Stage {
    limits: Limits,
    session: Option<Session>,
    over: bool,
    now: u64,
    said: VecDeque<(u64, Output)>,
    names: HashMap<String, RequestId>,
    answers: HashMap<String, Response>,
    introduced: HashSet<u32>,
    /// The names of the streams, as they became known.
    streams: Vec<String>,
}

/// Plays a whole text; the number of the line that is wrong, and why.
pub fn play(text: &str) -> Result<(), (usize, String)> {
    let mut stage = Stage::default();
    for (number, line) in text.lines().enumerate() {
        let step = Line::parse(line).and_then(|line| line.map_or(Ok(()), |line| stage.step(&line)));
        step.map_err(|why| (number + 1, why))?;
    }
    stage.silence().map_err(|why| (text.lines().count(), why))
}

impl Stage {
    fn step(&mut self, line: &Line) -> Result<(), String> {
        if let Some(at) = line.at {
            self.advance(at)?;
        }
        match line.verb.as_str() {
            "limits" => self.limits(line),
            "client" => self.silence().and_then(|()| self.client(line)),
            "server" => self.silence().and_then(|()| self.server(line)),
            "hung-up" => self.told(line, |id| Input::HungUp { id }),
            "written" => self.told(line, |id| Input::Written { id }),
            "release" => self.told(line, |id| Input::Release { id }),
            "drain" => self.silence().map(|()| self.handle(Input::Drain)),
            "answer" => self.answer(line),
            "to-server" => self.ordered(line),
            "undelivered" => match self.next("undelivered")? {
                Output::Undelivered(of, payloads) if of == stream_of(line)? => same_elements(&line.elements, &payloads),
                other => Err(format!("instead: {other:?}")),
            },
            "confirmed" => match self.next("confirmed")? {
                Output::Confirmed(_, count) if line.first()? == count.to_string() => Ok(()),
                other => Err(format!("instead: {other:?}")),
            },
            "ended" => match self.next("ended")? {
                Output::Ended(reason) if reason_word(reason) == line.first()? => Ok(()),
                other => Err(format!("instead: {other:?}")),
            },
            "logged-in" => match self.next("logged-in")? {
                Output::LoggedIn => Ok(()),
                other => Err(format!("instead: {other:?}")),
            },
            "observed" => match self.next("observed")? {
                Output::Observed(hold) if line.words == hold_words(hold) => Ok(()),
                other => Err(format!("instead: {other:?}")),
            },
            "hold-at-most" => self.way(line, Session::hold_at_most),
            "cut-from" => self.way(line, Session::cut_from),
            "silence" => self.silence(),
            "reads" | "does-not-read" => {
                let wants = self.session.as_ref().is_some_and(|session| session.wants(StreamId::FIRST));
                if wants == (line.verb == "reads") {
                    Ok(())
                } else {
                    Err("the opposite is true".into())
                }
            }
            other => Err(format!("unknown verb `{other}`")),
        }
    }

    /// Time passes; every deadline on the way is kept.
    fn advance(&mut self, at: u64) -> Result<(), String> {
        if at < self.now {
            return Err("time runs backwards".into());
        }
        while let Some(deadline) = self
            .session
            .as_ref()
            .and_then(Session::poll_timeout)
            .filter(|deadline| deadline.0 <= at)
        {
            if deadline.0 > self.now {
                self.now = deadline.0;
            }
            self.handle(Input::Timeout);
            if self.session.as_ref().and_then(Session::poll_timeout) == Some(deadline) {
                return Err(format!("a deadline that stays: {deadline:?}"));
            }
        }
        self.now = at;
        match self.said.iter().find(|(_, output)| !may_stay_unnamed(output)) {
            Some((then, output)) if *then < at => Err(format!("at {then} ms, unexpected: {output:?}")),
            _ => Ok(()),
        }
    }

    fn limits(&mut self, line: &Line) -> Result<(), String> {
        for word in &line.words {
            let (name, value) = word.split_once('=').ok_or("limits are NAME=VALUE")?;
            let number: usize = value.parse().map_err(|_| format!("`{value}` is not a number"))?;
            let small = u16::try_from(number).unwrap_or(u16::MAX);
            match name {
                "wait" => self.limits.max_wait = small,
                "hold" => self.limits.max_hold = u8::try_from(number).map_err(|_| "hold")?,
                "inactivity" => self.limits.inactivity = small,
                "polling" => self.limits.polling = small,
                "overactivity" => self.limits.overactivity = number > 0,
                "maxpause" => self.limits.max_pause = small,
                "login" => self.limits.login_timeout = small,
                "leave" => self.limits.leave_after = small,
                "streams" => self.limits.streams = u8::try_from(number).map_err(|_| "streams")?,
                "memory" => self.limits.session_memory = number,
                "response" => self.limits.response_bytes = number,
                other => return Err(format!("unknown limit `{other}`")),
            }
        }
        Ok(())
    }

    fn client(&mut self, line: &Line) -> Result<(), String> {
        let id = RequestId(u64::try_from(self.names.len()).expect("few"));
        if self.names.insert(line.first()?.to_owned(), id).is_some() {
            return Err("this name is taken".into());
        }
        let mut decoder = Decoder::new(XmlLimits::default());
        let body = if line.has("raw") {
            line.elements[0].clone()
        } else {
            self.body(line)
        };
        let request = decoder.feed(body.as_bytes()).map(|_| ()).and_then(|()| decoder.finish());
        match request {
            Ok(request) => self.request(id, request),
            Err(error) => self.say(Output::Respond {
                to: id,
                response: error.response(),
            }),
        }
        Ok(())
    }

    fn body(&self, line: &Line) -> String {
        let mut body = format!("<body xmlns='{}' xmlns:xmpp='{}'", bosh::HTTPBIND, bosh::XBOSH);
        for word in line.words[1..].iter().filter(|word| word.contains('=')) {
            let (name, value) = word.split_once('=').expect("filtered");
            let value = self.stream_named(value).unwrap_or(value);
            body.push_str(&format!(" {name}='{value}'"));
        }
        if self.session.is_some() && !line.has("nosid") && line.value("sid").is_none() {
            body.push_str(&format!(" sid='{SID}'"));
        }
        format!("{body}>{}</body>", line.elements.concat())
    }

    /// `@N`: the name of the stream that was the Nth to be named.
    fn stream_named(&self, value: &str) -> Option<&str> {
        let number: usize = value.strip_prefix('@')?.parse().ok()?;
        self.streams.get(number).map(String::as_str)
    }

    /// What the connection manager does with a request.
    fn request(&mut self, id: RequestId, request: Box<Request>) {
        let refused = |condition| Output::Respond {
            to: id,
            response: Response::refusal(&request, condition),
        };
        if request.sid.is_none() {
            match bosh::admit(&request) {
                Err(condition) => self.say(refused(condition)),
                Ok(()) => {
                    let admitted = Admitted {
                        id,
                        sid: Sid(SID.into()),
                        limits: self.limits.clone().into(),
                    };
                    self.session = Some(Session::open(request, admitted, Time(self.now)));
                    self.collect();
                }
            }
        } else if self.over || request.sid != Some(Sid(SID.into())) {
            self.say(Output::Respond {
                to: id,
                response: Response::fatal(Condition::ItemNotFound),
            });
        } else {
            self.handle(Input::Request { id, request });
        }
    }

    fn server(&mut self, line: &Line) -> Result<(), String> {
        let id = stream_of(line)?;
        let word = line
            .words
            .iter()
            .find(|word| !word.starts_with("stream="))
            .map_or("payload", String::as_str);
        if matches!(word, "features" | "opened") && self.introduced.insert(id.0) {
            let value = |name: &str, usual: &str| {
                Some(line.value(name).unwrap_or(usual))
                    .filter(|v| *v != "none")
                    .map(Into::into)
            };
            let opened = ServerEvent::Opened {
                version: value("version", "1.0"),
                from: value("from", "example.org"),
                id: value("id", "s1"),
            };
            self.event(id, opened);
        }
        match word {
            "opened" => {}
            "features" => {
                let inside = line.elements.concat();
                self.event(id, ServerEvent::Features(stream_element("features", &inside)));
            }
            "authenticated" => {
                let success = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
                self.event(
                    id,
                    ServerEvent::Authenticated(standing(success.into(), "urn:ietf:params:xml:ns:xmpp-sasl".into(), "success")),
                );
            }
            "logged-in" => self.event(id, ServerEvent::LoggedIn),
            "managed" => self.event(id, ServerEvent::Managed(Managed::Acknowledged, payload("<enabled/>"))),
            "resumable" => self.event(id, ServerEvent::Managed(Managed::Resumable, payload("<enabled/>"))),
            "closed" => self.event(id, ServerEvent::Closed),
            "failed" => self.event(id, ServerEvent::Failed(ServerFailure::Unreachable)),
            "foreign" => {
                let detail = "<invalid-namespace xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>";
                self.event(id, ServerEvent::Failed(ServerFailure::Foreign(payload(detail))));
            }
            "stream-error" => {
                let error = stream_element("error", &line.elements.concat());
                self.event(id, ServerEvent::Failed(ServerFailure::StreamError(error)));
            }
            "payload" => line
                .elements
                .iter()
                .for_each(|element| self.event(id, ServerEvent::Payload(payload(element)))),
            other => return Err(format!("a server cannot `{other}`")),
        }
        Ok(())
    }

    fn told(&mut self, line: &Line, input: impl Fn(RequestId) -> Input) -> Result<(), String> {
        self.silence()?;
        let id = *self.names.get(line.first()?).ok_or("nobody of this name")?;
        self.handle(input(id));
        Ok(())
    }

    /// What the connection manager has learned of the way to the client.
    fn way(&mut self, line: &Line, learn: impl Fn(&mut Session, Option<u64>)) -> Result<(), String> {
        self.silence()?;
        let age = Some(line.first()?).filter(|age| *age != "none").map(time).transpose()?;
        self.session.iter_mut().for_each(|session| learn(session, age));
        Ok(())
    }

    fn event(&mut self, stream: StreamId, event: ServerEvent) {
        self.handle(Input::Server(stream, event));
    }

    fn handle(&mut self, input: Input) {
        let now = Time(self.now);
        if let Some(session) = self.session.as_mut().filter(|_| !self.over) {
            session.handle(input, now);
            self.collect();
        }
    }

    fn collect(&mut self) {
        while let Some(output) = self.session.as_mut().and_then(Session::poll_output) {
            self.over |= matches!(output, Output::Ended(_));
            if let Output::ToServer(stream, ServerCommand::Open(_) | ServerCommand::Restart(_)) = &output {
                self.introduced.remove(&stream.0);
            }
            self.say(output);
        }
    }

    fn say(&mut self, output: Output) {
        self.said.push_back((self.now, output));
    }

    /// The next output; those that may stay unnamed are passed over unless they are asked for.
    fn next(&mut self, asked: &str) -> Result<Output, String> {
        while let Some((_, output)) = self.said.pop_front() {
            let asked_for = match output {
                Output::ToServer(_, ServerCommand::Open(_)) => asked == "open",
                Output::Confirmed(..) => asked == "confirmed",
                Output::LoggedIn => asked == "logged-in",
                Output::Observed(_) => asked == "observed",
                _ => true,
            };
            if asked_for {
                return Ok(output);
            }
        }
        Err("nothing was said".into())
    }

    fn silence(&mut self) -> Result<(), String> {
        match self.next("silence") {
            Ok(output) => Err(format!("unexpected: {output:?}")),
            Err(_) => Ok(()),
        }
    }

    fn ordered(&mut self, line: &Line) -> Result<(), String> {
        let words = line.words.iter().find(|word| !word.contains('='));
        let asked = words.map_or("", String::as_str).to_owned();
        let (stream, command) = match self.next(&asked)? {
            Output::ToServer(stream, command) => (stream, command),
            other => return Err(format!("instead: {other:?}")),
        };
        match (command, asked.as_str()) {
            _ if stream != stream_of(line)? => Err(format!("to stream {}", stream.0)),
            (ServerCommand::Open(opening), "open") | (ServerCommand::Restart(opening), "restart") => same_opening(line, &opening),
            (ServerCommand::Close(Close::Clean), "close") | (ServerCommand::Close(Close::Abandon), "abandon") => Ok(()),
            (ServerCommand::Send(payloads), "") => same_elements(&line.elements, &payloads),
            (other, _) => Err(format!("instead: {other:?}")),
        }
    }

    fn answer(&mut self, line: &Line) -> Result<(), String> {
        let name = line.first()?;
        let id = *self.names.get(name).ok_or("nobody of this name")?;
        let response = match self.next("answer")? {
            Output::Respond { to, response } if to == id => response,
            other => return Err(format!("instead: {other:?}")),
        };
        self.learn_stream(&response);
        self.judge(line, &response)?;
        self.answers.insert(name.to_owned(), response);
        if !line.has("unwritten") {
            self.handle(Input::Written { id });
        }
        Ok(())
    }

    fn learn_stream(&mut self, response: &Response) {
        let text = String::from_utf8_lossy(&response.body);
        let named = text.split_once(" stream='").and_then(|(_, rest)| rest.split('\'').next());
        if let Some(name) = named.filter(|name| !self.streams.iter().any(|known| known == name)) {
            self.streams.push(name.to_owned());
        }
    }

    fn judge(&self, line: &Line, response: &Response) -> Result<(), String> {
        let text = std::str::from_utf8(&response.body).map_err(|_| "not UTF-8")?;
        let wrong = |what: String| Err(format!("{what} in {text}"));
        well_formed(&response.body).or_else(|why| wrong(why.into()))?;
        let (head, inside) = text.split_once('>').ok_or("no body")?;
        let attribute = |name: &str| {
            let start = head.find(&format!(" {name}='"))? + name.len() + 3;
            head[start..].split('\'').next()
        };
        let kind = line
            .words
            .iter()
            .find(|word| *word == "error" || word.starts_with("terminate"));
        let (kind, condition) = kind.map_or((None, None), |word| match word.split_once('=') {
            Some((kind, condition)) => (Some(kind), Some(condition)),
            None => (Some(word.as_str()), None),
        });
        if attribute("type") != kind || attribute("condition") != condition {
            return wrong("another type or condition".into());
        }
        if response.legacy.map(Condition::as_str) != line.value("legacy") {
            return wrong(format!("legacy is {:?}", response.legacy));
        }
        for word in &line.words[1..] {
            match (word.split_once('='), word.strip_prefix('-')) {
                (Some(("terminate" | "legacy", _)), _) | (None, None) => {}
                (Some(("same", other)), _) if self.answers.get(other) == Some(response) => {}
                (Some((name, value)), _) if attribute(name) == Some(self.stream_named(value).unwrap_or(value)) => {}
                (None, Some(name)) if attribute(name).is_none() => {}
                _ => return wrong(format!("not `{word}`")),
            }
        }
        if line.has("sid") && attribute("sid") != Some(SID) {
            return wrong("no sid".into());
        }
        if line.value("same").is_some() {
            return Ok(());
        }
        let mut found = elements(inside.strip_suffix("</body>").unwrap_or_default())?;
        if line.has("features") {
            if !found.first().is_some_and(|element| element.starts_with("<stream:features")) {
                return wrong("no features".into());
            }
            found.remove(0);
        }
        same(&line.elements, &found)
    }
}

/// One wrapper whose prefixes are declared, without anything around it.
fn well_formed(body: &[u8]) -> Result<(), &'static str> {
    let limits = XmlLimits::default();
    let (mut splitter, mut input) = (Splitter::new(limits), BytesMut::from(body));
    while let Some(fragment) = splitter.next(&mut input).map_err(|_| "not well-formed")? {
        if let Fragment::Opened(tag) = fragment {
            Tag::parse(&tag, &Scope::default(), &limits, &[]).map_err(|_| "a wrapper that is not well-formed")?;
        }
    }
    if splitter.is_closed() && input.is_empty() {
        Ok(())
    } else {
        Err("not one wrapper")
    }
}

/// The first, where the line names none.
fn stream_of(line: &Line) -> Result<StreamId, String> {
    let number = line.value("stream").map_or(Ok(0), str::parse);
    number.map(StreamId).map_err(|_| "streams are numbers here".to_owned())
}

fn same_opening(line: &Line, opening: &Opening) -> Result<(), String> {
    let has = |name: &str| match name {
        "from" => opening.from.as_deref(),
        "lang" => opening.lang.as_deref(),
        "to" => opening.to.as_deref(),
        "stream" => line.value("stream"),
        _ => opening.version.as_deref(),
    };
    let differs = |word: &&String| {
        word.split_once('=')
            .is_some_and(|(name, value)| has(name) != Some(value).filter(|v| *v != "none"))
    };
    line.words
        .iter()
        .find(differs)
        .map_or(Ok(()), |word| Err(format!("not `{word}`: {opening:?}")))
}
