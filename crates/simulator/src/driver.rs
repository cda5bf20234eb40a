//! The real machines on virtual time, against the emulated provider.
//!
//! A run is a loop over events in the order of their instants. A call travels to the provider, is
//! admitted or refused when it arrives there, and its answer travels back; when a call may be sent
//! is up to the controller: Tidegate's own machines (`paced`), what others do (`aws`, `sre`), or
//! none at all (`naive`). Whatever the controller is told, the provider and the report know whose
//! each call is and how urgent.

use tidegate_units::{Clock, ControllerKind, MonotonicClock, Span};

use crate::driver::paced::{Order, Setup, Told};
use crate::report::{Replay, Run, SCHEMA, TraceSummary};
use crate::{Configured, Controller, Ideal, ResolveError, Scenario, Trace};

mod aws;
mod fairness;
mod groups;
mod journey;
mod naive;
mod paced;
mod pulse;
mod sre;
mod steps;
mod tally;
mod tenants;

/// How far a replay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Runs that are done.
    pub runs_done: usize,
    /// All runs.
    pub runs: usize,
    /// Requests of the present run that have come in.
    pub requests_done: usize,
    /// All requests of the present run.
    pub requests: usize,
}

/// Why a replay could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The scenario does not fit the trace.
    #[error(transparent)]
    Scenario(#[from] ResolveError),
    /// The provider's limit is none that a limiter can be told.
    #[error("the provider's limit is out of range: {0}")]
    Limit(#[from] tidegate_units::LimitError),
}

/// Who is compared.
#[derive(Debug, Clone, Copy)]
pub struct Contest<'a> {
    /// The controllers.
    pub controllers: &'a [Controller],
    /// The seeds; every controller runs once on each.
    pub seeds: &'a [u64],
    /// What Tidegate's machines are configured with; `None`: those that are told limits are told the
    /// true ones, and have the defaults in everything else.
    pub configured: Option<&'a Configured>,
}

/// Plays `trace` under `scenario` once for every controller and seed.
///
/// # Errors
///
/// [`ReplayError`] when the scenario cannot be applied to the trace.
pub fn replay(
    trace: &Trace,
    scenario: &Scenario,
    contest: Contest<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Replay, ReplayError> {
    let Contest { controllers, seeds, configured } = contest;
    let mut runs = Vec::with_capacity(controllers.len() * seeds.len());
    let all = controllers.len() * seeds.len();
    for controller in controllers {
        for seed in seeds {
            let runs_done = runs.len();
            let mut report = |requests_done, requests| {
                progress(Progress { runs_done, runs: all, requests_done, requests });
            };
            let players = (*controller, configured);
            runs.push(run(trace, scenario, players, *seed, &mut report)?);
        }
    }
    Ok(Replay {
        schema: SCHEMA,
        trace: TraceSummary {
            name: trace.name().to_owned(),
            requests: trace.requests().len(),
            span_s: trace.span().as_secs_f64(),
        },
        scenario: scenario.name().to_owned(),
        seeds: seeds.to_vec(),
        runs,
    })
}

/// Whether `scenario` can be put on `trace` at all: what [`replay`] would find out first.
///
/// # Errors
///
/// As [`replay`].
pub fn can_replay(trace: &Trace, scenario: &Scenario, seed: u64) -> Result<(), ReplayError> {
    let limits = scenario.resolve(&scenario.traffic(trace, seed))?;
    paced::told(&limits, 1.0)?;
    Ok(())
}

/// One controller on one seed.
fn run(
    trace: &Trace,
    scenario: &Scenario,
    (controller, configured): (Controller, Option<&Configured>),
    seed: u64,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Run, ReplayError> {
    let clock = MonotonicClock::new();
    let started = clock.now();
    let traffic = scenario.traffic(trace, seed);
    let limits = scenario.resolve(&traffic)?;
    let mut journey = journey::Journey::new(&traffic, scenario, &limits, seed);
    let guess = scenario.clients().initial_rate_factor;
    let learned = |controller| (Told::Nothing { controller, guess }, Order::Fair);
    let mut paced = |(told, order)| {
        let setup = Setup { told, order, configured };
        paced::run(&mut journey, &limits, setup, progress)
    };
    match controller {
        Controller::Tidegate => paced(learned(ControllerKind::Tidegate))?,
        Controller::Aimd => paced(learned(ControllerKind::Aimd))?,
        Controller::Fixed => paced((Told::Limits, Order::Fair))?,
        Controller::Fifo => paced((Told::Limits, Order::FirstCome))?,
        Controller::Aws => aws::run(&mut journey, seed, progress),
        Controller::Sre => sre::run(&mut journey, seed, progress),
        Controller::Naive => naive::run(&mut journey, seed, progress),
    }
    let took = clock.now().since(started).max(Span::from_nanos(1));
    let mut course = journey.blank_course();
    let ideal = Ideal::play(traffic.span(), &traffic, &limits, seed, &mut |now, work| {
        course.add(now, work);
    });
    Ok(journey.finish(controller, seed, (&ideal, &course), took))
}
