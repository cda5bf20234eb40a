//! Slots of parts of a service: nobody holds one while they wait for something else. LIM-6, SLOT-1.

use tidegate_units::{Amounts, Concurrency, Cost, Dimension, Priority};

use crate::settings::{
    agent, at, call, key, limit_each, on_behalf_of, owing, request, service, tenant, tokens,
};
use crate::stage::{Stage, Told};

const ONE: Option<Concurrency> = Some(Concurrency::slots(1));

#[test]
fn a_key_that_is_named_twice_holds_one_slot() {
    let mut config = service(&["1000 requests per second"]);
    limit_each(&mut config, "agent", &[], ONE);
    let mut stage = Stage::new(config);
    let twice = on_behalf_of([key("agent", "a"), key("agent", "a")]);
    stage.ask(0, request(1, Cost::request(), 60_000).labels(twice));
    assert_eq!(stage.told(1), Told::granted(0));
    let slots = stage.limiter.state(stage.now).parts[0].slots.expect("it has one");
    assert_eq!(slots.held, 1, "SLOT-1");
}

#[test]
fn who_has_to_wait_at_one_part_leaves_the_slot_of_another_to_the_next() {
    let mut config = service(&["10 requests per second", "100000 tokens per second"]);
    limit_each(&mut config, "agent", &[], ONE);
    limit_each(&mut config, "tenant", &["60 tokens per minute"], None);
    let mut stage = Stage::new(config);
    stage.ask(0, request(1, tokens(5), 300_000).labels(tenant("t")));
    // The service is used up.
    stage.ask(0, request(2, Cost::request().requests(9), 300_000));
    // In line, and promised the slot of its agent; another waits for that.
    let both = on_behalf_of([key("agent", "a"), key("tenant", "t")]);
    stage.ask(0, request(3, tokens(5), 300_000).labels(both));
    stage.ask(0, request(4, tokens(1), 300_000).labels(agent("a")));
    let debt = Amounts::of(Dimension::Tokens, 115);
    stage.settle(1, owing(at(0), debt, call(Some(tenant("t")))));
    stage.run(at(20_000));
    assert_eq!(stage.told(3), Told::Nothing, "it waits for its tenant");
    assert_eq!(stage.told(4), Told::granted(100), "as soon as the service has room");
}

#[test]
fn an_urgent_call_does_not_wait_for_one_of_its_key_that_waits_itself() {
    let mut config = service(&["10 requests per second"]);
    limit_each(&mut config, "agent", &[], ONE);
    let mut stage = Stage::new(config);
    let ten = || Cost::request().requests(10);
    stage.ask(0, request(1, ten(), 600_000));
    // In line for long, behind others, with the only slot of its agent to come.
    let patient = request(2, Cost::request(), 600_000).labels(agent("a"));
    stage.ask(0, patient.priority(Priority::Background));
    for ticket in 100..160 {
        stage.ask(0, request(ticket, ten(), 600_000).priority(Priority::High));
    }
    let urgent = request(3, Cost::request(), 600_000).labels(agent("a"));
    stage.ask(1, urgent.priority(Priority::Critical));
    stage.run(at(2_000));
    assert_eq!(stage.told(3), Told::granted(100));
}
