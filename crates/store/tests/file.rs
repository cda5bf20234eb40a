//! The run mark on a real disk, whole and broken.

use std::fs;
use std::path::PathBuf;

use tidegate_store::{RunMark, RunMarkError, RunMarkFile};
use tidegate_units::Span;

/// A directory of its own for one test, removed with what is in it.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("tidegate-store-{}-{test}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn mark(&self) -> RunMarkFile {
        RunMarkFile::new(self.0.join("run-mark.json"))
    }

    /// The text of an error, without the part of the path that differs between machines.
    fn shown(&self, error: &RunMarkError) -> String {
        error.to_string().replace(&self.0.display().to_string(), "DIR")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_first_run_finds_nothing() {
    let directory = Directory::new("first");
    assert_eq!(directory.mark().read().expect("no fault"), None);
    assert_eq!(directory.mark().idle_since(5, Span::ZERO).expect("no fault"), None);
}

#[test]
fn the_next_run_finds_the_last_mark_and_nothing_else() {
    let directory = Directory::new("next");
    let file = directory.mark();
    for millis in [u64::MAX, 1, 1_700_000_000_000] {
        file.write(RunMark::alive_at(millis)).expect("written");
        assert_eq!(file.read().expect("whole"), Some(RunMark::alive_at(millis)));
    }
    assert_eq!(fs::read_dir(&directory.0).expect("a directory").count(), 1, "nothing is left over");
}

#[test]
fn a_crash_while_writing_leaves_the_old_mark() {
    let directory = Directory::new("crash");
    let file = directory.mark();
    file.write(RunMark::alive_at(7)).expect("written");
    fs::write(directory.0.join("run-mark.json.new"), "{\"schema\":\"tide").expect("torn");
    assert_eq!(file.read().expect("whole"), Some(RunMark::alive_at(7)));
    file.write(RunMark::alive_at(8)).expect("written over what was torn");
    assert_eq!(file.read().expect("whole"), Some(RunMark::alive_at(8)));
}

#[test]
fn a_file_that_is_no_run_mark_is_named_with_what_to_do() {
    let directory = Directory::new("malformed");
    let file = directory.mark();
    let whole = RunMark::alive_at(7).encode();
    let contents = [
        String::new(),
        whole[..30].to_owned(),
        whole.repeat(2),
        whole.replace('7', "-7"),
        whole.replace('7', "7, \"pid\": 4"),
        whole.replace("/1", "/2"),
        "\u{0}".repeat(60),
        "[".repeat(4_096),
        " ".repeat(1_000_000),
    ];
    let refused = contents.map(|content| {
        fs::write(file.path(), &content).expect("written");
        directory.shown(&file.read().expect_err("no run mark"))
    });
    insta::assert_snapshot!(refused.join("\n"));
    file.write(RunMark::alive_at(9)).expect("a new mark replaces it");
    assert_eq!(file.read().expect("whole"), Some(RunMark::alive_at(9)));
}

#[test]
fn what_the_system_refuses_is_named_with_what_to_do() {
    let directory = Directory::new("system");
    let unreadable = RunMarkFile::new(&directory.0);
    assert!(matches!(unreadable.read(), Err(RunMarkError::Read { .. })), "a directory");
    let nowhere = RunMarkFile::new(directory.0.join("missing/run-mark.json"));
    let refused = nowhere.write(RunMark::alive_at(9)).expect_err("no directory");
    let shown = directory.shown(&refused);
    assert!(shown.starts_with("cannot write the run mark DIR/missing/run-mark.json: "), "{shown}");
    assert!(shown.ends_with("; let this program create files in its directory"), "{shown}");
}
