//! The programs that tests run and cargo does not bring: there, or installed, or named to whoever runs us.
//!
//! Only root on a machine with apt-get, and without systemd, has them installed: in a container, that is.
//! Elsewhere a machine is somebody's, and Debian's `prometheus` would start a server there beside the tool.
//! In a container nothing starts it: invoke-rc.d leaves alone what is not started in the current runlevel,
//! and takes that from `RUNLEVEL`; in runlevel 1, of a single user, no server is.

use std::path::Path;

use thiserror::Error;

use crate::command::{Command, CommandError};
use crate::console;

/// Programs, and the packages of Debian that hold them.
const TOOLS: [(&str, &str); 2] = [("promtool", "prometheus"), ("chromium", "chromium")];

/// The variable that makes a test fail that finds its tool missing, and what it is set to.
pub(super) const REQUIRED: (&str, &str) = ("TIDEGATE_TOOLS", "required");

/// Why a tool is missing.
#[derive(Debug, Error)]
pub(crate) enum ToolsError {
    #[error(
        "missing: {programs}; install Debian's {packages}, or leave out with `--quick` what needs them"
    )]
    Missing { programs: String, packages: String },
    #[error("cannot install {packages}")]
    Install { packages: String, source: CommandError },
    #[error("missing although Debian's {packages} was installed: {programs}")]
    StillMissing { programs: String, packages: String },
}

/// Sees to every tool being there.
pub(super) fn provide() -> Result<(), ToolsError> {
    let Some((programs, packages)) = missing() else {
        console::say("promtool and chromium are there");
        return Ok(());
    };
    if !may_install() {
        return Err(ToolsError::Missing { programs, packages });
    }
    install().map_err(|source| ToolsError::Install { packages, source })?;
    match missing() {
        None => Ok(()),
        Some((programs, packages)) => Err(ToolsError::StillMissing { programs, packages }),
    }
}

/// What is run to have them.
pub(super) fn installation() -> [Command; 2] {
    let packages = TOOLS.map(|(_, package)| package).join(" ");
    let install = format!("apt-get install -y --no-install-recommends {packages}");
    [
        Command::new("apt-get update"),
        Command::new(&install)
            .variable("DEBIAN_FRONTEND", "noninteractive")
            .variable("RUNLEVEL", "1"),
    ]
}

fn install() -> Result<(), CommandError> {
    installation().iter().try_for_each(Command::run)
}

/// The programs that do not run, and the packages that they are in.
fn missing() -> Option<(String, String)> {
    missing_of(|program| Command::new(&format!("{program} --version")).works())
}

fn missing_of(works: impl Fn(&str) -> bool) -> Option<(String, String)> {
    let (programs, packages): (Vec<_>, Vec<_>) =
        TOOLS.into_iter().filter(|(program, _)| !works(program)).unzip();
    (!programs.is_empty()).then(|| (programs.join(", "), packages.join(" ")))
}

fn may_install() -> bool {
    let root = Command::new("id -u").whispered().is_some_and(|user| user.trim() == "0");
    let systemd = Path::new("/run/systemd/system").exists();
    root && !systemd && Command::new("apt-get --version").works()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        assert_eq!(missing_of(|_| true), None);
        let promtool = Some(("promtool".to_owned(), "prometheus".to_owned()));
        assert_eq!(missing_of(|program| program == "chromium"), promtool);
        let (programs, packages) = missing_of(|_| false).expect("both are missing");
        let error = ToolsError::Missing { programs, packages };
        insta::assert_snapshot!(
            error,
            @"missing: promtool, chromium; install Debian's prometheus chromium, or leave out with `--quick` what needs them"
        );
    }

    #[test]
    fn they_are_installed_without_questions_and_without_a_server() {
        let lines = installation().map(|command| command.to_string()).join("\n");
        insta::assert_snapshot!(lines, @"
        apt-get update
        DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends prometheus chromium
        ");
    }
}
