//! A queue that is full, and who is next once somebody was refused or dropped: nobody is overlooked,
//! nobody is dropped for nothing. LIM-2, LIM-3.

use tidegate_units::{Amounts, Dimension, Overflow, Priority, Reason};

use crate::settings::{at, request, service, tokens};
use crate::stage::{Stage, Told};

#[test]
fn a_newcomer_who_is_refused_takes_nobody_with_it() {
    let mut stage = Stage::new(service(&["60 tokens per minute"]));
    stage.ask(0, request(1, tokens(60), 60_000));
    stage.ask(0, request(2, tokens(1), 30_000));
    // It would be next, and is too late anyway.
    stage.ask(0, request(3, tokens(50), 10_000).priority(Priority::Critical));
    assert_eq!(stage.told(3), Told::refused(0, Reason::DeadlineTooClose));
    stage.run(at(40_000));
    assert_eq!(stage.told(2), Told::granted(1_000));
}

#[test]
fn a_newcomer_who_is_refused_does_not_put_off_whoever_was_next() {
    let mut stage = Stage::new(service(&["60 tokens per minute"]));
    stage.ask(0, request(1, tokens(60), 60_000));
    stage.ask(0, request(2, tokens(10), 15_000));
    stage.ask(2_000, request(3, tokens(50), 20_000).priority(Priority::Critical));
    assert_eq!(stage.told(3), Told::refused(2_000, Reason::DeadlineTooClose));
    stage.run(at(40_000));
    assert_eq!(stage.told(2), Told::granted(10_000));
}

#[test]
fn when_the_next_in_line_is_dropped_the_one_behind_it_is_looked_at() {
    let mut config = service(&["60 tokens per minute", "1000 requests per minute"]);
    config.queue.capacity = 2;
    config.queue.overflow = Overflow::DropOldest;
    let mut stage = Stage::new(config);
    stage.ask(0, request(1, tokens(30), 60_000));
    // Next, in half a minute; whoever is behind it would fit.
    stage.ask(0, request(2, tokens(60), 31_000));
    stage.ask(0, request(3, tokens(20), 50_000));
    stage.ask(0, request(4, tokens(1), 55_000));
    assert_eq!(stage.told(2), Told::refused(0, Reason::Displaced));
    assert_eq!(stage.all_told(3..5), [Told::granted(0); 2]);
}

#[test]
fn nobody_is_dropped_for_a_call_that_may_not_wait_anyway() {
    for overflow in [Overflow::DropOldest, Overflow::NewestFirst] {
        let mut config = service(&["1000 tokens per minute"]);
        config.queue.max_cost = Amounts::of(Dimension::Tokens, 100);
        config.queue.overflow = overflow;
        let mut stage = Stage::new(config);
        stage.ask(0, request(1, tokens(1_000), 60_000));
        for ticket in 2..7 {
            stage.ask(0, request(ticket, tokens(10), 60_000));
        }
        stage.ask(0, request(9, tokens(500), 60_000));
        assert_eq!(stage.told(9), Told::refused(0, Reason::QueueFull), "{overflow}");
        assert_eq!(stage.all_told(2..7), [Told::Nothing; 5], "{overflow}");
    }
}

#[test]
fn what_may_wait_is_bounded_in_dimensions_that_no_limit_counts() {
    let mut config = service(&["1 request per minute"]);
    config.queue.max_cost = Amounts::of(Dimension::Tokens, 100);
    let mut stage = Stage::new(config);
    stage.ask(0, request(1, tokens(1_000), 1_000_000));
    assert_eq!(stage.told(1), Told::granted(0), "it does not wait");
    stage.ask(0, request(2, tokens(60), 1_000_000));
    stage.ask(0, request(3, tokens(60), 1_000_000));
    assert_eq!(stage.told(2), Told::Nothing);
    assert_eq!(stage.told(3), Told::refused(0, Reason::QueueFull));
}
