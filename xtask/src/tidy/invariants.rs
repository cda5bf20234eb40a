//! Invariants have ids (a word in capitals, a hyphen, a number). Those that code cites are listed in
//! one document, and those that are listed are cited where a test shows them.
//!
//! A line of that document lists an id by opening with it, whatever list, table or heading it is in.

use std::collections::BTreeMap;

use super::{File, Finding};

/// Where they are listed.
const LIST: &str = "docs/INVARIANTS.md";

/// Words that look like an id and are none. A prefix that is not among them is an invariant's, so
/// that a new kind of invariant cannot be overlooked.
const OTHERS: [&str; 10] =
    ["UTF", "SHA", "RFC", "ISO", "CRC", "HTTP", "UTC", "GMT", "GPT", "CUBIC"];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let list = files.iter().find(|file| file.path == LIST);
    let listed = list.map(listed).unwrap_or_default();
    let mut findings = unlisted(files, &listed);
    findings.extend(list.into_iter().flat_map(|list| untested(list, &listed, files)));
    findings
}

/// Every id that opens a line, and where.
fn listed(list: &File) -> BTreeMap<&str, usize> {
    let mut listed = BTreeMap::new();
    for (number, line) in list.lines() {
        let opening = line.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        if let Some(id) = ids(opening).find(|id| opening.starts_with(id)) {
            listed.entry(id).or_insert(number);
        }
    }
    listed
}

fn unlisted(files: &[File], listed: &BTreeMap<&str, usize>) -> Vec<Finding> {
    let read = files.iter().filter(|file| cites(file) || file.path == LIST);
    let cited = read.flat_map(|file| {
        file.lines().flat_map(move |(number, line)| ids(line).map(move |id| (file, number, id)))
    });
    cited
        .filter(|(_, _, id)| !listed.contains_key(id))
        .map(|(file, number, id)| {
            file.finding(number, format!("{id} is not listed; list it in {LIST} or mend the id"))
        })
        .collect()
}

fn untested(list: &File, listed: &BTreeMap<&str, usize>, files: &[File]) -> Vec<Finding> {
    let tests: Vec<_> = files.iter().filter(|file| cites(file) && holds_tests(file)).collect();
    let tested = |id: &str| tests.iter().any(|file| ids(&file.text).any(|cited| cited == id));
    listed
        .iter()
        .filter(|(id, _)| !tested(id))
        .map(|(id, number)| {
            let what =
                format!("no file with tests cites {id}; cite it where a test shows it, or test it");
            list.finding(*number, what)
        })
        .collect()
}

/// Whether ids in the file count as citations.
fn cites(file: &File) -> bool {
    let product = file.path.starts_with("crates/") || file.path.starts_with("tests/");
    product && ["rs", "md", "toml"].iter().any(|kind| file.is(kind))
}

fn holds_tests(file: &File) -> bool {
    let is_attribute = |line: &str| {
        let line = line.trim_start();
        line.starts_with("#[") && ["test]", "test(", "(test)"].iter().any(|end| line.contains(end))
    };
    file.is("rs") && file.text.lines().any(is_attribute)
}

/// Every invariant's id in the text.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split(move |c| !part(c)).filter(|word| {
        let (prefix, number) = word.split_once('-').unwrap_or_default();
        prefix.len() >= 2
            && prefix.chars().all(|c| c.is_ascii_uppercase())
            && !number.is_empty()
            && number.chars().all(|c| c.is_ascii_digit())
            && !OTHERS.contains(&prefix)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, found};
    use super::*;

    const TESTED: &str = "//! Shows TIDE-1.\n#[test]\nfn a() {}\n";

    #[test]
    fn an_id_that_is_not_listed_is_found() {
        let files = [
            file(LIST, "# Invariants\n\n- **TIDE-1**: never more; see EBB-7.\n"),
            file("crates/a/tests/a.rs", TESTED),
            file("crates/a/src/a.rs", "//! TIDE-1 and TIDE-2.\n"),
            file("docs/other.md", "TIDE-9\n"),
        ];
        insta::assert_snapshot!(found(check, &files), @"
        docs/INVARIANTS.md:3: EBB-7 is not listed; list it in docs/INVARIANTS.md or mend the id
        crates/a/src/a.rs:1: TIDE-2 is not listed; list it in docs/INVARIANTS.md or mend the id
        ");
    }

    #[test]
    fn without_a_list_every_id_is_found() {
        assert_eq!(found(check, &[file("tests/tests/a.rs", TESTED)]).lines().count(), 1);
    }

    #[test]
    fn an_id_that_no_test_cites_is_found() {
        let files = [
            file(LIST, "| TIDE-1 | a |\n| `TIDE-2` | b |\n## TIDE-3\n"),
            file("crates/a/tests/a.rs", TESTED),
            file("crates/a/src/a.rs", "//! TIDE-2.\nfn a() {}\n"),
            file("xtask/src/a.rs", "//! TIDE-3.\n#[test]\nfn a() {}\n"),
        ];
        insta::assert_snapshot!(found(check, &files), @"
        docs/INVARIANTS.md:2: no file with tests cites TIDE-2; cite it where a test shows it, or test it
        docs/INVARIANTS.md:3: no file with tests cites TIDE-3; cite it where a test shows it, or test it
        ");
    }

    #[test]
    fn tests_of_any_kind_count() {
        for attribute in ["#[test]", "    #[tokio::test(start_paused = true)]", "#[cfg(test)]"] {
            assert!(holds_tests(&file("a.rs", attribute)), "{attribute}");
        }
        assert!(!holds_tests(&file("a.rs", "#[derive(Debug)]\n// test]\n")));
    }

    #[test]
    fn what_only_looks_like_an_id_is_none() {
        let text =
            "UTF-8 SHA-256 A-1 CC-BY-4 TIDE-1a MyTIDE-1 TIDE_1 TIDE- x-TIDE-1 1E-5 (TIDE-4).";
        assert_eq!(ids(text).collect::<Vec<_>>(), ["TIDE-4"]);
    }
}
