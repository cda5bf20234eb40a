//! PACE-1 to PACE-5 for the controllers that need no law: random histories of calls and answers, against
//! an owner that keeps books of its own.

use std::collections::VecDeque;

use proptest::prelude::*;
use tidegate_adaptive::{Aimd, Answer, Controller, Hint, build, pacer};
use tidegate_units::{
    AdaptivePolicy, Amounts, ControllerKind, Cost, Dimension, Increase, Instant, Outcome, Priority,
    RateOf, Share, Span,
};

const NORMAL: Priority = Priority::Normal;
const BOTH: [Dimension; 2] = [Dimension::Requests, Dimension::Tokens];
/// How long refusals take in these histories.
const TRIP: u64 = 50;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Span::from_millis(millis)
}

fn rate(text: &str) -> RateOf {
    text.parse().expect("a rate")
}

fn policy(controller: ControllerKind, paced: &[Dimension]) -> AdaptivePolicy {
    let rates = |requests: &str, tokens: &str| {
        let both = [rate(requests), rate(tokens)].into_iter();
        both.filter(|rate| paced.contains(&rate.dimension())).collect()
    };
    AdaptivePolicy {
        controller,
        dimensions: paced.to_vec(),
        min: rates("3 requests per second", "500 tokens per second"),
        max: rates("40 requests per second", "9000 tokens per second"),
        start: rates("10 requests per second", "2000 tokens per second"),
        increase: Increase::PerSecond(Share::per_mille(200)),
        ..AdaptivePolicy::default()
    }
}

fn pace(controller: &dyn Controller, now: Instant, dimension: Dimension) -> f64 {
    let paces = controller.paces(now);
    paces.iter().find(|pace| pace.dimension == dimension).expect("paced").per_second
}

/// Tells `controller` how a call ended at `now`.
fn end(
    controller: &mut dyn Controller,
    now: Instant,
    (sent_at, outcome): (Instant, Outcome),
    retry_after: Option<Span>,
) {
    let (cost, none) = (Cost::request(), Amounts::NONE);
    let (cost, debt, refund, hints) = (&cost, &none, &none, &[][..]);
    controller.answered(now, &Answer { sent_at, cost, debt, refund, outcome, retry_after, hints });
}

#[derive(Debug, Clone)]
enum Step {
    /// So many milliseconds pass.
    Wait(u64),
    /// A call of so many tokens, if it may be sent.
    Call(u32),
    /// Up to so many requests for the gate, of which so many are taken.
    Gate(u32, u32),
    /// The oldest call ends, having taken so many tokens more or less than it was thought to.
    End(Outcome, i32),
    /// Somebody waits, or nobody.
    Waits(bool),
}

fn step() -> impl Strategy<Value = Step> {
    // A quota that is used up is waited for; see below.
    let others = Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::QuotaExhausted);
    let outcome = prop::sample::select(others.collect::<Vec<_>>());
    let outcome = prop_oneof![Just(Outcome::Ok), outcome];
    prop_oneof![
        3 => (0_u64..400).prop_map(Step::Wait),
        2 => (0_u64..6).prop_map(Step::Wait),
        1 => (2_000_u64..6_000).prop_map(Step::Wait),
        5 => (0_u32..1_500).prop_map(Step::Call),
        2 => (0_u32..8, 0_u32..8).prop_map(|(lent, taken)| Step::Gate(lent, taken)),
        4 => (outcome, -300_i32..300).prop_map(|(outcome, beyond)| Step::End(outcome, beyond)),
        1 => any::<bool>().prop_map(Step::Waits),
    ]
}

/// An owner that knows how much was sent beyond the pace since whichever moment makes that most.
struct Owner {
    controller: Box<dyn Controller>,
    paced: Vec<Dimension>,
    now: u64,
    excess: Vec<f64>,
    under_way: VecDeque<(Instant, Cost)>,
}

impl Owner {
    fn new(policy: &AdaptivePolicy) -> Self {
        let controller = build(policy, at(0));
        let paced = policy.dimensions.clone();
        let excess = vec![0.0; paced.len()];
        Self { controller, paced, now: 0, excess, under_way: VecDeque::new() }
    }

    fn wait(&mut self, millis: u64) {
        for _ in 0..millis {
            for (excess, dimension) in self.excess.iter_mut().zip(&self.paced) {
                let pace = pace(&*self.controller, at(self.now), *dimension);
                *excess = (*excess - pace / 1e3).max(0.0);
            }
            self.now += 1;
        }
    }

    fn count(&mut self, dimension: Dimension, amount: f64) {
        let mine = self.paced.iter().position(|paced| *paced == dimension);
        if let Some(index) = mine {
            self.excess[index] = (self.excess[index] + amount).max(0.0);
        }
    }

    fn fastest(&self, dimension: Dimension) -> f64 {
        match dimension {
            Dimension::Tokens => 9_000.0,
            _ if self.paced.len() == 1 => 500.0,
            _ => 40.0,
        }
    }

    /// How much may be caught up with at one look, at the fastest pace.
    fn moment(&self, dimension: Dimension) -> f64 {
        self.fastest(dimension) * pacer::MOMENT.as_secs_f64() + 1e-3
    }

    fn call(&mut self, tokens: u32) {
        let (cost, now) = (Cost::request().tokens(u64::from(tokens)), at(self.now));
        let earliest = self.controller.earliest(now, &cost, NORMAL);
        assert!(earliest >= now);
        if earliest > now {
            let owes = |(excess, dimension): (&f64, &Dimension)| {
                cost.amount(*dimension) > 0 && *excess > 1e-6
            };
            let mut paced = self.excess.iter().zip(&self.paced);
            assert!(paced.any(owes), "nothing is owed, and a call has to wait");
            let again = self.controller.earliest(earliest, &cost, NORMAL);
            assert!(again <= earliest + Span::from_nanos(2), "{earliest:?} {again:?}");
            return;
        }
        for (excess, dimension) in self.excess.iter().zip(&self.paced) {
            let free = cost.amount(*dimension) == 0;
            assert!(free || *excess <= self.moment(*dimension), "PACE-1: {excess} {dimension}");
        }
        self.controller.sent(now, &cost);
        self.count(Dimension::Requests, 1.0);
        self.count(Dimension::Tokens, f64::from(tokens));
        self.under_way.push_back((now, cost));
    }

    fn gate(&mut self, wish: u32, taken: u32) {
        let now = at(self.now);
        let room = self.controller.lendable(now, Dimension::Requests).expect("paced");
        if self.paced != [Dimension::Requests] {
            assert_eq!(room, 0, "what passes the gate is heard of as requests only");
            return;
        }
        let lent = wish.min(u32::try_from(room).unwrap_or(u32::MAX));
        let taken = taken.min(lent);
        let requests = |amount: u32| Amounts::of(Dimension::Requests, u64::from(amount));
        if lent > 0 {
            let most = self.excess[0] + f64::from(lent) - 1.0;
            assert!(most <= self.moment(Dimension::Requests), "PACE-1: {most}");
        }
        self.controller.lent(now, &requests(lent));
        self.controller.taken(now, &requests(taken));
        self.controller.recalled(now, &requests(lent - taken));
        self.count(Dimension::Requests, f64::from(taken));
    }

    fn end(&mut self, outcome: Outcome, beyond: i32) {
        let Some((sent_at, cost)) = self.under_way.pop_front() else { return };
        let tokens = u32::try_from(cost.amount(Dimension::Tokens)).expect("few");
        let (more, less) = (beyond.max(0), beyond.min(0).unsigned_abs().min(tokens));
        let of = |amount: u64| Amounts::of(Dimension::Tokens, amount);
        let debt = of(u64::from(more.unsigned_abs()));
        let refund = of(u64::from(less));
        let (debt, refund, cost, hints) = (&debt, &refund, &cost, &[][..]);
        let retry_after = None;
        let answer = Answer { sent_at, cost, debt, refund, outcome, retry_after, hints };
        self.controller.answered(at(self.now), &answer);
        self.count(Dimension::Tokens, f64::from(more) - f64::from(less));
    }

    fn play(&mut self, step: &Step) {
        match *step {
            Step::Wait(millis) => self.wait(millis),
            Step::Call(tokens) => self.call(tokens),
            Step::Gate(wish, taken) => self.gate(wish, taken),
            Step::End(outcome, beyond) => self.end(outcome, beyond),
            Step::Waits(anybody) => self.controller.waits(at(self.now), anybody),
        }
        for dimension in &self.paced {
            let pace = pace(&*self.controller, at(self.now), *dimension);
            let min = if *dimension == Dimension::Tokens { 500.0 } else { 3.0 };
            let max = self.fastest(*dimension);
            assert!(pace >= min / 16.0 - 1e-9 && pace <= max + 1e-9, "PACE-5: {pace}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_keeps_to_the_pace_and_no_call_waits_without_need(
        steps in prop::collection::vec(step(), 1..120),
        is_fixed: bool,
        paced in 0_usize..3,
    ) {
        let kind = if is_fixed { ControllerKind::Fixed } else { ControllerKind::Aimd };
        let paced = [&BOTH[..], &BOTH[..1], &BOTH[1..]][paced];
        let mut policy = policy(kind, paced);
        if paced == [Dimension::Requests] {
            // Fast enough for several to go at one look.
            policy.start = vec![rate("400 requests per second")];
            policy.max = vec![rate("500 requests per second")];
        }
        let mut owner = Owner::new(&policy);
        for step in &steps {
            owner.play(step);
        }
    }

    /// PACE-2: a history with overload, contention and failures ends at the pace at which the same
    /// history without them does.
    #[test]
    fn only_refusals_for_a_rate_lower_what_was_learned(
        steps in prop::collection::vec((1_u64..900, 0_usize..5), 1..40),
    ) {
        let policy = AdaptivePolicy {
            increase: Increase::PerSuccess(Share::per_mille(50)),
            ..policy(ControllerKind::Aimd, &BOTH)
        };
        let (mut plain, mut strained) = (Aimd::new(&policy, at(0)), Aimd::new(&policy, at(0)));
        let mut now = 0;
        let trouble = [Outcome::Overloaded, Outcome::Contention, Outcome::Failed];
        for (wait, kind) in steps {
            now += wait;
            let sent_at = at(now) - Span::from_millis(1);
            if let Some(outcome) = trouble.get(kind) {
                end(&mut strained, at(now), (sent_at, *outcome), None);
                continue;
            }
            let outcome = if kind == 3 { Outcome::Ok } else { Outcome::RateLimited };
            end(&mut plain, at(now), (sent_at, outcome), None);
            end(&mut strained, at(now), (sent_at, outcome), None);
        }
        let later = at(now + 60_000);
        for dimension in BOTH {
            let paces = [&plain, &strained].map(|it| pace(it, later, dimension));
            prop_assert!((paces[0] - paces[1]).abs() < 1e-9, "PACE-2: {paces:?}");
        }
    }

    /// PACE-3, against a pace that is multiplied by hand.
    #[test]
    fn one_event_lowers_the_pace_once(
        refusals in prop::collection::vec((0_u64..300, 0_u64..600), 1..60),
    ) {
        let mut aimd = Aimd::new(&policy(ControllerKind::Aimd, &BOTH), at(0));
        let (mut expected, mut lowered_at, mut now) = (10.0_f64, None, 1_000);
        for (wait, took) in refusals {
            now += wait;
            let sent_at = at(now - took);
            end(&mut aimd, at(now), (sent_at, Outcome::RateLimited), None);
            if lowered_at.is_none_or(|lowered_at| sent_at > lowered_at) {
                expected = (expected * 0.9).max(3.0);
                lowered_at = Some(at(now));
            }
            let found = pace(&aimd, at(now), Dimension::Requests);
            prop_assert!((found - expected).abs() < 1e-9, "PACE-3: {found} {expected}");
        }
    }

    /// PACE-4: nothing before the end of a pause, then one, and no other until it is known how it ended
    /// or until refusals would be back.
    #[test]
    fn after_a_pause_one_call_goes_alone(
        pauses in prop::collection::vec((1_u64..2_000, 0_usize..4, 1_u64..40), 1..12),
    ) {
        let mut aimd = Aimd::new(&policy(ControllerKind::Aimd, &BOTH[..1]), at(0));
        let call = Cost::request();
        let mut now = 1_000;
        for (pause, ending, took) in pauses {
            let asked = Some(Span::from_millis(pause));
            end(&mut aimd, at(now), (at(now - TRIP), Outcome::RateLimited), asked);
            let open = aimd.earliest(at(now), &call, NORMAL);
            prop_assert!(open >= at(now + pause), "PACE-4: within the pause");
            prop_assert_eq!(aimd.silent_until(at(now)), Some(open), "nor what lies in the gate");
            prop_assert_eq!(aimd.lendable(open, Dimension::Requests), Some(1));
            prop_assert_eq!(aimd.earliest(open, &call, NORMAL), open, "one may go");
            aimd.sent(open, &call);
            let sent = open.since(Instant::ZERO).as_millis() + 1;
            let held = aimd.earliest(open, &call, NORMAL);
            let back = open + Span::from_millis(TRIP);
            prop_assert!(held >= back, "PACE-4: alone");
            prop_assert_eq!(aimd.lendable(open, Dimension::Requests), Some(0));
            // An answer to an older call says nothing.
            end(&mut aimd, at(sent), (at(now - TRIP), Outcome::Ok), None);
            prop_assert!(aimd.earliest(at(sent), &call, NORMAL) >= back, "PACE-4: alone");
            now = sent + took;
            let outcomes = [Outcome::Ok, Outcome::Failed, Outcome::Cancelled, Outcome::Overloaded];
            end(&mut aimd, at(now), (open, outcomes[ending]), None);
            let idle = at(now + 5_000);
            aimd.sent(idle, &call);
            let is_open = aimd.silent_until(idle).is_none();
            let unknown = outcomes[ending] == Outcome::Cancelled;
            prop_assert_eq!(is_open, !unknown, "after {}", outcomes[ending]);
            now += 6_000;
        }
    }
}

#[test]
fn who_takes_from_the_gate_after_a_pause_goes_alone_too() {
    let mut aimd = Aimd::new(&policy(ControllerKind::Aimd, &BOTH[..1]), at(0));
    let one = Amounts::of(Dimension::Requests, 1);
    end(&mut aimd, at(500), (at(450), Outcome::RateLimited), Some(Span::from_secs(1)));
    let lendable = |aimd: &Aimd, now| aimd.lendable(at(now), Dimension::Requests);
    assert_eq!(lendable(&aimd, 1_400), Some(0), "within the pause");
    assert_eq!(lendable(&aimd, 5_000), Some(1));
    aimd.lent(at(5_000), &one);
    assert_eq!(lendable(&aimd, 9_000), Some(0), "PACE-4: one lies there");
    aimd.recalled(at(9_000), &one);
    assert_eq!(lendable(&aimd, 9_000), Some(1), "nobody took it");
    aimd.lent(at(9_000), &one);
    aimd.taken(at(20_000), &one);
    assert_eq!(lendable(&aimd, 20_050), Some(0), "PACE-4: it is under way");
    end(&mut aimd, at(20_060), (at(15_000), Outcome::Ok), None);
    assert!(aimd.silent_until(at(20_060)).is_none(), "it was not refused");
}

#[test]
fn a_quota_that_is_used_up_is_waited_for_and_changes_nothing_else() {
    for (asked, hours) in [(None, 1), (Some(Span::from_secs(7_200)), 2)] {
        let mut aimd = Aimd::new(&policy(ControllerKind::Aimd, &BOTH[..1]), at(0));
        end(&mut aimd, at(100), (at(50), Outcome::QuotaExhausted), asked);
        let open = aimd.earliest(at(100), &Cost::request(), NORMAL);
        assert_eq!(open, at(100 + 3_600_000 * hours), "QUOTA-1");
        assert_eq!(aimd.silent_until(at(100)), Some(open));
        assert!((pace(&aimd, at(100), Dimension::Requests) - 10.0).abs() < 1e-9, "PACE-2");
    }
}

#[test]
fn a_pace_climbs_only_while_somebody_waits_for_it() {
    let mut aimd = Aimd::new(&policy(ControllerKind::Aimd, &BOTH), at(0));
    let found = |aimd: &Aimd, now| pace(aimd, at(now), Dimension::Requests);
    aimd.waits(at(0), false);
    end(&mut aimd, at(10_000), (at(9_000), Outcome::Ok), None);
    assert!((found(&aimd, 10_000) - 10.0).abs() < 1e-9, "it was not used up");
    aimd.waits(at(10_000), true);
    aimd.waits(at(12_000), false);
    end(&mut aimd, at(13_000), (at(9_000), Outcome::Ok), None);
    assert!((found(&aimd, 13_000) - 14.0).abs() < 1e-9, "two seconds, a fifth of 10 each");
    end(&mut aimd, at(13_000), (at(9_000), Outcome::Ok), None);
    assert!((found(&aimd, 13_000) - 14.0).abs() < 1e-9, "the same two seconds");
    aimd.waits(at(13_000), true);
    end(&mut aimd, at(14_000), (at(13_500), Outcome::RateLimited), None);
    end(&mut aimd, at(14_500), (at(14_000), Outcome::Ok), None);
    assert!((found(&aimd, 14_500) - (14.0 * 0.9 + 1.0)).abs() < 1e-9, "half a second since");
}

#[test]
fn a_refusal_lowers_the_dimension_that_it_names() {
    let mut aimd = Aimd::new(&policy(ControllerKind::Aimd, &BOTH), at(0));
    let (cost, none) = (Cost::request(), Amounts::NONE);
    let used_up = Hint { remaining: Some(0), ..Hint::of(Dimension::Tokens) };
    let some_left = Hint { remaining: Some(3), ..Hint::of(Dimension::Requests) };
    let mut refuse = |now: u64, hints: &[Hint]| {
        let (sent_at, outcome, retry_after) = (at(now - 1), Outcome::RateLimited, None);
        let (cost, debt, refund) = (&cost, &none, &none);
        let answer = Answer { sent_at, cost, debt, refund, outcome, retry_after, hints };
        aimd.answered(at(now), &answer);
        BOTH.map(|dimension| pace(&aimd, at(now), dimension).to_string()).join(" ")
    };
    assert_eq!(refuse(10, &[some_left, used_up]), "10 1800");
    assert_eq!(refuse(20, &[some_left]), "9 1620", "none is named, so it may be any");
}

#[test]
fn reports_by_hand_move_the_pace_once_per_event() {
    let mut aimd = Aimd::new(&policy(ControllerKind::Aimd, &BOTH[..1]), at(0));
    aimd.record_rate_limit(at(5_000));
    aimd.record_rate_limit(at(5_400));
    assert!((pace(&aimd, at(5_400), Dimension::Requests) - 9.0).abs() < 1e-9, "PACE-3");
    aimd.record_success(at(6_400));
    assert!((pace(&aimd, at(6_400), Dimension::Requests) - 11.0).abs() < 1e-9);
    aimd.record_rate_limit(at(6_500));
    assert!((pace(&aimd, at(6_500), Dimension::Requests) - 9.9).abs() < 1e-9);
}

#[test]
fn a_clock_whose_origin_is_long_ago_is_no_time_that_somebody_waited() {
    // The owner builds its controller before it is told the time.
    let kind = ControllerKind::Aimd;
    let mut aimd = build(&policy(kind, &[Dimension::Requests]), Instant::ZERO);
    let day = at(86_400_000);
    aimd.waits(day, true);
    let later = day + Span::from_secs(1);
    end(&mut *aimd, later, (day, Outcome::Ok), None);
    let rate = pace(&*aimd, later, Dimension::Requests);
    assert!((rate - 12.0).abs() < 1e-9, "a fifth of the first pace for one second: {rate}");
}
