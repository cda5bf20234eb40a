//! The circuit breaker: leaves a service alone while its calls fail.
//!
//! Closed, it counts how calls end. When too many fail, or are slow, it opens: nothing is let through
//! for a while. After that it is half-open: a few calls, the probes, are let through to see. If all of
//! them succeed it closes; if one does not, it opens again. (Nygard, "Release It!", 2007; the states
//! are those of Fowler, "`CircuitBreaker`", 2014.)
//!
//! A pure machine: ask [`Breaker::allows`], tell [`Breaker::let_through`] and [`Breaker::ended`];
//! [`Breaker::next_deadline`] says when to call [`Breaker::handle_timeout`]. Every answer is the same
//! whether or not that was called in time, and extra calls are harmless.
//!
//! A probe is known by the instant at which it was let through, and everything granted up to the
//! instant of the opening is from before it. So that both are exact, an opening begins at the latest
//! instant seen though the clock stepped back, and no probe is let through before the clock is past it.
//!
//! # Invariants
//!
//! - BREAK-1: an open breaker lets nothing through before its time, whatever the clock does.
//! - BREAK-2: no more than `probes` probes are out at a time.
//! - BREAK-3: refusals for rate, quotas, contention and calls that were given up never open it.
//! - BREAK-4: a call that was granted before the breaker opened neither closes nor opens it again.
//! - BREAK-5: from every state, time and successes close it: a probe that does not report back is
//!   given up after `open`, which counts as a failure.

use serde::Serialize;
use tidegate_units::policy::BreakerPolicy;
use tidegate_units::{Instant, Outcome, Span};

mod window;

use window::{Counts, Window};

/// The shortest wait that is ever answered: what timers can tell apart.
pub const WAIT_MIN: Span = Span::from_millis(1);

/// The machine.
///
/// ```
/// use tidegate_scheduler::breaker::{Breaker, Change};
/// use tidegate_units::policy::BreakerPolicy;
/// use tidegate_units::{Instant, Outcome, Span};
///
/// let mut breaker = Breaker::new(BreakerPolicy { failures: 2, ..BreakerPolicy::default() });
/// let start = Instant::ZERO + Span::from_secs(1);
/// assert_eq!(breaker.ended(start, start, Outcome::Failed), Change::None);
/// assert_eq!(breaker.ended(start, start, Outcome::Failed), Change::Opened);
/// // Refused: it stays open for 30 seconds.
/// assert_eq!(breaker.allows(start), Err(Span::from_secs(30)));
///
/// // Then one call may try, and no second one while that is out.
/// let later = start + Span::from_secs(30);
/// assert_eq!(breaker.allows(later), Ok(()));
/// assert!(breaker.let_through(later));
/// assert!(breaker.allows(later).is_err());
/// assert_eq!(breaker.ended(later, later, Outcome::Ok), Change::Closed);
/// assert_eq!(breaker.allows(later), Ok(()));
/// ```
#[derive(Debug, Clone)]
pub struct Breaker {
    policy: BreakerPolicy,
    /// How calls ended while it is closed; nothing is in it otherwise.
    window: Window,
    phase: Phase,
    /// When the probes that are out were let through; none unless it is half-open. At most
    /// `policy.probes`.
    out: Vec<Probe>,
    /// The latest instant seen.
    latest: Instant,
    openings: u64,
}

/// A call that tries whether the service is well again, and has not reported back.
#[derive(Debug, Clone, Copy)]
struct Probe {
    /// By which instant its caller knows when it was let through.
    known_by: Instant,
    /// Since when it is under way.
    since: Instant,
}

/// What became of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is as it was, or is half-open after its time was over.
    None,
    /// It has opened, or opened again.
    Opened,
    /// It has closed.
    Closed,
}

/// What others may see of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Calls are let through.
    Closed,
    /// Nothing is let through.
    Open {
        /// How long that will last.
        until: Span,
    },
    /// A few calls may try.
    HalfOpen {
        /// How many of them have not reported back.
        probes_out: usize,
    },
}

/// Where it is. `since` is the instant of the last opening: what was granted until then is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed { since: Option<Instant> },
    Open { since: Instant, until: Instant },
    HalfOpen { since: Instant, succeeded: usize },
}

/// What the end of a call says of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Success,
    Slow,
    Failure,
    Neither,
}

impl Breaker {
    /// A closed breaker that has counted nothing. Figures beyond the range that the policy states are
    /// taken as the nearer end of it.
    pub fn new(policy: BreakerPolicy) -> Self {
        let policy = BreakerPolicy {
            failures: policy.failures.clamp(1, BreakerPolicy::FAILURES_MAX),
            window: policy.window.clamp(BreakerPolicy::WINDOW_MIN, BreakerPolicy::WINDOW_MAX),
            open: policy.open.clamp(BreakerPolicy::OPEN_MIN, BreakerPolicy::OPEN_MAX),
            probes: policy.probes.clamp(1, BreakerPolicy::PROBES_MAX),
            ..policy
        };
        Self {
            window: Window::new(policy.window),
            phase: Phase::Closed { since: None },
            out: Vec::new(),
            latest: Instant::ZERO,
            openings: 0,
            policy,
        }
    }

    /// Whether one more call may be let through at `now`.
    ///
    /// # Errors
    ///
    /// How long until the answer may be another, at least [`WAIT_MIN`]: until the next probe may go;
    /// or, while all probes are out or have succeeded, until the oldest that is out is given up. A
    /// probe that reports back changes it sooner.
    pub fn allows(&self, now: Instant) -> Result<(), Span> {
        let (phase, out) = self.at(now);
        let wait_until = match phase {
            Phase::Closed { .. } => return Ok(()),
            Phase::Open { until, .. } => until,
            // A probe of then could not be told from a call of before the opening.
            Phase::HalfOpen { since, .. } if now <= since => since,
            Phase::HalfOpen { succeeded, .. } if succeeded + out.len() < self.probes() => {
                return Ok(());
            }
            Phase::HalfOpen { .. } => self.given_up_at(out).unwrap_or(now),
        };
        Err(wait_until.since(now).max(WAIT_MIN))
    }

    /// How many more calls may be let through at `now`; `None` while it is closed: any number.
    pub fn room(&self, now: Instant) -> Option<usize> {
        match self.at(now) {
            (Phase::Closed { .. }, _) => None,
            (Phase::HalfOpen { since, succeeded }, out) if now > since => {
                Some(self.probes().saturating_sub(succeeded + out.len()))
            }
            _ => Some(0),
        }
    }

    /// A call was granted at `now`, which is what [`Breaker::ended`] has to be told of it. Answers
    /// whether it is a probe; it is none unless [`Breaker::allows`] agreed.
    pub fn let_through(&mut self, now: Instant) -> bool {
        self.let_through_known_by(now, now)
    }

    /// The same for a call of which it is found out at `now` that it was let through, and whose caller
    /// knows it by an earlier instant, which is what [`Breaker::ended`] will be told of it.
    pub fn let_through_known_by(&mut self, now: Instant, known_by: Instant) -> bool {
        self.advance(now);
        let is_probe = matches!(self.phase, Phase::HalfOpen { .. }) && self.allows(now).is_ok();
        if is_probe {
            self.out.push(Probe { known_by, since: now });
        }
        is_probe
    }

    /// A call that was granted at `granted_at` ended at `now` as `outcome`.
    ///
    /// A failure is a call that failed or met an overloaded service; a success is slow if it took
    /// `slow_after` or longer. Only failures and slow successes open it. All else says nothing of the
    /// service's health: a probe that ends so makes room for another.
    ///
    /// Where `granted_at` is the instant of no probe, the call is taken for the latest probe let
    /// through before it, so that an instant which was moved up because the clock stepped back still
    /// finds its probe; for none if there is none.
    pub fn ended(&mut self, now: Instant, granted_at: Instant, outcome: Outcome) -> Change {
        let found = self.advance(now);
        let verdict = self.verdict(now.since(granted_at), outcome);
        let change = match self.phase {
            Phase::Closed { since } if since.is_none_or(|since| since < granted_at) => {
                self.count(now, verdict)
            }
            Phase::HalfOpen { since, succeeded } => {
                self.probe_ended(since, succeeded, granted_at, verdict)
            }
            _ => Change::None,
        };
        if change == Change::None { found } else { change }
    }

    /// Time has come to [`Breaker::next_deadline`]. Answers [`Change::Opened`] if a probe was given up.
    pub fn handle_timeout(&mut self, now: Instant) -> Change {
        self.advance(now)
    }

    /// When something changes by itself, if nothing else happens.
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Closed { .. } => None,
            Phase::Open { until, .. } => Some(until),
            Phase::HalfOpen { .. } => self.given_up_at(&self.out),
        }
    }

    /// Where it is at `now`.
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.at(now) {
            (Phase::Closed { .. }, _) => BreakerState::Closed,
            (Phase::Open { until, .. }, _) => BreakerState::Open { until: until.since(now) },
            (Phase::HalfOpen { .. }, out) => BreakerState::HalfOpen { probes_out: out.len() },
        }
    }

    /// How often it has opened, again or for the first time.
    pub fn openings(&self) -> u64 {
        self.openings
    }

    /// What time alone has made of it by `now`, and the probes that are still out.
    fn at(&self, now: Instant) -> (Phase, &[Probe]) {
        let (mut phase, mut out) = (self.phase, self.out.as_slice());
        if let Some(at) = self.given_up_at(out).filter(|at| *at <= now) {
            (phase, out) = (self.opened(at), &[]);
        }
        match phase {
            Phase::Open { since, until } if until <= now => {
                (Phase::HalfOpen { since, succeeded: 0 }, out)
            }
            _ => (phase, out),
        }
    }

    /// Lets time pass.
    fn advance(&mut self, now: Instant) -> Change {
        let given_up = self.given_up_at(&self.out).is_some_and(|at| at <= now);
        let (phase, _) = self.at(now);
        self.phase = phase;
        self.latest = self.latest.max(now);
        if !given_up {
            return Change::None;
        }
        self.note_opening();
        Change::Opened
    }

    /// Open since `at`, or since the latest instant seen: a clock that stepped back shortens nothing.
    fn opened(&self, at: Instant) -> Phase {
        let since = at.max(self.latest);
        Phase::Open { since, until: since + self.policy.open }
    }

    fn open(&mut self, now: Instant) -> Change {
        self.phase = self.opened(now);
        self.note_opening();
        Change::Opened
    }

    fn note_opening(&mut self) {
        self.out.clear();
        self.window.clear();
        self.openings = self.openings.saturating_add(1);
    }

    /// When the oldest of these probes is taken to have failed.
    fn given_up_at(&self, out: &[Probe]) -> Option<Instant> {
        out.iter().map(|probe| probe.since).min().map(|oldest| oldest + self.policy.open)
    }

    fn verdict(&self, took: Span, outcome: Outcome) -> Verdict {
        match outcome {
            Outcome::Ok if self.policy.slow_after.is_some_and(|slow| took >= slow) => Verdict::Slow,
            Outcome::Ok => Verdict::Success,
            Outcome::Failed | Outcome::Overloaded => Verdict::Failure,
            Outcome::RateLimited
            | Outcome::QuotaExhausted
            | Outcome::Contention
            | Outcome::Cancelled => Verdict::Neither,
        }
    }

    /// A call ended while the breaker is closed.
    fn count(&mut self, now: Instant, verdict: Verdict) -> Change {
        if verdict == Verdict::Neither {
            return Change::None;
        }
        let is = |other| u64::from(verdict == other);
        let counts = Counts { ended: 1, failed: is(Verdict::Failure), slow: is(Verdict::Slow) };
        self.window.count(now, counts);
        if verdict == Verdict::Success || !self.is_too_much(now) {
            return Change::None;
        }
        self.open(now)
    }

    /// Whether too many of the calls that ended within the window failed, or were slow.
    fn is_too_much(&mut self, now: Instant) -> bool {
        let Counts { ended, failed, slow } = self.window.sum(now);
        let BreakerPolicy { failures, failure_rate, slow_rate, .. } = self.policy;
        let enough = |count: u64| count >= u64::from(failures);
        (enough(failed) && failure_rate.is_reached_by(failed, ended))
            || (enough(slow) && slow_rate.is_reached_by(slow, ended))
    }

    /// A call ended while the breaker is half-open. All probes were let through after the opening, so a
    /// call that was granted before it is none.
    fn probe_ended(
        &mut self,
        since: Instant,
        succeeded: usize,
        granted_at: Instant,
        verdict: Verdict,
    ) -> Change {
        let known = self.out.iter().map(|probe| probe.known_by).enumerate();
        let before = known.filter(|(_, at)| *at <= granted_at);
        let Some((place, _)) = before.max_by_key(|(_, at)| *at) else {
            return Change::None;
        };
        self.out.swap_remove(place);
        match verdict {
            Verdict::Neither => Change::None,
            Verdict::Failure | Verdict::Slow => self.open(self.latest),
            Verdict::Success if succeeded + 1 < self.probes() => {
                self.phase = Phase::HalfOpen { since, succeeded: succeeded + 1 };
                Change::None
            }
            Verdict::Success => {
                self.phase = Phase::Closed { since: Some(since) };
                Change::Closed
            }
        }
    }

    fn probes(&self) -> usize {
        usize::try_from(self.policy.probes).unwrap_or(usize::MAX)
    }
}
