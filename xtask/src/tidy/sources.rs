//! Source files: each opens by saying what it is, is one idea long, and is named for it.

use super::{File, Finding};

/// The most lines of a source file: beyond it, there is a second idea in it.
const LINES_MAX: usize = 600;

/// Names that say where something was put, not what it is.
const DRAWERS: [&str; 4] = ["util", "utils", "helper", "helpers"];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let sources = files.iter().filter(|file| file.is("rs"));
    sources.flat_map(|file| [opening(file), length(file), name(file)]).flatten().collect()
}

fn opening(file: &File) -> Option<Finding> {
    let only_attributes = |text: &str| {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
        lines.peek().is_some() && lines.all(|line| line.starts_with("#!["))
    };
    let exempt = file.name() == "build.rs" || only_attributes(&file.text);
    if exempt || file.text.starts_with("//!") {
        return None;
    }
    Some(
        file.finding(
            1,
            "no module doc; open the file with `//!` and a sentence that says what it is",
        ),
    )
}

fn length(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    (lines > LINES_MAX).then(|| {
        file.finding(
            LINES_MAX + 1,
            format!(
                "{lines} lines, at most {LINES_MAX}; give the second idea in it a file of its own"
            ),
        )
    })
}

fn name(file: &File) -> Option<Finding> {
    let (folders, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    if name == "mod.rs" {
        return Some(file.finding(1, "`mod.rs`; name the file as the module, beside its folder"));
    }
    let mut parts = folders.split('/').chain(name.strip_suffix(".rs"));
    let drawer = parts.find(|part| DRAWERS.contains(part))?;
    Some(file.finding(1, format!("`{drawer}` says nothing; name the file for what is in it")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, found};
    use super::*;

    #[test]
    fn a_file_that_does_not_open_with_its_doc_is_found() {
        let files = [
            file("a.rs", "//! What it is.\n\nfn a() {}\n"),
            file("crates/a/build.rs", "fn main() {}\n"),
            file("loom.rs", "#![cfg(loom)]\n"),
            file("empty.rs", ""),
            file("late.rs", "#![cfg(loom)]\n//! What it is.\nfn a() {}\n"),
            file("notes.md", "# Notes\n"),
        ];
        insta::assert_snapshot!(found(check, &files), @"
        empty.rs:1: no module doc; open the file with `//!` and a sentence that says what it is
        late.rs:1: no module doc; open the file with `//!` and a sentence that says what it is
        ");
    }

    #[test]
    fn a_file_that_is_too_long_is_found() {
        let long = |lines| format!("//! Long.\n{}", "//\n".repeat(lines - 1));
        let files = [file("right.rs", long(LINES_MAX)), file("long.rs", long(LINES_MAX + 1))];
        insta::assert_snapshot!(found(check, &files), @"long.rs:601: 601 lines, at most 600; give the second idea in it a file of its own");
    }

    #[test]
    fn a_file_named_for_a_drawer_is_found() {
        let files = [
            file("src/a/mod.rs", "//! A."),
            file("src/helpers/a.rs", "//! A."),
            file("src/utils.rs", "//! A."),
            file("src/helpful.rs", "//! A."),
        ];
        insta::assert_snapshot!(found(check, &files), @"
        src/a/mod.rs:1: `mod.rs`; name the file as the module, beside its folder
        src/helpers/a.rs:1: `helpers` says nothing; name the file for what is in it
        src/utils.rs:1: `utils` says nothing; name the file for what is in it
        ");
    }
}
