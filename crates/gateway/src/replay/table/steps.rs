//! How each change of the limit was met: a row for each, controllers side by side.

use comfy_table::Table;
use tidegate_simulator::Replay;
use tidegate_simulator::report::Step;

use super::number;
use crate::columns;
use crate::replay::figures::Runs;

/// The table; none where the limit never changed.
pub(super) fn table(replay: &Replay, all: &[Runs<'_>]) -> Option<Table> {
    let first = replay.runs.first().filter(|run| !run.steps.is_empty())?;
    let rows = first.steps.iter().enumerate().map(|(place, step)| {
        let of_each = all.iter().flat_map(|runs| figures(runs.mean_step(place)));
        [format!("{:.0} s", step.at_s)].into_iter().chain(of_each).collect()
    });
    Some(columns::table(header(all), rows.collect::<Vec<Vec<String>>>(), 1))
}

fn header(all: &[Runs<'_>]) -> Vec<String> {
    let of_each = |runs: &Runs<'_>| {
        let name = runs.controller;
        [
            format!("{name}\nthere / settled, s"),
            "lost, s".to_owned(),
            "refused\nuntil settled".to_owned(),
        ]
    };
    ["limit changed\nat".to_owned()].into_iter().chain(all.iter().flat_map(of_each)).collect()
}

fn figures(step: Option<Step>) -> [String; 3] {
    let Some(step) = step else {
        return [(); 3].map(|()| super::NOTHING.to_owned());
    };
    let there = format!("{} / {}", number(step.reached_s, 0), number(step.converged_s, 0));
    [there, number(step.lost_s, 1), step.refused.to_string()]
}
