//! Who is lent what, and in which order: SUP-1 and SUP-2.

use tidegate_scheduler::Report;
use tidegate_supervisor::{Event, Supervisor, SupervisorConfig};
use tidegate_units::{Amounts, Dimension, Instant, ServiceName, Span};

fn name(text: &str) -> ServiceName {
    text.parse().expect("a name")
}

fn requests(amount: u64) -> Amounts {
    Amounts::of(Dimension::Requests, amount)
}

/// Ten requests a second, shared by three services.
fn supervisor() -> Supervisor {
    let limit = "10 requests per second".parse().expect("a limit");
    Supervisor::new(&SupervisorConfig {
        limits: vec![limit],
        services: ["a", "b", "c"].map(name).to_vec(),
        ..SupervisorConfig::default()
    })
}

/// What was asked of whom, as text.
fn events(supervisor: &mut Supervisor) -> Vec<String> {
    let text = |event| match event {
        Event::Lend { service, amounts, short: None, .. } => format!("{service} gets {amounts}"),
        Event::Lend { service, short: Some(_), .. } => format!("{service} waits"),
        Event::Recall { service } => format!("{service} gives back"),
        Event::Relimit { service, limits } => format!("{service} shares {limits:?}"),
        Event::Resume { service, .. } => format!("{service} resumes"),
        Event::GiveUp { service } => format!("{service} is given up"),
    };
    std::iter::from_fn(|| supervisor.poll_event()).map(text).collect()
}

#[test]
fn those_who_need_are_served_in_the_order_in_which_they_asked() {
    let mut supervisor = supervisor();
    let now = Instant::ZERO;
    supervisor.borrow(now, &name("a"), 0, requests(10), Amounts::NONE);
    assert_eq!(events(&mut supervisor), ["a gets 10 requests"]);
    supervisor.borrow(now, &name("b"), 0, requests(6), Amounts::NONE);
    supervisor.borrow(now, &name("c"), 0, requests(1), Amounts::NONE);
    // One recall is enough, and a small need behind a large one does not overtake it: SUP-2.
    assert_eq!(events(&mut supervisor), ["a gives back", "b waits", "c waits"]);
    let report = Report { used: requests(5), returned: requests(5), ..Report::default() };
    supervisor.settle(now, &name("a"), 0, &report);
    assert_eq!(events(&mut supervisor), Vec::<String>::new(), "five are not six");
    let when = supervisor.next_deadline().expect("when the window has passed");
    supervisor.handle_timeout(when);
    assert_eq!(events(&mut supervisor), ["b gets 6 requests", "c gets 1 requests"]);
}

#[test]
fn ahead_of_need_is_lent_only_a_share_of_what_nobody_waits_for() {
    let mut supervisor = supervisor();
    let now = Instant::ZERO;
    supervisor.borrow(now, &name("a"), 0, Amounts::NONE, requests(100));
    assert_eq!(events(&mut supervisor), ["a gets 4 requests"], "a third of ten, rounded up");
    supervisor.borrow(now, &name("b"), 0, Amounts::NONE, requests(100));
    assert_eq!(events(&mut supervisor), ["b gets 2 requests"], "a third of six");
    supervisor.borrow(now, &name("c"), 0, requests(8), Amounts::NONE);
    assert_eq!(events(&mut supervisor), ["a gives back", "b gives back", "c waits"]);
    supervisor.borrow(now, &name("a"), 0, Amounts::NONE, requests(100));
    assert_eq!(events(&mut supervisor), ["a gets nothing"], "somebody waits");
}

#[test]
fn what_a_failed_limiter_held_counts_as_spent() {
    let mut supervisor = supervisor();
    let now = Instant::ZERO;
    supervisor.borrow(now, &name("a"), 0, requests(7), Amounts::NONE);
    supervisor.failed(now, &name("a"), 1);
    let usage = &supervisor.state(now).limits[0];
    assert_eq!((usage.available, usage.lent), (3, 0), "SUP-3");
    events(&mut supervisor);
    supervisor.borrow(now, &name("a"), 1, requests(1), Amounts::NONE);
    assert_eq!(events(&mut supervisor), Vec::<String>::new(), "SUP-3: not before it resumes");
    supervisor.handle_timeout(now + Span::from_millis(10));
    assert_eq!(events(&mut supervisor), ["a resumes"]);
}
