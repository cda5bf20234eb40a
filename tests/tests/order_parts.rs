//! Who waits for a part of a service: a model, an agent. They hold nothing anywhere else.
//!
//! LIM-1 and LIM-3 hold for parts as for the service.

use tidegate_scheduler::LimiterConfig;
use tidegate_tests::stage::{Stage, model, service, smooth};
use tidegate_units::{Cost, Dimension, KeyPolicy, QueuePolicy, ScopePolicy, ScopedPolicies, Span};

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

#[test]
fn who_waits_for_a_model_holds_up_nobody_else() {
    let mut stage = Stage::new(with_parts());
    let ask = |stage: &mut Stage, labels| {
        let request = stage.request(Cost::request(), SECOND * 60).labels(labels);
        stage.ask(request)
    };
    let opus: Vec<_> = (0..4).map(|_| ask(&mut stage, model("opus-4"))).collect();
    assert!(stage.is_granted(opus[0]) && !stage.is_granted(opus[1]));
    let other = ask(&mut stage, model("haiku"));
    assert!(stage.is_granted(other), "nobody waits for the service");
    stage.pass(SECOND * 5);
    assert!(opus.iter().all(|ticket| stage.is_granted(*ticket)));
}
