//! Strophe.js in Chromium, which reaches boshd and its own page through a real Squid.

use std::net::SocketAddr;
use std::time::Duration;

use super::chat::{Size, strophe, url};
use crate::support::boshd::Boshd;
use crate::support::certificates::Certificates;
use crate::support::chromium;
use crate::support::process::free_port;
use crate::support::prosody::Prosody;
use crate::support::server::domain;
use crate::support::squid::{Orders, Squid};

/// Alice and Bob behind this Squid, before boshd with plain HTTP and HTTPS.
struct Company {
    squid: Squid,
    boshd: Boshd,
    https: SocketAddr,
    _certificates: Certificates,
    _prosody: Prosody,
}

impl Company {
    fn with(orders: &Orders) -> Self {
        chromium::ensure();
        let prosody = Prosody::start(&["alice", "bob"]);
        let certificates = Certificates::make("127.0.0.1");
        let https = free_port();
        let settings = format!(
            "[[listen]]\naddress = '{https}'\ntls = {{ certificate = '{}', key = '{}' }}\n\
             [cors]\norigins = ['*']\n[shutdown]\ngrace = '0s'\ndeadline = '2s'\n",
            certificates.good.certificate.display(),
            certificates.good.key.display(),
        );
        Self {
            squid: Squid::with(orders),
            boshd: Boshd::with(domain(), prosody.address, &settings),
            https,
            _certificates: certificates,
            _prosody: prosody,
        }
    }

    async fn chats(&self, endpoint: &str, size: Size) {
        strophe(endpoint.to_owned(), Some(self.squid.address), size).await;
    }
}

fn brisk() -> Size {
    Size::of(Duration::from_millis(500), Duration::from_secs(40))
}

#[tokio::test]
async fn strophe_behind_squid() {
    let company = Company::with(&Orders::default());
    let endpoint = url("http", company.boshd.address);
    company.chats(&endpoint, brisk()).await;
    let seen = company.squid.process.wrote(&format!("POST {endpoint}"));
    assert!(seen > 4, "not by way of Squid");
}

#[tokio::test]
async fn strophe_behind_squid_over_tls() {
    let company = Company::with(&Orders::default());
    company.chats(&url("https", company.https), brisk()).await;
    // of what is inside it sees nothing
    assert_eq!(company.squid.process.wrote("/http-bind"), 0);
}

#[tokio::test]
async fn strophe_behind_a_squid_that_opens_tls() {
    let orders = Orders {
        opens_tls: true,
        ..Orders::default()
    };
    let company = Company::with(&orders);
    let endpoint = url("https", company.https);
    company.chats(&endpoint, brisk()).await;
    let seen = company.squid.process.wrote(&format!("POST {endpoint}"));
    assert!(seen > 4, "it did not look inside");
}

#[tokio::test]
async fn strophe_behind_a_squid_that_cuts() {
    let (size, cut) = match std::env::var_os("BOSHD_SOAK") {
        None => (Size::with(Duration::from_secs(4)), Duration::from_secs(3)),
        Some(_) => (Size::with(Duration::from_secs(40)), Duration::from_secs(15)),
    };
    let orders = Orders {
        silence: cut,
        ..Orders::default()
    };
    let company = Company::with(&orders);
    company.chats(&url("http", company.boshd.address), size).await;
    assert!(company.squid.process.wrote("/504 ") > 0, "a network too friendly");
}
