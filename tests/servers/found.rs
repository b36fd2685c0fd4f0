//! A domain whose servers only DNS knows: one with TLS from the first byte, preferred, and one with STARTTLS.

use hickory_resolver::proto::rr::RecordType;

use crate::support::bosh::Bosh;
use crate::support::boshd::Boshd;
use crate::support::certificates::Certificates;
use crate::support::dns::{LONG, NameServer};
use crate::support::server::{Options, Server, Tls, domain};

before_each_server!(; "it is two servers with certificates of ours, of which one dies": the_next_one_is_used_when_the_better_one_is_gone);

const SERVICES: [&str; 2] = ["_xmpps-client._tcp", "_xmpp-client._tcp"];

/// Only one of the servers knows each of them, so that a login says which it was.
const USERS: [&str; 2] = ["alice", "bob"];

// DN02, DN03, DN04, DN08: both services in one list, by priority, each secured in its own way
async fn the_next_one_is_used_when_the_better_one_is_gone<S: Server>() {
    let certificates = Certificates::make(domain());
    let good = || certificates.good.clone();
    let start = |user: &str, tls: Tls| {
        let options = Options {
            tls,
            ..Options::default()
        };
        S::with(&[user], &options)
    };
    let [alice, bob] = USERS;
    let (mut better, other) = (start(alice, Tls::Direct(good())), start(bob, Tls::Required(good())));
    let names = NameServer::start().await;
    let services = SERVICES.map(|service| format!("{service}.{}", domain()));
    for (nth, (service, server)) in services.iter().zip([&better, &other]).enumerate() {
        let host = format!("xmpp{nth}.{}", domain());
        let port = server.address().port();
        names.srv(service, LONG, &[&format!("{nth} 1 {port} {host}")]);
        names.addresses(&host, LONG, &["127.0.0.1"]);
    }
    let boshd = Boshd::reaching(&format!(
        "ca_file = '{}'\nnetworks = ['127.0.0.0/8']\nretry_max = '1s'\n[resolver]\nservers = ['{}']",
        certificates.authority.display(),
        names.address
    ));
    Bosh::login(boshd.address, alice, "PLAIN").await;
    for service in &services {
        assert_eq!(names.asked(service, RecordType::SRV), 1, "{service}");
    }

    better.kill();
    Bosh::login(boshd.address, bob, "PLAIN").await;
    assert_eq!(boshd.wrote("server out of service"), 1, "{}", boshd.log());

    better.launch();
    boshd.writes("server back in service").await;
    Bosh::login(boshd.address, alice, "PLAIN").await;
}
