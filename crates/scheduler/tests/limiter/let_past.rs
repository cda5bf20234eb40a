//! Calls that are let past a large one: it starts no later for them than is allowed. LIM-2.

use tidegate_scheduler::{LimiterConfig, Settlement};
use tidegate_units::{Concurrency, Outcome, Span};

use crate::settings::{at, call, request, service, tokens};
use crate::stage::{Stage, Told};

/// A minute's tokens, of which half are used by a call that has ended.
fn half_empty(slots: Option<u32>) -> Stage {
    let mut config: LimiterConfig = service(&["60 tokens per minute"]);
    config.concurrency = slots.map(Concurrency::slots);
    config.queue.backfill = Span::from_secs(1);
    let mut stage = Stage::new(config);
    stage.ask(0, request(1, tokens(30), 100_000));
    stage.settle(1, Settlement::closed(Outcome::Ok, stage.now, call(None)));
    stage
}

#[test]
fn a_small_call_is_let_past_while_the_next_in_line_waits_for_tokens() {
    for slots in [None, Some(2)] {
        let mut stage = half_empty(slots);
        stage.ask(2, request(2, tokens(60), 200_000));
        stage.ask(3, request(3, tokens(1), 300_000));
        assert_eq!(stage.told(3), Told::granted(3));
        stage.run(at(100_000));
        assert_eq!(stage.told(2), Told::granted(31_000), "a second later for it, as is allowed");
    }
}

#[test]
fn nobody_is_let_past_who_would_take_the_slot_that_the_next_in_line_needs() {
    let mut stage = half_empty(Some(1));
    stage.ask(2, request(2, tokens(60), 200_000));
    stage.ask(3, request(3, tokens(1), 300_000));
    stage.run(at(29_999));
    assert_eq!(stage.told(3), Told::Nothing);
    stage.run(at(100_000));
    assert_eq!(stage.told(2), Told::granted(30_000), "LIM-2: as was promised");
}
