//! The second table: how long the calls of each class and of each key waited, and how many of them
//! got through, controllers side by side.

use comfy_table::Table;
use tidegate_simulator::Replay;

use super::{NOTHING, number, quantiles, shown};
use crate::columns;
use crate::replay::figures::Runs;
use crate::replay::groups::Group;

/// The table, for replays with keys: without, the first has all that there is.
pub(super) fn table(replay: &Replay, all: &[Runs<'_>]) -> Option<Table> {
    let keys = Group::keys(replay);
    if keys.is_empty() {
        return None;
    }
    let groups = Group::classes(replay).into_iter().chain(keys);
    let has_several = replay.seeds.len() > 1;
    let rows = groups.flat_map(|group| {
        let worst = has_several.then(|| worst(group, all));
        [Some(means(group, all)), worst].into_iter().flatten().collect::<Vec<_>>()
    });
    Some(columns::table(header(all), rows, 1))
}

fn header(all: &[Runs<'_>]) -> Vec<String> {
    let of_each = |runs: &Runs<'_>| {
        let name = runs.controller;
        [format!("{name} wait, s\np50 / p99"), format!("{name}\nadmitted, %")]
    };
    let of = match all.first().map_or(0, Runs::seeds) {
        0 | 1 => "calls of".to_owned(),
        seeds => format!("calls of\n(mean of {seeds} seeds)"),
    };
    [of, "requests".to_owned()].into_iter().chain(all.iter().flat_map(of_each)).collect()
}

/// Over all seeds.
fn means(group: Group<'_>, all: &[Runs<'_>]) -> Vec<String> {
    let requests = all.first().and_then(|runs| runs.mean_requests(group));
    let figures = all
        .iter()
        .flat_map(|runs| [quantiles(runs.mean_wait(group)), percent(runs.mean_admitted(group))]);
    let before = [label(group), requests.map_or(NOTHING.to_owned(), |it| number(it, 0))];
    before.into_iter().chain(figures).collect()
}

/// Of whichever seed each figure is worst.
fn worst(group: Group<'_>, all: &[Runs<'_>]) -> Vec<String> {
    let figures = all
        .iter()
        .flat_map(|runs| [quantiles(runs.worst_wait(group)), percent(runs.worst_admitted(group))]);
    ["  worst".to_owned(), String::new()].into_iter().chain(figures).collect()
}

fn label(group: Group<'_>) -> String {
    match group {
        Group::Class(name) => format!("class {name}"),
        Group::Key(name) => format!("key {}", shown(name)),
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or(NOTHING.to_owned(), |share| number(share * 100.0, 1))
}
