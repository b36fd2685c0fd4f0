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

/// A failure stays in `model.regressions`, beside this file, and is tried first from then on.
fn remembering(cases: u32) -> ProptestConfig {
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
        limits in random::limits(), first in 1..2000_u64, happenings in random::lawful()
    ) {
        let mut world = World::new(first, limits);
        for happening in happenings {
            world.happen(happening);
            world.check_client();
        }
        world.quiesce();
    }

    // D02 to D05, D10 to D14, E01 to E04, G02, J18: whatever the client does
    #[test]
    fn no_client_brings_a_session_out_of_order(
        limits in random::limits(), first in random::first(), happenings in random::lawless()
    ) {
        let mut world = World::new(first, limits);
        happenings.into_iter().for_each(|happening| world.happen(happening));
    }
}

/// How much may happen: `hold`, then requests, repeats, losses, payloads, ends, deadlines.
const SEARCHES: [(u8, [u8; 6]); 5] = [
    (1, [5, 1, 1, 1, 0, 0]),
    (1, [3, 1, 1, 1, 0, 1]),
    (1, [3, 1, 1, 1, 1, 0]),
    (1, [2, 1, 1, 0, 1, 1]),
    (2, [4, 1, 1, 1, 0, 0]),
];

#[test]
fn every_interleaving_of_a_few_requests() {
    for (hold, [requests, repeats, losses, payloads, ends, deadlines]) in SEARCHES {
        let budget = Budget {
            requests,
            repeats,
            losses,
            payloads,
            ends,
            deadlines,
        };
        let states = search::visit(hold, budget);
        println!("hold {hold}, {budget:?}: {states} states");
        assert!(states > 1000, "the search has lost its way");
    }
}
