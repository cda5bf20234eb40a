//! Pauses, stops and failures while somebody waits. LIM-3, LIM-4.

use tidegate_scheduler::Limiter;
use tidegate_units::{Cost, Priority, Reason};

use crate::settings::{at, call, pausing, request, service, withdrawn};
use crate::stage::{Stage, Told};

#[test]
fn who_waits_while_the_limiter_stops_waits_on_after_a_failure() {
    let mut stage = Stage::new(service(&["1 request per second"]));
    stage.ask(0, request(1, Cost::request(), 60_000));
    stage.ask(0, request(2, Cost::request(), 60_000));
    stage.enter(at(1), |limiter, now| limiter.stop(now, at(30_000)));
    stage.fail(2);
    let again = request(2, Cost::request(), 60_000);
    stage.enter(at(2), |limiter, now| limiter.acquire_again(now, again));
    stage.ask(3, request(3, Cost::request(), 60_000));
    assert_eq!(stage.told(3), Told::Stopped(at(3)), "no new ones are taken");
    stage.enter(at(4), |limiter, now| {
        let life = limiter.life();
        limiter.resume(now, life);
    });
    assert_eq!(stage.told(2), Told::Nothing, "LIM-4: nothing is there");
    stage.run(at(30_000));
    assert_eq!(stage.told(2), Told::granted(1_002));
}

#[test]
fn a_pause_refuses_at_once_only_those_who_end_before_it_does() {
    let mut stage = Stage::new(service(&["1 request per second"]));
    stage.ask(0, request(1, Cost::request(), 60_000));
    stage.ask(0, request(2, Cost::request(), 1_900));
    let urgent =
        |ticket, deadline| request(ticket, Cost::request(), deadline).priority(Priority::Critical);
    stage.ask(0, urgent(3, 1_050));
    stage.ask(0, urgent(4, 60_000));
    stage.settle(100, pausing(at(0), 1_000, call(None)));
    assert_eq!(stage.told(3), Told::refused(100, Reason::Paused));
    // Behind an urgent one it would come at 2 s, too late; but that one may still give up.
    assert_eq!(stage.all_told([2, 4]), [Told::Nothing; 2]);
    stage.settle(400, withdrawn(4));
    stage.run(at(20_000));
    assert_eq!(stage.told(2), Told::granted(1_100), "when the pause is over");
}

#[test]
fn a_timer_too_many_changes_nothing() {
    let mut stage = Stage::new(service(&["1 request per second"]));
    stage.ask(0, request(1, Cost::request(), 60_000));
    stage.ask(0, request(2, Cost::request(), 60_000));
    stage.enter(at(999), Limiter::handle_timeout);
    assert_eq!(stage.told(2), Told::Nothing);
    stage.enter(at(1_000), Limiter::handle_timeout);
    assert_eq!(stage.told(2), Told::granted(1_000));
}
