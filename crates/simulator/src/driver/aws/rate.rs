//! The client-side rate limiter of the AWS SDKs' adaptive retry mode, for comparison.
//!
//! Until the first refusal everything is sent. From then on a token bucket holds calls back, whose
//! rate follows CUBIC: a refusal lowers it to 0.7 of what was measured, successes raise it along a
//! cubic curve through the former maximum. It is never more than twice what is measured: responses
//! per half-second, smoothed.
//!
//! Sources: "Retry behavior" and "Adaptive retry mode" in the AWS SDKs and Tools Reference Guide; the
//! constants are those of botocore (`retries/adaptive.py`, `throttling.py`, `bucket.py`); the curve is
//! that of Ha, Rhee, Xu, "CUBIC: a new TCP-friendly high-speed TCP variant", 2008.

use tidegate_units::{Instant, Span};

use crate::number;

/// How steep the cubic curve is.
const SCALE: f64 = 0.4;
/// What a refusal leaves of the rate.
const BETA: f64 = 0.7;
/// How much a new measurement counts.
const SMOOTH: f64 = 0.8;
/// The length of one measurement.
const MEASURED_OVER: Span = Span::from_millis(500);
/// The most that the rate may be over what is measured.
const OVER_MEASURED: f64 = 2.0;
/// The lowest rate of the bucket, per second.
const FILL_MIN: f64 = 0.5;
/// The least that the bucket holds.
const CAPACITY_MIN: f64 = 1.0;

/// What one client knows.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    cubic: Cubic,
    measured: Measured,
    /// `None` until the first refusal.
    bucket: Option<Bucket>,
}

impl RateLimiter {
    /// When the next call may be sent: `now` if at once.
    pub(super) fn ready_at(&self, now: Instant) -> Instant {
        self.bucket.as_ref().map_or(now, |bucket| bucket.ready_at(now))
    }

    /// A call is sent.
    pub(super) fn sent(&mut self, now: Instant) {
        if let Some(bucket) = &mut self.bucket {
            bucket.refill(now);
            bucket.level -= 1.0;
        }
    }

    /// A response has come.
    pub(super) fn answered(&mut self, now: Instant, refused: bool) {
        let measured = self.measured.record(now);
        let rate = if refused {
            let highest = self.bucket.as_ref().map_or(f64::INFINITY, |bucket| bucket.fill_rate);
            self.cubic.refused(now, measured.min(highest))
        } else {
            self.cubic.succeeded(now)
        };
        if refused && self.bucket.is_none() {
            self.bucket = Some(Bucket::new(now));
        }
        if let Some(bucket) = &mut self.bucket {
            bucket.set_rate(now, rate.min(OVER_MEASURED * measured));
        }
    }
}

/// The curve.
#[derive(Debug, Default)]
struct Cubic {
    /// The rate at the last refusal.
    max: f64,
    refused_at: Instant,
}

impl Cubic {
    fn succeeded(&self, now: Instant) -> f64 {
        let flat_at = libm::cbrt(self.max * (1.0 - BETA) / SCALE);
        let since = now.since(self.refused_at).as_secs_f64() - flat_at;
        SCALE * since * since * since + self.max
    }

    fn refused(&mut self, now: Instant, rate: f64) -> f64 {
        (self.max, self.refused_at) = (rate, now);
        BETA * rate
    }
}

/// Responses per second.
#[derive(Debug, Default)]
struct Measured {
    rate: f64,
    count: u64,
    since: u64,
}

impl Measured {
    fn record(&mut self, now: Instant) -> f64 {
        let place = now.as_nanos() / MEASURED_OVER.as_nanos();
        self.count += 1;
        if place > self.since {
            let span = MEASURED_OVER * (place - self.since);
            let current = number::float(self.count) / span.as_secs_f64();
            self.rate = SMOOTH * current + (1.0 - SMOOTH) * self.rate;
            (self.count, self.since) = (0, place);
        }
        self.rate
    }
}

/// The token bucket; it starts empty.
#[derive(Debug)]
struct Bucket {
    fill_rate: f64,
    capacity: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn new(now: Instant) -> Self {
        Self { fill_rate: FILL_MIN, capacity: CAPACITY_MIN, level: 0.0, at: now }
    }

    fn refill(&mut self, now: Instant) {
        let more = self.fill_rate * now.since(self.at).as_secs_f64();
        self.level = (self.level + more).min(self.capacity);
        self.at = self.at.max(now);
    }

    fn set_rate(&mut self, now: Instant, rate: f64) {
        self.refill(now);
        self.fill_rate = rate.max(FILL_MIN);
        self.capacity = rate.max(CAPACITY_MIN);
        self.level = self.level.min(self.capacity);
    }

    fn ready_at(&self, now: Instant) -> Instant {
        let missing = 1.0 - self.level;
        if missing <= 0.0 {
            return now;
        }
        // Rounded up, so that it is there by then.
        let wait = Span::from_secs_f64(missing / self.fill_rate) + Span::from_nanos(1);
        now.max(self.at + wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
    }

    #[test]
    fn the_curve_goes_through_its_maximum() {
        let mut cubic = Cubic::default();
        near(cubic.refused(at(5_000), 10.0), 7.0);
        // Flat after the cube root of 10 · 0.3 / 0.4 = 7.5: 1.957 434 s.
        near(cubic.succeeded(at(5_000)), 7.0);
        near(cubic.succeeded(at(6_000)), 10.0 - 0.4 * 0.957_433_821_f64.powi(3));
        near(cubic.succeeded(at(8_000)), 10.0 + 0.4 * 1.042_566_179_f64.powi(3));
    }

    #[test]
    fn responses_are_measured_by_half_seconds() {
        let mut measured = Measured::default();
        for millis in [100, 200, 300, 400] {
            near(measured.record(at(millis)), 0.0);
        }
        // Five in half a second are ten per second, of which 0.8 count.
        near(measured.record(at(600)), 8.0);
        near(measured.record(at(900)), 8.0);
        // Two in a second: 0.8 · 2 + 0.2 · 8.
        near(measured.record(at(1_600)), 3.2);
    }

    #[test]
    fn nothing_holds_calls_back_before_the_first_refusal() {
        let mut limiter = RateLimiter::default();
        for millis in 1..100 {
            assert_eq!(limiter.ready_at(at(millis)), at(millis));
            limiter.sent(at(millis));
            limiter.answered(at(millis), false);
        }
        // 101 responses in half a second are 202 per second, of which 0.8 count, and 0.7 are left.
        limiter.answered(at(400), false);
        limiter.answered(at(600), true);
        let bucket = limiter.bucket.as_ref().expect("there is one now");
        near(bucket.fill_rate, 202.0 * 0.8 * 0.7);
        near(bucket.level, 0.0);
        assert!(limiter.ready_at(at(600)) > at(600));
    }

    #[test]
    fn the_rate_is_at_most_twice_what_is_measured_and_never_none() {
        let mut limiter = RateLimiter::default();
        limiter.answered(at(600), true);
        let rate = |limiter: &RateLimiter| limiter.bucket.as_ref().map(|it| it.fill_rate);
        // One in half a second: 1.6 measured, 1.12 left.
        near(rate(&limiter).expect("some"), 1.12);
        limiter.answered(at(60_600), false);
        // One in a minute: 0.8 / 60 + 0.2 · 1.6 = 0.333 333 measured, and at most twice that.
        near(rate(&limiter).expect("some"), 2.0 * (0.8 / 60.0 + 0.32));
        limiter.answered(at(120_600), true);
        near(rate(&limiter).expect("some"), FILL_MIN);
    }

    #[test]
    fn the_bucket_is_ready_when_it_says() {
        let mut bucket = Bucket::new(at(0));
        bucket.set_rate(at(0), 4.0);
        let ready = bucket.ready_at(at(100));
        assert_eq!(ready, at(250) + Span::from_nanos(1));
        bucket.refill(ready);
        assert!(bucket.level >= 1.0);
        assert_eq!(bucket.ready_at(ready), ready);
    }
}
