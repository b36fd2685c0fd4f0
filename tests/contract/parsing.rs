//! What clients write into their requests (group P of `rules.txt`). In memory, under a paused clock.

use boshd::front::Options;

use super::client::{
    AGSXMPP, ATTACH_EXAMPLE, BABBLER, ESCALUS, GLOOX, GLOOX_HTTP_1_0, JAXL, JAXMPP, JSJAC, LIBPURPLE_2, LIBPURPLE_3, NBXMPP,
    NODE_BOSH, PREBIND_PHP, SMACK, STANZA, STROPHE, SWIFTEN, TSUNG, User, VERSE, XMPP4R, XMPPFRAMEWORK, XMPPPY, answer,
};
use crate::bench::infoset::{Element, infoset};
use crate::stack::Stack;

const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";

/// Every stream header that the server got.
fn headers(stack: &Stack) -> Vec<Element> {
    let seen = stack.server.seen();
    let headers = seen.split("<stream:stream ").skip(1).map(|rest| {
        let (attributes, _) = rest.split_once('>').expect("the whole header");
        infoset(&format!("<stream:stream {attributes}></stream:stream>"))
    });
    headers.collect()
}

/// What the last stream header says of this.
fn header(stack: &Stack, name: &str) -> Option<String> {
    let headers = headers(stack);
    headers.last().expect("a header").attributes.get(name).cloned()
}

/// Logs in and restarts, in this body: a second header comes to the server, like the first, and its features to the client.
async fn restarts(stack: &Stack, user: &mut User, restart: impl FnOnce(&mut User) -> String) {
    let name = user.client.name;
    user.logs_in(stack).await;
    let body = restart(user);
    let reply = user.client.asks(stack, &body).await;
    assert!(reply.text().contains("<stream:features"), "{name}: {body}: {}", reply.text());
    assert_eq!(headers(stack).len(), 2, "{name}: {body}");
    assert_eq!(header(stack, "to").as_deref(), Some("example.org"), "{name}");
    assert_eq!(header(stack, "version").as_deref(), Some("1.0"), "{name}");
}

// contract P1: agsXMPP uses the prefix `xmpp` without a declaration, which it writes backwards; its restart rides on an ordinary poll. An early
// Emite declares nothing either
#[tokio::test(start_paused = true)]
async fn the_usual_prefix_need_not_be_declared() {
    let (stack, mut user) = User::enters(AGSXMPP).await;
    assert_eq!(header(&stack, "version").as_deref(), Some("1.0"));
    restarts(&stack, &mut user, User::restarts).await;
    let _held = user.tells(&stack, "<presence id='p' />", "id='p'").await;

    let undeclared = |body: String| body.replace(" xmlns:xmpp='urn:xmpp:xbosh'", "");
    let stack = Stack::new(Options::default());
    let mut emite = User::new(STROPHE);
    let creation = undeclared(emite.creation());
    assert!(
        creation.contains("xmpp:version='1.0'") && !creation.contains("xmlns:xmpp"),
        "{creation}"
    );
    emite.hears(&STROPHE.asks(&stack, &creation).await);
    restarts(&stack, &mut emite, |user| undeclared(user.restarts())).await;
}

// contract P2: Swiften's version, and a restart, in the namespace urn:xmpp:bosh; Verse's restart in none; `true` and `1`
#[tokio::test(start_paused = true)]
async fn version_and_restart_in_a_wrong_namespace() {
    for (client, to) in [
        (SWIFTEN, ["urn:xmpp:bosh", "true"]),
        (SWIFTEN, ["urn:xmpp:bosh", "1"]),
        (VERSE, ["urn:xmpp:xbosh", "true"]),
        (VERSE, ["urn:xmpp:xbosh", "1"]),
    ] {
        let (stack, mut user) = User::enters(client).await;
        assert_eq!(header(&stack, "version").as_deref(), Some("1.0"), "{}", client.name);
        let [namespace, yes] = to;
        restarts(&stack, &mut user, |user| {
            let restart = user.restarts().replace("restart='true'", &format!("restart='{yes}'"));
            restart.replace("urn:xmpp:xbosh", namespace)
        })
        .await;
    }
}

// contract P3: xmpp-prebind-php sends whole documents, and white space may lie between payloads; none of it goes to the server
#[tokio::test(start_paused = true)]
async fn declarations_and_white_space() {
    let (stack, mut user) = User::enters(PREBIND_PHP).await;
    let creation = User::new(PREBIND_PHP).creation();
    assert!(
        creation.starts_with("<?xml version=\"1.0\"?>\n<body ") && creation.ends_with("/>\n"),
        "{creation}"
    );
    restarts(&stack, &mut user, User::restarts).await;
    let two = "\n  <message xmlns='jabber:client' id='a'/>\r\n\t<message xmlns='jabber:client' id='b'/>\n";
    let _held = user.tells(&stack, two, "id='b'/>").await;
    let seen = stack.server.seen();
    assert!(
        seen.ends_with("><message xmlns='jabber:client' id='a'/><message xmlns='jabber:client' id='b'/>"),
        "{seen}"
    );
}

// contract P4: what belongs into a creation comes with every request: `to` opens no second stream, and nothing is agreed on again
#[tokio::test(start_paused = true)]
async fn attributes_of_a_creation_on_every_request() {
    let all = " from='a@b' secure='true' to='example.org' ver='1.6' content='text/html' hold='0' wait='0'";
    for (client, more, attributes) in [
        (LIBPURPLE_2, "", "to='example.org' xml:lang='en'"),
        (AGSXMPP, "", "to=\"example.org\""),
        (PREBIND_PHP, "", "xml:lang=\"en\" content=\"text/xml; charset=utf-8\""),
        (XMPPPY, "", "content=\"text/xml; charset=utf-8\" xml:lang=\"en\""),
        // Punjab's suite
        (STROPHE, " hold='3' wait='5' ack='1'", "ack='1'"),
        (STROPHE, all, "content='text/html'"),
    ] {
        let change = |body: String| body.replace(" sid=", &[more, " sid="].concat());
        let (stack, mut user) = User::enters(client).await;
        for id in ["one", "two"] {
            let empty = change(user.polls());
            assert!(empty.contains(attributes), "{empty}");
            let mut held = client.sends(&stack, &empty).await;
            let message = change(user.says(&format!("<message id='{id}'/>")));
            let mut next = client.sends(&stack, &message).await;
            stack.server.sees(&format!("id='{id}'")).await;
            let first = answer(&mut held).await;
            stack.server.push(0, &format!("<message id='answer-{id}'/>"));
            let second = answer(&mut next).await;
            assert!(
                second.text().contains(&format!("id='answer-{id}'")),
                "{}: {}",
                client.name,
                second.text()
            );
            for text in [first.text(), second.text()] {
                let (tag, _) = text.split_once('>').expect("a tag");
                let again = [" sid=", " wait=", " hold=", " requests=", " stream=", " type="];
                assert!(!again.iter().any(|name| tag.contains(name)), "{}: {tag}", client.name);
            }
        }
        assert_eq!(headers(&stack).len(), 1, "{}", client.name);
    }
}

// contract P5: a restart without `to` goes where the creation went; with `secure` or `from`; self-closed or not
#[tokio::test(start_paused = true)]
async fn restarts_of_every_shape() {
    for (client, has, lacks) in [
        (XMPP4R, "></body>", " to="),
        (XMPPFRAMEWORK, "></body>", " to="),
        (SWIFTEN, "></body>", " to="),
        (XMPPPY, " />", " to="),
        (LIBPURPLE_3, "/>", " to="),
        (NBXMPP, "secure=\"true\"", " from="),
        (BABBLER, "from=\"romeo@example.org\"", " secure="),
        (JAXMPP, "from=\"romeo@example.org\"", " secure="),
        (GLOOX, " />", " from="),
    ] {
        let (stack, mut user) = User::enters(client).await;
        restarts(&stack, &mut user, |user| {
            let restart = user.restarts();
            assert!(restart.contains(has) && !restart.contains(lacks), "{restart}");
            restart
        })
        .await;
        let from = header(&stack, "from");
        assert_eq!(
            from.is_some(),
            ["babbler", "jaxmpp", "xmppframework"].contains(&client.name),
            "{}: {from:?}",
            client.name
        );
    }
}

/// What Prosody's suite asks for, and no more.
fn least() -> String {
    format!("<body xmlns='{HTTPBIND}' rid='1' to='example.org'/>")
}

// contract P6: `ver` is missing, or any of those that are in use, as integers; and the server's stream has version 1.0 in any case
#[tokio::test(start_paused = true)]
async fn versions() {
    for (client, ver) in [
        (XMPP4R, None),
        (JAXMPP, None),
        (PREBIND_PHP, None),
        (ATTACH_EXAMPLE, None),
        (STROPHE, Some("1.6")),
        (SMACK, Some("1.8")),
        (JSJAC, Some("1.10")),
        (BABBLER, Some("1.11")),
        (VERSE, Some("1.6")),
        (XMPPFRAMEWORK, Some("1.6")),
    ] {
        let stack = Stack::new(Options::default());
        let creation = User::new(client).creation();
        let says = creation.split([' ', '/']).find_map(|word| word.strip_prefix("ver="));
        assert_eq!(says.map(|says| says.trim_matches(['\'', '"'])), ver, "{creation}");
        let reply = client.asks(&stack, &creation).await;
        assert!(reply.text().contains(" sid='"), "{}: {}", client.name, reply.text());
        let agreed = format!(" ver='{}'", ver.unwrap_or("1.11"));
        assert!(reply.text().contains(&agreed), "{}: {}", client.name, reply.text());
        assert_eq!(header(&stack, "version").as_deref(), Some("1.0"), "{}", client.name);
    }
}

// contract P6: no `ver`, `xmpp:version`, `content`, `xml:lang`, `hold` and `wait`, as Prosody's suite; and JabberWerxC's 1.9
#[tokio::test(start_paused = true)]
async fn a_creation_that_says_nearly_nothing() {
    for body in [
        least(),
        least().replace(
            "/>",
            " ver='1.9' wait='30' hold='1' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>",
        ),
    ] {
        let stack = Stack::new(Options::default());
        let reply = STROPHE.asks(&stack, &body).await;
        let text = reply.text();
        assert!(
            text.contains(" sid='") && text.contains(" wait='") && text.contains(" hold='1'"),
            "{text}"
        );
        assert_eq!(reply.header("content-type"), Some("text/xml; charset=utf-8"));
        assert_eq!(header(&stack, "version").as_deref(), Some("1.0"));
        assert_eq!(header(&stack, "to").as_deref(), Some("example.org"));
    }
}

// contract P7: attributes that mean nothing, or are ours to say, change nothing
#[tokio::test(start_paused = true)]
async fn odd_attributes() {
    for (client, more, odd) in [
        (GLOOX, "", "ack='0'"),
        (AGSXMPP, "", "polling=\"0\" requests=\"2\""),
        (XMPPFRAMEWORK, "", "inactivity=\"120\""),
        (PREBIND_PHP, "", "window=\"5\""),
        (JAXMPP, "", "cache=\"on\""),
        (NODE_BOSH, " stream='1'", "stream='1'"),
        (LIBPURPLE_2, "", "secure='true'"),
        (GLOOX, "", "secure='false'"),
        (
            STROPHE,
            " window='5' polling='0' requests='9' inactivity='86400'",
            "requests='9' inactivity='86400'",
        ),
    ] {
        let change = |body: String| body.replacen("<body", &["<body", more].concat(), 1);
        let stack = Stack::new(Options::default());
        let mut user = User::new(client);
        let creation = change(user.creation());
        assert!(creation.contains(odd), "{creation}");
        let reply = client.asks(&stack, &creation).await;
        user.hears(&reply);
        let text = reply.text();
        let ours = [" requests='2'", " inactivity='120'", " hold='1'"];
        assert!(ours.iter().all(|term| text.contains(term)), "{}: {text}", client.name);
        assert_eq!(
            text.contains(" ack='"),
            creation.contains("ack=\"1\""),
            "{}: {text}",
            client.name
        );
        let said = change(user.says("<message id='m'/>"));
        let _held = client.sends(&stack, &said).await;
        stack.server.sees("id='m'").await;
    }
}

// contract P8: a route that nobody asked for is no error: gloox's and nbxmpp's, JAXL's of empty parts, xmpppy's without a scheme
#[tokio::test(start_paused = true)]
async fn routes_that_nobody_asked_for() {
    for (client, route) in [
        (GLOOX, "route='xmpp:example.org:5222'"),
        (NBXMPP, "route=\"xmpp:example.org:5222\""),
        (JAXL, "route=\"xmpp::\""),
        (XMPPPY, "route=\"example.org:5222\""),
    ] {
        assert!(User::new(client).creation().contains(route), "{}", client.name);
        let (stack, mut user) = User::enters(client).await;
        assert_eq!(header(&stack, "to").as_deref(), Some("example.org"), "{}", client.name);
        restarts(&stack, &mut user, User::restarts).await;
    }
}

// contract P9: first rids from 1 (Prosody's suite) over small ones (node-bosh-xmpp-client, JAXL) to those next to 2^53 (Swiften). 0 is none (D01),
// though node-bosh-xmpp-client draws it once in 20 001 times
#[tokio::test(start_paused = true)]
async fn first_rids() {
    let last = (1 << 53) - 1;
    for (client, rid) in [
        (STROPHE, 1),
        (NODE_BOSH, 7),
        (JAXL, 1000),
        (ESCALUS, 1_795_339_695_123_456),
        (SWIFTEN, last - 2),
    ] {
        let stack = Stack::new(Options::default());
        let mut user = User::new(client);
        user.rid = rid;
        let answered = client.asks(&stack, &user.creation()).await;
        user.hears(&answered);
        let mut held = user.tells(&stack, "<message id='one'/>", "id='one'").await;
        let _next = user.tells(&stack, "<message id='two'/>", "id='two'").await;
        assert!(
            !answer(&mut held).await.text().contains("terminate"),
            "{}: {rid}",
            client.name
        );
    }
    let mut none = User::new(NODE_BOSH);
    none.rid = 0;
    let reply = NODE_BOSH.asks(&Stack::new(Options::default()), &none.creation()).await;
    assert!(reply.is_terminate("bad-request"), "{}", reply.text());
}

// contract P10: payload that names no namespace is jabber:client, at every depth; what only <body> declares is declared again
#[tokio::test(start_paused = true)]
async fn payload_without_a_namespace() {
    let message = "<message to='juliet@example.org' id='m'><body>hi</body></message>";
    for client in [ESCALUS, SMACK, TSUNG, NODE_BOSH] {
        let (stack, mut user) = User::enters(client).await;
        let _held = user.tells(&stack, message, "</message>").await;
        let seen = stack.server.seen();
        let (_, sent) = seen.split_once("<message").expect("the message");
        let sent = infoset(&format!("<message{sent}"));
        assert_eq!(
            sent,
            infoset(&message.replacen("<message", "<message xmlns='jabber:client'", 1)),
            "{}",
            client.name
        );
        assert!(!seen.contains(HTTPBIND), "{}: {seen}", client.name);
    }
    // the cases of Punjab's parser
    let (stack, mut user) = User::enters(STROPHE).await;
    let body = user
        .says("<x:foo id='f'><bar/></x:foo>")
        .replacen("<body", "<body xmlns:x='urn:x'", 1);
    let _held = STROPHE.sends(&stack, &body).await;
    stack.server.sees("foo>").await;
    let seen = stack.server.seen();
    let start = seen.rfind("<x:foo").or_else(|| seen.rfind("<foo")).expect("the element");
    let expected = "<x:foo xmlns:x='urn:x' xmlns='jabber:client' id='f'><bar/></x:foo>";
    assert_eq!(infoset(&seen[start..]), infoset(expected), "{seen}");
}

// contract P11: gloox says `terminal`, with what waits in its buffer, and hangs up at once
#[tokio::test(start_paused = true)]
async fn terminal_is_terminate() {
    for client in [GLOOX, GLOOX_HTTP_1_0] {
        let (stack, mut user) = User::enters(client).await;
        let goodbye = user.leaves("<presence id='gone' type='unavailable'/>");
        assert!(goodbye.contains("type='terminal'"), "{goodbye}");
        drop(client.sends(&stack, &goodbye).await);
        stack.server.sees("</stream:stream>").await;
        assert!(stack.server.seen().contains("id='gone'"), "{}", client.name);
        let reply = client.asks(&stack, &user.polls()).await;
        assert!(reply.text().contains("terminate"), "{}: {}", client.name, reply.text());
    }
    let (stack, mut user) = User::enters(GLOOX).await;
    let goodbye = user.leaves("");
    assert!(GLOOX.asks(&stack, &goodbye).await.text().contains("type='terminate'"));
}

// contract P12: what a goodbye carries reaches the server before the end of the stream: presence, what was queued, any element (Punjab's suite)
#[tokio::test(start_paused = true)]
async fn goodbyes_carry_payload() {
    let queued = "<message id='last'><body>bye</body></message><presence type='unavailable'/>";
    for (client, payload, part) in [
        (STROPHE, "", "'unavailable'"),
        (XMPP4R, "", "'unavailable'"),
        (ESCALUS, "", "'unavailable'"),
        (AGSXMPP, "", "\"unavailable\""),
        (NODE_BOSH, "", "\"unavailable\""),
        (JSJAC, queued, "</message><presence"),
        (LIBPURPLE_2, queued, "</message><presence"),
        (GLOOX, queued, "</message><presence"),
        (SMACK, "<flush xmlns='urn:flush'/>", "<flush xmlns='urn:flush'/>"),
    ] {
        let (stack, mut user) = User::enters(client).await;
        let goodbye = user.leaves(payload);
        let reply = client.asks(&stack, &goodbye).await;
        assert_eq!(reply.status(), 200, "{}", client.name);
        assert!(reply.text().contains("type='terminate'"), "{}: {}", client.name, reply.text());
        stack.server.sees("</stream:stream>").await;
        let seen = stack.server.seen();
        let before = seen.strip_suffix("</stream:stream>").expect("nothing behind the end");
        assert!(before.contains(part), "{}: {seen}", client.name);
    }
}

// contract P13: several stanzas in one body arrive in their order, as does one in each
#[tokio::test(start_paused = true)]
async fn one_stanza_or_many() {
    let stanza = |nth: usize| format!("<message xmlns='jabber:client' id='{nth}'/>");
    let all: String = (0..6).map(stanza).collect();
    for client in [STROPHE, JSJAC, LIBPURPLE_2, VERSE] {
        let (stack, mut user) = User::enters(client).await;
        for three in [0..3, 3..6] {
            let three: String = three.map(stanza).collect();
            let _held = user.tells(&stack, &three, &three).await;
        }
        assert!(
            stack.server.seen().ends_with(&all),
            "{}: {}",
            client.name,
            stack.server.seen()
        );
    }
    for client in [SMACK, STANZA] {
        let (stack, mut user) = User::enters(client).await;
        for nth in 0..6 {
            let _held = user.tells(&stack, &stanza(nth), &stanza(nth)).await;
        }
        assert!(
            stack.server.seen().ends_with(&all),
            "{}: {}",
            client.name,
            stack.server.seen()
        );
    }
}
