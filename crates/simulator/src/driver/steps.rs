//! How a run met each step of the capacity.
//!
//! Four numbers, all from the second in which the step is. *Lost* is what the omniscient queue got
//! admitted in the next minute and this run did not, over the new capacity: seconds of it that went
//! unused because of the step. *Converged* is when the pace came within a tenth of the new capacity
//! and stayed there for three seconds: the stated pace of a controller that has one, else what was
//! admitted in the last ten seconds. *Reached* is the same where a pace beyond the new capacity counts
//! too, above a higher and below a lower one. *Refused* counts until it converged.

use std::ops::Range;

use tidegate_units::Instant;

use crate::driver::pulse::{Beat, Pulse};
use crate::number;
use crate::provider::CapacityStep;
use crate::report::Step;

/// Over how long losses are counted, in seconds.
const LOSS_S: f64 = 60.0;
/// How near to the capacity a pace has arrived.
const NEAR: f64 = 0.1;
/// For how long it has to be there, in seconds.
const HELD_S: f64 = 3.0;
/// Over how long what was admitted is a pace, in seconds.
const RATE_S: f64 = 10.0;

/// What became of every step within the run; `ideal` is the work of the omniscient queue by beat.
pub(super) fn met(steps: &[CapacityStep], pulse: &Pulse, ideal: &[u64]) -> Vec<Step> {
    let beats = pulse.beats();
    let starts: Vec<usize> = steps
        .iter()
        .map(|step| pulse.index(Instant::ZERO + step.at))
        .filter(|start| *start < beats.len())
        .collect();
    let ends = starts.iter().skip(1).copied().chain([beats.len()]);
    let step = |((start, end), step): ((&usize, usize), &CapacityStep)| {
        let converged = after(pulse, *start..end, Near::BothSides);
        let before = start.checked_sub(1).and_then(|before| beats.get(before));
        let rises = before.is_some_and(|before| before.capacity < beats[*start].capacity);
        let reached = after(pulse, *start..end, if rises { Near::AtLeast } else { Near::AtMost });
        let until = (*start + converged).min(end);
        let seconds = |beats| number::float(number::count(beats)) * pulse.length_s();
        Step {
            at_s: step.at.as_secs_f64(),
            lost_s: lost_s(pulse, ideal, *start, end),
            reached_s: seconds(reached),
            converged_s: seconds(converged),
            refused: beats[*start..until].iter().map(|beat| beat.refused).sum(),
        }
    };
    starts.iter().zip(ends).zip(steps).map(step).collect()
}

/// So many beats, at least one.
fn beats_of(pulse: &Pulse, seconds: f64) -> usize {
    number::place(number::nearest(seconds / pulse.length_s())).max(1)
}

/// On which side of the capacity a pace may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Near {
    BothSides,
    AtLeast,
    AtMost,
}

impl Near {
    fn is_met(self, pace: f64, capacity: f64) -> bool {
        let (low, high) = ((1.0 - NEAR) * capacity, (1.0 + NEAR) * capacity);
        (self == Self::AtMost || pace >= low) && (self == Self::AtLeast || pace <= high)
    }
}

/// After how many beats the pace had followed; all there are until the next step if it never had.
fn after(pulse: &Pulse, Range { start, end }: Range<usize>, near: Near) -> usize {
    let (held, window) = (beats_of(pulse, HELD_S), beats_of(pulse, RATE_S));
    let beats = pulse.beats();
    let is_near = |index: usize| {
        let pace = beats[index].pace.unwrap_or_else(|| {
            let first = (index + 1).saturating_sub(window);
            rate(&beats[first..=index], pulse.length_s())
        });
        near.is_met(pace, beats[index].capacity)
    };
    let stays = |from: usize| (from..(from + held).min(end)).all(is_near);
    (start..end).find(|index| stays(*index)).unwrap_or(end) - start
}

/// Work admitted per second.
fn rate(beats: &[Beat], length_s: f64) -> f64 {
    let work: u64 = beats.iter().map(|beat| beat.work).sum();
    number::float(work) / (number::float(number::count(beats.len())) * length_s)
}

fn lost_s(pulse: &Pulse, ideal: &[u64], start: usize, end: usize) -> f64 {
    let end = end.min(start + beats_of(pulse, LOSS_S)).min(ideal.len());
    let beats = pulse.beats();
    let got: u64 = beats.iter().take(end).skip(start).map(|beat| beat.work).sum();
    let possible: u64 = ideal.iter().take(end).skip(start).sum();
    let capacity = beats.get(start).map_or(0.0, |beat| beat.capacity);
    number::float(possible.saturating_sub(got)) / capacity.max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{DimensionLimit, ProviderLimits, Rate, Swings};
    use tidegate_units::Span;

    const STEPS: [CapacityStep; 2] = [
        CapacityStep { at: Span::from_secs(100), millionths: 500_000 },
        CapacityStep { at: Span::from_secs(200), millionths: 1_000_000 },
    ];

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Span::from_secs(secs)
    }

    /// Ten per second, five from the hundredth second to the two-hundredth.
    fn pulse() -> Pulse {
        let rate = Rate::from_micros_per_second(10_000_000).expect("in range");
        let second = Span::from_secs(1);
        let swings = Swings { steps: STEPS.to_vec(), ..Swings::default() };
        let limits = ProviderLimits::requests(DimensionLimit::bucket(rate, second, second));
        Pulse::new(&limits.swinging(swings, Span::from_secs(300)), Span::from_secs(300), 1)
    }

    #[test]
    fn a_stated_pace_has_arrived_when_it_stays() {
        let mut pulse = pulse();
        for secs in 0..=300_u32 {
            let pace = match secs {
                // Through the new capacity and back, which does not count, and there from 108 on.
                0..104 | 105..108 => 10.0,
                104 => 5.2,
                108..205 => 5.4,
                // Beyond it, which is there but has not settled.
                205..208 => 14.0,
                _ => 9.5,
            };
            let now = at(u64::from(secs));
            assert!(pulse.is_due(now));
            pulse.paced(now, pace);
            assert!(!pulse.is_due(now));
            pulse.admitted(now, 5);
            pulse.refused(now);
        }
        // The omniscient got 5 per second, and 10 from the second step on.
        let ideal: Vec<u64> = (0..=300).map(|secs| if secs < 200 { 5 } else { 10 }).collect();
        let met = met(&STEPS, &pulse, &ideal);
        assert_eq!(
            met,
            [
                Step { at_s: 100.0, lost_s: 0.0, reached_s: 8.0, converged_s: 8.0, refused: 8 },
                Step { at_s: 200.0, lost_s: 30.0, reached_s: 5.0, converged_s: 8.0, refused: 8 },
            ]
        );
    }

    #[test]
    fn what_is_admitted_is_a_pace_too_and_what_never_arrives_is_said_so() {
        let mut pulse = pulse();
        for secs in 0..=300 {
            pulse.admitted(at(secs), if secs < 100 { 10 } else { 5 });
        }
        let met = met(&STEPS, &pulse, &[]);
        // Nine seconds at 5 and one at 10 are 5.5 per second.
        assert!((met[0].converged_s - 8.0).abs() < 1e-9, "{met:?}");
        assert!((met[1].converged_s - 101.0).abs() < 1e-9, "{met:?}");
        assert_eq!(super::met(&STEPS[..0], &pulse, &[]), []);
    }

    #[test]
    fn a_step_after_the_end_is_none() {
        let rate = Rate::from_micros_per_second(10_000_000).expect("in range");
        let second = Span::from_secs(1);
        let limits = ProviderLimits::requests(DimensionLimit::bucket(rate, second, second));
        let pulse = Pulse::new(&limits, Span::from_secs(99), 1);
        assert_eq!(met(&STEPS, &pulse, &[]), []);
    }
}
