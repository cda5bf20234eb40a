//! Breakers while callers use the gate: probes are few, and found again. BREAK-1, BREAK-2, BREAK-5.

use tidegate_scheduler::breaker::BreakerState;
use tidegate_scheduler::{Labels, LimiterConfig, Settlement};
use tidegate_units::policy::{BreakerPolicy, ScopePolicy};
use tidegate_units::{Cost, Outcome, Reason, Span};

use crate::settings::{at, by_gate, call, request, service, touchy};
use crate::stage::{Stage, Told};

/// A limiter whose breaker has been opened at 20 ms by a call of the gate.
fn opened(mut config: LimiterConfig) -> Stage {
    config.breaker = Some(touchy());
    let mut stage = Stage::new(config);
    let recorded = stage.take(10, &Cost::request()).expect("the gate is open");
    stage.settle(20, Settlement::closed(Outcome::Failed, recorded, by_gate()));
    assert!(stage.take(4_000, &Cost::request()).is_none(), "BREAK-1");
    stage
}

fn breaker(stage: &Stage) -> BreakerState {
    stage.limiter.state(stage.now).breaker.expect("it has one")
}

#[test]
fn a_probe_that_was_taken_from_the_gate_closes_the_breaker() {
    let mut stage = opened(service(&["1000 requests per second"]));
    let recorded = stage.take(6_000, &Cost::request()).expect("a probe");
    stage.settle(6_100, Settlement::closed(Outcome::Ok, recorded, by_gate()));
    assert_eq!(breaker(&stage), BreakerState::Closed, "BREAK-5");
    assert!(stage.take(6_101, &Cost::request()).is_some(), "it lets everybody through");
}

#[test]
fn calls_that_take_no_request_are_probes_too() {
    let mut stage = opened(service(&["1000 tokens per second"]));
    let mut take = |_| stage.take(6_000, &Cost::ZERO.tokens(1)).is_some();
    assert_eq!((0..50).map(&mut take).filter(|passed| *passed).count(), 1, "BREAK-2");
}

#[test]
fn an_open_breaker_of_an_endpoint_outlives_a_failure() {
    let breaker = BreakerPolicy { open: Span::from_secs(60), ..touchy() };
    let policy = ScopePolicy { breaker: Some(breaker), ..ScopePolicy::default() };
    let mut config = service(&["1000 requests per second"]);
    config.scoped.endpoints.push(("chat".to_owned(), policy));
    let mut stage = Stage::new(config);
    let chat = || Labels { endpoint: Some("chat".into()), ..Labels::default() };
    stage.ask(0, request(1, Cost::request(), 60_000).labels(chat()));
    stage.settle(1, Settlement::closed(Outcome::Failed, at(0), call(Some(chat()))));
    stage.ask(2, request(2, Cost::request(), 60_000).labels(chat()));
    assert_eq!(stage.told(2), Told::refused(2, Reason::BreakerOpen));
    stage.fail(3);
    stage.enter(at(4), |limiter, now| {
        let life = limiter.life();
        limiter.resume(now, life);
    });
    stage.ask(1_100, request(3, Cost::request(), 60_000).labels(chat()));
    assert_eq!(stage.told(3), Told::refused(1_100, Reason::BreakerOpen), "BREAK-1");
    stage.ask(1_100, request(4, Cost::request(), 60_000));
    stage.run(at(2_000));
    assert!(stage.told(4).granted_at().is_some(), "other endpoints are not meant");
}
