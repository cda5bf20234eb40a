//! The command `replay`: traffic against an emulated provider, controllers side by side.
//!
//! Everything that may be wrong with what was asked for is looked at before the first run, and all
//! of it is said at once. After each scenario its table is printed, and the files are written with
//! all that is done so far, so that a later failure costs nothing of it.

mod figures;
mod groups;
mod output;
mod plan;
mod plot;
mod results;
#[cfg(test)]
mod sample;
mod table;
mod text;

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};
use tidegate_simulator::{Contest, Progress, Replay, Scenario};

use crate::arguments::ReplayArguments;
use crate::exit::Failure;
use crate::printer::Printer;
use plan::Plan;

/// The steps of a bar: a few hundred for each of the most runs that there can be.
const BAR_LENGTH: u64 = 1_000_000;

/// Plays what the arguments say.
///
/// # Errors
///
/// [`Failure::Refused`] when the arguments cannot be followed, [`Failure::Failed`] when a scenario
/// could not be played to its end or its results could not be written.
pub(crate) fn run(arguments: &ReplayArguments) -> Result<(), Failure> {
    let plan = Plan::new(arguments).map_err(Failure::Refused)?;
    let results = &plan.results;
    let mut tables = if results.takes_output() { Printer::error() } else { Printer::output() };
    let mut done: Vec<Replay> = Vec::new();
    let mut faults = Vec::new();
    let mut kept = Ok(());
    for scenario in &plan.scenarios {
        match play(&plan, scenario) {
            Ok(replay) => {
                let table = table::text(&replay);
                done.push(replay);
                kept = results.keep(&done);
                faults.extend(tables.print(&table).err());
            }
            Err(fault) => faults.push(fault),
        }
        if tables.reader_gone() && results.are_unwanted() {
            break;
        }
    }
    faults.extend(kept.err().into_iter().flatten());
    faults.extend(results.finish(&done).err().into_iter().flatten());
    if faults.is_empty() { Ok(()) } else { Err(Failure::Failed(faults)) }
}

/// Plays one scenario, with a bar for whoever sits before it.
fn play(plan: &Plan, scenario: &Scenario) -> Result<Replay, String> {
    let bar = bar(scenario.name());
    let mut shown = 0;
    let mut show = |progress: Progress| {
        let position = position(progress);
        // The run is timed, and this is called for each of its events.
        if position != shown {
            bar.set_position(position);
            shown = position;
        }
    };
    let Plan { trace, controllers, seeds, configured, .. } = plan;
    let contest = Contest { controllers, seeds, configured: configured.as_ref() };
    let replay = tidegate_simulator::replay(trace, scenario, contest, &mut show);
    bar.finish_and_clear();
    replay.map_err(|error| format!("scenario {}: {error}", scenario.name()))
}

/// How much is done, of [`BAR_LENGTH`].
fn position(progress: Progress) -> u64 {
    let Progress { runs_done, runs, requests_done, requests } = progress;
    let [runs_done, runs, requests_done, requests] =
        [runs_done, runs, requests_done, requests.max(1)].map(count);
    let steps = BAR_LENGTH / runs.max(1);
    runs_done.saturating_mul(steps).saturating_add(requests_done.saturating_mul(steps) / requests)
}

/// A bar on standard error, or none where that is no terminal.
fn bar(name: &str) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let form = "{prefix} {wide_bar} {percent:>3} %, {elapsed} so far, {eta} to go";
    let style = ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(BAR_LENGTH).with_style(style).with_prefix(name.to_owned())
}

fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}
