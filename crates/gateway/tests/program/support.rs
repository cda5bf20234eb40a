//! Runs the real program in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder that the build owns, and in which nothing is left from an earlier run.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // The first run has nothing to remove.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder is ours");
    folder
}

/// The program in `folder`, so that no path is longer than a file's name, with none of our
/// variables.
pub(crate) fn tidegate(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(folder).args(arguments);
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("TIDEGATE__")) {
        command.env_remove(name);
    }
    command
}

/// What the program says and how it ends.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    tidegate(folder, arguments).output().expect("the program starts")
}

/// Its exit code, what it prints, and what it says of errors.
pub(crate) fn shown(output: &Output) -> String {
    let code = output.status.code().map_or("none".to_owned(), |code| code.to_string());
    format!("exit {code}\n{}{}", text(&output.stdout), text(&output.stderr))
}

/// What was printed, as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}
