//! The learned pace beside what others do: tables and a picture, made by the program itself.
//!
//! Goals are in the report; what cannot be told by one number is here: how each controller fares in
//! each scenario, and what pace it kept while the capacity was another.

use std::env;
use std::fs;
use std::path::Path;

use super::BenchError;
use crate::command::Command;
use crate::console;

const SCENARIOS: &str = "const-none,const-hdr,const-b1s-none,window-none,window-hdr,step-none,\
                         step-hdr,noisy-none,noisy-hdr,8cl-none,8cl-hdr,tpm-none,tpm-hdr";
/// Enough to see that it works.
const FEW_SCENARIOS: &str = "step-none,step-hdr,noisy-none";
const CONTROLLERS: &str = "tidegate,aimd,aws,sre,fixed,naive";

/// Writes `adaptive.md` and `adaptive.svg` into `folder`.
pub(super) fn play(folder: &Path, quick: bool) -> Result<(), BenchError> {
    let command = command(folder, quick, env::var("TIDEGATE_TRACE").ok());
    command.announce();
    let tables = command.capture()?;
    let path = folder.join("adaptive.md");
    let text = format!("# Controllers beside each other\n\n```text\n{}\n```\n", tables.trim_end());
    fs::write(&path, text).map_err(|source| BenchError::Write { path, source })?;
    console::say("wrote adaptive.md and adaptive.svg beside the report");
    Ok(())
}

fn command(folder: &Path, quick: bool, trace: Option<String>) -> Command {
    let (scenarios, seeds) = if quick { (FEW_SCENARIOS, "1") } else { (SCENARIOS, "5") };
    let command = Command::new("cargo run --release --quiet -p tidegate-gateway -- replay")
        .argument("--scenario")
        .argument(scenarios)
        .argument("--controller")
        .argument(CONTROLLERS)
        .argument("--seeds")
        .argument(seeds)
        .argument("--svg")
        .argument(folder.join("adaptive.svg").display().to_string());
    match trace {
        Some(file) => command.argument("--trace").argument(file),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_run_on_the_recording_if_there_is_one() {
        let folder = Path::new("out");
        insta::assert_snapshot!(command(folder, true, None), @"cargo run --release --quiet -p tidegate-gateway -- replay --scenario step-none,step-hdr,noisy-none --controller tidegate,aimd,aws,sre,fixed,naive --seeds 1 --svg out/adaptive.svg");
        let recorded = command(folder, false, Some("a b.csv".to_owned())).to_string();
        assert!(recorded.ends_with("--trace 'a b.csv'"), "{recorded}");
    }
}
