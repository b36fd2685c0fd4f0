//! The try-out page.

use boshd::front::{Options, Tryout};

use super::stack;
use super::stack::Stack;

#[tokio::test(start_paused = true)]
async fn the_tryout_page() {
    let mut wire = Stack::new(Options {
        tryout: Tryout::On,
        ..Options::default()
    })
    .connect();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/tryout/style.css", "text/css; charset=utf-8"),
        ("/tryout/app.js", "text/javascript; charset=utf-8"),
    ] {
        let page = wire.ask(format!("GET {path} HTTP/1.1\r\n\r\n")).await;
        assert_eq!(page.status(), 200);
        assert_eq!(page.header("content-type"), Some(kind));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert!(
            page.header("content-security-policy")
                .unwrap()
                .starts_with("default-src 'none'; script-src 'self';")
        );
        let etag = page.header("etag").unwrap();
        let again = wire
            .ask(format!("GET {path} HTTP/1.1\r\nIf-None-Match: {etag}\r\n\r\n"))
            .await;
        assert_eq!(again.status(), 304);
    }
    assert_eq!(wire.ask("GET /tryout/none.js HTTP/1.1\r\n\r\n").await.status(), 404);
    let mut wire = stack().connect();
    assert_eq!(
        wire.ask("GET /tryout/app.js HTTP/1.1\r\n\r\n").await.status(),
        404,
        "off by default"
    );
}
