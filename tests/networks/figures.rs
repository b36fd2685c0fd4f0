//! What the middlebox-aware hold is worth: half an hour of slow chat behind a network that cuts after 15 s of silence, for clients that
//! repeat at once and for such that hesitate as Strophe.js does; without it and with it.

use std::time::Duration;

use boshd::manager::Options;

use super::conversation::{Pace, Report, converse, house};
use super::idle::IdleCut;
use crate::client::http::Manner;

const CUT: Duration = Duration::from_secs(15);

/// Two cuts that agree teach a session; one may come between that does not. Each of two users has a session.
const LESSONS: u64 = 6;

async fn report(middlebox: bool, manner: Manner, pace: Pace) -> Report {
    let options = Options {
        middlebox,
        ..Options::default()
    };
    let report = converse(&house(options), IdleCut::after(CUT), manner, pace).await;
    println!("{manner:?}, {pace:?}, middlebox = {middlebox}: {report}");
    report
}

// O06
#[tokio::test(start_paused = true)]
async fn a_cut_at_15_s_before_and_after() {
    for (manner, pace) in [
        (Manner::Keen, Pace::Slow),
        (Manner::Strophe, Pace::Slow),
        (Manner::Strophe, Pace::Silent),
    ] {
        let [before, after] = [report(false, manner, pace).await, report(true, manner, pace).await];
        assert!(after.died <= LESSONS, "learned: {after}");
        assert!(before.died > 10 * LESSONS, "a network too friendly: {before}");
        assert_eq!(after.given_up, 0, "nobody is cut off: {after}");
        if let (Manner::Strophe, Pace::Silent) = (manner, pace) {
            assert!(before.given_up > 0, "Strophe would have ended the session: {before}");
        }
        assert!(after.percentile(90) < Duration::from_secs(1), "{after}");
    }
}
