//! The session against a naive reference: random inputs, and all interleavings of a few requests (ARCHITECTURE.md, "Invariants").

#[path = "model/book.rs"]
mod book;
#[path = "model/checks.rs"]
mod checks;
#[path = "model/client.rs"]
mod client;
#[path = "model/manners.rs"]
mod manners;
#[path = "model/random.rs"]
mod random;
#[path = "model/search.rs"]
mod search;
#[path = "model/wire.rs"]
mod wire;
#[path = "model/world.rs"]
mod world;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use search::Budget;
use world::World;

/// A failure stays in `model.regressions`, beside this file, and is tried first from then on. MODEL_CASES=N tries more.
fn remembering(cases: u32) -> ProptestConfig {
    let more = std::env::var("MODEL_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = more.unwrap_or(cases);
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(remembering(1000))]

    // Q11, D09, D15, FX04: whatever is lost on the way
    #[test]
    fn a_client_that_keeps_to_the_rules_gets_everything_once(
        limits in random::limits(), first in 1..2000_u64, acks in any::<bool>(), happenings in random::lawful()
    ) {
        let mut world = World::new(first, limits, acks);
        for happening in happenings {
            world.happen(happening);
            world.check_client();
        }
        world.quiesce();
    }

    // D02 to D05, D10 to D14, E01 to E04, G02, J18: whatever the client does
    #[test]
    fn no_client_brings_a_session_out_of_order(
        limits in random::limits(), first in random::first(), acks in any::<bool>(), happenings in random::lawless()
    ) {
        let mut world = World::new(first, limits, acks);
        happenings.into_iter().for_each(|happening| world.happen(happening));
    }
}

/// How much may happen: `hold`, acknowledgements or none, then requests, repeats, losses, payloads, ends, deadlines.
const SEARCHES: [(u8, bool, [u8; 6]); 6] = [
    (1, false, [5, 1, 1, 1, 0, 0]),
    (1, false, [3, 1, 1, 1, 0, 1]),
    (1, true, [3, 1, 1, 1, 0, 1]),
    (1, false, [3, 1, 1, 1, 1, 0]),
    (1, false, [2, 1, 1, 0, 1, 1]),
    (2, false, [4, 1, 1, 1, 0, 0]),
];

#[test]
fn every_interleaving_of_a_few_requests() {
    for (hold, acks, [requests, repeats, losses, payloads, ends, deadlines]) in SEARCHES {
        let budget = Budget {
            requests,
            repeats,
            losses,
            payloads,
            ends,
            deadlines,
        };
        let states = search::visit(hold, acks, budget);
        println!("hold {hold}, acks {acks}, {budget:?}: {states} states");
        assert!(states > 1000, "the search has lost its way");
    }
}
