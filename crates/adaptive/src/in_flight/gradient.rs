//! Slots by how long calls take now, compared with how long they take when there are few.
//!
//! After Netflix's Gradient2 (`concurrency-limits`, 2018): the slots are multiplied by the ratio of
//! both times, at most 1 and at least a half; a headroom of the square root of the slots is added, so
//! that there is something to find; and only a fifth of the change is made at a time.
//!
//! There the time that is usual is a moving average of all calls. Under load that lasts it follows the
//! load, and the slots grow without end. Here it is measured instead: now and then only the square
//! root of the slots is given out for a moment, as BBR does to find the round trip of an empty path
//! (Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue 14, 2016).
//!
//! A service with room for `c` calls ends up near `(1 + tolerance)·c` and the headroom: it is busy, and
//! a few calls wait inside it.

use libm::sqrt;
use tidegate_units::{Instant, Share};

use super::USED;

/// The part of a change that is made at a time.
const SMOOTHING: f64 = 0.2;
/// The least that is left of the slots by one comparison, before smoothing.
const GRADIENT_MIN: f64 = 0.5;
/// The fewest calls that are compared at a time; as many as there are slots where those are more.
const CALLS: f64 = 10.0;
/// After how many comparisons the usual time is measured again: it costs about one of them.
const PROBE_EVERY: u32 = 50;
/// How much one measurement corrects the usual time: ten calls tell it to about a third.
const LEARN: f64 = 0.3;

/// The machine.
#[derive(Debug, Clone)]
pub(super) struct Gradient {
    tolerated: f64,
    /// How long a call takes when there are few, in seconds.
    usual: Option<f64>,
    /// How many comparisons there are until the usual time is measured; 0 while it is.
    until_probe: u32,
    window: Window,
}

/// The calls that are compared at a time: those that were sent since it began.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    began: Option<Instant>,
    seconds: f64,
    calls: f64,
    /// The most calls under way.
    used: f64,
}

impl Gradient {
    /// Measures the usual time first.
    pub(super) fn new(tolerance: Share) -> Self {
        let tolerated = 1.0 + f64::from(tolerance.as_per_mille()) / 1e3;
        Self { tolerated, usual: None, until_probe: 0, window: Window::default() }
    }

    /// How many of the slots are given out.
    pub(super) fn held(&self, limit: f64) -> f64 {
        if self.until_probe == 0 { sqrt(limit) } else { limit }
    }

    /// A call that was sent at `sent_at` succeeded while so many were under way: how many slots there
    /// are from now on, if that changes.
    pub(super) fn sample(
        &mut self,
        now: Instant,
        sent_at: Instant,
        used: f64,
        limit: f64,
    ) -> Option<f64> {
        let began = *self.window.began.get_or_insert(sent_at);
        self.window.used = self.window.used.max(used);
        // A call that was sent before took as long as it did with other slots.
        if sent_at < began {
            return None;
        }
        self.window.seconds += now.since(sent_at).as_secs_f64();
        self.window.calls += 1.0;
        let enough = if self.until_probe == 0 { CALLS } else { limit.max(CALLS) };
        if self.window.calls < enough {
            return None;
        }
        let Window { seconds, calls, used, .. } = self.window;
        self.window = Window { began: Some(now), ..Window::default() };
        self.compare(seconds / calls, used, limit)
    }

    fn compare(&mut self, took: f64, used: f64, limit: f64) -> Option<f64> {
        if self.until_probe == 0 {
            let usual = self.usual.get_or_insert(took);
            *usual += LEARN * (took - *usual);
            self.until_probe = PROBE_EVERY;
            return None;
        }
        self.until_probe -= 1;
        let usual = self.usual.unwrap_or(took);
        let gradient =
            (self.tolerated * usual / took.max(f64::MIN_POSITIVE)).clamp(GRADIENT_MIN, 1.0);
        let next = limit + SMOOTHING * (limit * gradient + sqrt(limit) - limit);
        // Slots that were not used tell nothing of more of them (FLIGHT-2).
        (next < limit || used >= limit * USED).then_some(next)
    }
}
