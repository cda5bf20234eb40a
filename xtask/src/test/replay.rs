//! What a replay must have shown, read from its JSON.
//!
//! Two controllers that learn nothing frame the others: `fixed`, told the true limit, must lose
//! nothing and be refused nothing; `naive`, told nothing, must be refused all the time, or the
//! emulated provider does not limit.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Deserialize;
use thiserror::Error;

use crate::console;

/// The least share of the possible that `fixed` gets.
const GOODPUT_MIN: f64 = 0.995;
/// How often `naive` is refused at least, per 1000 admitted.
const REFUSED_MIN: f64 = 1000.0;

/// Why a replay does not show what it should.
#[derive(Debug, Error)]
pub(super) enum ReplayError {
    #[error("cannot read or replace {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is not the report of a replay", path.display())]
    Form { path: PathBuf, source: serde_json::Error },
    #[error("the replay has no run of `{0}`")]
    Missing(&'static str),
    #[error("{scenario}, `{controller}`, seed {seed}: {what}")]
    Broken { scenario: String, controller: String, seed: u64, what: String },
}

/// One scenario, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reports {
    One(Report),
    Many(Vec<Report>),
}

#[derive(Deserialize)]
struct Report {
    scenario: String,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    controller: String,
    seed: u64,
    goodput: f64,
    refused_per_1000: f64,
    excess: u64,
}

/// Makes room for the report: its folder, without the report of an earlier run, which would be taken
/// for this one's.
pub(super) fn make_room(report: &Path) -> Result<(), ReplayError> {
    let made = report.parent().map_or(Ok(()), fs::create_dir_all);
    match made.and_then(|()| fs::remove_file(report)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ReplayError::File { path: report.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Reads the report and checks it.
pub(super) fn check(report: &Path) -> Result<(), ReplayError> {
    let text = fs::read_to_string(report)
        .map_err(|source| ReplayError::File { path: report.to_owned(), source })?;
    let reports =
        parse(&text).map_err(|source| ReplayError::Form { path: report.to_owned(), source })?;
    judge(&reports)?;
    console::say(format_args!(
        "checked: `fixed` has goodput >= {GOODPUT_MIN}, no refusal, no excess; \
         `naive` more than {REFUSED_MIN} refusals per 1000"
    ));
    Ok(())
}

fn parse(text: &str) -> Result<Vec<Report>, serde_json::Error> {
    Ok(match serde_json::from_str(text)? {
        Reports::One(report) => vec![report],
        Reports::Many(reports) => reports,
    })
}

fn judge(reports: &[Report]) -> Result<(), ReplayError> {
    for controller in ["fixed", "naive"] {
        let is_it = |run: &Run| run.controller == controller;
        if !reports.iter().flat_map(|report| &report.runs).any(is_it) {
            return Err(ReplayError::Missing(controller));
        }
    }
    for report in reports {
        report.runs.iter().try_for_each(|run| judge_run(&report.scenario, run))?;
    }
    Ok(())
}

fn judge_run(scenario: &str, run: &Run) -> Result<(), ReplayError> {
    let broken = match run.controller.as_str() {
        "fixed" => broken_fixed(run),
        "naive" if run.refused_per_1000 <= REFUSED_MIN => {
            Some(format!("{} refusals per 1000; expected more", run.refused_per_1000))
        }
        _ => None,
    };
    match broken {
        None => Ok(()),
        Some(what) => Err(ReplayError::Broken {
            scenario: scenario.to_owned(),
            controller: run.controller.clone(),
            seed: run.seed,
            what,
        }),
    }
}

fn broken_fixed(run: &Run) -> Option<String> {
    if run.goodput < GOODPUT_MIN {
        return Some(format!("goodput {}; at least {GOODPUT_MIN} was promised", run.goodput));
    }
    if run.refused_per_1000 > 0.0 {
        return Some(format!("{} refusals per 1000; none was promised", run.refused_per_1000));
    }
    (run.excess > 0).then(|| format!("{} more in a window than its limit", run.excess))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(controller: &str, goodput: f64, refused: f64, excess: u64) -> String {
        format!(
            r#"{{"controller":"{controller}","seed":1,"goodput":{goodput},
                "refused_per_1000":{refused},"failed":0,"excess":{excess}}}"#
        )
    }

    fn verdict(runs: &[String]) -> String {
        let text = format!(r#"{{"scenario":"const-none","runs":[{}]}}"#, runs.join(","));
        match judge(&parse(&text).expect("the form is right")) {
            Ok(()) => "good".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_promise_is_checked() {
        let naive = || run("naive", 0.4, 2500.0, 0);
        let cases = [
            [run("fixed", 0.995, 0.0, 0), naive()],
            [run("fixed", 0.994, 0.0, 0), naive()],
            [run("fixed", 1.0, 0.1, 0), naive()],
            [run("fixed", 1.0, 0.0, 1), naive()],
            [run("fixed", 1.0, 0.0, 0), run("naive", 0.4, 1000.0, 0)],
            [run("fixed", 1.0, 0.0, 0), run("fixed", 1.0, 0.0, 0)],
            [naive(), naive()],
        ];
        let verdicts: Vec<_> = cases.iter().map(|runs| verdict(runs)).collect();
        insta::assert_snapshot!(verdicts.join("\n"), @"
        good
        const-none, `fixed`, seed 1: goodput 0.994; at least 0.995 was promised
        const-none, `fixed`, seed 1: 0.1 refusals per 1000; none was promised
        const-none, `fixed`, seed 1: 1 more in a window than its limit
        const-none, `naive`, seed 1: 1000 refusals per 1000; expected more
        the replay has no run of `naive`
        the replay has no run of `fixed`
        ");
    }

    #[test]
    fn several_scenarios_are_all_checked() {
        let good = [run("fixed", 1.0, 0.0, 0), run("naive", 0.4, 2500.0, 0)].join(",");
        let bad = run("fixed", 0.5, 0.0, 0);
        let text =
            format!(r#"[{{"scenario":"a","runs":[{good}]}},{{"scenario":"b","runs":[{bad}]}}]"#);
        let error = judge(&parse(&text).expect("the form is right")).expect_err("b is bad");
        assert!(error.to_string().starts_with("b, `fixed`, seed 1: goodput 0.5"), "{error}");
    }
}
