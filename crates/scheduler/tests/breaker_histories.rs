//! The circuit breaker through every short history, and against a log of all calls: BREAK-1 to BREAK-5.

use proptest::prelude::*;
use tidegate_scheduler::breaker::{Breaker, BreakerState, Change, WAIT_MIN};
use tidegate_units::policy::{BreakerPolicy, Share};
use tidegate_units::{Instant, Outcome, Span};

const OPEN: Span = Span::from_secs(30);

fn policy(failures: u32, probes: u32) -> BreakerPolicy {
    BreakerPolicy { failures, probes, open: OPEN, ..BreakerPolicy::default() }
}

/// A breaker, and what its caller knows of the calls.
#[derive(Debug, Clone)]
struct World {
    breaker: Breaker,
    probes: usize,
    now: Instant,
    /// Since when it is open, as far as it was said.
    opened: Option<Instant>,
    /// When the calls that are under way were granted, and whether they are probes.
    calls: Vec<(Instant, bool)>,
}

const EVENTS: usize = 7;

impl World {
    fn new(failures: u32, probes: u32) -> Self {
        Self {
            breaker: Breaker::new(policy(failures, probes)),
            probes: usize::try_from(probes).expect("few"),
            now: Instant::ZERO + Span::from_secs(1),
            opened: None,
            calls: Vec::new(),
        }
    }

    fn apply(&mut self, event: usize) {
        match event {
            0 => self.call(),
            1 => self.end(0, Outcome::Ok),
            2 => self.end(0, Outcome::Failed),
            3 => self.end(0, Outcome::RateLimited),
            4 => self.end(self.calls.len().saturating_sub(1), Outcome::Ok),
            5 => self.pass(Span::from_secs(15)),
            _ => self.pass(OPEN),
        }
        // No two things happen at once, so that every call can be told from every other.
        self.now = self.now + Span::from_nanos(1);
        self.check();
    }

    /// One more call, if it may.
    fn call(&mut self) {
        let before = self.breaker.state(self.now);
        if self.breaker.allows(self.now).is_err() {
            return;
        }
        let is_probe = self.breaker.let_through(self.now);
        assert_eq!(is_probe, before != BreakerState::Closed, "a call is one or the other");
        self.calls.push((self.now, is_probe));
    }

    fn end(&mut self, place: usize, outcome: Outcome) {
        if place >= self.calls.len() {
            return;
        }
        let (granted_at, _) = self.calls.remove(place);
        let stale = self.opened.is_some_and(|opened| granted_at <= opened);
        let given_up = self.overdue();
        let before = self.breaker.state(self.now);
        let change = self.breaker.ended(self.now, granted_at, outcome);
        if let Some(at) = given_up {
            assert_eq!(change, Change::Opened, "a probe was given up");
            self.opened = Some(at);
            return;
        }
        if stale {
            assert_eq!((change, self.breaker.state(self.now)), (Change::None, before), "BREAK-4");
        }
        assert!(change != Change::Closed || outcome == Outcome::Ok, "closed by a success");
        match change {
            Change::Opened => {
                assert_eq!(outcome, Outcome::Failed, "BREAK-3");
                self.opened = Some(self.now);
            }
            Change::Closed | Change::None => {}
        }
    }

    /// When the oldest probe that is out was to be given up, if that is over.
    fn overdue(&self) -> Option<Instant> {
        let oldest = self.probes_out().min()?;
        Some(oldest + OPEN).filter(|at| *at <= self.now)
    }

    fn probes_out(&self) -> impl Iterator<Item = Instant> {
        let fresh = |at: &Instant| self.opened.is_none_or(|opened| *at > opened);
        let probes = self.calls.iter().filter(|(_, is_probe)| *is_probe);
        probes.map(|(at, _)| *at).filter(move |at| fresh(at))
    }

    fn pass(&mut self, span: Span) {
        self.now = self.now + span;
        let mut asked = self.breaker.clone();
        let given_up = self.overdue();
        let change = asked.handle_timeout(self.now);
        assert_eq!(change == Change::Opened, given_up.is_some());
        assert_eq!(asked.handle_timeout(self.now), Change::None, "extra calls are harmless");
        assert_eq!(asked.state(self.now), self.breaker.state(self.now), "in time or not");
        assert_eq!(asked.allows(self.now), self.breaker.allows(self.now), "in time or not");
        if let Some(at) = given_up {
            self.breaker = asked;
            self.opened = Some(at);
        }
    }

    fn check(&mut self) {
        self.pass(Span::ZERO);
        let state = self.breaker.state(self.now);
        if let BreakerState::HalfOpen { probes_out } = state {
            assert_eq!(probes_out, self.probes_out().count(), "none is forgotten");
            assert!(probes_out <= self.probes, "BREAK-2");
        }
        match self.breaker.allows(self.now) {
            Err(wait) => {
                assert_ne!(state, BreakerState::Closed);
                assert!(wait >= WAIT_MIN);
            }
            Ok(()) => {
                let over = self.opened.is_none_or(|opened| self.now >= opened + OPEN);
                assert!(over || state == BreakerState::Closed, "BREAK-1");
            }
        }
    }

    /// BREAK-5: time, and probes that succeed.
    fn recover(mut self) {
        self.pass(OPEN);
        self.pass(OPEN);
        for _ in 0..self.probes {
            let now = self.now;
            if self.breaker.state(now) != BreakerState::Closed && self.breaker.let_through(now) {
                self.now = now + Span::from_nanos(1);
                self.breaker.ended(self.now, now, Outcome::Ok);
            }
        }
        assert_eq!(self.breaker.state(self.now), BreakerState::Closed, "BREAK-5");
    }
}

/// Every history of up to so many more events.
fn explore(world: &World, depth: usize) -> u64 {
    world.clone().recover();
    if depth == 0 {
        return 1;
    }
    let next = (0..EVENTS).map(|event| {
        let mut world = world.clone();
        world.apply(event);
        explore(&world, depth - 1)
    });
    next.sum()
}

#[test]
fn every_short_history_keeps_its_word() {
    for probes in [1, 2, 3] {
        assert_eq!(explore(&World::new(1, probes), 5), 7_u64.pow(5));
    }
}

#[test]
fn every_short_history_of_a_breaker_that_has_opened_keeps_its_word() {
    for probes in [1, 2] {
        let mut world = World::new(1, probes);
        // Two calls; one opens it, the other is stale; then its time is over.
        for event in [0, 0, 2, 6] {
            world.apply(event);
        }
        assert!(matches!(world.breaker.state(world.now), BreakerState::HalfOpen { .. }));
        assert_eq!(explore(&world, 6), 7_u64.pow(6));
    }
}

#[derive(Debug, Clone, Copy)]
struct End {
    outcome: Outcome,
    slow: bool,
    after: Span,
}

fn ends() -> impl Strategy<Value = Vec<End>> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Ok),
        3 => Just(Outcome::Failed),
        1 => Just(Outcome::Overloaded),
        1 => prop::sample::select(Outcome::ALL.to_vec()),
    ];
    let after = prop_oneof![3 => 0..3_000_u64, 1 => 20_000..61_000_u64].prop_map(Span::from_millis);
    let end = (outcome, any::<bool>(), after).prop_map(|(outcome, slow, after)| End {
        outcome,
        slow,
        after,
    });
    prop::collection::vec(end, 1..200)
}

/// Every call that ended since it last closed: in which second, and whether it failed or was slow.
type Log = Vec<(u64, bool, bool)>;

/// Whether a breaker over 60 seconds has to open, by counting the log again.
fn must_open(log: &Log, second: u64, policy: &BreakerPolicy) -> bool {
    let counting: Vec<_> = log.iter().filter(|(ended, ..)| ended + 60 > second).collect();
    let reached = |bad: usize, share: Share| {
        let (bad, all) = (u64::try_from(bad).expect("few"), counting.len());
        let all = u64::try_from(all).expect("few");
        bad >= u64::from(policy.failures) && bad * 1_000 >= all * u64::from(share.as_per_mille())
    };
    let failed = counting.iter().filter(|(_, failed, _)| *failed).count();
    let slow = counting.iter().filter(|(_, _, slow)| *slow).count();
    reached(failed, policy.failure_rate) || reached(slow, policy.slow_rate)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    /// A window of a minute is sixty buckets of a second.
    #[test]
    fn it_opens_exactly_when_the_log_says_so(
        failures in 1_u32..12, failure_rate in 0_u16..=1_000, slow_rate in 0_u16..=1_000, ends in ends(),
    ) {
        let policy = BreakerPolicy {
            failure_rate: Share::per_mille(failure_rate),
            slow_rate: Share::per_mille(slow_rate),
            slow_after: Some(Span::from_secs(2)),
            ..policy(failures, 1)
        };
        let mut breaker = Breaker::new(policy);
        let mut now = Instant::ZERO + Span::from_secs(100);
        let (mut log, mut openings) = (Log::new(), 0);
        for End { outcome, slow, after } in ends {
            now = now + after;
            let granted_at = if slow { now - Span::from_secs(2) } else { now };
            let failed = matches!(outcome, Outcome::Failed | Outcome::Overloaded);
            let slow = slow && outcome == Outcome::Ok;
            let second = now.as_nanos() / 1_000_000_000;
            if failed || outcome == Outcome::Ok {
                log.push((second, failed, slow));
            }
            let opens = (failed || slow) && must_open(&log, second, &policy);
            let change = breaker.ended(now, granted_at, outcome);
            prop_assert_eq!(change == Change::Opened, opens);
            if opens {
                openings += 1;
                log.clear();
                now = now + OPEN;
                prop_assert!(breaker.let_through(now));
                prop_assert_eq!(breaker.ended(now, now, Outcome::Ok), Change::Closed);
                // No call of before the opening is among the next.
                now = now + Span::from_secs(2);
            }
        }
        prop_assert_eq!(breaker.openings(), openings);
    }

    /// BREAK-1 and BREAK-2 under a clock that does what it likes; nothing panics.
    #[test]
    fn a_wild_clock_shortens_no_opening(
        inputs in prop::collection::vec((0_usize..8, 0_u64..100, any::<bool>()), 1..120),
        probes in 1_u32..4,
    ) {
        let mut breaker = Breaker::new(policy(1, probes));
        let (mut latest, mut until) = (Instant::ZERO, Instant::ZERO);
        let mut granted = Vec::new();
        for (input, secs, wild) in inputs {
            let now = if wild { Instant::ZERO + Span::from_secs(secs) } else { latest };
            let now = if input == 0 { latest + Span::from_secs(secs) } else { now };
            let openings = breaker.openings();
            if input < 4 && breaker.allows(now).is_ok() {
                let open_for = until.since(now);
                let closed = breaker.state(now) == BreakerState::Closed;
                prop_assert!(closed || latest >= until || open_for.is_zero(), "BREAK-1");
                breaker.let_through(now);
                granted.push(now);
            } else if input < 7 && !granted.is_empty() {
                let outcome = [Outcome::Ok, Outcome::Failed, Outcome::Ok][input % 3];
                let at = granted.swap_remove(usize::try_from(secs).expect("few") % granted.len());
                breaker.ended(now, at, outcome);
            } else {
                breaker.handle_timeout(now);
            }
            latest = latest.max(now);
            if let BreakerState::Open { .. } = breaker.state(Instant::ZERO) {
                if breaker.openings() > openings {
                    until = breaker.next_deadline().expect("it is open");
                }
                prop_assert_eq!(breaker.next_deadline(), Some(until), "BREAK-1: it stays as long");
            }
            if let BreakerState::HalfOpen { probes_out } = breaker.state(now) {
                prop_assert!(probes_out <= usize::try_from(probes).expect("few"), "BREAK-2");
            }
        }
    }
}
