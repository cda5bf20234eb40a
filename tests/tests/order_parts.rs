//! Who waits for a part of a service: a model, an agent. They hold nothing anywhere else.
//!
//! LIM-1 and LIM-3 hold for parts as for the service.

use tidegate_algorithms::Carry;
use tidegate_scheduler::{Labels, LimiterConfig, Ticket};
use tidegate_tests::stage::{Stage, agent, model, service, smooth};
use tidegate_units::{
    Cost, Dimension, KeyPolicy, Priority, QueuePolicy, Reason, ScopePolicy, ScopedPolicies, Span,
};

const SECOND: Span = Span::from_secs(1);

fn with_parts() -> LimiterConfig {
    let opus =
        ScopePolicy { limits: vec![smooth(Dimension::Requests, 1, 1)], ..ScopePolicy::default() };
    let each =
        KeyPolicy { limits: vec![smooth(Dimension::Requests, 2, 1)], ..KeyPolicy::default() };
    let scoped = ScopedPolicies {
        models: vec![("opus-*".to_owned(), opus)],
        each: [("agent".parse().expect("a name"), each)].into(),
        ..ScopedPolicies::default()
    };
    let queue = QueuePolicy::default();
    LimiterConfig { scoped, queue, ..service(vec![smooth(Dimension::Requests, 100, 10)]) }
}

fn ask(stage: &mut Stage, labels: Labels) -> Ticket {
    let request = stage.request(Cost::request(), SECOND * 60).labels(labels);
    stage.ask(request)
}

fn both(named: &str, on_behalf_of: &str) -> Labels {
    Labels { keys: agent(on_behalf_of).keys, ..model(named) }
}

#[test]
fn who_waits_for_a_model_holds_up_nobody_else() {
    let mut stage = Stage::new(with_parts());
    let opus: Vec<_> = (0..4).map(|_| ask(&mut stage, model("opus-4"))).collect();
    assert!(stage.is_granted(opus[0]) && !stage.is_granted(opus[1]));
    let others = [model("haiku"), Labels::default(), agent("ann")];
    for labels in others {
        let other = ask(&mut stage, labels);
        assert!(stage.is_granted(other), "LIM-2: nobody waits for the service");
    }
    let taken = stage.world.take(0, &Cost::request());
    assert!(taken.is_some(), "LIM-2: the gate is open while nobody waits in line");
    stage.pass(SECOND * 5);
    let times: Vec<_> = opus.iter().filter_map(|ticket| stage.granted_at(*ticket)).collect();
    assert_eq!(times.len(), 4, "LIM-3");
    assert!(times.windows(2).all(|pair| pair[1].since(pair[0]) >= SECOND), "LIM-1: {times:?}");
}

#[test]
fn who_is_for_two_parts_waits_for_both_and_passes_neither() {
    let mut stage = Stage::new(with_parts());
    let mut asked = Vec::new();
    for turn in 0..12 {
        let named = ["ann", "bob", "cid"][turn % 3];
        asked.push((named, ask(&mut stage, both("opus-4", named))));
        asked.push((named, ask(&mut stage, both("haiku", named))));
    }
    stage.pass(SECOND * 40);
    assert!(asked.iter().all(|(_, ticket)| stage.is_granted(*ticket)), "LIM-3");
    let gap = |stage: &Stage, kind: &dyn Fn(&Labels) -> bool| {
        let labels = |ticket| stage.asked[ticket].labels.as_deref().expect("labels");
        let times = stage.granted.iter().filter(|(ticket, _)| kind(labels(ticket)));
        let times: Vec<_> = times.map(|(_, at)| *at).collect();
        times.windows(2).map(|pair| pair[1].since(pair[0])).min().expect("some")
    };
    assert!(gap(&stage, &|labels| labels.model == model("opus-4").model) >= SECOND, "LIM-1");
    let half = Span::from_millis(500);
    for named in ["ann", "bob", "cid"] {
        assert!(gap(&stage, &|labels| labels.keys == agent(named).keys) >= half, "LIM-1: {named}");
    }
}

#[test]
fn keys_beyond_those_that_are_kept_apart_share_what_one_has() {
    let mut config = with_parts();
    config.limits = vec![smooth(Dimension::Requests, 100_000, 100_000)];
    config.queue.capacity = 100_000;
    let mut stage = Stage::new(config);
    // All at one instant, so that none of them is at rest before the last has come.
    let kept = tidegate_scheduler::scopes::KEYS_MAX;
    for name in 0..kept {
        let ticket = ask(&mut stage, agent(&name.to_string()));
        assert!(stage.is_granted(ticket));
    }
    let one = ask(&mut stage, agent("one"));
    let other = ask(&mut stage, agent("other"));
    assert!(stage.is_granted(one) && !stage.is_granted(other), "LIM-1: they share a part");
    stage.pass(SECOND * 2);
    assert!(stage.is_granted(other), "LIM-3");
    // The first have rested: those that come now are kept apart again.
    let again = ["new", "newer"].map(|name| ask(&mut stage, agent(name)));
    assert!(again.iter().all(|ticket| stage.is_granted(*ticket)));
    stage.pass(SECOND * 2);
}

#[test]
fn a_part_that_is_forgotten_leaves_no_alarm() {
    let mut config = with_parts();
    config.limits = vec![smooth(Dimension::Requests, 100_000, 100_000)];
    config.queue.capacity = 100_000;
    let mut stage = Stage::new(config);
    let kept = tidegate_scheduler::scopes::KEYS_MAX;
    let first = ask(&mut stage, agent("0"));
    let waits = ask(&mut stage, agent("0"));
    for name in 1..kept {
        ask(&mut stage, agent(&name.to_string()));
    }
    // Nobody waits there any more, and nothing was used: but it was to be looked at later.
    stage.withdraw(waits);
    let granted = stage.permit(first);
    let call = stage.call(first, granted.by_gate);
    let (recorded, refund) = (granted.recorded, granted.charged);
    stage.settle(tidegate_scheduler::Settlement::Unclaimed { recorded, refund, call });
    // Others look for a place until they find this one.
    for name in 0..kept / 32 + 2 {
        ask(&mut stage, agent(&format!("new-{name}")));
    }
    stage.pass(SECOND * 90);
    assert!(stage.world.next_deadline().is_none_or(|at| at > stage.now()), "LIM-3");
}

#[test]
fn limits_change_under_those_who_wait_in_every_class_and_for_parts() {
    let mut stage = Stage::new(with_parts());
    let mut asked = Vec::new();
    for class in Priority::ALL {
        for cost in [1, 8] {
            for labels in [Labels::default(), model("opus-4"), both("haiku", "ann")] {
                let cost = if labels.is_empty() { cost } else { 1 };
                let cost = Cost::of(Dimension::Requests, cost);
                let request = stage.request(cost, SECOND * 60).priority(class).labels(labels);
                asked.push(stage.ask(request));
            }
        }
    }
    let limits = [smooth(Dimension::Requests, 2, 4)];
    let before = stage.granted.len();
    assert!(before < asked.len());
    stage.world.reconfigure(0, &limits, Carry::AsIs).expect("LIM-5: they may be limited");
    stage.listen();
    stage.pass(SECOND * 60);
    for ticket in &asked {
        let large = stage.asked[ticket].cost.amount(Dimension::Requests) == 8;
        match &stage.told[ticket] {
            Some(Ok(_)) => {}
            Some(Err(refusal)) if large => assert_eq!(refusal.reason, Reason::NeverFits, "LIM-5"),
            other => panic!("LIM-3: {ticket:?} {other:?}"),
        }
    }
    assert_eq!(stage.state().queued, 0);
    assert!(stage.granted.len() > before + 15, "LIM-5: {}", stage.granted.len());
}
