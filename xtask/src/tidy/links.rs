//! Relative links in the documents lead to files of the repository.

use std::collections::BTreeSet;

use super::{File, Finding};

/// What comes before a link's target, and what ends it.
const FORMS: [(&str, char); 4] =
    [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"'), ("href=\"", '"')];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let places = places(files);
    files.iter().filter(|file| file.is("md")).flat_map(|file| broken(file, &places)).collect()
}

/// Every file, and every folder that holds one.
fn places(files: &[File]) -> BTreeSet<&str> {
    let mut places = BTreeSet::from([""]);
    for file in files {
        let folders = file.path.match_indices('/').map(|(end, _)| &file.path[..end]);
        places.extend(folders);
        places.insert(&file.path);
    }
    places
}

fn broken(file: &File, places: &BTreeSet<&str>) -> Vec<Finding> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    for (number, line) in prose(file) {
        for target in targets(&line).filter(|target| is_relative(target)) {
            let resolved = resolve(folder, target);
            if resolved.is_none_or(|path| !places.contains(path.as_str())) {
                let what = format!("the link to `{target}` leads nowhere; mend the path");
                findings.push(file.finding(number, what));
            }
        }
    }
    findings
}

/// The lines outside code blocks, without the code inside them.
fn prose(file: &File) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut prose = Vec::new();
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.push((number, line.split('`').step_by(2).collect()));
        }
    }
    prose
}

fn targets(line: &str) -> impl Iterator<Item = &str> {
    let in_text = FORMS.iter().flat_map(move |(before, end)| {
        line.match_indices(before).filter_map(move |(start, _)| {
            let rest = &line[start + before.len()..];
            rest.find(*end).map(|length| &rest[..length])
        })
    });
    let named = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    // What follows a space is a title.
    in_text
        .chain(named.map(|(_, target)| target))
        .filter_map(|target| target.split_whitespace().next())
        .map(|target| target.trim_matches(['<', '>']))
}

fn is_relative(target: &str) -> bool {
    !target.starts_with('#') && !target.starts_with("mailto:") && !target.contains("://")
}

/// The path from the root; `None` where it leads out of the repository.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let target = target.split(['#', '?']).next().unwrap_or(target);
    if target.starts_with('/') {
        return None;
    }
    let mut path = Vec::new();
    for part in folder.split('/').chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(path.pop()?),
            part => path.push(part),
        }
    }
    Some(path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, found};
    use super::*;

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let document = "\
            [a](../README.md), [b](more/b.md#there \"title\"), [c](more/), [d](#below)\n\
            [e](https://example.org/e.md) ![f](f.svg) <img src=\"g.svg\">\n\
            [gone](gone.md) and [out](../../out.md) and [rooted](/README.md)\n\
            `[code](code.md)`\n\
            ```\n[block](block.md)\n```\n\
            [named]: named.md\n";
        let files = [
            file("README.md", ""),
            file("docs/a.md", document),
            file("docs/more/b.md", ""),
            file("docs/f.svg", ""),
        ];
        insta::assert_snapshot!(found(check, &files), @"
        docs/a.md:2: the link to `g.svg` leads nowhere; mend the path
        docs/a.md:3: the link to `gone.md` leads nowhere; mend the path
        docs/a.md:3: the link to `../../out.md` leads nowhere; mend the path
        docs/a.md:3: the link to `/README.md` leads nowhere; mend the path
        docs/a.md:8: the link to `named.md` leads nowhere; mend the path
        ");
    }

    #[test]
    fn a_document_in_the_root_reaches_folders_and_itself() {
        let files =
            [file("README.md", "[d](docs) [me](./README.md) [here](.)"), file("docs/a.rs", "")];
        assert_eq!(found(check, &files), "");
    }
}
