//! From arguments to what is played: everything looked up, read and checked.

use std::fmt::Display;
use std::ops::RangeInclusive;

use tidegate_simulator::{Configured, Controller, Generator, Scenario, Trace, can_replay};

use super::results::Results;
use crate::arguments::ReplayArguments;
use crate::config_file;

/// What to play, and where the results go.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) trace: Trace,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) controllers: Vec<Controller>,
    pub(crate) seeds: Vec<u64>,
    pub(crate) configured: Option<Configured>,
    pub(crate) results: Results,
}

impl Plan {
    /// Prepares what the arguments say.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, one message each.
    pub(crate) fn new(arguments: &ReplayArguments) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let controllers = each_once("controller", &arguments.controller, str::parse, &mut faults);
        let scenarios = scenarios(arguments, &mut faults);
        let seeds = seeds(arguments, &mut faults);
        let configured = configured(arguments, &mut faults);
        keep_inputs(arguments, &mut faults);
        let results = Results::open(arguments, &mut faults);
        let trace = trace(arguments, &mut faults);
        if let Some(trace) = &trace {
            refuse_misfits(trace, &scenarios, arguments.seed, &mut faults);
        }
        match trace {
            Some(trace) if faults.is_empty() => {
                Ok(Self { trace, scenarios, controllers, seeds, configured, results })
            }
            _ => Err(faults),
        }
    }
}

fn scenarios(arguments: &ReplayArguments, faults: &mut Vec<String>) -> Vec<Scenario> {
    match &arguments.scenario_file {
        Some(file) => noted(Scenario::read(file), faults).into_iter().collect(),
        None => each_once("scenario", &arguments.scenario, Scenario::named, faults),
    }
}

/// What the names stand for; a name that comes twice is likelier a slip than a wish.
fn each_once<T, E: Display>(
    what: &str,
    names: &[String],
    find: impl Fn(&str) -> Result<T, E>,
    faults: &mut Vec<String>,
) -> Vec<T> {
    let mut found = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            faults.push(format!("{what} `{}` is there twice: name it once", name.escape_debug()));
            continue;
        }
        found.extend(noted(find(name), faults));
    }
    found
}

/// What Tidegate's machines are configured with, if a file says it.
fn configured(arguments: &ReplayArguments, faults: &mut Vec<String>) -> Option<Configured> {
    let file = arguments.config.as_ref()?;
    match config_file::read(file) {
        Ok(config) => {
            let chosen = Configured::new(&config, arguments.service.as_deref());
            noted(chosen.map_err(|error| format!("{}: {error}", file.display())), faults)
        }
        Err(found) => {
            faults.extend(found);
            None
        }
    }
}

fn seeds(arguments: &ReplayArguments, faults: &mut Vec<String>) -> Vec<u64> {
    let (first, more) = (arguments.seed, arguments.seeds.saturating_sub(1));
    let range: Option<RangeInclusive<u64>> = first.checked_add(more).map(|last| first..=last);
    if range.is_none() {
        let latest = u64::MAX - more;
        let seeds = arguments.seeds;
        faults.push(format!("--seed {first}: use 0 to {latest} as the first of {seeds} seeds"));
    }
    range.into_iter().flatten().collect()
}

/// Results must not replace what they are made from.
fn keep_inputs(arguments: &ReplayArguments, faults: &mut Vec<String>) {
    let inputs = [
        ("--trace", &arguments.trace),
        ("--scenario-file", &arguments.scenario_file),
        ("--config", &arguments.config),
    ];
    let outputs = [("--json", &arguments.json), ("--svg", &arguments.svg)];
    for (input_flag, input) in inputs {
        for (output_flag, output) in outputs {
            let paths = input.as_ref().zip(output.as_ref());
            let real = paths.and_then(|(input, output)| {
                Some((input.canonicalize().ok()?, output.canonicalize().ok()?))
            });
            if real.is_some_and(|(input, output)| input == output) {
                faults.push(format!(
                    "{output_flag} names the file of {input_flag}: the results would replace it, \
                     name another"
                ));
            }
        }
    }
}

/// Scenarios that cannot be put on this traffic.
fn refuse_misfits(trace: &Trace, scenarios: &[Scenario], seed: u64, faults: &mut Vec<String>) {
    for scenario in scenarios {
        if let Err(error) = can_replay(trace, scenario, seed) {
            faults.push(format!("{}: scenario {}: {error}", trace.name(), scenario.name()));
        }
    }
}

/// The recorded traffic, or generated traffic where none is named.
fn trace(arguments: &ReplayArguments, faults: &mut Vec<String>) -> Option<Trace> {
    match &arguments.trace {
        Some(file) => noted(Trace::read(file), faults),
        None => Some(Generator::new(arguments.seed).generate()),
    }
}

/// The value, or the fault noted.
fn noted<T>(result: Result<T, impl Display>, faults: &mut Vec<String>) -> Option<T> {
    result.map_err(|error| faults.push(error.to_string())).ok()
}
