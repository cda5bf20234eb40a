//! The monitor's own time: what has passed from one sample to the next, added up.
//!
//! Durations are those of the program's uptime, never of the clock on the wall, which may be set. When the
//! uptime falls, because the program began anew or its clock stepped back, nothing has passed and time goes
//! on from there.
//!
//! # Invariants
//!
//! - MON-1: the timeline never falls, whatever samples say of their times.

use crate::sample::Sample;

/// Milliseconds since the first sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Timeline {
    now_ms: u64,
    uptime_ms: Option<u64>,
}

impl Timeline {
    /// Where it stands.
    pub(crate) fn now(&self) -> u64 {
        self.now_ms
    }

    /// Where it would stand with this sample.
    pub(crate) fn at(&self, sample: &Sample) -> u64 {
        let before = self.uptime_ms.unwrap_or(sample.uptime_ms);
        self.now_ms.saturating_add(sample.uptime_ms.saturating_sub(before))
    }

    /// Goes on to this sample; answers how much has passed.
    pub(crate) fn advance(&mut self, sample: &Sample) -> u64 {
        let now = self.at(sample);
        let passed = now - self.now_ms;
        *self = Self { now_ms: now, uptime_ms: Some(sample.uptime_ms) };
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_stands_still_or_steps_back_passes_no_time() {
        let mut timeline = Timeline::default();
        let passed = [5_000, 6_000, 6_000, 2_000, 2_500]
            .map(|uptime_ms| timeline.advance(&Sample { uptime_ms, ..Sample::default() }));
        assert_eq!(passed, [0, 1_000, 0, 0, 500]);
        assert_eq!(timeline.now(), 1_500);
        assert_eq!(timeline.at(&Sample { uptime_ms: 3_000, ..Sample::default() }), 2_000);
    }
}
