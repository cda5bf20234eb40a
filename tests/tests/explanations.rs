//! Why a call waits, in the words that people read: for a call that might be made, and for one that waits.

use insta::assert_snapshot;
use tidegate_scheduler::explanation::Standing;
use tidegate_scheduler::{Call, Labels, LimiterConfig, Request, Settlement, Ticket};
use tidegate_tests::stage::{Stage, agent, model, service, smooth};
use tidegate_units::{
    BreakerPolicy, Concurrency, Cost, Dimension, KeyPolicy, Outcome, Priority, QueuePolicy,
    ScopePolicy, ScopedPolicies, Share, Span,
};

const MINUTE: Span = Span::from_secs(60);

fn one_a_second() -> LimiterConfig {
    service(vec![smooth(Dimension::Requests, 1, 1)])
}

/// What would become of a call that takes so much and can wait a minute.
fn would(stage: &mut Stage, change: impl FnOnce(Request) -> Request) -> String {
    let request = change(stage.request(Cost::request(), MINUTE));
    stage.world.explain(0, &request).to_string()
}

fn same(request: Request) -> Request {
    request
}

#[test]
fn a_call_that_finds_room_runs_at_once_and_takes_nothing_by_asking() {
    let mut stage = Stage::new(one_a_second());
    assert_snapshot!(would(&mut stage, same), @"runs at once");
    assert_snapshot!(would(&mut stage, same), @"runs at once");
    let granted = stage.ask_for(Cost::request());
    assert!(stage.is_granted(granted), "LIM-1: asking took nothing");
}

#[test]
fn a_call_behind_others_is_told_who_they_are_and_what_is_missing() {
    let mut stage = Stage::new(one_a_second());
    for _ in 0..4 {
        stage.ask_for(Cost::request());
    }
    for (class, name) in [(Priority::High, "planner"), (Priority::High, "planner")] {
        let request = stage.request(Cost::request(), MINUTE).priority(class);
        stage.ask(request.labels(agent(name)));
    }
    assert_snapshot!(would(&mut stage, same), @r#"
would wait, runs in 3s: the limit of service `service` is reached: 1 of 1 requests per 1s used, 1 asked for; retry after 1s (E4404)
  ahead: 2 high
  to run now it would take 3 more requests of service `service`
"#);
    assert_snapshot!(would(&mut stage, |request| request.priority(Priority::Critical)), @r#"
would wait, runs in 1s: the limit of service `service` is reached: 1 of 1 requests per 1s used, 1 asked for; retry after 1s (E4404)
  to run now it would take 1 more requests of service `service`
"#);
    let of_planner = |request: Request| request.priority(Priority::High).labels(agent("planner"));
    assert_snapshot!(would(&mut stage, of_planner), @r#"
would wait, runs in 3s: the limit of service `service` is reached: 1 of 1 requests per 1s used, 1 asked for; retry after 1s (E4404)
  ahead: 2 high of agent `planner`
  to run now it would take 3 more requests of service `service`
"#);
}

#[test]
fn a_call_that_can_never_pass_or_not_in_time_is_told_so() {
    let shares = [Share::NONE; Priority::ALL.len()];
    let queue = QueuePolicy { shares, ..QueuePolicy::default() };
    let mut stage = Stage::new(LimiterConfig { queue, ..one_a_second() });
    assert_snapshot!(would(&mut stage, |it| Request { cost: Cost::request().requests(2), ..it }), @"would be refused: 2 requests asked of service `service` never fit: at most 1 can pass at once, make the call smaller or raise the limit (E4410)");
    for _ in 0..100 {
        stage.ask_for(Cost::request());
    }
    assert_snapshot!(would(&mut stage, |it| it.priority(Priority::Low)), @r#"
would be refused: the limit of service `service` is reached: 1 of 1 requests per 1s used, 1 asked for; retry after 1s (E4404)
  ahead: 99 normal
  to run now it would take 100 more requests of service `service`
"#);
}

#[test]
fn one_that_waits_for_a_part_is_told_which() {
    let limits = vec![smooth(Dimension::Requests, 1, 1)];
    let mini = ScopePolicy { limits: limits.clone(), ..ScopePolicy::default() };
    let each = KeyPolicy { concurrency: Some(Concurrency::slots(1)), ..KeyPolicy::default() };
    let name = agent("planner").keys[0].name();
    let scoped = ScopedPolicies {
        models: vec![("mini-*".to_owned(), mini)],
        each: [(name, each)].into(),
        ..ScopedPolicies::default()
    };
    let config = service(vec![smooth(Dimension::Requests, 1_000, 1_000)]);
    let mut stage = Stage::new(LimiterConfig { scoped, ..config });
    let ask = |stage: &mut Stage, labels: Labels| {
        let request = stage.request(Cost::request(), MINUTE).labels(labels);
        stage.ask(request)
    };
    let why = |stage: &mut Stage, ticket: Ticket| {
        stage.world.explain_waiting(0, ticket).map(|why| why.to_string()).unwrap_or_default()
    };
    ask(&mut stage, model("mini-1"));
    let second = ask(&mut stage, model("mini-2"));
    assert_snapshot!(why(&mut stage, second), @r#"
a normal call for 1 requests waits, runs in 1s: the limit of model `mini-*` of service `service` is reached: 1 of 1 requests per 1s used, 1 asked for; retry after 1s (E4404)
  to run now it would take 1 more requests of model `mini-*` of service `service`
"#);
    ask(&mut stage, agent("planner"));
    let second = ask(&mut stage, agent("planner"));
    assert_snapshot!(why(&mut stage, second), @"a normal call of agent `planner` for 1 requests waits, runs when another call ends: the limit of agent `planner` of service `service` is reached: 1 of 1 calls under way; retry after 1ms (E4406)");
    stage.pass(Span::from_secs(2));
    assert_eq!(why(&mut stage, Ticket(1)), "", "it waits no longer");
}

#[test]
fn pauses_breakers_back_offs_and_floors_are_reasons_too() {
    let breaker = BreakerPolicy { failures: 1, ..BreakerPolicy::default() };
    let mut floors = [Share::NONE; Priority::ALL.len()];
    floors[Priority::Background.index()] = Share::per_mille(900);
    let queue = QueuePolicy { floors, ..QueuePolicy::default() };
    let config = service(vec![smooth(Dimension::Requests, 10, 10)]);
    let mut stage = Stage::new(LimiterConfig { queue, breaker: Some(breaker), ..config });
    let first = stage.ask_for(Cost::request());
    assert_snapshot!(would(&mut stage, |it| it.priority(Priority::Background)), @"would wait, runs in 1s, leaves 90 % of every burst to more urgent calls");
    let later = stage.now() + Span::from_secs(5);
    let request = stage.request(Cost::request(), MINUTE);
    let ticket = stage.ask(Request { not_before: Some(later), ..request });
    let why = stage.world.explain_waiting(0, ticket).expect("it backs off");
    assert_eq!(why.standing, Standing::BacksOff);
    assert_snapshot!(why, @"a normal call for 1 requests backs off, runs in 5s");
    let recorded = stage.permit(first).recorded;
    stage.world.settle(0, Settlement::closed(Outcome::Failed, recorded, Call::default()));
    stage.listen();
    assert_snapshot!(would(&mut stage, same), @"would be refused: the circuit breaker of service `service` is open; retry after 30s (E4423)");
}

#[test]
fn an_explanation_has_one_form_for_programs() {
    let mut stage = Stage::new(one_a_second());
    stage.ask_for(Cost::request());
    stage.ask_for(Cost::request());
    let request = stage.request(Cost::request(), MINUTE);
    let why = stage.world.explain(0, &request);
    let json = serde_json::to_string_pretty(&why).expect("it is plain data");
    assert_snapshot!(json, @r#"
{
  "standing": "would_wait",
  "class": "normal",
  "key": null,
  "cost": {
    "requests": 1
  },
  "binding": {
    "code": "E4404",
    "reason": "limit_reached",
    "scope": {
      "service": "service"
    },
    "dimension": "requests",
    "limit": 1,
    "window": 1000000000,
    "used": 1,
    "requested": 1,
    "retry_after": 1000000000,
    "queue_position": null
  },
  "floor": null,
  "runs_in": 1000000000,
  "ahead": [],
  "missing": [
    {
      "scope": {
        "service": "service"
      },
      "dimension": "requests",
      "amount": 1
    }
  ]
}
"#);
    let back = serde_json::from_str(&json).expect("its own form");
    assert_eq!(why, back);
}
