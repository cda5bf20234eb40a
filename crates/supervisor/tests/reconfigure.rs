//! Shared limits that change while permits are lent: SUP-1 and SUP-4.

use tidegate_algorithms::Carry;
use tidegate_scheduler::{RefusedLimits, Report};
use tidegate_supervisor::{Event, Supervisor, SupervisorConfig};
use tidegate_units::{Amounts, Dimension, Instant, Limit, ServiceName};

const NOW: Instant = Instant::from_nanos(1 << 40);

fn name(text: &str) -> ServiceName {
    text.parse().expect("a name")
}

fn requests(amount: u64) -> Amounts {
    Amounts::of(Dimension::Requests, amount)
}

fn limits(texts: &[&str]) -> Vec<Limit> {
    texts.iter().map(|text| text.parse().expect("a limit")).collect()
}

/// Ten requests and a hundred tokens a second, shared by two services.
fn supervisor() -> Supervisor {
    Supervisor::new(&SupervisorConfig {
        limits: limits(&["10 requests per second", "100 tokens per second"]),
        services: ["a", "b"].map(name).to_vec(),
        ..SupervisorConfig::default()
    })
}

fn change(supervisor: &mut Supervisor, texts: &[&str]) {
    supervisor.reconfigure(NOW, &limits(texts), Carry::Additive).expect("they may be limited");
}

/// What was asked of whom, as text.
fn events(supervisor: &mut Supervisor) -> Vec<String> {
    let text = |event| match event {
        Event::Lend { service, amounts, short: None, .. } => format!("{service} gets {amounts}"),
        Event::Lend { service, .. } => format!("{service} waits"),
        Event::Recall { service } => format!("{service} gives back"),
        Event::Relimit { service, limits } => format!("{service} hears of {}", limits.len()),
        Event::Resume { .. } | Event::GiveUp { .. } => "a failure".to_owned(),
    };
    std::iter::from_fn(|| supervisor.poll_event()).map(text).collect()
}

#[test]
fn everybody_hears_first_and_who_waits_is_served_then() {
    let mut supervisor = supervisor();
    supervisor.borrow(NOW, &name("a"), 0, requests(10), Amounts::NONE);
    supervisor.borrow(NOW, &name("b"), 0, requests(6), Amounts::NONE);
    assert_eq!(events(&mut supervisor), ["a gets 10 requests", "a gives back", "b waits"]);
    change(&mut supervisor, &["20 requests per second"]);
    assert_eq!(events(&mut supervisor), ["a hears of 1", "b hears of 1", "b gets 6 requests"]);
}

#[test]
fn what_was_lent_before_counts_until_it_is_back() {
    let mut supervisor = supervisor();
    supervisor.borrow(NOW, &name("a"), 0, requests(8), Amounts::NONE);
    change(&mut supervisor, &["5 requests per second"]);
    assert!(!supervisor.covers_loans(NOW), "eight are out");
    events(&mut supervisor);
    supervisor.borrow(NOW, &name("b"), 0, requests(2), Amounts::NONE);
    assert_eq!(events(&mut supervisor), ["b waits"], "it has been called in already");
    let report = Report { used: requests(3), returned: requests(5), ..Report::default() };
    supervisor.settle(NOW, &name("a"), 0, &report);
    assert_eq!(events(&mut supervisor), ["b gets 2 requests"]);
    assert!(supervisor.covers_loans(NOW));
}

#[test]
fn a_limit_that_is_back_knows_what_is_lent() {
    let mut supervisor = supervisor();
    supervisor.borrow(NOW, &name("a"), 0, requests(8), Amounts::NONE);
    change(&mut supervisor, &[]);
    change(&mut supervisor, &["10 requests per second"]);
    events(&mut supervisor);
    let lent = supervisor.state(NOW).limits.iter().map(|usage| usage.lent).collect::<Vec<_>>();
    assert_eq!(lent, [8], "SUP-1");
    supervisor.borrow(NOW, &name("b"), 0, requests(3), Amounts::NONE);
    assert_eq!(events(&mut supervisor), ["b waits"]);
}

#[test]
fn what_is_limited_no_more_is_not_lent() {
    let mut supervisor = supervisor();
    change(&mut supervisor, &["100 tokens per second"]);
    events(&mut supervisor);
    supervisor.borrow(NOW, &name("a"), 0, requests(3), Amounts::NONE);
    assert_eq!(events(&mut supervisor), ["a gets nothing"], "and goes on without");
    let mut both = requests(3);
    both.add(&Amounts::of(Dimension::Tokens, 5));
    supervisor.borrow(NOW, &name("b"), 0, both, Amounts::NONE);
    assert_eq!(events(&mut supervisor), ["b gets 5 tokens"]);
}

#[test]
fn requests_can_always_be_limited_and_nothing_new() {
    let tokens = SupervisorConfig {
        limits: limits(&["100 tokens per second"]),
        services: vec![name("a")],
        ..SupervisorConfig::default()
    };
    let mut supervisor = Supervisor::new(&tokens);
    change(&mut supervisor, &["5 requests per second"]);
    let before = supervisor.state(NOW);
    events(&mut supervisor);
    for (texts, many) in
        [(vec!["5 requests per second"; 65], true), (vec!["1 byte per day"], false)]
    {
        let refused = supervisor.reconfigure(NOW, &limits(&texts), Carry::Reset);
        let refused = refused.expect_err("neither");
        assert_eq!(matches!(refused, RefusedLimits::TooMany { .. }), many, "{refused}");
    }
    assert_eq!((supervisor.state(NOW), events(&mut supervisor)), (before, Vec::new()));
}
