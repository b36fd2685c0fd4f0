//! A request that arrived whole is carried out, whatever became of its connection; none delays another (FX01, O02).

use tokio::io::AsyncWriteExt as _;

use super::stack;
use super::stack::{creation, post};
use super::wire::Wire;

// FX01: each step of a login, then a terminate with payload, each closed at once.
#[tokio::test(start_paused = true)]
async fn a_request_that_arrived_whole_is_carried_out() {
    let stack = stack();
    let mut session = stack.session(1).await;
    let steps = ["<auth xmlns='x'/>", "<response xmlns='x'/>", "<bind xmlns='x'/>"];
    let mut bodies: Vec<String> = steps.iter().map(|step| session.body(step)).collect();
    bodies.push(session.terminate("<presence type='unavailable'/>"));
    for (body, step) in bodies.iter().zip(steps.iter().chain(&["unavailable"])) {
        let mut wire = stack.connect();
        wire.send(post(body)).await;
        drop(wire);
        stack.server.sees(step.split(' ').next().unwrap()).await;
    }
    assert!(
        stack
            .connect()
            .ask(post(&session.body("")))
            .await
            .is_terminate("item-not-found")
    );
}

// FX01: a creation, too, and a request in chunks.
#[tokio::test(start_paused = true)]
async fn a_creation_that_arrived_whole_is_carried_out() {
    let stack = stack();
    let mut wire = stack.connect();
    let body = creation(1);
    let (one, two) = body.split_at(50);
    let chunks = format!("{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", one.len(), two.len());
    wire.send(format!(
        "POST /http-bind HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
    ))
    .await;
    drop(wire);
    stack.server.sees("<stream:stream").await;
}

// FX01, on real sockets that are closed or reset.
#[tokio::test]
async fn a_request_on_a_socket_that_closed_at_once_is_carried_out() {
    let stack = stack();
    let address = stack.listen();
    let mut session = stack.session(1).await;
    for nth in 0..40 {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let payload = format!("<step xmlns='x' n='{nth}'/>");
        stream.write_all(post(&session.body(&payload)).as_bytes()).await.unwrap();
        drop(stream);
        stack.server.sees(&format!("n='{nth}'")).await;
    }
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream
        .write_all(post(&session.terminate("<presence type='unavailable'/>")).as_bytes())
        .await
        .unwrap();
    drop(stream);
    stack.server.sees("unavailable").await;
}

// O02: a held request delays nobody else.
#[tokio::test]
async fn many_connections_at_once() {
    let stack = stack();
    let address = stack.listen();
    let mut held = Vec::new();
    for nth in 0..100 {
        let mut session = stack.session(50).await;
        let mut wire = Wire::new(tokio::net::TcpStream::connect(address).await.unwrap());
        wire.send(post(&session.body(&format!("<a xmlns='x' n='{nth}'/>")))).await;
        stack.server.sees(&format!("n='{nth}'")).await;
        held.push(wire);
    }
    for (nth, wire) in held.iter_mut().enumerate() {
        stack.server.push(nth, &format!("<message id='{nth}'/>"));
        assert!(wire.reply().await.text().contains(&format!("id='{nth}'")));
    }
}
