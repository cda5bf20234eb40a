//! Histories by chance of a limiter with everything it can have: nobody who could be granted waits to
//! be woken, no more are under way than there are slots, and everybody is answered once. LIM-2, LIM-3,
//! LIM-6, SLOT-1, SLOT-2.

use tidegate_units::{Overflow, Span};

use crate::history::{History, Plan};

const SEEDS: u64 = 200;
const STEPS: usize = 600;

fn all_go_well(with_breaker: bool, overflow: Overflow, backfill: Span) {
    let plan = Plan { with_breaker, overflow, backfill };
    for seed in 0..SEEDS {
        let mut history = History::new(seed, plan);
        for _ in 0..STEPS {
            history.step();
        }
        history.finish();
    }
}

#[test]
fn where_a_full_queue_refuses_newcomers() {
    all_go_well(false, Overflow::RefuseNewest, Span::ZERO);
}

#[test]
fn where_a_breaker_opens_and_closes() {
    all_go_well(true, Overflow::RefuseNewest, Span::ZERO);
}

#[test]
fn where_the_oldest_are_dropped_and_small_calls_let_past() {
    all_go_well(false, Overflow::DropOldest, Span::from_millis(500));
}

#[test]
fn where_the_newest_go_first_and_a_breaker_opens() {
    all_go_well(true, Overflow::NewestFirst, Span::from_millis(500));
}

#[test]
fn where_the_oldest_of_the_least_class_are_dropped() {
    all_go_well(false, Overflow::DropOldestOfLowestClass, Span::ZERO);
}
