//! What a class is owed whose calls come and go: ORD-2.

use tidegate_units::{Cost, Priority};

use crate::settings::{at, request, service, tokens, withdrawn};
use crate::stage::{Stage, Told};

/// Longer than anything here takes.
const FAR: u64 = 3_600_000;

#[test]
fn a_class_does_not_wait_longer_for_a_large_call_that_has_left() {
    let mut stage = Stage::new(service(&["100 tokens per second"]));
    stage.ask(0, request(1, tokens(100), FAR));
    for ticket in 100..700 {
        stage.ask(0, request(ticket, tokens(10), FAR));
    }
    // The first of its class, and gone before its turn.
    stage.ask(0, request(2, tokens(100), FAR).priority(Priority::Background));
    stage.ask(0, request(3, tokens(1), FAR).priority(Priority::Background));
    stage.settle(1, withdrawn(2));
    stage.run(at(100_000));
    let granted_at = stage.told(3).granted_at().expect("its share is a fiftieth");
    assert!(granted_at <= at(500), "ORD-2: 50 tokens of others for one of its own");
}

#[test]
fn a_class_whose_calls_give_up_is_served_its_share_nevertheless() {
    let mut stage = Stage::new(service(&["10 requests per second"]));
    stage.ask(0, request(1, Cost::request().requests(10), FAR));
    for ticket in 1_000..1_900 {
        stage.ask(0, request(ticket, Cost::request(), FAR).priority(Priority::High));
    }
    // Of the least class one waits at any time, and gives up before 50 others were served.
    for ticket in 10..25 {
        let came = (ticket - 10) * 4_000;
        stage.ask(came, request(ticket, Cost::request(), FAR).priority(Priority::Background));
        stage.settle(came + 3_999, withdrawn(ticket));
    }
    let served = |tickets: std::ops::Range<u64>| {
        stage.all_told(tickets).into_iter().filter_map(Told::granted_at).count()
    };
    let (own, others) = (served(10..25), served(1_000..1_900));
    assert!(others > 500, "{others}");
    assert!(own >= 6, "ORD-2: {own} beside {others}, the share is a fiftieth");
}
