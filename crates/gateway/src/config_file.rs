//! Reads a configuration from a file and from the environment.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tidegate_config::{Config, ConfigErrors};

/// What the names of our variables begin with.
const PREFIX: &str = "TIDEGATE__";

/// The configuration in the file at `path`, with the variables of the environment on top.
///
/// # Errors
///
/// Every fault that was found, one message each.
pub(crate) fn read(path: &Path) -> Result<Config, Vec<String>> {
    let name = path.display().to_string();
    let text = text(path).map_err(|fault| vec![format!("{name}{fault}")])?;
    let variables = variables()?;
    Config::parse(&name, &text, variables).map_err(|errors| messages(&errors))
}

/// The text of the file, or what is wrong with it, to be put behind its name.
fn text(path: &Path) -> Result<String, String> {
    let bytes = bytes(path).map_err(|error| format!(": cannot be read: {error}"))?;
    if bytes.len() > Config::TEXT_MAX {
        return Err(format!(": more than {} bytes: is it the right file?", Config::TEXT_MAX));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        format!(":{line}: not UTF-8: the file is expected to be text")
    })
}

/// The content of the file, up to one byte more than may be in it.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let bound = u64::try_from(Config::TEXT_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(bound).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The variables that are ours. Others need not be text, so they are not looked at.
fn variables() -> Result<Vec<(String, String)>, Vec<String>> {
    let (mut variables, mut faults) = (Vec::new(), Vec::new());
    for (name, value) in env::vars_os() {
        let shown = name.to_string_lossy().into_owned();
        if !shown.starts_with(PREFIX) {
            continue;
        }
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => variables.push((name, value)),
            _ => faults.push(format!("{shown}: not UTF-8: the variable is expected to be text")),
        }
    }
    if faults.is_empty() { Ok(variables) } else { Err(faults) }
}

fn messages(errors: &ConfigErrors) -> Vec<String> {
    let mut messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
    if errors.omitted() > 0 {
        messages.push(format!("and {} more: correct these first", errors.omitted()));
    }
    messages
}
