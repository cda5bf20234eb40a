//! A replay for people: a table, more where the limit changed or where there are keys, and a sentence
//! for each controller.

mod steps;
mod waits;

use comfy_table::Table;
use tidegate_simulator::Replay;
use tidegate_simulator::report::{Quantiles, TraceSummary};

use super::figures::{Figures, Runs};
use super::groups::Group;
use super::text::{NOTHING, count, length, number, quantiles, shown};
use crate::columns;

/// What the columns do not say themselves.
const NOTE: &str = "Waits are those of admitted requests, from their arrival; \
                    whoever is still waiting when the trace ends is in none of them.";

/// Everything that is printed of one scenario.
pub(crate) fn text(replay: &Replay) -> String {
    let all = Runs::of_each(replay);
    let waits = waits::table(replay, &all).map(|waits| format!("\n{waits}\n"));
    let waits = waits.unwrap_or_default();
    let steps = steps::table(replay, &all).map(|steps| format!("\n{steps}\n"));
    let steps = steps.unwrap_or_default();
    let mut text = format!("{}\n{}\n{steps}{waits}{NOTE}\n", title(replay), table(replay, &all));
    for runs in &all {
        text.push_str(&sentence(runs));
        text.push('\n');
    }
    text
}

fn title(replay: &Replay) -> String {
    let TraceSummary { name, requests, span_s } = &replay.trace;
    format!("{} on {name}: {requests} requests over {}", replay.scenario, length(*span_s))
}

fn table(replay: &Replay, all: &[Runs<'_>]) -> Table {
    let classes = Group::classes(replay);
    let has_several = replay.runs.iter().any(|run| run.jain_60s.is_some());
    let mut rows = Vec::new();
    for runs in all {
        let waits = |wait: &dyn Fn(Group<'_>) -> Option<Quantiles>| {
            classes.iter().map(|class| quantiles(wait(*class))).collect()
        };
        let means = waits(&|class| runs.mean_wait(class));
        let mut push = |name: &str, seeds: &str, figures: &Figures, waits| {
            let mut row = row(name, seeds, figures, waits);
            if has_several {
                row.push(figures.jain.map_or(NOTHING.to_owned(), |index| number(index, 3)));
            }
            rows.push(row);
        };
        push(runs.controller, &seeds(&replay.seeds), &runs.mean(), means);
        if runs.seeds() > 1 {
            let worst = waits(&|class| runs.worst_wait(class));
            push("", "worst", &runs.worst(), worst);
        }
    }
    let mut header = header(&classes);
    header.extend(has_several.then(|| "Jain\nover 60 s".to_owned()));
    columns::table(header, rows, 2)
}

fn header(classes: &[Group<'_>]) -> Vec<String> {
    let before = [
        "controller",
        "seed",
        "goodput\n%",
        "refused\nper 1000",
        "failed",
        "still\nwaiting",
        "admitted",
        "excess",
    ];
    let waits = classes.iter().map(|class| format!("{} wait, s\np50 / p99", class.name()));
    let before = before.into_iter().map(str::to_owned);
    before.chain(waits).chain(["decisions\nper s".to_owned()]).collect()
}

fn row(controller: &str, seeds: &str, figures: &Figures, waits: Vec<String>) -> Vec<String> {
    let mut row = vec![controller.to_owned(), seeds.to_owned()];
    row.push(number(figures.goodput * 100.0, 2));
    row.push(number(figures.refused_per_1000, 1));
    row.extend([figures.failed, figures.waiting, figures.admitted, figures.excess].map(count));
    row.extend(waits);
    row.push(number(figures.decisions_per_s, 0));
    row
}

/// The seeds that a row is of; of several it shows the mean.
fn seeds(seeds: &[u64]) -> String {
    match seeds {
        [] => NOTHING.to_owned(),
        [only] => only.to_string(),
        [first, .., last] => format!("{first}–{last} mean"),
    }
}

/// What the controller got and what it took to get it, the worse half not left out.
fn sentence(runs: &Runs<'_>) -> String {
    let (mean, worst) = (runs.mean(), runs.worst());
    let over =
        if runs.seeds() > 1 { format!(" over {} seeds", runs.seeds()) } else { String::new() };
    let at_worst = |text: String| {
        if runs.seeds() > 1 { format!(" ({text} at worst)") } else { String::new() }
    };
    let failed_at_worst =
        if worst.failed > 0.0 { at_worst(count(worst.failed)) } else { String::new() };
    format!(
        "{}{over}: {} % of what a queue that knows every limit gets admitted{}, {} refusals per \
         1000 admitted{}, {}{failed_at_worst}, {} still waiting at the end; {}.{}",
        runs.controller,
        number(mean.goodput * 100.0, 2),
        at_worst(number(worst.goodput * 100.0, 2)),
        number(mean.refused_per_1000, 1),
        at_worst(number(worst.refused_per_1000, 1)),
        given_up(mean.failed),
        count(mean.waiting),
        sent_beyond(worst.offered_excess),
        doubt(worst.excess),
    )
}

fn given_up(failed: f64) -> String {
    if failed > 0.0 {
        format!("{} requests given up", count(failed))
    } else {
        "no request given up".to_owned()
    }
}

/// What a provider that counts but does not refuse would have seen.
fn sent_beyond(offered_excess: f64) -> String {
    if offered_excess > 0.0 {
        format!(
            "what it sent was up to {} units beyond the limit, held back by refusals only",
            count(offered_excess)
        )
    } else {
        "what it sent was never beyond the limit".to_owned()
    }
}

/// A warning where the yardstick itself is broken.
fn doubt(excess: f64) -> String {
    if excess > 0.0 {
        let beyond = count(excess);
        format!(
            " The emulated provider let {beyond} beyond its limit through: do not trust this run."
        )
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::sample;
    use tidegate_simulator::report::Step;

    #[test]
    fn one_seed_is_shown_as_it_is() {
        insta::assert_snapshot!(text(&sample::replay(&[1])));
    }

    #[test]
    fn several_seeds_are_shown_by_their_mean_and_their_worst() {
        insta::assert_snapshot!(text(&sample::replay(&[1, 2, 3])));
    }

    #[test]
    fn keys_have_a_table_of_their_own() {
        insta::assert_snapshot!(text(&sample::fair_replay(&[1])));
        insta::assert_snapshot!(text(&sample::fair_replay(&[1, 2])));
    }

    #[test]
    fn steps_and_several_clients_have_columns() {
        let mut replay = sample::replay(&[1, 2]);
        for run in &mut replay.runs {
            let seed = u32::try_from(run.seed).map_or(0.0, f64::from);
            let lost_s = 0.25 * seed;
            let (reached_s, converged_s, refused) = (4.0, 6.0, run.seed);
            let step = |at_s| Step { at_s, lost_s, reached_s, converged_s, refused };
            run.steps = vec![step(1_200.0), step(2_200.0)];
            run.jain_60s = Some(1.0 - seed / 100.0);
        }
        insta::assert_snapshot!(text(&replay));
    }

    #[test]
    fn what_is_no_number_is_not_shown_as_one() {
        let mut replay = sample::replay(&[1]);
        replay.runs.truncate(1);
        replay.runs[0].goodput = f64::NAN;
        replay.runs[0].wait_s.clear();
        replay.runs[0].excess = 2;
        replay.trace.span_s = 3.0;
        insta::assert_snapshot!(text(&replay));
    }
}
