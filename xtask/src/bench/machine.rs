//! What was measured where: numbers mean little without it.

use std::{env, fs, thread};

use serde::Serialize;

use crate::command::{Command, CommandError};

/// The machine and the compiler.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    pub(super) os: String,
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) rustc: String,
}

pub(super) fn describe() -> Result<Machine, CommandError> {
    Ok(Machine {
        os: env::consts::OS.to_owned(),
        cpu: cpu(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
        cores: thread::available_parallelism().map_or(1, usize::from),
        rustc: Command::new("rustc --version").capture()?.trim().to_owned(),
    })
}

/// The commit, with `-dirty` where the files differ from it.
pub(super) fn commit() -> Result<String, CommandError> {
    let command = Command::new("git describe --always --dirty --abbrev=12 --exclude=*");
    Ok(command.capture()?.trim().to_owned())
}

/// The model as the kernel of Linux names it; the architecture where it does not.
fn cpu(info: &str) -> String {
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or(env::consts::ARCH, |(_, model)| model.trim()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_has_a_name_everywhere() {
        assert_eq!(cpu("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n"), "Some CPU @ 2 GHz");
        assert_eq!(cpu(""), env::consts::ARCH);
    }
}
