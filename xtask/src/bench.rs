//! `cargo xtask bench`: ours and the peers, measured in one process, as numbers, table and plot.
//!
//! A target that is missed is reported, and is no error: a shared machine has bad days.

mod contest;
mod machine;
mod plot;
mod report;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use thiserror::Error;

use self::plot::PlotError;
use self::report::{Report, Series};
use crate::command::{self, Command, CommandError};
use crate::console;
use crate::flags::{BenchFlags, Part};

/// Where everything goes.
const FOLDER: &str = "target/bench";

/// Why there is no report.
#[derive(Debug, Error)]
pub(crate) enum BenchError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("the benches wrote a line that is no series: {line}")]
    Line { line: String, source: serde_json::Error },
    #[error("the benches measured nothing")]
    Nothing,
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot turn the report into JSON")]
    Json(#[from] serde_json::Error),
    #[error("cannot draw the plot")]
    Plot(#[from] PlotError),
}

pub(crate) fn run(flags: &BenchFlags) -> Result<(), BenchError> {
    let series = measure(flags)?;
    let report = Report::new(machine::describe()?, machine::commit()?, flags.quick, series);
    save(&report, flags.json.as_deref())?;
    if asked(flags).contains(&Part::Adaptive) {
        contest::play(&command::root().join(FOLDER), flags.quick)?;
    }
    console::say(report.table());
    console::say(report.summary());
    Ok(())
}

fn measure(flags: &BenchFlags) -> Result<Vec<Series>, BenchError> {
    let command = benches(flags);
    command.announce();
    let series = parse(&command.capture()?)?;
    if series.is_empty() {
        return Err(BenchError::Nothing);
    }
    Ok(series)
}

fn benches(flags: &BenchFlags) -> Command {
    let parts: Vec<_> = asked(flags).iter().map(Part::to_string).collect();
    let command = Command::new("cargo bench -p tidegate-tests --bench peers -- --parts")
        .argument(parts.join(","));
    if flags.quick { command.argument("--quick") } else { command }
}

fn asked(flags: &BenchFlags) -> &[Part] {
    if flags.only.is_empty() { Part::value_variants() } else { &flags.only }
}

/// One series a line.
fn parse(output: &str) -> Result<Vec<Series>, BenchError> {
    let lines = output.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            serde_json::from_str(line)
                .map_err(|source| BenchError::Line { line: line.to_owned(), source })
        })
        .collect()
}

fn save(report: &Report, copy: Option<&Path>) -> Result<(), BenchError> {
    let folder = command::root().join(FOLDER);
    let pretty = serde_json::to_string_pretty(report)? + "\n";
    write(&folder.join("report.json"), &pretty)?;
    write(&folder.join("report.md"), &report.markdown())?;
    write(&folder.join("report.svg"), &plot::draw(report)?)?;
    append(&folder.join("history.jsonl"), &(serde_json::to_string(report)? + "\n"))?;
    if let Some(copy) = copy {
        write(copy, &pretty)?;
    }
    console::say(format_args!(
        "wrote report.json, report.md, report.svg and a line of history.jsonl to {FOLDER}"
    ));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    make_folder(path)
        .and_then(|()| fs::write(path, text))
        .map_err(|source| BenchError::Write { path: path.to_owned(), source })
}

fn append(path: &Path, line: &str) -> Result<(), BenchError> {
    make_folder(path)
        .and_then(|()| OpenOptions::new().create(true).append(true).open(path))
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|source| BenchError::Write { path: path.to_owned(), source })
}

fn make_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_measured_unless_some_are_asked_for() {
        let all = benches(&BenchFlags::default()).to_string();
        assert!(
            all.ends_with(
                "--bench peers -- --parts adaptive,direct,handle,keyed,memory,scheduler,waiting"
            ),
            "{all}"
        );
        let some = BenchFlags { quick: true, only: vec![Part::Handle], json: None };
        let some = benches(&some).to_string();
        assert!(some.ends_with("--bench peers -- --parts handle --quick"), "{some}");
    }

    #[test]
    fn a_line_that_is_no_series_is_an_error_that_shows_it() {
        let error = parse("\nrunning 0 tests\n").expect_err("that is no JSON");
        assert!(error.to_string().ends_with("running 0 tests"), "{error}");
    }
}
