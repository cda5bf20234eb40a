//! Paces that are learned, for those who never wait: what lies in the gate counts as lent, also across a
//! failure, and after a pause somebody who takes from the gate goes alone. PACE-1, PACE-4.

use tidegate_scheduler::{Call, LimiterConfig, Settlement};
use tidegate_units::{
    AdaptivePolicy, Amounts, ControllerKind, Cost, Instant, Outcome, RateOf, Span,
};

use crate::settings::{by_gate, service};
use crate::stage::Stage;

/// A service that is called ten times a second at first.
fn paced(controller: ControllerKind) -> LimiterConfig {
    let start: RateOf = "10 requests per second".parse().expect("a rate");
    let mut config = service(&[]);
    let start = vec![start];
    config.adaptive = Some(AdaptivePolicy { controller, start, ..AdaptivePolicy::default() });
    config
}

/// How many of those come through who try every ten milliseconds for two seconds, none of whom waits.
fn through(stage: &mut Stage, from: u64) -> usize {
    let tries = (0..200).map(|step| from + 10 * step);
    tries.filter(|millis| stage.take(*millis, &Cost::request()).is_some()).count()
}

/// A call that took 40 ms was refused, and the service wants to be left alone for so long.
fn refused(recorded: Instant, millis: u64) -> Settlement {
    let (outcome, refund, debt) = (Outcome::RateLimited, Amounts::NONE, Amounts::NONE);
    let call = Call { took: Some(Span::from_millis(40)), ..by_gate() };
    let pause = Some(Span::from_millis(millis));
    Settlement::Closed { outcome, recorded, refund, debt, pause, call }
}

#[test]
fn what_lay_in_the_gate_of_a_limiter_that_failed_is_lent_again() {
    for kind in [ControllerKind::Tidegate, ControllerKind::Aimd, ControllerKind::Fixed] {
        let mut stage = Stage::new(paced(kind));
        stage.fail(1_000);
        stage.enter(stage.now, |limiter, now| limiter.resume(now, limiter.life()));
        let through = through(&mut stage, 1_100);
        assert!((15..=25).contains(&through), "{kind:?}: {through} in two seconds at 10/s");
    }
}

#[test]
fn who_never_waits_can_be_the_one_that_goes_alone_at_a_pace() {
    let mut stage = Stage::new(paced(ControllerKind::Aimd));
    let recorded = stage.take(10, &Cost::request()).expect("the gate is open");
    stage.settle(50, refused(recorded, 1_000));
    assert!(stage.take(1_000, &Cost::request()).is_none(), "it asked for a second");
    let recorded = stage.take(1_100, &Cost::request()).expect("the pause is over");
    // A refusal took 40 ms, more or less 20.
    assert!(stage.take(1_210, &Cost::request()).is_none(), "PACE-4: alone");
    stage.settle(1_220, Settlement::closed(Outcome::Ok, recorded, by_gate()));
    let through = through(&mut stage, 1_300);
    assert!((10..=25).contains(&through), "{through} in two seconds at 9/s");
}
