//! Limits of parts of a service: whoever waits there goes on as soon as there is room, and holds
//! nothing anywhere else. LIM-1 to LIM-3.

use tidegate_scheduler::scopes::KEYS_MAX;
use tidegate_scheduler::{Limiter, Settlement};
use tidegate_units::{Amounts, Cost, Dimension, Priority};

use crate::settings::{
    agent, at, call, key, limit_each, on_behalf_of, owing, request, service, tenant, tokens,
    withdrawn,
};
use crate::stage::{Stage, Told};

/// Far more than anybody here wants.
const PLENTY: &str = "1000 requests per second";

#[test]
fn all_who_wait_at_a_part_go_on_one_after_the_other() {
    let mut config = service(&[PLENTY]);
    limit_each(&mut config, "agent", &["1 request per second"], None);
    let mut stage = Stage::new(config);
    for ticket in 0..4 {
        stage.ask(0, request(ticket, Cost::request(), 60_000).labels(agent("a")));
    }
    stage.run(at(10_000));
    assert_eq!(stage.all_told(0..4), [0, 1_000, 2_000, 3_000].map(Told::granted));
}

#[test]
fn who_waits_at_two_parts_is_not_passed_back_and_forth() {
    let mut config = service(&[PLENTY]);
    limit_each(&mut config, "agent", &["1 request per second"], None);
    limit_each(&mut config, "tenant", &["1 request per second"], None);
    let mut stage = Stage::new(config);
    for ticket in 0..20 {
        let agent = key("agent", if ticket % 2 == 0 { "a" } else { "b" });
        let tenant = key("tenant", if ticket / 2 % 2 == 0 { "t" } else { "u" });
        let mut keys = [agent, tenant];
        if ticket % 3 == 0 {
            keys.reverse();
        }
        stage.ask(0, request(ticket, Cost::request(), 60_000).labels(on_behalf_of(keys)));
    }
    stage.run(at(60_000));
    let granted = stage.all_told(0..20).into_iter().filter_map(Told::granted_at);
    let (count, last) = granted.fold((0, at(0)), |(count, last), at| (count + 1, last.max(at)));
    assert_eq!(count, 20, "every one of them has room within ten seconds");
    assert!(last <= at(20_000), "at least one part of the two lets one through every second");
}

#[test]
fn an_urgent_call_that_fits_does_not_wait_behind_a_large_one_at_a_part() {
    let mut config = service(&["100000 tokens per second"]);
    limit_each(&mut config, "agent", &["60 tokens per minute"], None);
    let mut stage = Stage::new(config);
    stage.ask(0, request(1, tokens(50), 60_000).labels(agent("a")));
    let large = request(2, tokens(60), 300_000).labels(agent("a"));
    stage.ask(0, large.priority(Priority::Low));
    let urgent = request(3, tokens(1), 20_000).labels(agent("a"));
    stage.ask(1_000, urgent.priority(Priority::Critical));
    assert_eq!(stage.told(3), Told::granted(1_000), "11 tokens are there");
    stage.run(at(100_000));
    assert_eq!(stage.told(2), Told::granted(51_000));
}

#[test]
fn a_key_that_is_named_twice_is_charged_once() {
    let mut config = service(&[PLENTY]);
    limit_each(&mut config, "agent", &["3 requests per minute"], None);
    let mut stage = Stage::new(config);
    let twice = on_behalf_of([key("agent", "a"), key("agent", "a")]);
    stage.ask(0, request(1, Cost::request(), 60_000).labels(twice));
    assert_eq!(stage.told(1), Told::granted(0));
    let parts = stage.limiter.state(stage.now).parts;
    assert_eq!(parts[0].limits[0].available, 2, "LIM-1");
}

/// A limiter that knows as many agents as it can, from `0` upwards.
fn with_all_parts(limit: &str) -> Stage {
    let mut config = service(&["1000000 requests per second"]);
    limit_each(&mut config, "agent", &[limit], None);
    let mut stage = Stage::new(config);
    for ticket in 0..u64::try_from(KEYS_MAX).expect("few") {
        let labels = agent(&ticket.to_string());
        stage.ask(0, request(ticket, Cost::request(), 60_000).labels(labels));
    }
    stage
}

#[test]
fn two_values_that_share_the_part_of_all_others_are_charged_once() {
    let mut stage = with_all_parts("3 requests per minute");
    let new = || on_behalf_of([key("agent", "y"), key("agent", "z")]);
    for ticket in 1_000_000..1_000_003 {
        stage.ask(0, request(ticket, Cost::request(), 60_000).labels(new()));
    }
    assert_eq!(stage.all_told(1_000_000..1_000_003), [Told::granted(0); 3], "LIM-1");
}

#[test]
fn no_key_is_forgotten_for_another_of_the_same_call() {
    let mut stage = with_all_parts("3 requests per minute");
    // Everybody is idle by now, and the second would be the first to be forgotten.
    let both = on_behalf_of([key("agent", "1"), key("agent", "new")]);
    let three = Cost::request().requests(3);
    stage.ask(600_000, request(1_000_000, three, 700_000).labels(both));
    for (ticket, value) in [(1_000_001, "1"), (1_000_002, "new")] {
        stage.ask(600_000, request(ticket, Cost::request(), 700_000).labels(agent(value)));
        assert_eq!(stage.told(ticket), Told::Nothing, "LIM-1: `{value}` has used all it has");
    }
    assert_eq!(stage.told(1_000_000), Told::granted(600_000));
}

#[test]
fn a_reset_lets_those_go_on_who_wait_at_parts() {
    let mut config = service(&[PLENTY]);
    limit_each(&mut config, "agent", &["1 request per minute"], None);
    let mut stage = Stage::new(config);
    stage.ask(0, request(1, Cost::request(), 100_000).labels(agent("a")));
    stage.ask(0, request(2, Cost::request(), 100_000).labels(agent("a")));
    stage.enter(at(1_000), Limiter::reset);
    assert_eq!(stage.told(2), Told::granted(1_000));
}

#[test]
fn who_has_to_come_back_to_a_part_does_not_put_others_off_there() {
    let mut config = service(&["10 requests per second", "100000 tokens per second"]);
    limit_each(&mut config, "tenant", &["60 tokens per minute"], None);
    let mut stage = Stage::new(config);
    stage.ask(0, request(1, tokens(5), 300_000).labels(tenant("t")));
    stage.ask(0, request(2, Cost::request().requests(9), 300_000));
    // It stands in line when another comes, for which there is a token too few at the part.
    stage.ask(0, request(3, tokens(55), 300_000).labels(tenant("t")));
    stage.ask(0, request(4, tokens(1), 200_000).labels(tenant("t")));
    let debt = Amounts::of(Dimension::Tokens, 5);
    stage.settle(1, owing(at(0), debt, call(Some(tenant("t")))));
    stage.run(at(400_000));
    assert_eq!(stage.told(4), Told::granted(100), "50 tokens are there");
    assert!(stage.told(3).granted_at().is_some(), "it is served when the debt is paid");
}

#[test]
fn what_only_a_part_limits_comes_back_from_a_grant_that_nobody_takes() {
    let mut config = service(&[PLENTY]);
    limit_each(&mut config, "agent", &["60 tokens per minute"], None);
    let mut stage = Stage::new(config);
    stage.ask(0, request(1, tokens(60), 100_000).labels(agent("a")));
    let record = stage.records[&1].clone();
    assert_eq!(record.charged.get(Dimension::Tokens), 60);
    let (recorded, refund) = (record.recorded, record.charged);
    let call = call(Some(agent("a")));
    stage.settle(0, Settlement::Unclaimed { recorded, refund, call });
    let parts = stage.limiter.state(stage.now).parts;
    assert_eq!(parts[0].limits[0].available, 60, "LIM-1: it has consumed nothing");
}

#[test]
fn what_only_a_part_limits_is_owed_where_it_was_used() {
    let mut config = service(&[PLENTY]);
    limit_each(&mut config, "agent", &["60 tokens per minute"], None);
    let mut stage = Stage::new(config);
    stage.ask(0, request(1, tokens(1), 100_000).labels(agent("a")));
    let debt = Amounts::of(Dimension::Tokens, 89);
    stage.settle(0, owing(at(0), debt, call(Some(agent("a")))));
    stage.ask(0, request(2, tokens(1), 100_000).labels(agent("a")));
    stage.run(at(60_000));
    assert_eq!(stage.told(2), Told::granted(31_000), "30 tokens are owed");
}

#[test]
fn a_part_that_nobody_waits_for_any_more_leaves_no_timer_behind() {
    let mut config = service(&["1000000 requests per second"]);
    limit_each(&mut config, "agent", &["1 request per minute"], None);
    let mut stage = Stage::new(config);
    let one =
        |ticket: u64, value: &str| request(ticket, Cost::request(), 100_000).labels(agent(value));
    // The search for a part to vacate begins behind the first.
    for ticket in 100_000..100_005 {
        stage.ask(0, one(ticket, &format!("x{ticket}")));
    }
    stage.ask(0, one(1, "a"));
    stage.ask(0, one(2, "a"));
    stage.settle(1, withdrawn(2));
    let refund = Amounts::of(Dimension::Requests, 1);
    let call = call(Some(agent("a")));
    stage.settle(2, Settlement::Unclaimed { recorded: at(0), refund, call });
    // So many others want a part that the one of `a` goes to somebody else.
    for ticket in 10..10_060 {
        stage.ask(3, one(ticket, &format!("k{ticket}")));
    }
    stage.run(at(200_000));
    assert_eq!(stage.limiter.state(stage.now).queued, 0, "LIM-3");
}
