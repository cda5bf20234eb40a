//! What machines must do together, one story each.

use tidegate_scheduler::{Call, LimiterConfig, Request, Settlement, Ticket};
use tidegate_simulator::World;
use tidegate_supervisor::SupervisorConfig;
use tidegate_units::{Amounts, Cost, Instant, QueuePolicy, ServiceName, Span};

/// Services with these limits of their own, and these shared ones.
fn world_of(own: &[&str], shared: &[&str]) -> World {
    let parse = |text: &&str| {
        let limit: tidegate_units::Limit = text.parse().expect("a limit");
        limit.guard(Span::ZERO).expect("no guard")
    };
    let shared: Vec<_> = shared.iter().map(parse).collect();
    let name = |index| format!("service-{index}").parse::<ServiceName>().expect("a name");
    let limiter = |(index, limit): (usize, &&str)| LimiterConfig {
        shared: shared.clone(),
        queue: QueuePolicy { capacity: 10, ..QueuePolicy::default() },
        ..LimiterConfig::new(
            name(index),
            if limit.is_empty() { Vec::new() } else { vec![parse(limit)] },
        )
    };
    let limiters: Vec<_> = own.iter().enumerate().map(limiter).collect();
    let services = limiters.iter().map(|limiter| limiter.service.clone()).collect();
    let limits = shared.clone();
    let config = SupervisorConfig { services, limits, ..SupervisorConfig::default() };
    World::new(Instant::ZERO, &config, limiters)
}

fn world(limit: &str) -> World {
    world_of(&[limit], &[])
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Span::from_millis(millis)
}

/// Lets every timer until then fire at its time.
fn run_until(world: &mut World, end: Instant) {
    while let Some(next) = world.next_deadline().filter(|next| *next <= end) {
        world.advance(next.max(world.now()));
    }
    world.advance(end);
}

fn wait(world: &mut World, service: usize, ticket: u64, tokens: u64, deadline: Instant) {
    let cost = Cost::request().tokens(tokens);
    world.acquire(service, Request::new(Ticket(ticket), cost, deadline));
}

fn granted(world: &mut World) -> Vec<u64> {
    let answers = std::iter::from_fn(|| world.poll_answer());
    answers.filter(|it| matches!(it.answer, Some(Ok(_)))).map(|it| it.ticket.0).collect()
}

#[test]
fn a_gate_that_cools_while_it_is_filled_mints_nothing() {
    let mut world = world("1000 requests per second");
    for round in 0..40 {
        for _ in 0..100 {
            let _ = world.take(0, &Cost::request());
        }
        run_until(&mut world, at(150 * (round + 1)));
    }
    run_until(&mut world, at(20_000));
    let taken = (0..5_000).filter(|_| world.take(0, &Cost::request()).is_some()).count();
    assert_eq!(taken, 1_000);
    assert_eq!(world.state(0).counts.granted_by_gate, 40 * 100 + 1_000);
}

#[test]
fn a_take_of_nothing_does_not_keep_others_from_being_recorded() {
    let mut world = world("10 requests per minute");
    assert!(world.take(0, &Cost::ZERO).is_some());
    run_until(&mut world, at(1_000));
    for _ in 0..10 {
        assert!(world.take(0, &Cost::request()).is_some());
    }
    run_until(&mut world, at(61_100));
    assert!(world.take(0, &Cost::request()).is_some(), "a minute after they were taken");
}

#[test]
fn a_hopeless_refusal_leaves_the_gate_open() {
    let mut world = world("100 tokens per minute");
    assert!(world.take(0, &Cost::request().tokens(80)).is_some());
    wait(&mut world, 0, 1, 50, at(1_000));
    assert!(granted(&mut world).is_empty(), "it could only be served in a minute");
    assert!(world.take(0, &Cost::request().tokens(10)).is_some(), "nobody waits");
}

#[test]
fn an_idle_service_gets_all_that_it_may_have_of_what_nobody_wants() {
    let mut world = world_of(&["10 requests per second"], &["15 requests per second"]);
    for round in 1..4 {
        let taken = (0..20).filter(|_| world.take(0, &Cost::request()).is_some()).count();
        assert_eq!(taken, 10, "round {round}");
        run_until(&mut world, at(round * 2_500));
    }
}

#[test]
fn the_need_of_somebody_who_left_holds_nobody_up() {
    let mut world = world_of(&["", ""], &["100 tokens per minute"]);
    wait(&mut world, 0, 1, 50, at(1_000));
    assert_eq!(granted(&mut world), [1]);
    wait(&mut world, 0, 2, 90, at(5_000));
    wait(&mut world, 0, 3, 10, at(30_000));
    wait(&mut world, 1, 4, 10, at(30_000));
    run_until(&mut world, at(5_100));
    let mut served = granted(&mut world);
    served.sort_unstable();
    assert_eq!(served, [3, 4], "as soon as the one that needs 90 has given up");
}

#[test]
fn a_need_is_taken_back_when_the_next_in_line_waits_for_something_else() {
    let mut world = world_of(&["60 tokens per minute", ""], &["100 tokens per minute"]);
    wait(&mut world, 0, 1, 20, at(1_000));
    wait(&mut world, 1, 2, 78, at(1_000));
    assert_eq!(granted(&mut world), [1, 2]);
    // Eight are short of the shared limit; the fifty behind them of the service's own.
    wait(&mut world, 0, 3, 8, at(5_000));
    wait(&mut world, 0, 4, 50, at(100_000));
    wait(&mut world, 1, 5, 2, at(30_000));
    run_until(&mut world, at(5_100));
    assert_eq!(granted(&mut world), [5], "as soon as the one that needs eight has given up");
}

#[test]
fn a_failure_forgets_neither_pauses_nor_debts() {
    let mut world = world("100 tokens per second");
    let granted = world.take(0, &Cost::request().tokens(10)).expect("it fits");
    world.settle(
        0,
        Settlement::Closed {
            outcome: tidegate_units::Outcome::RateLimited,
            recorded: granted.recorded,
            refund: Amounts::NONE,
            debt: Amounts::of(tidegate_units::Dimension::Tokens, 1_900),
            pause: Some(Span::from_secs(60)),
            call: Call::default(),
        },
    );
    world.fail(0);
    run_until(&mut world, at(20));
    let state = world.state(0);
    assert!(state.paused_for.is_some_and(|left| left > Span::from_secs(59)));
    // Ten were granted and 1900 more taken, of which the limit holds 100.
    assert!(state.limits[0].debt >= 1_810, "{:?}", state.limits[0]);
}

#[test]
fn what_is_taken_after_a_pause_is_recorded_within_a_tick() {
    let mut world = world("1000 requests per minute");
    let one = Cost::request();
    assert!(world.take(0, &one).is_some());
    // Long enough for the gate to cool; the first permit comes back only after a minute.
    for millis in [100, 200, 300, 1_000] {
        world.advance(Instant::ZERO + Span::from_millis(millis));
    }
    for _ in 0..10 {
        assert!(world.take(0, &one).is_some());
    }
    let look = world.next_deadline().expect("somebody looks at the gate");
    assert!(look.since(world.now()) <= tidegate_scheduler::limiter::TICK_MAX);
}
