//! What is counted during a run, and what becomes of it in the report.

use tidegate_units::{Instant, Priority, Span};

use crate::driver::fairness::Fairness;
use crate::driver::groups::Groups;
use crate::driver::pulse::Pulse;
use crate::number;
use crate::report::{LOAD_POINT_S, LoadPoint};
use crate::scenario::{Clients, Demand};
use crate::trace::TraceRequest;
use crate::{ProviderLimits, Scenario};

/// Waits and loads of one run.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) by_class: Groups,
    pub(super) by_key: Groups,
    pub(super) fairness: Fairness,
    pub(super) pulse: Pulse,
    points: Vec<Counted>,
    pub(super) decisions: u64,
    pub(super) failed: u64,
}

/// What happened in one stretch of [`LOAD_POINT_S`].
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    offered: u64,
    admitted: u64,
    refused: u64,
}

/// What can happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    Offered,
    Admitted,
    Refused,
}

impl Tally {
    /// Nothing counted yet of these requests and their classes.
    pub(super) fn new(
        (requests, classes): (&[TraceRequest], &[Priority]),
        scenario: &Scenario,
        limits: &ProviderLimits,
        (horizon, seed): (Span, u64),
    ) -> Self {
        let Clients { count, demand, .. } = *scenario.clients();
        let clients = usize::try_from(count).unwrap_or(1);
        let points = horizon.as_nanos() / Span::from_secs(LOAD_POINT_S).as_nanos() + 1;
        let points = vec![Counted::default(); usize::try_from(points).unwrap_or(usize::MAX)];
        Self {
            by_class: Groups::by_class(classes),
            by_key: Groups::by_key(requests),
            fairness: Fairness::new(clients, demand == Demand::Skewed, horizon),
            pulse: Pulse::new(limits, horizon, seed),
            points,
            decisions: 0,
            failed: 0,
        }
    }

    pub(super) fn count(&mut self, now: Instant, load: Load) {
        let point = now.as_nanos() / Span::from_secs(LOAD_POINT_S).as_nanos();
        let Some(point) = self.points.get_mut(usize::try_from(point).unwrap_or(usize::MAX)) else {
            return;
        };
        match load {
            Load::Offered => point.offered += 1,
            Load::Admitted => point.admitted += 1,
            Load::Refused => point.refused += 1,
        }
    }

    /// Counts a call that was admitted so long after it came.
    pub(super) fn waited(&mut self, call: usize, wait: Span) {
        self.by_class.waited(call, wait);
        self.by_key.waited(call, wait);
    }

    pub(super) fn load(&self) -> Vec<LoadPoint> {
        let length = number::float(LOAD_POINT_S);
        let rate = |count: u64| number::float(count) / length;
        let point = |(index, counted): (usize, &Counted)| LoadPoint {
            at_s: (number::float(u64::try_from(index).unwrap_or(u64::MAX)) + 0.5) * length,
            offered: rate(counted.offered),
            admitted: rate(counted.admitted),
            refused: rate(counted.refused),
        };
        self.points.iter().enumerate().map(point).collect()
    }
}

/// Work by beat, of whoever is compared with the run.
#[derive(Debug)]
pub(super) struct Course {
    beat: Span,
    work: Vec<u64>,
}

impl Course {
    /// No work in any beat.
    pub(super) fn of(pulse: &Pulse) -> Self {
        Self { beat: pulse.length(), work: vec![0; pulse.beats().len()] }
    }

    pub(super) fn add(&mut self, now: Instant, work: u64) {
        let place = number::place(now.as_nanos() / self.beat.as_nanos());
        if let Some(sum) = self.work.get_mut(place) {
            *sum = sum.saturating_add(work);
        }
    }

    pub(super) fn work(&self) -> &[u64] {
        &self.work
    }
}
