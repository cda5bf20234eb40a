//! Whose requests are: how a scenario deals them, and what a replay tells of each key.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_simulator::{
    Contest, Controller, Generator, Random, Run, Scenario, Stream, Trace, TraceRequest, replay,
};
use tidegate_units::{Priority, Span};

/// Ten minutes of traffic, more than its limit for most of it.
fn traffic() -> Trace {
    Generator::sized(5, 3_000, Span::from_secs(600)).expect("in range").generate()
}

fn scenario(clients: &str) -> Scenario {
    let text = format!(
        "name = \"t\"\n[provider]\nrequests = {{ rate_of_load = 0.7 }}\n[clients]\n{clients}"
    );
    Scenario::parse(&text, "t.toml").expect("a scenario")
}

/// One run.
fn run(trace: &Trace, scenario: &Scenario, controller: Controller) -> Run {
    let contest = Contest { controllers: &[controller], seeds: &[1], configured: None };
    let replay = replay(trace, scenario, contest, &mut |_| {}).expect("it fits");
    replay.runs.into_iter().next().expect("one run")
}

fn keys_of(traffic: &Trace) -> Vec<Option<Arc<str>>> {
    traffic.requests().iter().map(|request| request.key.clone()).collect()
}

#[test]
fn without_the_setting_nobody_in_particular_sends() {
    let plain = scenario("");
    assert!(keys_of(&plain.traffic(&traffic(), 1)).iter().all(Option::is_none));
    let run = run(&traffic(), &plain, Controller::Fixed);
    assert!(run.wait_s_by_key.is_empty() && run.served_by_key.is_empty());
}

#[test]
fn a_seed_deals_the_same_and_another_deals_otherwise() {
    let scenario = scenario("keys = { count = 8 }");
    let dealt = |seed| keys_of(&scenario.traffic(&traffic(), seed));
    assert_eq!(dealt(1), dealt(1));
    assert_ne!(dealt(1), dealt(2));
    assert!(dealt(1).iter().all(Option::is_some));
}

#[test]
fn a_key_that_the_trace_names_stays_and_changes_nobody_elses() {
    let scenario = scenario("keys = { count = 8 }");
    let bare = traffic();
    let named = |(index, request): (usize, &TraceRequest)| {
        let key = index.is_multiple_of(3).then(|| "mine".into());
        TraceRequest { key, ..request.clone() }
    };
    let named = bare.requests().iter().enumerate().map(named).collect();
    let named = keys_of(&scenario.traffic(&Trace::new("named", named), 1));
    for (index, (with, without)) in
        named.into_iter().zip(keys_of(&scenario.traffic(&bare, 1))).enumerate()
    {
        let expected = if index.is_multiple_of(3) { Some("mine".into()) } else { without };
        assert_eq!(with, expected, "request {index}");
    }
}

#[test]
fn dealing_leaves_all_other_draws_as_they_were() {
    let of = |clients| {
        let run = run(&traffic(), &scenario(clients), Controller::Fifo);
        (run.wait_s, run.admitted, run.served)
    };
    assert_eq!(of("keys = { count = 8, skew = 2 }"), of(""));
}

#[test]
fn urgent_calls_come_from_every_client_alike() {
    let scenario = scenario("keys = { shares = { a = 0.5, b = 0.5 } }");
    let keys = keys_of(&scenario.traffic(&traffic(), 1));
    // As a run draws them.
    let mut draws = Random::new(1, Stream::Clients);
    let is_urgent =
        |_: &Option<Arc<str>>| scenario.clients().classes.pick(draws.uniform()) == Priority::High;
    let urgent: Vec<Option<Arc<str>>> = keys.into_iter().filter(is_urgent).collect();
    let of_a = urgent.iter().filter(|key| key.as_deref() == Some("a")).count();
    assert!(urgent.len() > 200 && of_a.abs_diff(urgent.len() / 2) < 40, "{of_a}");
}

#[test]
fn every_controller_reports_every_request_of_every_key_and_class() {
    let (trace, scenario) = (traffic(), Scenario::named("fair-keys").expect("known"));
    for controller in Controller::ALL {
        let run = run(&trace, &scenario, controller);
        for served in [&run.served, &run.served_by_key] {
            assert_eq!(served.values().map(|it| it.requests).sum::<u64>(), 3_000);
            assert_eq!(served.values().map(|it| it.admitted).sum::<u64>(), run.admitted);
        }
        let names: Vec<&str> = run.wait_s_by_key.keys().map(String::as_str).collect();
        assert_eq!(names, ["greedy", "steady-1", "steady-2", "steady-3"], "{controller}");
        let greedy = run.served_by_key["greedy"].requests;
        assert!(greedy.abs_diff(2_100) < 100, "{greedy} of 3000 are greedy");
    }
}

#[test]
fn without_fairness_all_wait_alike_and_with_it_nobody_steady_waits_longer() {
    let (trace, scenario) = (traffic(), Scenario::named("fair-keys").expect("known"));
    let [fair, first_come] =
        [Controller::Fixed, Controller::Fifo].map(|controller| run(&trace, &scenario, controller));
    let p50 = |run: &Run| -> BTreeMap<String, f64> {
        let all = run.wait_s_by_key.iter().chain(&run.wait_s);
        all.map(|(name, wait)| (name.clone(), wait.p50)).collect()
    };
    let alike = p50(&first_come);
    let (least, most) = alike
        .values()
        .fold((f64::MAX, 0.0_f64), |(least, most), it| (least.min(*it), most.max(*it)));
    assert!(least > 10.0 && most < 1.3 * least, "{alike:?}");
    for (name, wait) in p50(&fair).into_iter().filter(|(name, _)| name.starts_with("steady")) {
        assert!(wait <= 0.1 * alike[&name], "{name}: {wait} instead of {}", alike[&name]);
    }
    // Whoever is served first, the limit is used as well, and held as well.
    assert!((fair.goodput - first_come.goodput).abs() < 0.005);
    assert_eq!((fair.refused_per_1000, fair.excess), (first_come.refused_per_1000, 0));
}
