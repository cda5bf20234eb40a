//! Counting at the service's own door: the proof that a limit was kept.
//!
//! The counter knows nothing of the machine that admits, except when windows begin and how the
//! capacity changes, and asks a question that needs no state: of all intervals of a run, which one
//! held the most beyond its allowance?
//!
//! For windows that is the fullest window, at the arrival at which it was fullest compared with what
//! it could hold then. For a bucket there are as many intervals as pairs of arrivals, but one number
//! is enough. An interval may hold the burst of the moment at which it begins, and what comes in
//! until it ends. Let *beyond* grow by every amount that arrives, shrink at the rate of the limit, and
//! never fall below minus the burst. Right after an arrival it equals the largest excess of all
//! intervals that end there, so the highest value it ever reached is the answer. (Lindley's recursion;
//! cf. Cruz, "A calculus for network delay", 1991.)

use tidegate_units::{Dimension, Instant, Span};

use crate::provider::course::Course;
use crate::provider::limits::{DimensionLimit, ProviderLimits};
use crate::provider::quantity::{Quantity, Rate};
use crate::provider::window::{Grid, scaled};

/// What arrived at one limit, what was admitted, and how far beyond the limit each went.
///
/// ```
/// use tidegate_simulator::{Arrivals, DimensionLimit, Rate};
/// use tidegate_units::{Dimension, Instant, Span};
///
/// // Two at once, and one more every second.
/// let rate = Rate::from_micros_per_second(1_000_000).expect("in range");
/// let limit = DimensionLimit::bucket(rate, Span::from_secs(2), Span::from_secs(60));
/// let mut arrivals = Arrivals::new(&limit, Span::ZERO);
/// for admitted in [true, true, false] {
///     arrivals.record(Instant::ZERO, 1, admitted);
/// }
/// assert_eq!(arrivals.excess(), 0);
/// assert_eq!(arrivals.offered_excess(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct Arrivals {
    arrived: u64,
    admitted: u64,
    offered_peak: Peak,
    admitted_peak: Peak,
}

impl Arrivals {
    /// Counts against a limit. `phase` is where windows begin; buckets have none.
    pub fn new(limit: &DimensionLimit, phase: Span) -> Self {
        Self::on(limit, phase, Course::constant())
    }

    /// Counts against the limit on `dimension` as it goes through the run of a seed; none where there
    /// is no limit.
    pub(super) fn of(limits: &ProviderLimits, dimension: Dimension, seed: u64) -> Option<Self> {
        let limit = limits.limit(dimension)?;
        Some(Self::on(limit, limits.phase(seed), limits.course(seed)))
    }

    fn on(limit: &DimensionLimit, phase: Span, course: Course) -> Self {
        let peak = Peak::new(limit, phase, course);
        Self { arrived: 0, admitted: 0, offered_peak: peak.clone(), admitted_peak: peak }
    }

    /// Counts an arrival. Call it in order of time; an earlier time counts as the latest so far.
    pub fn record(&mut self, now: Instant, amount: u64, admitted: bool) {
        self.arrived = self.arrived.saturating_add(amount);
        self.offered_peak.add(now, amount);
        if admitted {
            self.admitted = self.admitted.saturating_add(amount);
            self.admitted_peak.add(now, amount);
        }
    }

    /// All that arrived, in units of the limit.
    pub fn arrived(&self) -> u64 {
        self.arrived
    }

    /// What of it was admitted.
    pub fn admitted(&self) -> u64 {
        self.admitted
    }

    /// The most that any interval or window *admitted* beyond the limit, in whole units, rounded up.
    pub fn excess(&self) -> u64 {
        self.admitted_peak.excess()
    }

    /// The most that *arrived* in any interval or window beyond the limit, in whole units, rounded
    /// up: how far the client went beyond it, whether it was refused or not.
    pub fn offered_excess(&self) -> u64 {
        self.offered_peak.excess()
    }
}

/// The fullest interval so far.
#[derive(Debug, Clone)]
enum Peak {
    Bucket {
        rate: Rate,
        burst: Quantity,
        course: Course,
        beyond: Quantity,
        at: Instant,
        highest: Quantity,
    },
    Window {
        amount: u64,
        course: Course,
        grid: Grid,
        index: u64,
        held: u64,
        most_beyond: u64,
    },
}

impl Peak {
    fn new(limit: &DimensionLimit, phase: Span, course: Course) -> Self {
        match *limit {
            DimensionLimit::Bucket { rate, burst, .. } => Self::Bucket {
                rate,
                burst,
                beyond: Quantity::ZERO - burst.scaled(course.at(Instant::ZERO).steps),
                course,
                at: Instant::ZERO,
                highest: Quantity::ZERO,
            },
            DimensionLimit::Window { amount, window } => {
                let grid = Grid::new(window, phase);
                Self::Window { amount, course, grid, index: 0, held: 0, most_beyond: 0 }
            }
        }
    }

    fn add(&mut self, now: Instant, added: u64) {
        match self {
            Self::Bucket { rate, burst, course, beyond, at, highest } => {
                let now = now.max(*at);
                for (stretch, _, length) in course.between(*at, now) {
                    let paid = rate.scaled(stretch.whole()).over(length);
                    let least = Quantity::ZERO - burst.scaled(stretch.steps);
                    *beyond = (*beyond - paid).max(least);
                }
                *beyond = *beyond + Quantity::whole(added);
                *at = now;
                *highest = (*highest).max(*beyond);
            }
            Self::Window { amount, course, grid, index, held, most_beyond } => {
                let current = grid.index(now).max(*index);
                let before = if current > *index { 0 } else { *held };
                (*index, *held) = (current, before.saturating_add(added));
                let room = scaled(*amount, course.at(now).whole());
                // What was there before the room shrank is beyond nothing until more comes.
                if added > 0 {
                    *most_beyond = (*most_beyond).max(held.saturating_sub(room));
                }
            }
        }
    }

    fn excess(&self) -> u64 {
        match self {
            Self::Bucket { highest, .. } => highest.ceil(),
            Self::Window { most_beyond, .. } => *most_beyond,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::provider::course::{CapacityStep, Swings};

    /// An arrival: nanoseconds since the start, amount, admitted.
    type Arrival = (u64, u64, bool);

    /// Arrivals in order, many at the same moment and many a little apart.
    fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
        let gap = prop_oneof![Just(0), 1_u64..1_000_000_000, 1_u64..10_000_000_000];
        prop::collection::vec((gap, 0_u64..20, any::<bool>()), 0..60).prop_map(|steps| {
            let mut nanos = 0;
            let mut arrive = |(gap, amount, admitted)| {
                nanos += gap;
                (nanos, amount, admitted)
            };
            steps.into_iter().map(&mut arrive).collect()
        })
    }

    fn recorded(limit: &DimensionLimit, phase: Span, all: &[Arrival]) -> Arrivals {
        recorded_on(limit, phase, Course::constant(), all)
    }

    fn recorded_on(
        limit: &DimensionLimit,
        phase: Span,
        course: Course,
        all: &[Arrival],
    ) -> Arrivals {
        let mut counted = Arrivals::on(limit, phase, course);
        for (nanos, amount, admitted) in all {
            counted.record(Instant::from_nanos(*nanos), *amount, *admitted);
        }
        counted
    }

    /// Every interval from an arrival to another, in parts of 10^-15.
    fn brute_bucket(micros: u64, burst_nanos: u64, all: &[Arrival]) -> u64 {
        let allowed = |nanos: u64| i128::from(micros) * i128::from(nanos + burst_nanos);
        let mut worst = 0_i128;
        for (first, (start, ..)) in all.iter().enumerate() {
            let mut sum = 0_i128;
            for (nanos, amount, _) in &all[first..] {
                sum += i128::from(*amount) * 1_000_000_000_000_000;
                worst = worst.max(sum - allowed(nanos - start));
            }
        }
        u64::try_from((worst + 999_999_999_999_999) / 1_000_000_000_000_000).expect("small")
    }

    /// Every interval that begins at an arrival, at a step or right before one, where capacity goes through `steps`:
    /// nanoseconds, and hundredths of `micros` per second and of the burst from there on.
    fn brute_steps(micros: u64, burst_nanos: u64, steps: &[(u64, u64)], all: &[Arrival]) -> u64 {
        let factor = |nanos: u64| {
            let last = steps.iter().rev().find(|(at, _)| *at <= nanos);
            last.map_or(100, |(_, hundredths)| *hundredths)
        };
        let rate = |nanos| i128::from(micros / 100 * factor(nanos));
        // What comes in over an interval, second by second: steps are at whole seconds.
        let income = |start: u64, end: u64| {
            let mut sum = 0_i128;
            let mut at = start;
            while at < end {
                let next = ((at / 1_000_000_000 + 1) * 1_000_000_000).min(end);
                sum += rate(at) * i128::from(next - at);
                at = next;
            }
            sum
        };
        let arrivals = all.iter().map(|(nanos, ..)| *nanos);
        let starts = arrivals.chain(steps.iter().map(|(nanos, _)| *nanos));
        let mut worst = 0_i128;
        for start in starts {
            // One that begins right before a step may hold the burst from before it.
            let least = rate(start).min(rate(start.saturating_sub(1)));
            let burst = least * i128::from(burst_nanos);
            let mut sum = 0_i128;
            for (nanos, amount, _) in all.iter().filter(|(nanos, ..)| *nanos >= start) {
                sum += i128::from(*amount) * 1_000_000_000_000_000;
                worst = worst.max(sum - burst - income(start, *nanos));
            }
        }
        u64::try_from((worst + 999_999_999_999_999) / 1_000_000_000_000_000).expect("small")
    }

    /// Every window, by walking its arrivals.
    fn brute_window(amount: u64, length: u64, phase: u64, all: &[Arrival]) -> u64 {
        let held = |start: i128| -> u64 {
            let within =
                |nanos: u64| (start..start + i128::from(length)).contains(&i128::from(nanos));
            all.iter().filter(|(nanos, ..)| within(*nanos)).map(|(_, amount, _)| amount).sum()
        };
        let end = all.last().map_or(0, |(nanos, ..)| i128::from(*nanos));
        let starts = (0_i128..).map(|k| i128::from(phase) + (k - 1) * i128::from(length));
        let fullest = starts.take_while(|start| *start <= end).map(held).max();
        fullest.unwrap_or(0).saturating_sub(amount)
    }

    /// Those that were admitted.
    fn admitted(all: &[Arrival]) -> Vec<Arrival> {
        all.iter().copied().filter(|(.., admitted)| *admitted).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_bucket_is_counted_as_every_interval_says(
            micros in 1_000_u64..20_000_000,
            burst_millis in 0_u64..20_000,
            all in arrivals(),
        ) {
            let rate = Rate::from_micros_per_second(micros).expect("in range");
            let burst = Span::from_millis(burst_millis);
            let limit = DimensionLimit::bucket(rate, burst, Span::from_secs(60));
            let counted = recorded(&limit, Span::ZERO, &all);
            let brute = |all: &[Arrival]| brute_bucket(micros, burst.as_nanos(), all);
            prop_assert_eq!(counted.offered_excess(), brute(&all));
            prop_assert_eq!(counted.excess(), brute(&admitted(&all)));
        }

        #[test]
        fn a_bucket_that_steps_is_counted_as_every_interval_says(
            cents in 10_u64..200_000,
            burst_secs in 0_u64..20,
            changes in prop::collection::vec((1_u64..8, 10_u64..300), 0..5),
            all in arrivals(),
        ) {
            let micros = cents * 100;
            let mut secs = 0;
            let steps: Vec<(u64, u64)> = changes
                .into_iter()
                .map(|(gap, hundredths)| {
                    secs += gap;
                    (secs * 1_000_000_000, hundredths)
                })
                .collect();
            let step = |(nanos, hundredths): &(u64, u64)| CapacityStep {
                at: Span::from_nanos(*nanos),
                millionths: hundredths * 10_000,
            };
            let swings = Swings { steps: steps.iter().map(step).collect(), ..Swings::default() };
            let course = Course::new(&swings, Span::ZERO, 1);
            let rate = Rate::from_micros_per_second(micros).expect("in range");
            let burst = Span::from_secs(burst_secs);
            let limit = DimensionLimit::bucket(rate, burst, Span::from_secs(60));
            let counted = recorded_on(&limit, Span::ZERO, course, &all);
            let brute = |all: &[Arrival]| brute_steps(micros, burst.as_nanos(), &steps, all);
            prop_assert_eq!(counted.offered_excess(), brute(&all));
            prop_assert_eq!(counted.excess(), brute(&admitted(&all)));
        }

        #[test]
        fn windows_are_counted_as_every_window_says(
            amount in 0_u64..100,
            length in 100_000_000_u64..20_000_000_000,
            phase_share in 0_u64..100,
            all in arrivals(),
        ) {
            let phase = length / 100 * phase_share;
            let limit = DimensionLimit::Window { amount, window: Span::from_nanos(length) };
            let counted = recorded(&limit, Span::from_nanos(phase), &all);
            let brute = |all: &[Arrival]| brute_window(amount, length, phase, all);
            prop_assert_eq!(counted.offered_excess(), brute(&all));
            prop_assert_eq!(counted.excess(), brute(&admitted(&all)));
        }
    }

    #[test]
    fn totals_are_of_both_kinds() {
        let limit = DimensionLimit::Window { amount: 1, window: Span::from_secs(1) };
        let counted = recorded(&limit, Span::ZERO, &[(0, 5, true), (1, 7, false)]);
        assert_eq!((counted.arrived(), counted.admitted()), (12, 5));
    }

    #[test]
    fn the_largest_amounts_saturate() {
        let rate = Rate::from_micros_per_second(1).expect("in range");
        let limit = DimensionLimit::bucket(rate, Span::ZERO, Span::from_secs(60));
        let all = [(0, u64::MAX, true), (0, u64::MAX, true)];
        let counted = recorded(&limit, Span::ZERO, &all);
        assert_eq!(counted.excess(), u64::MAX);
        assert_eq!(counted.admitted(), u64::MAX);
    }
}
