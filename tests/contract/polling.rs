//! The long poll: when requests are answered, which may come again or in another order, and what becomes of clients that are gone.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use boshd::bosh::Limits;
use boshd::manager::{self, PerAddress};
use tokio::time::{Instant, sleep};

use super::caller::{Caller, SUCCESS, WHILE, creation, posts};
use super::client::{self, Client};
use crate::bench::poster::Reply;
use crate::bench::upstream::{CLOSING, FEATURES, HEADER};
use crate::desk::Desk;

const UNAVAILABLE: &str = "<presence type='unavailable' xmlns='jabber:client'/>";

fn message(id: impl std::fmt::Display) -> String {
    format!("<message xmlns='jabber:client' id='{id}'/>")
}

fn ids(reply: &Reply) -> Vec<&str> {
    reply
        .payloads()
        .into_iter()
        .map(|payload| payload.attributes["id"].as_str())
        .collect()
}

/// What is granted, in seconds; when the client gives up, in milliseconds.
type Patience = fn(u64) -> u64;

// contract L1: every client has a clock of its own, which it starts when it sends: ours is earlier
#[tokio::test(start_paused = true)]
async fn held_requests_are_answered_before_clients_lose_patience() {
    let tenth: Patience = |wait| wait * 11 / 10 * 1000;
    let patience: [(Client, Patience); 9] = [
        (client::STROPHE, tenth),
        (client::CONVERSE, tenth),
        // frozen at what it asked for
        (client::STANZA, |_| 33_000),
        (client::XMPP4R, tenth),
        (client::NBXMPP, |wait| (wait + 3) * 1000),
        (client::XMPPFRAMEWORK, |wait| (wait + 4) * 1000),
        (client::LIBPURPLE_3, |wait| (wait + 2) * 1000),
        (client::AGSXMPP, |wait| wait * 1000),
        (client::JSJAC, |wait| wait * 1000),
    ];
    for (kind, patience) in patience {
        let desk = Desk::new();
        let (mut client, _server, reply) = Caller::enters(&desk, kind).await;
        let wait = reply.number("wait");
        for content in ["", "<presence xmlns='jabber:client'/>"] {
            let began = Instant::now();
            let answer = client.next(content).await.reply_within(Duration::from_secs(90)).await;
            let elapsed = u64::try_from(began.elapsed().as_millis()).expect("a short time");
            assert!(answer.is_empty(), "{}", answer.text);
            assert!(elapsed < wait * 1000 && elapsed < patience(wait), "{}: {elapsed}", kind.name);
            // and no earlier than it has to be
            assert!(elapsed >= (wait - 1) * 1000, "{}: {elapsed}", kind.name);
        }
    }
}

// contract L2: Strophe, after its time-out, and a page that reloads send a request once more while it is held; so does stanza.js, which lost patience
// before us, and agsXMPP after five seconds of trouble. The older connection is not left hanging, and what comes goes to the newer one, once
#[tokio::test(start_paused = true)]
async fn a_held_request_may_come_again() {
    for kind in [client::STROPHE, client::STANZA, client::AGSXMPP] {
        let desk = Desk::new();
        let (mut client, mut server, _) = Caller::enters(&desk, kind).await;
        // who gave the older one up
        let older = client.next(&message("up")).await;
        server.sees("id='up'").await;
        drop(older);
        let mut newer = client.sends(client.rid, &message("up")).await;
        assert!(newer.is_held_for(Duration::from_secs(5)).await, "{}", kind.name);
        // who did not: XEP-0124 wants this `type` there, and whoever sent the newer one does not read it
        let mut newest = client.sends(client.rid, &message("up")).await;
        let superseded = newer.reply().await;
        assert_eq!((superseded.status(), superseded.attribute("type")), (200, Some("error")));
        assert!(superseded.payloads().is_empty(), "{}", superseded.text);
        assert!(newest.is_held_for(WHILE).await, "{}", kind.name);
        server.says(&message("down")).await;
        let reply = newest.reply().await;
        assert_eq!((ids(&reply), reply.attribute("type")), (vec!["down"], None));
        let again = client.sends(client.rid, &message("up")).await.reply().await;
        assert_eq!(again.text, reply.text);
        let _held = client.next(&message("end")).await;
        server.sees("id='end'").await;
        assert_eq!(server.seen().matches("id='up'").count(), 1, "{}", kind.name);
    }
}

// contract L3: JSXC uses the rid of the poll that it lost in a reload for another request. It gets the answer to the first, byte for byte, as do the
// suites of Prosody, MongooseIM and Punjab, which repeat what they have sent; the last two answers can be had at any time
#[tokio::test(start_paused = true)]
async fn an_answered_rid_gets_its_answer_again_whatever_comes_with_it() {
    let desk = Desk::new();
    let (mut jsxc, mut server, created) = Caller::enters(&desk, client::JSXC_PROBE).await;
    assert_eq!(created.number("requests"), 2);
    let mut answers = Vec::new();
    for round in 0..2 {
        let reply = jsxc
            .asks(&mut server, &message(round), &message(format!("answer {round}")))
            .await;
        answers.push((jsxc.rid, reply));
    }
    server.says(&message("news")).await;
    sleep(WHILE).await;
    for _ in 0..2 {
        for (rid, reply) in &answers {
            for content in [
                String::new(),
                message("another"),
                "<presence xmlns='jabber:client'/>".to_owned(),
            ] {
                let again = jsxc.sends(*rid, &content).await.reply().await;
                assert_eq!(again.text, reply.text);
            }
        }
    }
    assert_eq!(ids(&jsxc.next(&message("end")).await.reply().await), ["news"]);
    server.sees("id='end'").await;
    assert!(!server.seen().contains("another"), "{}", server.seen());

    // a poll that was lost before there was an answer
    drop(jsxc.next("").await);
    let mut held = jsxc.sends(jsxc.rid, &message("another")).await;
    assert!(held.is_held_for(WHILE).await);
    server.says(&message("later")).await;
    assert_eq!(ids(&held.reply().await), ["later"]);
}

// contract L4: requests overtake each other on two connections; the fork of XMPPFramework asserts the order of answers, and libpurple counts on it
#[tokio::test(start_paused = true)]
async fn requests_are_carried_out_and_answered_in_rid_order() {
    for kind in [client::XMPPFRAMEWORK, client::LIBPURPLE_2, client::VERSE] {
        let desk = Desk::new();
        let (client, mut server, _) = Caller::enters(&desk, kind).await;
        let mut second = client.sends(client.rid + 2, &message("b")).await;
        assert!(server.hears_nothing_for(WHILE).await, "{}", kind.name);
        // something that it will be answered with
        server.says(&message("down")).await;
        assert!(second.is_held_for(WHILE).await, "{}", kind.name);
        let mut first = client.sends(client.rid + 1, &message("a")).await;
        server.sees("id='a'").await;
        server.sees("id='b'").await;
        assert_eq!(ids(&first.reply().await), ["down"]);
        assert!(second.is_held_for(WHILE).await, "{}", kind.name);
        server.says(&message("more")).await;
        assert_eq!(ids(&second.reply().await), ["more"]);
    }
}

// contract L5: the suites of Prosody and MongooseIM look for the end of a session whose client is out of step
#[tokio::test(start_paused = true)]
async fn a_rid_beyond_the_window_is_the_end() {
    for kind in [client::VERSE, client::ESCALUS] {
        let desk = Desk::new();
        let (client, mut server, created) = Caller::enters(&desk, kind).await;
        let requests = created.number("requests");
        let mut within = client.sends(client.rid + requests, &message("within")).await;
        assert!(within.is_held_for(WHILE).await, "{}", kind.name);
        let mut beyond = client.sends(client.rid + requests + 1, &message("beyond")).await;
        assert!(beyond.reply().await.is_terminate("item-not-found"), "{}", kind.name);
        assert_eq!(within.reply().await.attribute("type"), Some("terminate"));
        server.says_goodbye().await;
        assert!(!server.seen().contains("id="), "{}", server.seen());
    }
}

// contract L6: after a reload Strophe and Converse.js go on with the next rid, and never ask for the lost answer
#[tokio::test(start_paused = true)]
async fn what_a_dead_connection_missed_goes_to_the_next_request() {
    for kind in [client::STROPHE, client::CONVERSE] {
        let desk = Desk::new();
        let (mut client, mut server, _) = Caller::enters(&desk, kind).await;
        let mut held = client.next("").await;
        assert!(held.is_held_for(WHILE).await);
        drop(held);
        sleep(WHILE).await;
        for id in ["one", "two"] {
            server.says(&message(id)).await;
        }
        // the page loads
        sleep(Duration::from_secs(4)).await;
        let reply = client.next("<presence xmlns='jabber:client'/>").await.reply().await;
        assert_eq!(ids(&reply), ["one", "two"], "{}", kind.name);
        let reply = client.asks(&mut server, "", &message("three")).await;
        assert_eq!(ids(&reply), ["three"], "{}", kind.name);
    }
}

// contract L7: a browser lets the timers of a hidden page run once a minute, and Strophe and JSJaC begin the next poll by a timer; other clients take
// a second or less
#[tokio::test(start_paused = true)]
async fn a_minute_between_two_polls_is_no_silence() {
    for (kind, pause) in [
        (client::STROPHE, 60_000),
        (client::JSJAC, 60_000),
        (client::LIBPURPLE_2, 1000),
        (client::LIBPURPLE_3, 250),
        (client::SMACK, 100),
    ] {
        let desk = Desk::new();
        let (mut client, mut server, created) = Caller::enters(&desk, kind).await;
        assert!(created.number("inactivity") >= 120, "{}", created.text);
        for round in 0..10 {
            sleep(Duration::from_millis(pause)).await;
            let mut held = client.next("").await;
            // some with news, some without
            let expected = if round % 2 == 0 {
                server.says(&message(round)).await;
                vec![round.to_string()]
            } else {
                Vec::new()
            };
            let reply = held.reply_within(Duration::from_secs(60)).await;
            assert_eq!(reply.attribute("type"), None, "{}: {}", kind.name, reply.text);
            assert_eq!(ids(&reply), expected);
        }
        // what comes in such a minute is there after it
        server.says(&message("meanwhile")).await;
        sleep(Duration::from_millis(pause)).await;
        assert_eq!(ids(&client.next("").await.reply().await), ["meanwhile"]);
    }
}

// contract L8: JSXC, Verse and gloox may poll at once, and one request more than agreed is fine where it is the last, or a pause
#[tokio::test(start_paused = true)]
async fn hasty_polls_and_one_request_more_are_no_offence() {
    for kind in [client::JSXC_PROBE, client::VERSE, client::GLOOX] {
        let desk = Desk::new();
        let (mut client, mut server, _) = Caller::enters(&desk, kind).await;
        let mut held = client.next("").await;
        for _ in 0..20 {
            let newer = client.next("").await;
            assert!(held.reply().await.is_empty(), "{}", kind.name);
            held = newer;
        }
        for round in 0..20 {
            server.says(&message(round)).await;
            assert_eq!(ids(&held.reply().await), [round.to_string()]);
            held = client.next("").await;
        }
        for goodbye in ["pause='60'", "type='terminate'"] {
            // one held, one early, and one more before the one between them
            let mut early = client.sends(client.rid + 2, "").await;
            let mut last = client.sends_with(client.rid + 3, goodbye, "").await;
            assert!(last.is_held_for(WHILE).await, "{}", kind.name);
            let mut between = client.sends(client.rid + 1, "").await;
            let ends = goodbye == "type='terminate'";
            let mut answers = Vec::new();
            for request in [&mut held, &mut between, &mut early, &mut last] {
                answers.push(request.reply().await);
            }
            let ended = answers
                .iter()
                .filter(|reply| reply.attribute("type") == Some("terminate"))
                .count();
            assert_eq!(ended, usize::from(ends), "{}: {answers:?}", kind.name);
            assert!(answers.iter().all(|reply| reply.attribute("condition").is_none()));
            client.rid += 3;
            if !ends {
                held = client.next("").await;
            }
        }
        server.says_goodbye().await;
    }
}

// contract L9: Strophe waits until nothing is open, escalus for the answer to its goodbye; xmpp4r says none, but that its user is unavailable, and goes
#[tokio::test(start_paused = true)]
async fn a_goodbye_answers_all_that_is_open() {
    for kind in [client::STROPHE, client::ESCALUS, client::GLOOX] {
        let desk = Desk::new();
        let (mut client, mut server, _) = Caller::enters(&desk, kind).await;
        let mut held = client.next("").await;
        assert!(held.is_held_for(WHILE).await);
        let said = Instant::now();
        let mut last = client.leaves(UNAVAILABLE).await;
        let answers = [held.reply().await, last.reply().await];
        assert!(said.elapsed() < WHILE, "{}: {:?}", kind.name, said.elapsed());
        assert!(answers.iter().all(|reply| reply.status() == 200), "{answers:?}");
        assert_eq!(answers[0].attribute("type"), Some("terminate"));
        assert!(answers[1].is_empty(), "{}", answers[1].text);
        server.sees("type='unavailable'").await;
        server.says_goodbye().await;
        desk.is_left_with(0).await;
    }
    let desk = Desk::new();
    let (mut xmpp4r, mut server, _) = Caller::enters(&desk, client::XMPP4R).await;
    let mut held = xmpp4r.next("").await;
    let last = xmpp4r.next(UNAVAILABLE).await;
    assert!(held.reply().await.is_empty());
    server.sees(UNAVAILABLE).await;
    sleep(Duration::from_secs(3)).await;
    drop(last);
    sleep(Duration::from_secs(120)).await;
    server.says_goodbye().await;
    desk.is_left_with(0).await;
}

// contract L10: JSJaC pauses while its page is left, in a request for whose answer the browser stands still, with what it had still to say
#[tokio::test(start_paused = true)]
async fn a_pause_is_answered_at_once_and_lasts_as_long_as_agreed() {
    let desk = Desk::new();
    let (mut jsjac, mut server, created) = Caller::enters(&desk, client::JSJAC).await;
    let most = created.number("maxpause");
    let mut held = jsjac.next("").await;
    assert!(held.is_held_for(WHILE).await);
    let left = Instant::now();
    let mut pause = jsjac.next_with(&format!("pause='{most}'"), &message("queued")).await;
    assert!(held.reply().await.is_empty() && pause.reply().await.is_empty());
    assert!(left.elapsed() < WHILE, "{:?}", left.elapsed());
    server.sees("id='queued'").await;
    server.says(&message("meanwhile")).await;
    sleep(Duration::from_secs(most)).await;
    // its stored session goes on with the next rid
    assert_eq!(ids(&jsjac.next("").await.reply().await), ["meanwhile"]);
    let reply = jsjac.next_with(&format!("pause='{}'", most + 1), "").await.reply().await;
    assert!(reply.is_terminate("policy-violation"), "{}", reply.text);
    server.says_goodbye().await;
}

// contract L12: what was written for Punjab begins no stream anew after its success, nor does Prosody's suite, which says something in its creation
// request, too: it is begun for them, once, and not for who does it
#[tokio::test(start_paused = true)]
async fn a_stream_is_begun_anew_for_who_does_not() {
    let bind = "<iq type='set' id='bind' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    let bound = "<iq type='result' id='bind'/>";
    let desk = Desk::new();
    let (mut example, mut server, created) = Caller::enters(&desk, client::ATTACH_EXAMPLE).await;
    assert!(created.attribute("authid").is_some(), "without it, it goes no further");
    example.authenticates(&mut server).await;
    let mut held = example.next(bind).await;
    server.header().await;
    server.sees("id='bind'").await;
    server.says(&[HEADER, FEATURES, bound].concat()).await;
    let mut reply = held.reply().await;
    while !reply.text.contains("id='bind'") {
        reply = example.next("").await.reply().await;
    }
    // the page goes on where it ended, as Strophe
    let mut strophe = Caller::of(&desk, client::STROPHE, &created);
    strophe.rid = example.rid;
    assert_eq!(
        ids(&strophe.asks(&mut server, &message("up"), &message("down")).await),
        ["down"]
    );
    assert_eq!(server.seen().matches("<stream:stream ").count(), 2);

    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
    let first = creation(client::VERSE).replace("/>", &format!(">{auth}</body>"));
    let mut connection = posts(&desk, client::VERSE, &first).await;
    let mut server = desk.stream().await;
    server.header().await;
    server.sees("mechanism='ANONYMOUS'").await;
    server.says(&[HEADER, FEATURES].concat()).await;
    let mut suite = Caller::of(&desk, client::VERSE, &connection.reply().await);
    assert!(suite.asks(&mut server, "", SUCCESS).await.text.contains("<success"));
    let mut held = suite.next(bind).await;
    server.header().await;
    server.sees("id='bind'").await;
    server.says(&[HEADER, FEATURES, bound].concat()).await;
    held.reply().await;

    let (mut strophe, mut server, _) = Caller::enters(&desk, client::STROPHE).await;
    strophe.authenticates(&mut server).await;
    strophe.restarts(&mut server, HEADER).await;
    strophe.asks(&mut server, bind, bound).await;
    assert_eq!(server.seen().matches("<stream:stream ").count(), 2);
}

// contract L13: JSXC opens a session to see whether there is an endpoint, and walks away; Strophe and stanza.js send a creation whose answer got lost
// once more. All of them are gone after a while, and one address has only so many
#[tokio::test(start_paused = true)]
async fn orphans_die_and_are_limited() {
    let limit = manager::Options {
        per_address: PerAddress {
            sessions: 3,
            ..PerAddress::default()
        },
        session: Arc::new(Limits::default()),
        ..manager::Options::default()
    };
    let desk = Desk::managing(limit);
    let address = IpAddr::from([192, 0, 2, 1]);
    let mut servers = Vec::new();
    for kind in [client::JSXC_PROBE, client::STROPHE, client::STANZA] {
        let mut connection = desk.connect_from(address);
        connection.send(kind.post(&creation(kind))).await;
        let mut server = desk.stream().await;
        server.opens().await;
        // the answer is lost with it, or nobody wants it
        drop(connection);
        servers.push(server);
    }
    let stanza = client::STANZA.post(&creation(client::STANZA));
    let mut refused = desk.connect_from(address);
    refused.send(&stanza).await;
    let refused = refused.reply().await;
    assert!(refused.is_terminate("policy-violation"), "{}", refused.text);
    assert!(desk.begins_nothing_for(WHILE).await);
    let mut other = desk.connect_from(IpAddr::from([192, 0, 2, 2]));
    other.send(&stanza).await;
    let mut server = desk.stream().await;
    server.opens().await;
    assert!(other.reply().await.attribute("sid").is_some());

    servers.push(server);
    sleep(Duration::from_secs(121)).await;
    for mut server in servers {
        server.says_goodbye().await;
        assert!(server.seen().ends_with(CLOSING));
    }
    desk.is_left_with(0).await;
    let mut again = desk.connect_from(address);
    again.send(&stanza).await;
    desk.stream().await.opens().await;
    assert!(again.reply().await.attribute("sid").is_some());
}
