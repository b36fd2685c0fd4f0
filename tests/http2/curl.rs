//! curl, with prior knowledge.

use std::process::Command;

use super::stack;
use super::stack::{Session, creation};
use super::support::packages;

async fn curl(arguments: Vec<String>) -> String {
    let run = move || Command::new("curl").args(&arguments).output().expect("curl");
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

// O03
#[tokio::test]
async fn curl_with_prior_knowledge() {
    packages::ensure(&["curl"]);
    let stack = stack();
    let url = format!("http://{}/http-bind", stack.listen());
    let post = |body: &str| {
        let common = [
            "--silent",
            "--show-error",
            "--http2-prior-knowledge",
            "--max-time",
            "60",
            "--dump-header",
            "-",
        ];
        let mut arguments: Vec<String> = common.iter().map(|&text| text.to_owned()).collect();
        arguments.extend(["--data-binary".to_owned(), body.to_owned(), url.clone()]);
        arguments
    };
    let created = curl(post(&creation(1))).await;
    assert!(created.starts_with("HTTP/2 200"), "{created}");
    let mut session = Session::of_text(&created);
    // larger than what curl sends before it is told to go on
    let avatar = format!("<avatar xmlns='x'>{}</avatar>", "a".repeat(100_000));
    let answered = curl(post(&session.body(&avatar))).await;
    assert!(answered.contains("content-length: "), "{answered}");
    stack.server.sees("</avatar>").await;
}
