//! What the segments of a sliding counter cost, and what the interpolating variant would let through.

#[path = "oracle/windows.rs"]
mod windows;

use proptest::prelude::*;
use tidegate_algorithms::{Algorithm, Decision, SlidingCounter, SlidingLog};
use tidegate_units::{Instant, Span};

use windows::most_in_a_window;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).expect("small")
}

/// Takes one permit at a time as soon as there is one, from `start` on and while `until` is not
/// reached.
fn saturate<A: Algorithm>(algorithm: &A, start: Instant, until: Instant) -> Vec<(Instant, u64)> {
    let mut state = algorithm.full();
    let (mut now, mut admitted) = (start, Vec::new());
    while now < until {
        match algorithm.take(&mut state, now, 1) {
            Decision::Admit => admitted.push((now, 1)),
            Decision::Later { retry_after } => now = now + retry_after,
            Decision::Never => unreachable!("one always fits"),
        }
    }
    admitted
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Both ends of how long a charge counts: as long as in the log, and less than a segment longer.
    #[test]
    fn a_charge_counts_for_one_window_and_at_most_one_segment_more(
        window in 1_u64..5_000, segments in 1_u64..=64, start in any::<u32>(),
    ) {
        let counter = SlidingCounter::new(1, Span::from_nanos(window), segments);
        let mut state = counter.full();
        let start = at(start.into());
        prop_assert_eq!(counter.take(&mut state, start, 1), Decision::Admit);
        let Decision::Later { retry_after } = counter.decide(&state, start, 1) else {
            return Err(TestCaseError::fail("the only permit was taken"));
        };
        prop_assert!(retry_after >= Span::from_nanos(window));
        prop_assert!(retry_after < Span::from_nanos(window) + counter.segment());
        prop_assert_eq!(counter.reset_at(&state, start), start + retry_after);
    }

    /// Whoever takes all there is finds at least the amount in every window and segment, less a
    /// nanosecond, and so `segments / (segments + 1)` of what a log gives.
    #[test]
    fn a_saturated_counter_admits_the_share_it_promises(
        amount in 1_u64..6, window in 1_u64..2_000, segments in 1_u64..=64, start in 0_u64..10_000,
    ) {
        let span = Span::from_nanos(window);
        let counter = SlidingCounter::new(amount, span, segments);
        let (start, until) = (at(start), at(start) + span * 12);
        let admitted = saturate(&counter, start, until);
        prop_assert!(most_in_a_window(&admitted, span) <= amount.into());

        let promised = span + counter.segment() - Span::from_nanos(1);
        let ends = admitted.iter().map(|(at, _)| *at - Span::from_nanos(1)).chain([until - Span::from_nanos(1)]);
        for end in ends.filter(|end| *end + Span::from_nanos(1) >= start + promised) {
            let inside = |at: Instant| at <= end && end.since(at) < promised;
            prop_assert!(number(admitted.iter().filter(|(at, _)| inside(*at)).count()) >= amount);
        }
        prop_assert!(promised.as_nanos() * segments <= window * (segments + 1), "the share");
        // In whole numbers the last round may be cut off by the end of the run.
        let log = number(saturate(&SlidingLog::new(amount, span), start, until).len());
        prop_assert!((number(admitted.len()) + amount) * (segments + 1) >= log * segments);
    }

    /// A counter is a log that writes down the ends of segments; with segments of one nanosecond it is
    /// the log.
    #[test]
    fn with_the_shortest_segments_a_counter_is_a_log(
        steps in proptest::collection::vec((0_u64..40, 0_u64..5), 1..80), amount in 1_u64..8,
    ) {
        let window = Span::from_nanos(64);
        let (counter, log) = (SlidingCounter::new(amount, window, 64), SlidingLog::new(amount, window));
        let (mut one, mut other, mut now) = (counter.full(), log.full(), at(1_000));
        for (nanos, cost) in steps {
            now = now + Span::from_nanos(nanos);
            prop_assert_eq!(counter.take(&mut one, now, cost), log.take(&mut other, now, cost));
            prop_assert_eq!(counter.balance(&one, now), log.balance(&other, now));
            prop_assert_eq!(counter.reset_at(&one, now), log.reset_at(&other, now));
            prop_assert_eq!(counter.earliest(&one, now, 20), log.earliest(&other, now, 20));
        }
    }
}

#[test]
fn a_state_holds_one_entry_per_segment_and_one_more() {
    for (window, segments) in [(1_000, 10), (1_000, 7), (1_000, 64), (5, 64), (1, 1)] {
        let counter = SlidingCounter::new(u64::MAX, Span::from_nanos(window), segments);
        let mut state = counter.full();
        let mut most = 0;
        for nanos in 0..3 * window {
            counter.record(&mut state, at(nanos), 1);
            let text = serde_json::to_string(&state).expect("it serialises");
            most = most.max(number(text.matches("amount").count()));
        }
        assert!(most <= segments + 1, "{most} entries of {segments} segments");
    }
}

#[test]
fn a_refund_stays_within_the_segment_of_its_charge() {
    let counter = SlidingCounter::new(10, Span::from_nanos(100), 10);
    let mut state = counter.full();
    counter.record(&mut state, at(3), 4);
    counter.record(&mut state, at(12), 4);
    assert_eq!(counter.refund(&mut state, at(20), at(3), 9), 4, "not from the later segment");
    assert_eq!(counter.available(&state, at(20)), 6);
    // Known only to have been recorded after 5: the first entry from there on.
    assert_eq!(counter.refund(&mut state, at(20), at(5), 1), 1);
    // Segment 1 ends at 19 and counts until 119; what expired is not taken from a later one.
    counter.record(&mut state, at(115), 2);
    assert_eq!(counter.refund(&mut state, at(119), at(12), 3), 0);
    assert_eq!(counter.available(&state, at(119)), 8);
}

/// The usual estimate: this fixed window's count, and the last one's by the part that still overlaps.
struct Interpolating {
    amount: u64,
    window: u64,
    /// The number of the fixed window, its count, and the count of the one before.
    counts: (u64, u64, u64),
}

impl Interpolating {
    fn take(&mut self, now: u64) -> bool {
        let (number, count, _) = self.counts;
        let this = now / self.window;
        if this != number {
            self.counts = (this, 0, if this == number + 1 { count } else { 0 });
        }
        let (_, count, before) = self.counts;
        let overlap = self.window - now % self.window;
        let fits = before * overlap + (count + 1) * self.window <= self.amount * self.window;
        self.counts.1 += u64::from(fits);
        fits
    }
}

#[test]
fn an_interpolating_counter_lets_nearly_twice_the_amount_through() {
    let (amount, window) = (100, 1_000);
    let mut interpolating = Interpolating { amount, window, counts: (0, 0, 0) };
    let counter = SlidingCounter::new(amount, Span::from_nanos(window), 64);
    let mut state = counter.full();
    let (mut by_estimate, mut by_segment) = (Vec::new(), Vec::new());
    // Everybody comes at the end of a fixed window, and then again all through the next one.
    for (nanos, callers) in [(999, 100)].into_iter().chain((1_000..1_999).map(|nanos| (nanos, 1))) {
        for _ in 0..callers {
            if interpolating.take(nanos) {
                by_estimate.push((at(nanos), 1));
            }
            if counter.take(&mut state, at(nanos), 1) == Decision::Admit {
                by_segment.push((at(nanos), 1));
            }
        }
    }
    let window = Span::from_nanos(window);
    assert_eq!(most_in_a_window(&by_estimate, window), 199);
    assert_eq!(most_in_a_window(&by_segment, window), 100);
}
