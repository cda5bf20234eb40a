//! Where the results of a replay go besides the table: JSON, and a plot.

use std::path::Path;

use tidegate_simulator::Replay;

use super::output::OutputFile;
use super::plot;
use crate::arguments::ReplayArguments;
use crate::printer::Printer;

/// What is written, and where.
#[derive(Debug)]
pub(crate) struct Results {
    /// Whether one scenario was asked for, whose JSON is then an object and no array.
    is_single: bool,
    /// Whether the JSON goes to standard output.
    json_to_output: bool,
    json: Option<OutputFile>,
    svg: Option<OutputFile>,
}

impl Results {
    /// Makes sure that everything can be written; notes what cannot.
    pub(crate) fn open(arguments: &ReplayArguments, faults: &mut Vec<String>) -> Self {
        let json_to_output = arguments.json.as_deref() == Some(Path::new("-"));
        let mut open = |path: Option<&Path>| {
            path.and_then(|path| OutputFile::open(path).map_err(|fault| faults.push(fault)).ok())
        };
        let json = open(arguments.json.as_deref().filter(|_| !json_to_output));
        let svg = open(arguments.svg.as_deref());
        if let (Some(json), Some(svg)) = (&json, &svg)
            && json.is_same_as(svg)
        {
            faults.push("--json and --svg name the same file: use two".to_owned());
        }
        let is_single = arguments.scenario_file.is_some() || arguments.scenario.len() == 1;
        Self { is_single, json_to_output, json, svg }
    }

    /// Whether standard output is for JSON alone.
    pub(crate) fn takes_output(&self) -> bool {
        self.json_to_output
    }

    /// Whether nothing was asked for but tables.
    pub(crate) fn are_unwanted(&self) -> bool {
        !self.json_to_output && self.json.is_none() && self.svg.is_none()
    }

    /// Writes the files with all that is `done` so far.
    ///
    /// # Errors
    ///
    /// A message for each that cannot be written.
    pub(crate) fn keep(&self, done: &[Replay]) -> Result<(), Vec<String>> {
        self.write(done, OutputFile::is_replaceable)
    }

    /// Writes what can be written only once, when no more will be done.
    ///
    /// # Errors
    ///
    /// A message for each that cannot be written.
    pub(crate) fn finish(&self, done: &[Replay]) -> Result<(), Vec<String>> {
        if done.is_empty() {
            return Ok(());
        }
        if self.json_to_output {
            let printed = self.json(done).and_then(|text| Printer::output().print(&text));
            printed.map_err(|fault| vec![fault])?;
        }
        self.write(done, |file| !file.is_replaceable())
    }

    /// Writes those files that are wanted now.
    fn write(&self, done: &[Replay], now: fn(&OutputFile) -> bool) -> Result<(), Vec<String>> {
        let mut faults = Vec::new();
        if let Some(file) = self.json.as_ref().filter(|file| now(file)) {
            let written = self.json(done).and_then(|text| file.write(&format!("{text}\n")));
            faults.extend(written.err());
        }
        if let Some(file) = self.svg.as_ref().filter(|file| now(file)) {
            faults.extend(plot::svg(done).and_then(|text| file.write(&text)).err());
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// An object for the only scenario, or an array with one for each.
    fn json(&self, done: &[Replay]) -> Result<String, String> {
        let text = match done {
            [only] if self.is_single => serde_json::to_string_pretty(only),
            several => serde_json::to_string_pretty(several),
        };
        text.map_err(|error| format!("the results cannot be put in JSON: {error}"))
    }
}
